"""Mirrored views: pixels and places turn together, rows that speak of sides stay."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from taught import TOOLS, make_checkpoint, pictures, rows

from vprog.example import Region
from vprog.teach.mirror import mirrored
from vprog.teach.settings import TeachSettings
from vprog.teach.supervision import Supervised
from vprog.tools.backends.hf.views import Views

__all__ = ["make_checkpoint"]


def asked(argument: str | tuple[str, ...], region: Region, answer: str = "yes") -> Supervised:
    return Supervised(
        tool="vqa", region=region, argument=argument, boxes=None, distribution={answer: 1.0}
    )


def test_pixels_and_boxes_are_mirrored_together() -> None:
    shown = pictures()
    own = rows("detect")
    turned, seen = mirrored(own, shown, 1.0, "seed")
    for before, after in zip(own, turned, strict=True):
        width = shown[before.region.picture].size[0]
        left, top, right, bottom = before.region.box_xyxy
        assert after.region.box_xyxy == (width - right, top, width - left, bottom)
        there, here = Views(seen), Views(shown)
        pixels = np.asarray(there.read(there.of(after.region)))
        assert (pixels == np.asarray(here.read(here.of(before.region)))[:, ::-1]).all()
        assert before.boxes is not None
        assert after.boxes is not None
        for one, two in zip(before.boxes, after.boxes, strict=True):
            one_there = np.asarray(shown[one.picture].crop(one))[:, ::-1]
            assert (np.asarray(seen[two.picture].crop(two)) == one_there).all()
            assert (one.label, one.score) == (two.label, two.score)


def test_about_a_share_of_the_views_is_mirrored_and_a_seed_says_which() -> None:
    shown = pictures()
    region = shown["p0"].region
    own = [asked(f"what is it {n % 2}", region._replace(left=n // 2)) for n in range(60)]
    turned, seen = mirrored(own, shown, 0.5, "seed")
    marks = [row.region.picture != "p0" for row in turned]
    assert marks[::2] == marks[1::2]  # both rows about a view
    assert 5 < sum(marks[::2]) < 25
    assert set(seen) == {"p0", "p0 mirrored"}
    assert mirrored(own, shown, 0.5, "seed")[0] == turned
    assert mirrored(own, shown, 0.5, "other")[0] != turned
    assert mirrored(own, shown, 0.0, "seed")[0] == own


@pytest.mark.parametrize(
    ("argument", "answer"),
    [
        ("what is LEFT of the cup", "dog"),
        ("the rightmost cup", "dog"),
        (("a cup on the left-hand side", "a cup"), "a cup"),
        ("where is it", "left"),
    ],
)
def test_a_view_of_which_somebody_says_left_or_right_stays(
    argument: str | tuple[str, ...], answer: str
) -> None:
    region = pictures()["p0"].region
    own = [asked("what color is it", region), asked(argument, region, answer)]
    turned, _ = mirrored(own, pictures(), 1.0, "seed")
    assert turned == own
    free = [asked("is it bright", region), asked("is it upright", region)]
    assert mirrored(free, pictures(), 1.0, "seed")[0] != free


@pytest.mark.parametrize("kind", sorted(TOOLS))
def test_students_learn_from_mirrored_views(
    kind: str, checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.train import train

    tool = TOOLS[kind]
    settings = TeachSettings(
        method="full", steps=2, batch_size=4, learning_rate=1e-3, validate_every=1, save_every=5
    )
    made = [
        train(
            tool, checkpoint(kind), rows(tool), pictures(), tmp_path / str(share),
            settings=dataclasses.replace(settings, mirror=share),
            replay={"old": rows(tool, 5)}, val=rows(tool, 6),
        )
        for share in (0.0, 1.0)
    ]  # fmt: skip
    plain, turned = (
        [line.read_text() for line in (Path(one.folder) / "training").glob("losses.jsonl")]
        for one in made
    )
    assert plain != turned
