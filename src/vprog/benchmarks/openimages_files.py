"""Open Images' files: classes, their hierarchy, boxes, and labels of whole pictures."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from vprog.benchmarks.gqa_files import read_json, require
from vprog.benchmarks.official_files import find_file, read_table
from vprog.errors import InputError

SOURCE = (
    "Open Images is published at https://storage.googleapis.com/openimages/web/download_v7.html"
)


class Box(NamedTuple):
    """One row of the boxes file.

    Attributes:
        kind: Class id, such as ``/m/01yrx``.
        edges: Left, top, right, bottom as shares of the picture's width and height, y downward.
        is_group: It holds more than five things that touch or cover each other.
        is_odd: It is a drawing or statue of the thing, or the inside of it.
    """

    kind: str
    edges: tuple[float, float, float, float]
    is_group: bool
    is_odd: bool


@dataclass(frozen=True, slots=True)
class Classes:
    """What the classes are called and which are kinds of which.

    Attributes:
        names: Class id -> name as published.
        parents: Class id -> classes that it is a kind of, not only the nearest; without the root.
    """

    names: Mapping[str, str]
    parents: Mapping[str, frozenset[str]]

    def up(self, kind: str) -> frozenset[str]:
        """A class and everything that it is a kind of."""
        return self.parents.get(kind, frozenset()) | {kind}


@dataclass(slots=True)
class Labelled:
    """What the files say of one picture.

    Attributes:
        boxes: In the order of the file.
        there: Classes that people found in it.
        absent: Classes that people looked for and did not find.
    """

    boxes: list[Box] = field(default_factory=list)
    there: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)


def read_classes(data: Path) -> Classes:
    """Names and hierarchy of the classes with boxes.

    Raises:
        InputError: A file is missing or wrong.
    """
    names_path = find_file(
        data, ["oidv7-class-descriptions-boxable.csv", "class-descriptions-boxable.csv"], SOURCE
    )
    names = {}
    try:
        with names_path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if len(row) != 2:
                    raise InputError(f"{names_path}, line {number}: want a class and its name")
                names[row[0]] = row[1]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {names_path}: {error}") from error
    names.pop("LabelName", None)  # newer files have a header
    tree_path = find_file(data, ["bbox_labels_600_hierarchy.json"], SOURCE)
    parents: defaultdict[str, set[str]] = defaultdict(set)
    _walk(read_json(tree_path), frozenset(), parents, str(tree_path))
    return Classes(names, {kind: frozenset(above) for kind, above in parents.items()})


def _walk(
    node: Any, above: frozenset[str], parents: defaultdict[str, set[str]], where: str
) -> None:
    """Collects the ancestors of every class; parts of a thing are no kinds of it."""
    require(node, ("LabelName",), where)
    for child in node.get("Subcategory", ()):
        require(child, ("LabelName",), where)
        parents[child["LabelName"]] |= above
        _walk(child, above | {child["LabelName"]}, parents, where)
    for child in node.get("Part", ()):
        _walk(child, frozenset({child.get("LabelName", "")}), parents, where)


def read_labels(
    data: Path, split: str, wanted: Container[str] | None = None
) -> tuple[dict[str, Labelled], bool]:
    """Boxes and labels of the pictures of a split, by picture id in the order of the boxes file.

    Args:
        data: Folder of the files.
        split: Which part.
        wanted: Ids of the pictures that are kept: the boxes of all of ``train`` would take
            gigabytes. None: all.

    Returns:
        The pictures that have boxes, and whether the file with labels of whole pictures was there.

    Raises:
        InputError: The boxes file is missing, or a file is wrong.
    """
    names = [f"{split}-annotations-bbox.csv", f"oidv6-{split}-annotations-bbox.csv"]
    path = find_file(data, names, SOURCE)
    pictures: dict[str, Labelled] = {}
    columns = ("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax")
    for where, row in read_table(path, columns):
        if wanted is not None and row["ImageID"] not in wanted:
            continue
        found = pictures.setdefault(row["ImageID"], Labelled())
        found.boxes.append(_box(row, where))
    short = "val" if split == "validation" else split
    whole = "annotations-human-imagelabels"
    try:
        labels = find_file(
            data,
            [
                f"{split}-{whole}-boxable.csv",
                f"oidv7-{short}-{whole}.csv",
                f"oidv6-{split}-{whole}.csv",
                f"{split}-{whole}.csv",
            ],
            SOURCE,
        )
    except InputError:
        return pictures, False
    for where, row in read_table(labels, ("ImageID", "LabelName", "Confidence")):
        labelled = pictures.get(row["ImageID"])
        if labelled is not None:
            is_there = _number(row, "Confidence", where) >= 0.5
            (labelled.there if is_there else labelled.absent).add(row["LabelName"])
    return pictures, True


def _box(row: Mapping[str, str], where: str) -> Box:
    left, right, top, bottom = (_number(row, c, where) for c in ("XMin", "XMax", "YMin", "YMax"))
    if not (0 <= left <= right <= 1 and 0 <= top <= bottom <= 1):
        raise InputError(f"{where}: the box's edges must be shares of the picture, 0 to 1")
    odd = any(row.get(column) == "1" for column in ("IsDepiction", "IsInside"))
    return Box(row["LabelName"], (left, top, right, bottom), row.get("IsGroupOf") == "1", odd)


def _number(row: Mapping[str, str], column: str, where: str) -> float:
    try:
        return float(row[column])
    except ValueError:
        raise InputError(
            f"{where}: column {column!r} must be a number, found {row[column][:60]!r}"
        ) from None


def find_pictures(data: Path, split: str) -> dict[str, Path]:
    """The files of pictures by id.

    Raises:
        InputError: There is none.
    """
    folders = [data / split, data / "images" / split, data / "images"]
    for folder in folders:
        found = {path.stem: path for path in _pictures_in(folder)}
        if found:
            return found
    tried = ", ".join(str(folder) for folder in folders)
    raise InputError(f"no picture <ImageID>.jpg in {tried}. {SOURCE}")


def _pictures_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".png"))
