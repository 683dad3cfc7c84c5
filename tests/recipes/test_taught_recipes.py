"""Recipes of taught tools: the pictures that they make, and what they keep of a training."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vprog.example import Picture
from vprog.tools.backends.hf.slices import slices
from vprog.tools.backends.hf.views import Views

RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "teach"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")
    names = ("shapes", "target", "home", "nlvr")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(RECIPES))
    yield importlib.import_module
    for name in names:
        sys.modules.pop(name, None)


def test_shuffled_pictures_hold_the_same_cells(recipe: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (30, 30, 3), dtype=np.uint8)
    picture = Picture("p", array_rgb=pixels)
    shapes = recipe("shapes")

    def cells(array: Any) -> set[bytes]:
        parts = [array[y : y + 10, x : x + 10] for y in (0, 10, 20) for x in (0, 10, 20)]
        return {min(p.tobytes(), p[:, ::-1].tobytes()) for p in parts}

    made = [shapes.shuffled(picture, n, 0) for n in range(4)]
    assert len({one.digest for one in (picture, *made)}) == 5
    assert all(cells(np.asarray(one.load())) == cells(pixels) for one in made)
    assert shapes.shuffled(picture, 1, 0).digest == made[1].digest


def test_nlvr_is_asked_about_the_squares_that_its_pictures_are_shown_as(recipe: Any) -> None:
    picture = Picture("p", array_rgb=np.zeros((100, 400, 3), np.uint8))
    view = Views({"p": picture}).of(picture.region)
    shown = {(p.view.left, 0, p.view.right, 100) for p in slices(view, recipe("nlvr").LONGEST)}
    asked = recipe("nlvr").ask_detect({"p": picture}, 3)
    squares = {region.box_xyxy for region, _ in asked}
    assert len(squares) == 2
    assert squares <= shown
    assert len(asked) == len({(region, phrase) for region, phrase in asked}) == 16


def test_the_curve_is_the_mean_of_steps(recipe: Any, tmp_path: Path) -> None:
    file = tmp_path / "losses.jsonl"
    file.write_text("".join(json.dumps({"task": float(n), "kept": 1.0}) + "\n" for n in range(5)))
    lines = [json.loads(line) for line in recipe("target").curve(file, every=2).splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 5]
    assert [line["task"] for line in lines] == [0.5, 2.5, 4.0]
