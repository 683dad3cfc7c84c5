"""Tools that NLVR's programs need and neither VisProg nor ViperGPT has: boxes, towers, touching.

All of them are *filters over boxes*, inline geometry without pixels, so that they compose in both
languages: ``HOLDING(containers=BOXES, boxes=CIRCLES, at_least=2)`` keeps the grey boxes with two
circles or more, and what it keeps can be filtered again, counted or searched.

A box lies in a container if its centre does. Margins are pixels: things are placed on whole pixels,
what touches an edge stands flush with it, and blocks of a tower are one pixel apart. Margins leave
room for detectors whose boxes are off by a part of a pixel: on the train sample's gold scenes no
answer changes up to 1.5 at an edge.
"""

from __future__ import annotations

from vprog.errors import ToolError
from vprog.example import Region
from vprog.tools.tool import Boxes, Image, tool

GREY_BOX_SIDE = 100
"""Width and height of a grey box in pixels."""
GREY_BOX_PITCH = 150
"""Pixels from the left edge of one grey box to that of the next; grey box p starts at 150 p."""
MANY = 99
"""Upper bound that means "any number"."""

_SIZES = {"small": (0, 15), "medium": (15, 25), "big": (25, GREY_BOX_SIDE)}
"""Least and exclusive most pixels of the longer side; things are drawn 10, 20 or 30 wide."""

_EDGES: dict[str, tuple[tuple[str, ...], ...]] = {
    "any": (("left",), ("right",), ("top",), ("bottom",)),
    "left": (("left",),),
    "right": (("right",),),
    "top": (("top",),),
    "bottom": (("bottom",),),
    "corner": (("top", "left"), ("top", "right"), ("bottom", "left"), ("bottom", "right")),
    "top left corner": (("top", "left"),),
    "top right corner": (("top", "right"),),
    "bottom left corner": (("bottom", "left"),),
    "bottom right corner": (("bottom", "right"),),
}
"""What an ``edge`` stands for: one of these groups of edges must be touched, all of the group."""


@tool
def grey_boxes(image: Image) -> Boxes:
    """The three grey boxes of the picture, from left to right.

    They are part of the drawing, not objects: finding "object", "item" or "square" never returns
    them. Search inside one of them, or hand them to the tools below as containers.
    """
    top, bottom = image.top, min(image.bottom, image.top + GREY_BOX_SIDE)
    boxes = []
    for number in range(3):
        left = number * GREY_BOX_PITCH
        right = left + GREY_BOX_SIDE
        if image.left <= (left + right) / 2 < image.right:
            boxes.append(Region(image.picture, left, top, right, bottom, "grey box"))
    return boxes


@tool
def holding(containers: Boxes, boxes: Boxes, at_least: int = 1, at_most: int = MANY) -> Boxes:
    """The containers that have between `at_least` and `at_most` of the boxes inside them.

    Grey boxes with exactly two circles: containers=grey boxes, boxes=circles, at_least=2,
    at_most=2. Towers without a black block: containers=towers, boxes=black blocks, at_least=0,
    at_most=0. Base blocks that are blue: containers=base blocks, boxes=blue blocks.
    """
    return [c for c in containers if at_least <= len(_members(boxes, c)) <= at_most]


@tool
def holding_kinds(containers: Boxes, boxes: Boxes, at_least: int = 1, at_most: int = MANY) -> Boxes:
    """The containers whose boxes carry between `at_least` and `at_most` different labels.

    Label the boxes by colour or by shape first (CLASSIFY); at_least=1, at_most=1 then means all of
    the same colour, at_least=3 three different ones. An empty container has none. Patches of
    `python` programs carry no label: there, compare what best_text_match says of each.
    """
    kept = []
    for container in containers:
        kinds = {box.label for box in _members(boxes, container)}
        if at_least <= len(kinds) <= at_most:
            kept.append(container)
    return kept


@tool
def of_size(boxes: Boxes, size: str) -> Boxes:
    """Those of the boxes that are small (10 pixels), medium (20) or big (30)."""
    if size not in _SIZES:
        raise ToolError(f"of_size has no size {size!r}. Known: {', '.join(_SIZES)}")
    least, most = _SIZES[size]
    return [b for b in boxes if least <= max(b.right - b.left, b.bottom - b.top) < most]


@tool
def inside(boxes: Boxes, containers: Boxes) -> Boxes:
    """Those of the boxes that lie inside one of the containers."""
    return [box for box in boxes if any(_lies_in(box, c) for c in containers)]


