"""The recipe of ``vqa``: what heads are shown, and a layer that changes nothing yet."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vprog.evaluation.zoo.questions import Question
from vprog.example import Scene, SceneObject

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
CAT = SceneObject(
    id="0", name="cat", box_xyxy=(0, 0, 48, 48), attributes=("red", "large", "solid"),
    names=("animal",),
)  # fmt: skip
CUP = SceneObject(
    id="1", name="cup", box_xyxy=(48, 48, 96, 96), attributes=("blue", "small", "dotted"),
    names=("container",),
)  # fmt: skip
SCENE = Scene(width=96, height=96, objects=(CAT, CUP), setting={})


@pytest.fixture(scope="module")
def recipe() -> Iterator[Any]:
    """Modules of the recipe, which are no package; their names are forgotten afterwards."""
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    before, paths = set(sys.modules), list(sys.path)
    sys.path.insert(0, str(RECIPES / "zoo"))
    try:
        yield importlib.import_module
    finally:
        sys.path[:] = paths
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(RECIPES)):
                del sys.modules[name]


def shown(recipe: Any, text: str, about: tuple[str, ...]) -> tuple[dict[str, list[int]], list[int]]:
    """Word of content -> slots of things that it is true of; slots of what is meant."""
    tokenizer = recipe("words").build(bert_style=True)
    ids = tokenizer([text], return_tensors="pt").input_ids
    question = Question(text, "", "", about)
    looks = recipe("looking").looks(tokenizer, ids, [question], [SCENE], np.ones((1, 3), bool))
    words = tokenizer.convert_ids_to_tokens(ids[0])
    true = {
        word: looks.true[0, column].nonzero()[:, 0].tolist()
        for column, word in enumerate(words)
        if looks.content[0, column]
    }
    return true, looks.meant[0].nonzero()[:, 0].tolist()


@pytest.mark.parametrize(
    ("text", "about", "true", "meant"),
    [
        ("What color is the cat?", ("cat",), {"cat": [0]}, [0]),
        ("Is the cat blue?", ("cat", "blue"), {"cat": [0], "blue": [1]}, [0]),
        ("How many objects are there?", ("object",), {"objects": [0, 1]}, [0, 1]),
        ("Is there a green dog?", ("dog", "green"), {"green": [], "dog": []}, []),
    ],
)
def test_what_heads_are_shown(
    recipe: Any, text: str, about: tuple[str, ...], true: dict[str, list[int]], meant: list[int]
) -> None:
    assert shown(recipe, text, about) == (true, meant)


def test_what_is_looked_at_costs_nothing(recipe: Any) -> None:
    torch, looking = recipe("torch"), recipe("looking")
    wanted = torch.tensor([[[True, False, False], [False, False, False]]])
    there = torch.tensor([1.0, 0.0, 0.0]).expand(1, 2, 2, 3)
    away = torch.tensor([0.25, 0.75, 0.0]).expand(1, 2, 2, 3)
    assert looking.surprise(there, wanted) == 0
    assert looking.surprise(away, wanted).item() == pytest.approx(np.log(4), rel=1e-5)


def test_a_layer_is_put_in_that_changes_no_answer(recipe: Any) -> None:
    torch, vilt = recipe("torch"), recipe("vilt")
    torch.manual_seed(0)
    pixels = np.random.default_rng(0).integers(0, 255, (4, 96, 96, 3), dtype=np.uint8)
    tokenizer = recipe("words").build(bert_style=True)
    source = recipe("publish").detector()
    model = vilt.build_model(source, pixels, tokenizer).eval()
    images = vilt.view(pixels, np.tile([0, 0, 96, 96], (4, 1)))
    text = tokenizer(["Is the cat red?"] * 4, return_tensors="pt")
    before = vilt.predict(model, images, text)
    vilt.insert(model, source, pixels, tokenizer)
    after = vilt.predict(model, images, text)
    assert len(after.states) == len(before.states) + 1
    torch.testing.assert_close(after.logits, before.logits)
    one, two = before.attention[-1][:, :2, 0], after.attention[-2][:, :2, 0]
    assert (one - two).abs().max() > 1e-3
