"""NLVR: statements written by people about drawn pictures (Suhr et al., ACL 2017).

A picture is 400 x 100 pixels: three grey boxes of 100 x 100, bars between them, and in the boxes up
to eight yellow, black or blue squares, circles and triangles that stand free or are stacked to
towers. The statement is true or false of it.

Every item is drawn six times, with its boxes in each order: picture k shows, from left to right,
the boxes that ``itertools.permutations(range(3))[k]`` names. Each picture found is an Example.

Files are taken as they are published (github.com/lil-lab/nlvr): ``<split>.json`` (a JSON object a
line) beside ``<split>_images.zip`` or a folder of pictures, or the decoded sample of the train
split that ``train_sample.jsonl`` holds.
"""

from __future__ import annotations

import itertools
import json
import re
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.benchmarks.metric import Metric, mean_of_whole_groups
from vprog.benchmarks.nlvr_tools import GREY_BOX_PITCH, GREY_BOX_SIDE, TOOLS
from vprog.errors import InputError
from vprog.example import Example, Picture, Scene, SceneObject

WIDTH, HEIGHT = 400, 100
"""Of every picture, in pixels."""

PERMUTATIONS = tuple(itertools.permutations(range(3)))
"""Order of the boxes in picture k: displayed box p is box ``PERMUTATIONS[k][p]`` of the item."""

COLORS = {"yellow": "yellow", "black": "black", "#0099ff": "blue"}
SIZES = {10: ("small",), 20: ("medium",), 30: ("big", "large")}
KINDS = ("square", "circle", "triangle")
GENERAL_NAMES = ("object", "item", "shape", "thing")
ANSWERS = {"true": "yes", "false": "no"}


def normalised(sentence: str) -> str:
    """A sentence without case, punctuation and extra space: what makes two sentences the same."""
    return " ".join(re.findall(r"[a-z0-9]+", sentence.lower()))


