"""Tools of the benchmark ShapeWorld: geometry and ranking over lists of boxes.

They follow ShapeWorld's published rules of when a caption agrees with a world. The published rules
leave a caption undecided where shapes differ by little (0.05 of the picture along an axis, 0.1 in
distance, 0.15 in shade, 0.005 of the picture in area), and undecided captions are in no set: plain
comparisons are therefore enough. Two rules are not what a reader expects and are named where they
apply, in ``nearer`` and ``top``.

Boxes that come out are those that went in, so lists can be compared with ``among``.
"""

from __future__ import annotations

import math

from vprog.errors import ProgramError, known_names
from vprog.example import Region
from vprog.tools.tool import Boxes, tool

SIDES = {"left": (0, -1), "right": (0, 1), "above": (1, -1), "below": (1, 1)}
"""Side -> axis (0 for x, 1 for y, downward) and direction along it."""

OVERLAP = 0.2
"""Share of the smaller box that two boxes must have in common to count as one over the other."""


def _side(tool_name: str, side: str) -> tuple[int, int]:
    if side not in SIDES:
        raise ProgramError("type", f"{tool_name} has no side {side!r}. {known_names(side, SIDES)}")
    return SIDES[side]


def _same(box: Region, other: Region) -> bool:
    return box.picture == other.picture and box.box_xyxy == other.box_xyxy


def _away(box: Region, other: Region) -> float:
    return math.dist(box.center_xy, other.center_xy)


def _overlap(box: Region, other: Region) -> bool:
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    if width <= 0 or height <= 0:
        return False
    areas = ((b.right - b.left) * (b.bottom - b.top) for b in (box, other))
    return width * height > OVERLAP * min(areas)


@tool
def among(boxes: Boxes, others: Boxes) -> Boxes:
    """Those of `boxes` that are also one of `others`."""
    return [box for box in boxes if any(_same(box, other) for other in others)]


@tool
def only(boxes: Boxes, count: int = 1) -> Boxes:
    """All of `boxes` if there are exactly `count` of them, else none: "the X", "the two X"."""
    return boxes if len(boxes) == count else []


@tool
def extreme(boxes: Boxes, side: str) -> Boxes:
    """The one of at least two `boxes` whose centre lies farthest to a side.

    `side` is left, right, above or below.
    """
    axis, sign = _side("extreme", side)
    if len(boxes) < 2:
        return []
    return [max(boxes, key=lambda box: sign * box.center_xy[axis])]


@tool
def beside(boxes: Boxes, others: Boxes, side: str) -> Boxes:
    """Those of `boxes` whose centre lies on that side of the centre of one of `others`.

    `side` is left, right, above or below.
    """
    axis, sign = _side("beside", side)
    return [
        box
        for box in boxes
        if any(sign * (box.center_xy[axis] - other.center_xy[axis]) > 0 for other in others)
    ]


@tool
def nearer(boxes: Boxes, than: Boxes, places: Boxes, farther: bool = False) -> Boxes:
    """Those of `boxes` that lie nearer to one of `places` than one of `than` does.

    With `farther` those that lie farther. A box is never compared with itself. ShapeWorld means by
    "the X closest to C" an X that is nearer to some other X than C is.
    """
    sign = -1 if farther else 1
    return [
        box
        for box in boxes
        if any(
            sign * (_away(other, place) - _away(box, place)) > 0
            for other in than
            for place in places
            if not (_same(box, other) or _same(box, place) or _same(other, place))
        )
    ]


@tool
def overlapping(boxes: Boxes, others: Boxes) -> Boxes:
    """Those of `boxes` that overlap one of `others` by a fifth of the smaller box or more."""
    return [box for box in boxes if any(_overlap(box, o) and not _same(box, o) for o in others)]


@tool
def outranking(boxes: Boxes, others: Boxes, overlap: bool = False) -> Boxes:
    """Those of `boxes` with a higher score than one of `others`.

    With `overlap` only others count that the box overlaps by a fifth of the smaller box or more.
    """
    return [
        box
        for box in boxes
        if any(box.score > o.score and (not overlap or _overlap(box, o)) for o in others)
    ]


@tool
def top(boxes: Boxes, kinds: Boxes) -> Boxes:
    """The box with the highest score of each kind that has at least two `boxes`.

    `kinds` are the same boxes with the kinds as labels. ShapeWorld ranks sizes among shapes of one
    form and shades among shapes of one colour, so "the biggest red shape" can be one of each form.
    """
    groups: dict[str, list[Region]] = {}
    for box in boxes:
        kind = next((k.label for k in kinds if _same(k, box)), "")
        groups.setdefault(kind, []).append(box)
    return [max(g, key=lambda box: box.score) for g in groups.values() if len(g) > 1]


@tool
def like(boxes: Boxes, others: Boxes, same: bool = True) -> Boxes:
    """Those of `boxes` with the label of one of `others` that is another box.

    With `same=False` those with a label that one of the others has not.
    """
    return [
        box
        for box in boxes
        if any((box.label == o.label) == same for o in others if not _same(box, o))
    ]


TOOLS = (among, only, extreme, beside, nearer, overlapping, outranking, top, like)
"""All of them."""
