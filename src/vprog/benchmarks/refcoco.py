"""RefCOCO, RefCOCO+ and RefCOCOg: find what an expression refers to (Yu et al., ECCV 2016).

Files are taken as they are published (github.com/lichengunc/refer): ``refs(unc).p`` (RefCOCOg:
``refs(umd).p``) beside ``instances.json``, in the data folder or in one that is called like the
benchmark, and COCO's pictures of 2014. A JSON file ``refs.json`` of the same rows does as well.
"""

from __future__ import annotations

import io
import pickle
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from vprog.benchmarks.benchmark import Answers, Benchmark
from vprog.benchmarks.gqa_files import read_json, require, typed
from vprog.benchmarks.metric import Metric, mean
from vprog.benchmarks.official_files import Photographs, find_file, scenes_beside
from vprog.benchmarks.world_programs import reference_programs
from vprog.errors import InputError
from vprog.example import Example, Region, Scene, SceneObject
from vprog.trace import Value
from vprog.verify import answer_text

SOURCE = "The files are at https://github.com/lichengunc/refer"

IOU = 0.5
"""An answer is right where its overlap with the gold box is above this."""

Box: TypeAlias = Sequence[float]
"""Left, top, right, bottom in pixels."""

_REFS = {
    "refcoco": ("refs.json", "refs(unc).p", "refs(google).p"),
    "refcoco+": ("refs.json", "refs(unc).p"),
    "refcocog": ("refs.json", "refs(umd).p", "refs(google).p"),
}
"""Names of the references of each variant; the folders of the release are called like these."""
_FOLDERS = ("images", "train2014", "images/train2014", "images/mscoco/images/train2014")
_COLUMNS = ("ref_id", "ann_id", "image_id", "split", "sentences")


def load(data: Path, split: str, *, folder: str = "refcoco") -> Iterator[Example]:
    """Yields an Example for every sentence of a split, in the order of the file.

    The answer is a region; ``answers`` holds the gold box as text and ``extra["box_xyxy"]`` in
    numbers. The scene holds COCO's annotated objects by category, unless scene graphs lie beside.

    Args:
        data: Folder of the official files.
        split: ``val``, ``testA``, ``testB``, ``test`` or ``train``.
        folder: Folder below ``data`` in which they may lie: the name of the variant.

    Raises:
        InputError: A file, picture or column is missing or wrong, or only another variant is there.
    """
    path = _find_refs(data, folder)
    rows = _read_refs(path)
    instances = path.with_name("instances.json")
    tables = require(read_json(instances), ("images", "annotations", "categories"), str(instances))
    images = {row["id"]: row for row in tables["images"]}
    annotations = {row["id"]: row for row in tables["annotations"]}
    categories = {row["id"]: row["name"] for row in tables["categories"]}
    scenes = scenes_beside(path.parent, split) or _scenes(images, annotations, categories)
    pictures = Photographs(data, _FOLDERS, scenes, SOURCE)
    for number, row in enumerate(rows):
        where = f"{path}, row {number}"
        require(row, _COLUMNS, where)
        if row["split"] != split:
            continue
        if row["ann_id"] not in annotations or row["image_id"] not in images:
            raise InputError(f"{where}: annotation or image is not in {instances}")
        annotation = annotations[row["ann_id"]]
        box = _box(annotation, where)
        for sentence in typed(row["sentences"], list, "sentences", where):
            require(sentence, ("sent_id", "sent"), f"{where}, sentences")
            semantic = sentence.get("semantic")
            yield Example(
                id=str(sentence["sent_id"]),
                pictures=(pictures.picture(images[row["image_id"]]["file_name"], where),),
                question=sentence["sent"],
                answers=(box_text(box),),
                types={"category": categories.get(annotation.get("category_id"), "unknown")},
                programs=reference_programs(semantic, where) if semantic else {},
                extra={"box_xyxy": list(box), "ref_id": row["ref_id"]},
            )


