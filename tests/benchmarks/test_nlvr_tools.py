"""NLVR's tools: filters over boxes, on boxes set by hand."""

import pytest

from vprog.benchmarks.nlvr_tools import (
    grey_boxes,
    holding,
    holding_kinds,
    inside,
    level,
    of_size,
    on_top_of,
    touching,
    touching_edge,
    towers,
)
from vprog.errors import ToolError
from vprog.example import Region

PICTURE = Region("p", 0, 0, 400, 100)


def box(left, top, size=20, label=""):
    return Region("p", left, top, left + size, top + size, label)


def call(tool, **args):
    return tool.function(**args)


GREY = call(grey_boxes, image=PICTURE)
# A tower of three in the first grey box, of two in the second, of one in the third.
BLOCKS = [
    box(40, 80, label="black"),
    box(40, 59, label="blue"),
    box(40, 38, label="black"),
    box(190, 80, label="yellow"),
    box(190, 59, label="yellow"),
    box(340, 80, label="blue"),
]
TOWERS = call(towers, blocks=list(reversed(BLOCKS)))


def test_grey_boxes():
    assert [b.box_xyxy for b in GREY] == [
        (0, 0, 100, 100),
        (150, 0, 250, 100),
        (300, 0, 400, 100),
    ]
    right = PICTURE._replace(left=200)
    assert [b.left for b in call(grey_boxes, image=right)] == [150, 300]


def test_towers_are_stacked_blocks_from_left_to_right():
    assert [t.box_xyxy for t in TOWERS] == [
        (40, 38, 60, 100),
        (190, 59, 210, 100),
        (340, 80, 360, 100),
    ]
    assert call(towers, blocks=[]) == []


def test_towers_are_joined_by_a_block_between():
    assert len(call(towers, blocks=[box(40, 80), box(40, 38)])) == 2
    assert len(call(towers, blocks=[box(40, 80), box(40, 38), box(40, 59)])) == 1
    # Side by side is no tower.
    assert len(call(towers, blocks=[box(40, 80), box(61, 80)])) == 2


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        ({}, [0, 1, 2]),
        ({"at_least": 2}, [0, 1]),
        ({"at_least": 2, "at_most": 2}, [1]),
        ({"at_least": 0, "at_most": 0}, []),
        ({"at_least": 0, "at_most": 1}, [2]),
    ],
)
def test_holding(bounds, kept):
    assert call(holding, containers=GREY, boxes=BLOCKS, **bounds) == [GREY[i] for i in kept]


def test_a_box_on_the_border_lies_where_its_centre_is():
    assert call(holding, containers=GREY, boxes=[box(91, 0)]) == []
    assert call(holding, containers=GREY, boxes=[box(89, 0)]) == [GREY[0]]


def test_holding_kinds():
    def kept(**bounds):
        return call(holding_kinds, containers=TOWERS, boxes=BLOCKS, **bounds)

    assert kept(at_least=2) == [TOWERS[0]]
    assert kept(at_most=1) == TOWERS[1:]
    assert kept(at_least=3) == []
    assert call(holding_kinds, containers=TOWERS, boxes=[]) == []


def test_inside():
    assert call(inside, boxes=BLOCKS, containers=[TOWERS[1]]) == BLOCKS[3:5]


def test_of_size():
    boxes = [box(0, 0, 10), box(0, 0, 20), box(0, 0, 30)]
    assert [call(of_size, boxes=boxes, size=s) for s in ("small", "medium", "big")] == [
        [b] for b in boxes
    ]
    with pytest.raises(ToolError, match=r"no size 'huge'\. Known: small, medium, big"):
        call(of_size, boxes=boxes, size="huge")


@pytest.mark.parametrize(
    ("number", "found"),
    [(1, [0, 3, 5]), (2, [1, 4]), (3, [2]), (4, []), (-1, [2, 4, 5]), (-2, [1, 3]), (-4, [])],
)
def test_level(number, found):
    got = call(level, containers=TOWERS, boxes=BLOCKS, number=number)
    assert got == [BLOCKS[i] for i in found]


@pytest.mark.parametrize("number", [0, 1.5])
def test_level_refuses_what_is_no_level(number):
    with pytest.raises(ToolError, match="1 is the lowest"):
        call(level, containers=TOWERS, boxes=BLOCKS, number=number)


@pytest.mark.parametrize(
    ("place", "edges"),
    [
        ((40, 40), set()),
        ((2, 40), set()),
        ((0, 40), {"any", "left"}),
        ((80, 40), {"any", "right"}),
        ((40, 0), {"any", "top"}),
        ((40, 80), {"any", "bottom"}),
        ((80, 80), {"any", "right", "bottom", "corner", "bottom right corner"}),
        ((0, 0), {"any", "left", "top", "corner", "top left corner"}),
    ],
)
@pytest.mark.parametrize("shift", [0, 150, 300])
def test_touching_edge(place, edges, shift):
    thing = box(place[0] + shift, place[1])
    known = ("any", "left", "right", "top", "bottom", "corner", "top left corner")
    for edge in (*known, "bottom right corner", "top right corner", "bottom left corner"):
        touches = call(touching_edge, boxes=[thing], containers=GREY, edge=edge)
        assert bool(touches) == (edge in edges), edge


def test_touching_edge_within_a_margin():
    near = [box(3, 40)]
    assert call(touching_edge, boxes=near, containers=GREY, margin=3.0) == near
    assert call(touching_edge, boxes=near, containers=GREY, margin=2.0) == []
    with pytest.raises(ToolError, match="no edge 'floor'"):
        call(touching_edge, boxes=near, containers=GREY, edge="floor")


def test_touching():
    left, right, far = box(0, 0), box(21, 5), box(60, 60)
    boxes = [left, right, far]
    assert call(touching, boxes=boxes, others=boxes) == [left, right]
    assert call(touching, boxes=[left], others=[left]) == []
    assert call(touching, boxes=[left], others=[box(21, 23)]) == []


def test_on_top_of():
    black = [b for b in BLOCKS if b.label == "black"]
    blue = [b for b in BLOCKS if b.label == "blue"]
    assert call(on_top_of, boxes=blue, others=black) == [BLOCKS[1]]
    assert call(on_top_of, boxes=black, others=blue) == [BLOCKS[2]]
    assert call(on_top_of, boxes=black, others=black) == []
    assert call(on_top_of, boxes=[box(60, 59)], others=[BLOCKS[0]]) == []
