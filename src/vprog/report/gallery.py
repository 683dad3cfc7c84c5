"""The pictures of one item as its figures and crops see them: names, prints, boxes by step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from vprog.example import Region
from vprog.report.album import Album, Print
from vprog.report.item import ReportItem
from vprog.report.text import MAX_DEPTH
from vprog.trace import Trace, Value


@dataclass(slots=True)
class Box:
    """A rectangle to draw on a picture.

    Attributes:
        region: Where, with its label and score.
        steps: 1-based numbers of the steps that took or gave it, rising.
        made: Whether a step gave it; False for one that steps only took.
    """

    region: Region
    steps: list[int]
    made: bool


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pictures of one item.

    Attributes:
        prints: By ``Picture.id``: the example's pictures in order, then those that steps made.
        names: What the program calls each picture (``IMAGE``, ``left``, ...), by ``Picture.id``.
        made: Ids of the pictures that steps made.
        boxes: By ``Picture.id``: the distinct rectangles on it, in the order of their first step.
    """

    prints: Mapping[str, Print]
    names: Mapping[str, str]
    made: frozenset[str] = frozenset()
    boxes: Mapping[str, list[Box]] = field(default_factory=dict)

    def shows(self, region: Region) -> bool:
        """Whether the region's picture is embedded and the region lies, in part, on it."""
        made = self.prints.get(region.picture)
        if made is None or not made.ref or not all(map(math.isfinite, region.box_xyxy)):
            return False
        left, top, right, bottom = clip(region, made)
        return right > left and bottom > top

    def is_whole(self, region: Region) -> bool:
        """Whether the region is the whole of an embedded picture."""
        made = self.prints.get(region.picture)
        return (
            made is not None
            and bool(made.ref)
            and region.left <= 0
            and region.top <= 0
            and region.right >= made.width
            and region.bottom >= made.height
        )


def hang(item: ReportItem, album: Album) -> Gallery:
    """Embeds the pictures of an item and finds the boxes of its steps."""
    pictures = [*item.example.pictures]
    prints = {p.id: album.add(p) for p in pictures}
    names = dict(zip(prints, picture_names(len(prints), item.trace.language), strict=True))
    used = {r.picture for r in _trace_regions(item.trace)}
    for id, picture in item.extra_pictures.items():
        if id in used and id not in prints:
            prints[id] = album.add(picture)
            names[id] = id
    made = frozenset(prints) - {p.id for p in pictures}
    gallery = Gallery(prints, names, made)
    return replace(gallery, boxes=find_boxes(item.trace, gallery))


def picture_names(count: int, language: str) -> list[str]:
    """The variables under which a program finds its ``count`` pictures."""
    if count == 1:
        names = ["IMAGE"]
    elif count == 2:
        names = ["LEFT", "RIGHT"]
    else:
        names = [f"IMAGE{i + 1}" for i in range(count)]
    return [n.lower() for n in names] if language == "python" else names


def find_boxes(trace: Trace, gallery: Gallery) -> dict[str, list[Box]]:
    """The distinct rectangles that steps took or gave, by picture.

    Whole pictures are left out, unless they were found as something.
    """
    found: dict[tuple[object, ...], Box] = {}
    for index, step in enumerate(trace.steps, start=1):
        for made, values in ((False, list(step.args.values())), (True, [step.value])):
            for region in regions_in(values):
                if not gallery.shows(region):
                    continue
                if gallery.is_whole(region) and not (made and region.label):
                    continue
                key = (region.picture, *(round(v, 1) for v in region.box_xyxy))
                box = found.setdefault(key, Box(region, [], made))
                if index not in box.steps:
                    box.steps.append(index)
                if not box.region.label and region.label:
                    box.region = region
                box.made = box.made or made
    boxes: dict[str, list[Box]] = {}
    for box in found.values():
        boxes.setdefault(box.region.picture, []).append(box)
    return boxes


def regions_in(value: Value, depth: int = 0) -> Iterator[Region]:
    """Every region inside a value, in order, down to ``MAX_DEPTH`` levels."""
    if type(value) is Region:
        yield value
    elif depth <= MAX_DEPTH:
        if isinstance(value, list | tuple):
            for entry in value:
                yield from regions_in(entry, depth + 1)
        elif isinstance(value, dict):
            for entry in value.values():
                yield from regions_in(entry, depth + 1)


def clip(region: Region, made: Print) -> tuple[float, float, float, float]:
    """The region's ``left, top, right, bottom`` cut to its picture; empty where it lies outside."""
    left, right = (min(max(v, 0), made.width) for v in (region.left, region.right))
    top, bottom = (min(max(v, 0), made.height) for v in (region.top, region.bottom))
    return (left, top, right, bottom)


def _trace_regions(trace: Trace) -> Iterator[Region]:
    for step in trace.steps:
        yield from regions_in([*step.args.values(), step.value])
    yield from regions_in(trace.answer)