def _find_refs(data: Path, variant: str) -> Path:
    """The references of a variant; those of another are not taken for them."""
    base = data / variant if (data / variant).is_dir() else data
    try:
        path = find_file(base, _REFS[variant], SOURCE)
    except InputError as error:
        others = {name for names in _REFS.values() for name in names}
        found = sorted(p for p in (*base.glob("*"), *base.glob("*/*")) if p.name in others)
        if not found:
            raise
        raise InputError(f"{error}. Found {found[0]}, which is not of {variant}") from None
    holder = path.absolute().parent.name
    if holder in _REFS and holder != variant:
        raise InputError(
            f"missing the references of {variant}: found {path}, which are of {holder}. Name the "
            f"folder of {variant} with --data, or put {_REFS[variant][1]} and instances.json into "
            f"{data / variant}. {SOURCE}"
        )
    return path


class _PlainData(pickle.Unpickler):
    """Reads lists, dictionaries, text and numbers, and calls nothing that a pickle names."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it wants {module}.{name}, not plain data alone")


def _read_refs(path: Path) -> list[Any]:
    if path.suffix == ".json":
        rows: Any = read_json(path)
    else:
        try:
            # Written by Python 2: its byte strings are text.
            file = io.BytesIO(path.read_bytes())
            rows = _PlainData(file, encoding="utf-8", errors="replace").load()
        except (OSError, EOFError, ValueError, IndexError, KeyError, AttributeError, TypeError,
                pickle.UnpicklingError) as error:  # fmt: skip
            raise InputError(f"cannot read {path}: {error}") from error
    return list(typed(rows, list, "(the whole file)", str(path)))


def _box(annotation: Mapping[str, Any], where: str) -> tuple[float, float, float, float]:
    """COCO's x, y, width, height as left, top, right, bottom."""
    bbox = annotation.get("bbox")
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise InputError(f"{where}: its annotation has no bbox of four numbers")
    x, y, w, h = map(float, bbox)
    return (x, y, x + w, y + h)


def _scenes(
    images: Mapping[Any, Any], annotations: Mapping[Any, Any], categories: Mapping[Any, str]
) -> dict[str, Scene]:
    """The annotated objects of each picture, by name of the picture without its ending."""
    things: dict[Any, list[SceneObject]] = defaultdict(list)
    for id, row in annotations.items():
        name = categories.get(row.get("category_id"), "object")
        box = _box(row, f"annotation {id}")
        things[row["image_id"]].append(
            SceneObject(id=str(id), name=name, box_xyxy=box, names=("object",))
        )
    return {
        Path(row["file_name"]).stem: Scene(
            width=row["width"], height=row["height"], objects=tuple(things[id])
        )
        for id, row in images.items()
        if "width" in row and "height" in row
    }


def box_text(box: Box) -> str:
    """A box as reports show it: ``[12, 30, 80, 95]``."""
    return f"[{', '.join(f'{edge:g}' for edge in box)}]"


def region_of(value: Value) -> Region | None:
    """The region that an answer means: itself, or the first of a list (the surest detection)."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, Region) else None


def normalise(value: Value) -> str | None:
    """A region as the text of its box; other answers as text."""
    region = region_of(value)
    return answer_text(value) if region is None else box_text(region.box_xyxy)


def iou(one: Box, two: Box) -> float:
    """Intersection over union of two boxes, as areas of the plane."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return width * height / (sum(areas) - width * height)


def overlap(value: Value, example: Example) -> float:
    """The overlap of an answer with the gold box; 0 for what is no region."""
    region = region_of(value)
    return 0.0 if region is None else iou(region.box_xyxy, example.extra["box_xyxy"])


def credit(value: Value, example: Example) -> float:
    """1 where the overlap is above one half."""
    return float(overlap(value, example) > IOU)


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """The mean overlap; a failed program overlaps with nothing."""
    return {"mean_iou": mean(overlap(a.trace.answer, a.example) for a in answers.items)}


BENCHMARK = Benchmark(
    name="refcoco",
    doc="Find what an expression refers to (Yu et al. 2016, lichengunc/refer)",
    splits=("val", "testA", "testB", "train"),
    load=load,
    normalise=normalise,
    credit=credit,
    metrics=metrics,
    regions=True,
)

PLUS = replace(
    BENCHMARK,
    name="refcoco+",
    doc="RefCOCO without words for places (Yu et al. 2016, lichengunc/refer)",
    load=partial(load, folder="refcoco+"),
)

LONGER = replace(
    BENCHMARK,
    name="refcocog",
    doc="RefCOCO with longer expressions (Mao et al. 2016, lichengunc/refer)",
    splits=("val", "test", "train"),
    load=partial(load, folder="refcocog"),
)
