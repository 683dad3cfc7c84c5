"""Phrases for things: random ones, and which objects they are true of, as arrays."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from words import ANYTHING, UNKNOWN

from vprog.world.vocabulary import (
    CATEGORY,
    COLORS,
    HELD_OUT_PAIRS,
    KINDS,
    PATTERNS,
    SIZES,
    TAXONOMY,
    plural,
    singular,
    with_article,
)

CATEGORIES = tuple(TAXONOMY)
CATEGORY_OF = np.array([CATEGORIES.index(CATEGORY[kind]) for kind in KINDS])
"""Index of a kind -> index of its category."""
FAMILIES = (KINDS, CATEGORIES, COLORS, SIZES, PATTERNS)
_PREFIXES = ("", "", "", "", "", "", "the ", "a ")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words and what they demand.

    Attributes:
        text: As a program would say it.
        wanted: Index in each of ``FAMILIES``, or -1.
        unwanted: The same for what must not be true.
        nothing: Whether it holds a word that is true of nothing.
    """

    text: str
    wanted: tuple[int, int, int, int, int]
    unwanted: tuple[int, int, int, int, int] = (-1, -1, -1, -1, -1)
    nothing: bool = False


def sample(rng: random.Random, thing: Sequence[int] | None = None) -> Phrase:
    """A random phrase; true of ``thing`` (kind, colour, size, pattern) where that is given."""
    kind, *values = thing if thing is not None else (rng.randrange(len(KINDS)), -1, -1, -1)
    if thing is None:
        colors = [i for i, c in enumerate(COLORS) if (c, KINDS[kind]) not in HELD_OUT_PAIRS]
        values = [rng.choice(colors), rng.randrange(len(SIZES)), rng.randrange(len(PATTERNS))]
    level = rng.choices(("kind", "category", "any"), (6, 3, 1))[0]
    count = rng.choices((0, 1, 2, 3), (4, 5, 2.5, 0.5) if level != "any" else (1, 6, 2, 0))[0]
    chosen = rng.sample((0, 1, 2), count)
    wanted = [-1] * 5
    noun = {
        "kind": KINDS[kind],
        "category": CATEGORIES[CATEGORY_OF[kind]],
        "any": rng.choice(ANYTHING) if rng.random() < 0.5 else "object",
    }[level]
    if level == "kind":
        wanted[0] = kind
    elif level == "category":
        wanted[1] = int(CATEGORY_OF[kind])
    for family in chosen:
        wanted[2 + family] = values[family]
    adjectives = [FAMILIES[2 + family][values[family]] for family in chosen]
    form = rng.random()
    said = plural(noun) if form < 0.15 else singular(noun) if form < 0.25 else noun
    text = " ".join((*adjectives, said))
    unwanted = [-1] * 5
    if rng.random() < 0.03:
        family = rng.choice([f for f in (0, 1, 2) if f not in chosen] or [0])
        others = [i for i in range(len(FAMILIES[2 + family])) if i != values[family]]
        if family not in chosen:
            unwanted[2 + family] = rng.choice(others)
            text += f" that is not {FAMILIES[2 + family][unwanted[2 + family]]}"
    nothing = thing is None and rng.random() < 0.03
    if nothing:
        text = f"{UNKNOWN} {said}" if rng.random() < 0.5 else " ".join((*adjectives, UNKNOWN))
    prefix = rng.choice(_PREFIXES)
    if prefix == "a " and form >= 0.15:
        text = with_article(text)
    elif prefix == "the ":
        text = prefix + text
    return Phrase(text, tuple(wanted), tuple(unwanted), nothing)  # type: ignore[arg-type]


def truth(phrases: Sequence[Phrase], facts: np.ndarray) -> np.ndarray:
    """Which phrases are true of which objects.

    Args:
        phrases: P of them.
        facts: int [..., 4]: kind, colour, size, pattern; kind -1 where there is no object.

    Returns:
        bool [..., P].
    """
    kind = facts[..., 0].astype(np.int64)
    category = np.where(kind >= 0, CATEGORY_OF[kind], -2)
    known = np.stack([kind, category, *(facts[..., i] for i in (1, 2, 3))], -1)[..., None, :]
    wanted = np.array([p.wanted for p in phrases])
    unwanted = np.array([p.unwanted for p in phrases])
    true = ((wanted < 0) | (wanted == known)).all(-1)
    true &= ((unwanted < 0) | (unwanted != known)).all(-1)
    true &= ~np.array([p.nothing for p in phrases])
    result: np.ndarray = true & (kind >= 0)[..., None]
    return result
