"""GQA: compositional questions about photographs (Hudson and Manning, CVPR 2019).

Files are taken as they are published (cs.stanford.edu/people/dorarad/gqa):
``<tier>_balanced_questions.json`` or ``<tier>_all_questions.json`` (or a folder of that name with
its parts), ``<tier>_sceneGraphs.json`` where the tier has scene graphs, ``images/``, and for
validity and plausibility ``<tier>_choices.json`` of the evaluation archive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vprog.benchmarks.benchmark import Answered, Benchmark
from vprog.benchmarks.gqa_files import read_json, require, typed
from vprog.benchmarks.gqa_metrics import metrics
from vprog.benchmarks.gqa_programs import GQA_FAMILIES, gqa_programs
from vprog.benchmarks.official_files import Photographs, find_file, scenes_beside
from vprog.errors import InputError
from vprog.example import Example, Scene

SOURCE = "GQA's files are at https://cs.stanford.edu/people/dorarad/gqa"

_COLUMNS = ("question", "imageId")


def load(
    data: Path, split: str, *, families: Sequence[str] = GQA_FAMILIES, ending: str = ".jpg"
) -> Iterator[Example]:
    """Yields the questions of a split in the order of the file.

    Gold programs in both languages come from the functional program, where the split has them.
    ``extra`` holds what GQA's metrics need: ``entailed`` (ids), ``balanced``, ``group`` (the global
    group, None where there is none) and ``gold_boxes`` (x, y, x, y of the objects that question and
    full answer point to, where there is a scene graph); beside it ``semantic`` and ``full_answer``.

    Args:
        data: Folder of the official files.
        split: ``<tier>`` (balanced questions) or ``<tier>-all``.
        families: Attribute families of the data, in the order in which programs compare them.
        ending: Of the pictures' files.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    tier, path, questions = _questions(data, split)
    scenes = scenes_beside(data, tier)
    pictures = Photographs(data, ("images", "allImages/images"), scenes, SOURCE)
    labelled = any("answer" in row for row in questions.values())
    for id, row in questions.items():
        where = f"{path}, question {id!r}"
        require(row, (*_COLUMNS, "answer") if labelled else _COLUMNS, where)
        image = str(row["imageId"])
        if scenes and image not in scenes:
            raise InputError(f"{where}: image {image!r} is not in {tier}_sceneGraphs.json")
        yield Example(
            id=id,
            pictures=(pictures.picture(image + ending, where),),
            question=typed(row["question"], str, "question", where),
            answers=(typed(row["answer"], str, "answer", where).lower(),) if labelled else (),
            types=_types(row, where),
            programs=_programs(row, families, where),
            extra={
                "entailed": list(row.get("entailed", ())),
                "balanced": bool(row.get("isBalanced", True)),
                "group": (row.get("groups") or {}).get("global"),
                "gold_boxes": _gold_boxes(row, scenes.get(image)),
                "full_answer": row.get("fullAnswer", ""),
                "semantic": row.get("semantic", []),
            },
        )


def _questions(data: Path, split: str) -> tuple[str, Path, Mapping[str, Any]]:
    """Tier, file (or folder of parts) and rows by question id of a split."""
    tier, _, kind = split.partition("-")
    name = f"{tier}_{kind or 'balanced'}_questions"
    for folder in (data / name, *sorted(data.glob(f"*/{name}"))):
        parts = sorted(folder.glob(f"{name}_*.json"))
        if parts:
            rows: dict[str, Any] = {}
            for part in parts:
                rows |= require(read_json(part), (), str(part))
            return tier, folder, rows
    path = find_file(data, (f"{name}.json",), SOURCE)
    return tier, path, require(read_json(path), (), str(path))


def _types(row: Mapping[str, Any], where: str) -> dict[str, str]:
    """Types by which GQA's own script breaks accuracy down, and the detailed one."""
    types = {
        kind: str(value)
        for kind, value in typed(row.get("types", {}), dict, "types", where).items()
    }
    if "semantic" in row:
        counted = [f"{o.get('operation')}: {o.get('argument')}" for o in row["semantic"]]
        free = ("exist", "query: name", "choose name")
        types["steps"] = str(sum(not any(f in text for f in free) for text in counted))
    types["words"] = str(len(row["question"].split()))
    return types


def _programs(row: Mapping[str, Any], families: Sequence[str], where: str) -> Mapping[str, str]:
    if "semantic" not in row:
        return {}
    try:
        return gqa_programs(typed(row["semantic"], list, "semantic", where), families)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _gold_boxes(row: Mapping[str, Any], scene: Scene | None) -> list[list[float]]:
    """Boxes of what question and full answer point to; the whole picture for its scene."""
    if scene is None:
        return []
    marks = row.get("annotations") or {}
    ids = {
        id
        for part in ("question", "fullAnswer")
        for said in (marks.get(part) or {}).values()
        for id in str(said).split(",")
    }
    boxes = [list(thing.box_xyxy) for thing in scene.objects if thing.id in ids]
    if any(str(o.get("argument", "")).startswith("scene") for o in row.get("semantic", ())):
        boxes.append([0.0, 0.0, float(scene.width), float(scene.height)])
    return boxes


def submission(answered: Sequence[Answered]) -> str:
    """GQA's predictions file: a list of ``questionId`` and ``prediction``."""
    import json

    rows = [{"questionId": a.example.id, "prediction": a.text or ""} for a in answered]
    return json.dumps(rows) + "\n"


BENCHMARK = Benchmark(
    name="gqa",
    doc="Compositional questions about photographs (Hudson and Manning 2019, gqadataset.org)",
    splits=("testdev", "val", "train", "testdev-all", "val-all", "train-all"),
    load=load,
    metrics=metrics,
    submission=submission,
    submission_file="testdev_predictions.json",
)