@lru_cache(maxsize=1)
def gold_programs() -> Mapping[str, Mapping[str, str]]:
    """The hand-written programs: normalised sentence -> language -> program."""
    text = resources.files("vprog.benchmarks").joinpath("programs/nlvr.toml").read_text("utf-8")
    programs: dict[str, Mapping[str, str]] = {}
    for entry in tomllib.loads(text)["program"]:
        languages = {
            name: entry[name].strip() + "\n" for name in ("steps", "python") if name in entry
        }
        programs[normalised(entry["sentence"])] = languages
    return programs


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields an Example for every picture of a split, in the order of its file.

    The group is the sentence; ``extra["group_size"]`` is the number of its pictures in the split.

    Args:
        data: Folder that holds the split's files, or a folder ``<split>`` (or ``<split>_sample``)
            that does.
        split: ``dev``, ``train``, or any other split that is laid out like these.

    Raises:
        InputError: A file or picture is missing, or a line is not as it must be.
    """
    path = _find_split(Path(data), split)
    rows = _read_rows(path)
    pictures = _index_pictures(path.parent, path.stem)
    seen = None if path.stem.startswith("train") else _train_sentences(Path(data))
    found = [
        (where, row, list(_pictures_of(row, split, pictures, where)))
        for where, row in ((f"{path}, line {line}", row) for line, row in rows)
    ]
    sizes: Counter[str] = Counter()
    for _, row, places in found:
        sizes[_group(row)] += len(places)
    for where, row, places in found:
        for order, (file, member) in places:
            yield _example(row, order, file, member, seen, sizes[_group(row)], where)


def consistency(answers: Answers) -> Mapping[str, Metric]:
    """The share of sentences that are answered right for every picture (official consistency).

    A sentence takes part if all of its pictures are there.
    """
    groups = [a.example.group for a in answers.items]
    credits = [a.credit for a in answers.items]
    sizes = [a.example.extra.get("group_size") for a in answers.items]
    return {"consistency": mean_of_whole_groups(groups, credits, sizes, "pictures of a statement")}


def _find_split(data: Path, split: str) -> Path:
    if not data.is_dir():
        raise InputError(f"NLVR data folder {data} does not exist. Name the folder with --data")
    tried = []
    for name in (split, f"{split}_sample"):
        for folder in (data / name, data):
            for suffix in (".json", ".jsonl"):
                path = folder / (name + suffix)
                if path.is_file():
                    return path
                tried.append(str(path.relative_to(data)))
    there = sorted({p.stem for p in (*data.glob("*.json*"), *data.glob("*/*.json*"))})
    raise InputError(
        f"{data} has no NLVR split {split!r} (looked for {', '.join(tried)}). "
        + (f"Found there: {', '.join(there)}" if there else "It holds no .json or .jsonl file")
    )


def _read_rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """The lines of a split with their 1-based numbers, each with the columns that are needed.

    Where no line has a label, none needs one.
    """
    rows = []
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        where = f"{path}, line {line}"
        try:
            row = json.loads(content)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: not a JSON object ({error.msg})") from None
        if not isinstance(row, dict):
            raise InputError(f"{where}: a JSON object is needed, got {type(row).__name__}")
        rows.append((line, row))
    labelled = any("label" in row for _, row in rows)
    for line, row in rows:
        where = f"{path}, line {line}"
        for column in ("sentence", "identifier", *(("label",) if labelled else ())):
            if not isinstance(row.get(column), str):
                raise InputError(
                    f"{where}: no text in column {column!r}. Columns: {', '.join(sorted(row))}"
                )
        if labelled and row["label"] not in ANSWERS:
            raise InputError(f"{where}: label {row['label']!r} is neither 'true' nor 'false'")
    if not rows:
        raise InputError(f"{path} is empty: one JSON object a line is needed")
    return rows


def _index_pictures(folder: Path, name: str) -> Mapping[str, tuple[Path, str | None]]:
    """Where the pictures are: file name -> file, or archive and member."""
    archive = folder / f"{name}_images.zip"
    if archive.is_file():
        try:
            with zipfile.ZipFile(archive) as opened:
                members = opened.namelist()
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"cannot read {archive}: {error}") from error
        return {m.rpartition("/")[2]: (archive, m) for m in members if m.endswith(".png")}
    for candidate in (folder / f"{name}_images", folder / "images", folder):
        found: dict[str, tuple[Path, str | None]] = {
            file.name: (file, None) for file in sorted(candidate.rglob("*.png"))
        }
        if found:
            return found
    raise InputError(
        f"no pictures for {name} in {folder}: {archive.name}, or a folder images or "
        f"{name}_images with PNG files, is needed there"
    )


def _pictures_of(
    row: Mapping[str, Any], split: str, pictures: Mapping[str, tuple[Path, str | None]], where: str
) -> Iterator[tuple[int, tuple[Path, str | None]]]:
    """The permutations of an item that have a picture, and where it is."""
    names: dict[str, Any]
    if isinstance(row.get("image"), str):
        names = {row["image"]: row.get("permutation")}
    else:
        names = {f"{split}-{row['identifier']}-{k}.png": k for k in range(len(PERMUTATIONS))}
    present = [(order, name) for name, order in names.items() if name in pictures]
    if not present:
        folder = next(iter(pictures.values()))[0]
        raise InputError(
            f"{where}: picture {next(iter(names))} is not in "
            f"{folder if folder.suffix == '.zip' else 'the folder of pictures'}"
        )
    for order, name in present:
        if order not in range(len(PERMUTATIONS)):
            raise InputError(f"{where}: column 'permutation' holds {order!r}, not 0 to 5")
        yield order, pictures[name]


def _train_sentences(data: Path) -> frozenset[str] | None:
    """Normalised sentences of the train split or its sample beside this split, if it is there."""
    for folder in (data, data.parent):
        try:
            path = _find_split(folder, "train")
        except InputError:
            continue
        return frozenset(normalised(row["sentence"]) for _, row in _read_rows(path))
    return None


def _group(row: Mapping[str, Any]) -> str:
    """The sentence of an item: its identifier without the number of the item."""
    identifier: str = row["identifier"]
    return identifier.rpartition("-")[0] or identifier


def _example(
    row: Mapping[str, Any],
    order: int,
    file: Path,
    member: str | None,
    seen: frozenset[str] | None,
    group_size: int,
    where: str,
) -> Example:
    identifier = row["identifier"]
    name = (member or file.name).rpartition("/")[2].removesuffix(".png")
    sentence = normalised(row["sentence"])
    scene = _scene(row, order, where)
    types = {}
    if seen is not None:
        types["sentence"] = "in train" if sentence in seen else "new"
    if scene is not None:
        types["layout"] = "towers" if _is_towers(scene) else "scattered"
    return Example(
        id=f"{identifier}-{order}",
        pictures=(Picture(name, path=file, member=member, scene=scene),),
        question=row["sentence"],
        answers=(ANSWERS[row["label"]],) if "label" in row else (),
        types=types,
        group=_group(row),
        programs=gold_programs().get(sentence, {}),
        extra={
            **({"evals": row["evals"]} if "evals" in row else {}),
            "group_size": group_size,
        },
    )


def _scene(row: Mapping[str, Any], order: int, where: str) -> Scene | None:
    """The things in the picture, in displayed order; None where the file does not give them.

    The grey boxes are no objects of the scene: they are where objects lie. ``grey_boxes`` of
    ``nlvr_tools`` knows them from the fixed layout, for every backend.
    """
    try:
        if "structured_rep" in row:
            boxes = [row["structured_rep"][index] for index in PERMUTATIONS[order]]
            decoded = False
        elif "derived_structured_rep" in row:
            boxes = row["derived_structured_rep"]
            decoded = True
        else:
            return None
        if len(boxes) != len(PERMUTATIONS[order]):
            raise ValueError(f"{len(boxes)} boxes instead of 3")
        objects = tuple(
            _scene_object(f"{place}-{number}", place, thing, decoded)
            for place, box in enumerate(boxes)
            for number, thing in enumerate(box)
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{where}: the structured representation is not three lists of objects with type, "
            f"color, size, x_loc and y_loc ({type(error).__name__}: {error})"
        ) from None
    return Scene(width=WIDTH, height=HEIGHT, objects=objects)


def _scene_object(name: str, place: int, thing: Mapping[str, Any], decoded: bool) -> SceneObject:
    kind, color, size = thing["type"], COLORS[thing["color"].lower()], int(thing["size"])
    if kind not in KINDS:
        raise ValueError(f"type {kind!r}")
    x, y = thing["x_loc"], thing["y_loc"]
    if decoded and kind == "triangle":
        # Decoding reads where the paint starts, and the tips of triangles are paler than it.
        x, y = (x - 1, y - 2) if color == "black" else (x, y - 1)
    left = GREY_BOX_PITCH * place + x
    return SceneObject(
        id=name,
        name=kind,
        box_xyxy=(left, y, left + size, y + size),
        attributes=(color, *SIZES[size]),
        names=(*GENERAL_NAMES, "block") if kind == "square" else GENERAL_NAMES,
    )


def _is_towers(scene: Scene) -> bool:
    """Whether all objects are blocks of towers, which stand in the middle of their boxes."""
    middle = GREY_BOX_SIDE / 2
    return all(
        o.name == "square" and (o.box_xyxy[0] + o.box_xyxy[2]) / 2 % GREY_BOX_PITCH == middle
        for o in scene.objects
    )


def submission(answered: Sequence[Answered]) -> str:
    """The predictions file of the official script: ``<split>-<identifier>-<k>.png,true`` a line.

    A program that failed says false: the script takes no other word.
    """
    return "".join(
        f"{a.example.pictures[0].id}.png,{str(a.text == 'yes').lower()}\n" for a in answered
    )


BENCHMARK = Benchmark(
    name="nlvr",
    doc="True or false statements by people about drawn pictures (Suhr et al. 2017, lil-lab/nlvr)",
    splits=("dev", "train"),
    load=load,
    tools=TOOLS,
    metrics=consistency,
    binary=True,
    submission=submission,
    submission_file="predictions.csv",
)
"""The benchmark."""
