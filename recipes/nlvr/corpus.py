"""Pairs of sentence and program, drawn from the grammar."""

from __future__ import annotations

import random
import re

import boxes
import things
import towers
from meaning import Meaning
from words import Words, misspelled

FAMILIES = ((things.statement, 2.6), (boxes.statement, 4.0), (towers.statement, 3.4))


def clean(sentence: str) -> str:
    """Spaces and commas as people type them."""
    sentence = re.sub(r"\s+([,.])", r"\1", sentence)
    return re.sub(r"\s+", " ", sentence).strip()


def draw(rng: random.Random) -> tuple[str, Meaning]:
    """A sentence and its meaning."""
    w = Words(rng)
    family = rng.choices([f for f, _ in FAMILIES], [s for _, s in FAMILIES])[0]
    sentence, meaning = family(w)
    return clean(sentence), meaning


def spoken(rng: random.Random, slips: float = 0.12) -> tuple[str, Meaning]:
    """A sentence as it reaches the writer: some are misspelled, half end with a full stop."""
    sentence, meaning = draw(rng)
    while rng.random() < slips:
        sentence = misspelled(sentence, rng)
    return sentence + rng.choice(("", "", ".", ".", "/"[: rng.random() < 0.02])), meaning