@tool
def towers(blocks: Boxes, margin: float = 2.0) -> Boxes:
    """The towers that the blocks are stacked to, from left to right, each as the box around it.

    Blocks on top of each other, at most `margin` pixels apart, form one tower; a block that stands
    alone is a tower of one block.
    """
    groups: list[list[Region]] = []
    for block in sorted(blocks, key=lambda b: b.bottom):
        joined = [g for g in groups if any(_stacked(other, block, margin) for other in g)]
        groups = [g for g in groups if g not in joined]
        groups.append([member for g in joined for member in g] + [block])
    found = [_around(group)._replace(label="tower", score=1.0) for group in groups]
    return sorted(found, key=lambda t: (t.left, t.top))


@tool
def level(containers: Boxes, boxes: Boxes, number: int) -> Boxes:
    """For each container the one of its boxes at a level: 1 is the lowest, 2 the second from below.

    Negative numbers count from above: -1 is the top, -2 the second from the top. The base blocks
    of towers: containers=towers, boxes=blocks, number=1. A container with fewer boxes gives none.
    """
    if number == 0 or number != int(number):
        raise ToolError(
            f"level has no number {number}: 1 is the lowest, 2 the second from below, -1 the top"
        )
    place = int(number) - 1 if number > 0 else int(number)
    found = []
    for container in containers:
        rising = sorted(_members(boxes, container), key=lambda b: -b.center_xy[1])
        if -len(rising) <= place < len(rising):
            found.append(rising[place])
    return found


@tool
def touching_edge(boxes: Boxes, containers: Boxes, edge: str = "any", margin: float = 1.5) -> Boxes:
    """Those of the boxes that touch an edge of the container they lie in, from inside.

    `edge` is any (what statements call edge, wall or side), left, right, top (roof), bottom (base),
    corner (two edges that meet), or a certain corner such as "bottom right corner". `margin` is how
    many pixels may lie between.
    """
    if edge not in _EDGES:
        raise ToolError(f"touching_edge has no edge {edge!r}. Known: {', '.join(_EDGES)}")
    kept = []
    for box in boxes:
        for container in containers:
            if _lies_in(box, container):
                met = _edges_met(box, container, margin)
                if any(met.issuperset(group) for group in _EDGES[edge]):
                    kept.append(box)
                    break
    return kept


@tool
def touching(boxes: Boxes, others: Boxes, margin: float = 2.0) -> Boxes:
    """Those of the boxes that touch one of the others, on any side; no box touches itself.

    Two yellow items that touch each other: boxes and others are both the yellow items, and at
    least one box is returned.
    """
    return [
        box
        for box in boxes
        if any(not _same(box, other) and _gap(box, other) <= margin for other in others)
    ]


@tool
def on_top_of(boxes: Boxes, others: Boxes, margin: float = 2.0) -> Boxes:
    """Those of the boxes that rest directly on one of the others, as blocks of a tower do."""
    return [
        box
        for box in boxes
        if any(not _same(box, other) and _stacked(box, other, margin) for other in others)
    ]


TOOLS = (
    grey_boxes,
    holding,
    holding_kinds,
    of_size,
    inside,
    towers,
    level,
    touching_edge,
    touching,
    on_top_of,
)
"""The tools of the benchmark, in the order in which writers are shown them."""


def _lies_in(box: Region, container: Region) -> bool:
    x, y = box.center_xy
    return container.left <= x < container.right and container.top <= y < container.bottom


def _members(boxes: Boxes, container: Region) -> Boxes:
    return [box for box in boxes if _lies_in(box, container)]


def _same(one: Region, other: Region) -> bool:
    return one.box_xyxy == other.box_xyxy


def _gap(one: Region, other: Region) -> float:
    """Pixels between two boxes along the axis that parts them; negative where they overlap."""
    across = max(one.left, other.left) - min(one.right, other.right)
    down = max(one.top, other.top) - min(one.bottom, other.bottom)
    return max(across, down)


def _stacked(upper: Region, lower: Region, margin: float) -> bool:
    """Whether ``upper`` rests on ``lower``: its bottom at the other's top, one over the other."""
    overlap = min(upper.right, lower.right) - max(upper.left, lower.left)
    return overlap > 0 and abs(lower.top - upper.bottom) <= margin


def _edges_met(box: Region, container: Region, margin: float) -> set[str]:
    distances = {
        "left": box.left - container.left,
        "top": box.top - container.top,
        "right": container.right - box.right,
        "bottom": container.bottom - box.bottom,
    }
    return {edge for edge, distance in distances.items() if distance <= margin}


def _around(boxes: Boxes) -> Region:
    return boxes[0]._replace(
        left=min(b.left for b in boxes),
        top=min(b.top for b in boxes),
        right=max(b.right for b in boxes),
        bottom=max(b.bottom for b in boxes),
    )
