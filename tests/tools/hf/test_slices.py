"""Long views: slices cover them, every place belongs to one, and answers are those of the parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprog.example import Picture
from vprog.tools.backends.hf.slices import EVERYWHERE, OVERLAP, slices
from vprog.tools.backends.hf.views import View
from vprog.trace import Call, Result

sides = st.integers(1, 900)


@given(left=st.integers(0, 50), top=st.integers(0, 50), width=sides, height=sides)
def test_every_place_of_a_view_belongs_to_one_slice_that_shows_it(
    left: int, top: int, width: int, height: int
) -> None:
    view = View("x", left, top, left + width, top + height)
    found = slices(view, 1.5)
    short = min(width, height)
    if max(width, height) <= 1.5 * short:
        assert found == [(view, EVERYWHERE)]
        return
    assert len(found) >= 2
    for part in found:
        assert part.view.width == part.view.height == short
    for n in range(0, max(width, height), max(1, max(width, height) // 50)):
        x, y = (left + n, top) if width > height else (left, top + n)
        owners = [
            p for p in found
            if p.own_xyxy[0] <= x < p.own_xyxy[2] and p.own_xyxy[1] <= y < p.own_xyxy[3]
        ]  # fmt: skip
        assert len(owners) == 1
        shown = owners[0].view
        assert shown.left <= x < shown.right
        assert shown.top <= y < shown.bottom
    if short >= 8:
        starts = [p.view.left + p.view.top for p in found]
        steps = np.diff(starts)
        assert steps.max() <= short * (1 - OVERLAP) + 1


def test_without_a_ratio_nothing_is_sliced() -> None:
    assert slices(View("x", 0, 0, 400, 10), None) == [(View("x", 0, 0, 400, 10), EVERYWHERE)]
    five = slices(View("x", 0, 0, 400, 100), 1.5)
    assert [p.view.left for p in five] == [0, 75, 150, 225, 300]
    assert five[0].own_xyxy == (-math.inf, -math.inf, 87.5, math.inf)


@pytest.mark.parametrize("name", ["owlvit", "owlv2"])
@pytest.mark.parametrize("view", ["crop", "picture"])
def test_a_sliced_view_has_the_boxes_of_its_squares(
    name: str, view: Any, checkpoint: Callable[[str], Path]
) -> None:
    from vprog.tools.backends.hf.detect import Detect, DetectSettings

    random = np.random.default_rng(3)
    picture = Picture("p", array_rgb=random.integers(0, 255, (32, 128, 3), dtype=np.uint8))

    def boxes(longest: float | None, regions: list[Any]) -> list[Any]:
        backend = Detect(
            DetectSettings(
                model=str(checkpoint(name)), threshold=0.0, nms_iou=1.0, longest=longest,
                view=view if longest else "crop", max_boxes=300,
            )
        )  # fmt: skip
        calls = [Call("detect", {"image": r, "phrase": "red cup"}) for r in regions]
        found = []
        for answer in backend.answer(calls, {"p": picture}):
            assert isinstance(answer, Result)
            found.append(answer.value)
        return found

    squares = [picture.region._replace(left=x, right=x + 32) for x in (0, 24, 48, 72, 96)]
    seams = [-math.inf, 28, 52, 76, 100, math.inf]
    whole = boxes(1.5, [picture.region])[0]
    apart = boxes(None, squares)
    wanted = [
        box
        for n, own in enumerate(apart)
        for box in own
        if seams[n] <= (box.left + box.right) / 2 < seams[n + 1]
    ]
    assert len(wanted) > 3
    # Centres are compared before edges are rounded, so a box at a seam may change sides.
    inner = [b for b in wanted if min(abs(b.center_xy[0] - s) for s in seams) > 0.02]
    assert {b.box_xyxy for b in inner} <= {b.box_xyxy for b in whole}
    assert abs(len(whole) - len(wanted)) <= len(wanted) - len(inner)


def test_a_student_learns_a_long_view_by_its_slices(checkpoint: Callable[[str], Path]) -> None:
    pytest.importorskip("accelerate", reason="needs accelerate: pip install 'vprog[teach]'")
    from vprog.example import Region
    from vprog.teach.student import open_student
    from vprog.teach.supervision import Supervised
    from vprog.tools.backends.hf.detect import DetectSettings
    from vprog.tools.backends.hf.views import Views

    picture = Picture("p", array_rgb=np.zeros((32, 128, 3), np.uint8))
    settings = DetectSettings(model=str(checkpoint("owlvit")), longest=1.5)
    student = open_student("detect", settings)
    boxes = (Region("p", 2, 4, 10, 12, "cup", 1.0), Region("p", 24, 4, 34, 12, "cup", 0.5))
    row = Supervised(
        tool="detect", region=picture.region, argument="cup", boxes=boxes, distribution=None
    )
    (part,) = student.prepare([row], Views({"p": picture}))
    assert part["pixels"].shape[0] == 5
    assert [len(target.boxes) for target in part["targets"]] == [1, 1, 0, 0, 0]
    # The second box is centred at 29, past the first seam at 28: [0, 10] of the slice at 24.
    assert part["targets"][1].boxes[0].tolist() == pytest.approx([5 / 32, 8 / 32, 10 / 32, 8 / 32])
    assert part["frames"][1].tolist() == pytest.approx([16 / 32, 0.5, 24 / 32, 1])
    said = student.look(part)
    loss, size = student.losses(said, part, 1.0, False)
    assert loss.shape == size.shape == (5,)
