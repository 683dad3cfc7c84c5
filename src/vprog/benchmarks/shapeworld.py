"""ShapeWorld (Kuhnle and Copestake, 2017): captions, true or false, of pictures of plain shapes.

Files of a set, in the folder of its name: ``world-0.png`` and so on (100 x 100), ``caption.txt``
(the captions of a picture line by line, an empty line between pictures), ``agreement.txt`` (a line
a picture, ``1.0;0.0;...``), ``world_model.json`` (gold shapes) and ``caption_model.json`` (gold
semantic trees, from which the gold programs are made).

Scenes: a shape's centre (x, y in [0, 1]) is drawn at 0.5 + (x - 0.5) / 1.05 of the picture while
its size is not shrunk; measured on the pictures, where it holds to 0.1 pixels. Boxes follow that,
clipped to the picture and rounded to 1/64 pixel. Beside its colour a shape has graded attributes,
``word=belief``: ``large``/``small`` by area, ``light``/``dark`` by shade, ``front``/``behind`` by
drawing order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vprog.benchmarks.benchmark import Benchmark
from vprog.benchmarks.shapeworld_programs import (
    COLORS,
    SHAPES,
    plan_caption,
    python_program,
    steps_program,
)
from vprog.benchmarks.shapeworld_tools import TOOLS
from vprog.errors import InputError, known_names
from vprog.example import Example, Picture, Scene, SceneObject

SETS = (
    "existential-full",
    "logical-full",
    "quantification-count",
    "relational-attribute",
    "relational-spatial",
    "selection-superlative",
)
"""Sets whose trees are covered; others may be, and fail with the name of an unknown node if not."""

SHRINK = 1.05
"""Factor by which distances from the picture's middle are smaller than the world model says."""

LARGEST = 0.1
"""Share of the picture that a shape must cover to be ``large`` with belief 1."""

