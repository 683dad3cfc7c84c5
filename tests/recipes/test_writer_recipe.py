"""The recipe of the writer: how questions are roughened, and what is never lost of them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest

from vprog.world.vocabulary import COLORS, KINDS, PATTERNS

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


@pytest.fixture(scope="module")
def recipe() -> Iterator[ModuleType]:
    """The module, which is in no package; the names of the recipes are forgotten afterwards."""
    pytest.importorskip("torch", reason="torch is not installed")
    before, paths = set(sys.modules), list(sys.path)
    sys.path.insert(0, str(RECIPES / "writer"))
    try:
        import wording

        yield wording
    finally:
        sys.path[:] = paths
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(RECIPES)):
                del sys.modules[name]


def test_worn_questions_keep_what_is_asked(recipe) -> None:
    from pairs import draw

    rng, changed = random.Random(0), 0
    content = {*COLORS, *PATTERNS, *KINDS, "or", "and", "not", "left", "right", "above", "below"}
    for asked in islice(draw("test/1"), 300):
        text = asked.said(rng, "train")
        worn = recipe.worn(text, rng)
        changed += worn != text

        def kept(said: str) -> list[str]:
            words = (word.lower().strip(",.:?'s") for word in said.split())
            return [word for word in words if word in content]

        assert kept(worn) == kept(text)
        new = set(worn.split()) - set(text.split())
        assert new <= {recipe.STRANGE}
    assert changed > 150


def test_the_same_chance_gives_the_same_wording(recipe) -> None:
    from pairs import draw

    asked = next(draw("test/2"))
    first = [recipe.wording(asked, random.Random(n)) for n in range(20)]
    assert first == [recipe.wording(asked, random.Random(n)) for n in range(20)]
    assert len(set(first)) > 5
    assert asked.text in first