_AREAS = {
    "square": 4.0,
    "rectangle": 4.0,
    "triangle": 2.0,
    "pentagon": 2.5 * math.sin(0.4 * math.pi),
    "cross": 20 / 9,
    "circle": math.pi,
    "semicircle": math.pi,
    "ellipse": math.pi,
}
"""Area of a shape over the product of its size's x and y."""


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the Examples of a set, in the order of its files.

    Args:
        data: The folder that holds the folders of the sets.
        split: The name of a set, or ``all``: every folder with captions, by name.

    Raises:
        InputError: A file is missing, empty, broken, or not as long as the others; an unknown node
            in a semantic tree.
    """
    if split != "all":
        yield from _load_set(data, split)
        return
    names = sorted(path.parent.name for path in data.glob("*/caption_model.json"))
    if not names:
        raise InputError(f"{data} holds no folder with a caption_model.json")
    for name in names:
        yield from _load_set(data, name)


def _load_set(data: Path, name: str) -> Iterator[Example]:
    folder = data / name
    if not folder.is_dir():
        known = sorted(path.parent.name for path in data.glob("*/caption_model.json"))
        raise InputError(f"{folder} is missing. {known_names(name, known)}")
    worlds = _json_list(folder / "world_model.json")
    trees = _json_list(folder / "caption_model.json")
    captions = _captions(folder / "caption.txt")
    agreements = [line.split(";") for line in _text(folder / "agreement.txt").split()]
    if not worlds:
        raise InputError(f"{folder / 'world_model.json'} is empty")
    for file, rows in (
        ("caption_model.json", trees),
        ("caption.txt", captions),
        ("agreement.txt", agreements),
    ):
        if len(rows) != len(worlds):
            raise InputError(f"{folder / file} is for {len(rows)} pictures, not {len(worlds)}")
    for i, world in enumerate(worlds):
        path = folder / f"world-{i}.png"
        if not path.is_file():
            raise InputError(f"{path} is missing; world_model.json has {len(worlds)} worlds")
        picture = Picture(f"{name}/{i}", path=path, scene=_scene(world, f"{path}"))
        lengths = {len(captions[i]), len(agreements[i]), len(trees[i])}
        if len(lengths) != 1:
            raise InputError(
                f"{folder}, picture {i}: {len(captions[i])} captions, {len(agreements[i])} "
                f"agreements and {len(trees[i])} semantic trees; they must be as many"
            )
        for k, caption in enumerate(captions[i]):
            yield _example(name, i, k, picture, caption, agreements[i][k], trees[i][k])


def _example(
    name: str, i: int, k: int, picture: Picture, caption: str, agreement: str, tree: Any
) -> Example:
    where = f"{name}, picture {i}, caption {k} ({caption!r})"
    try:
        plan = plan_caption(tree)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    try:
        value = float(agreement)
    except ValueError:
        raise InputError(f"{where}: agreement {agreement!r} is no number") from None
    answers = {1.0: ("yes",), 0.0: ("no",)}.get(value, ())
    return Example(
        id=f"{name}-{i}-{k}",
        pictures=(picture,),
        question=caption,
        answers=answers,
        types={"set": name, "form": _form(tree)},
        group=picture.id,
        programs={"steps": steps_program(plan), "python": python_program(plan)},
    )


def _form(tree: Mapping[str, Any]) -> str:
    """What sort of caption it is: its proposition, quantifier, selector or relation."""
    component = str(tree["component"]).lower()
    if component == "proposition":
        return str(tree["proptype"])
    if component == "quantifier":
        return f"{tree['qtype']}-{tree['qrange']}"
    if component == "existential":
        for part in (tree["restrictor"], tree["body"]):
            if part["predtype"] not in ("type", "attribute"):
                return str(part["predtype"])
    return component


def _scene(world: Any, where: str) -> Scene:
    try:
        side = int(world["size"])
        shapes = list(world["entities"])
        objects = tuple(_object(shape, side, len(shapes)) for shape in shapes)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the world model of {where} is broken: {error!r}") from error
    return Scene(width=side, height=side, objects=objects)


def _object(shape: Mapping[str, Any], side: int, count: int) -> SceneObject:
    name, color = str(shape["shape"]["name"]), str(shape["color"]["name"])
    if name not in SHAPES or color not in COLORS:
        raise InputError(f"unknown shape {color!r} {name!r}. {known_names(name, SHAPES)}")
    size = shape["shape"]["size"]
    large = min(_AREAS[name] * size["x"] * size["y"] / LARGEST, 1.0)
    light = min(max((1 + shape["color"]["shade"]) / 2, 0.0), 1.0)
    front = (shape["id"] + 1) / (count + 1)
    grades = {
        "large": large,
        "small": 1 - large,
        "light": light,
        "dark": 1 - light,
        "front": front,
        "behind": 1 - front,
    }
    return SceneObject(
        id=str(shape["id"]),
        name=name,
        names=("shape",),
        box_xyxy=_box(shape, side),
        attributes=(color, *(f"{word}={belief:.6f}" for word, belief in grades.items())),
        depth=float(count - shape["id"]),
    )


def _box(shape: Mapping[str, Any], side: int) -> tuple[float, float, float, float]:
    """Where the picture shows the shape's bounding box, in pixels."""
    edges = []
    for corner in ("topleft", "bottomright"):
        for axis in ("x", "y"):
            center = float(shape["center"][axis])
            drawn = 0.5 + (center - 0.5) / SHRINK
            edge = drawn + float(shape["bounding_box"][corner][axis]) - center
            edges.append(round(min(max(edge, 0.0), 1.0) * side * 64) / 64)
    return (edges[0], edges[1], edges[2], edges[3])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _json_list(path: Path) -> list[Any]:
    try:
        rows = json.loads(_text(path))
    except ValueError as error:
        raise InputError(f"{path} is no JSON file: {error}") from error
    if not isinstance(rows, list):
        raise InputError(f"{path} holds no list")
    return rows


def _captions(path: Path) -> list[list[str]]:
    """The captions of each picture; an empty line ends a picture's."""
    captions: list[list[str]] = []
    open_block = False
    for line in _text(path).splitlines():
        if not line.strip():
            open_block = False
            continue
        if not open_block:
            captions.append([])
        captions[-1].append(line.strip())
        open_block = True
    return captions


BENCHMARK = Benchmark(
    name="shapeworld",
    doc="ShapeWorld (Kuhnle and Copestake 2017): true or false captions of drawn plain shapes",
    splits=(*SETS, "all"),
    load=load,
    tools=TOOLS,
    binary=True,
)
