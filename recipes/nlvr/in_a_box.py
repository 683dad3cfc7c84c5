"""What a box may hold: one of the phrases of ``items`` and ``looks``."""

from __future__ import annotations

from items import all_of_them, including, kinds, number_of, of_which, others, same
from looks import at_edge, list_of_colors, listed, on_top, only, touching_things, without
from meaning import both
from phrases import Phrase
from words import Words

FORMS = (
    (listed, 9), (list_of_colors, 1.6), (only, 4), (number_of, 4), (kinds, 4), (of_which, 5),
    (all_of_them, 3), (at_edge, 2.5), (on_top, 2.5), (touching_things, 1), (same, 1),
    (without, 0.8), (others, 0.7), (including, 0.8),
)  # fmt: skip
"""Phrases and how often they are drawn."""


def holds(w: Words) -> Phrase:
    """What a box has; sometimes two phrases of it."""
    forms, shares = zip(*FORMS, strict=True)
    if w.chance(0.06):
        (one, first), (two, second) = (f(w) for f in w.rng.choices(forms, shares, k=2))
        return f"{one} {w.one('and', 'and', 'with', ', and')} {two}", both(first, second)
    text, condition = w.rng.choices(forms, shares)[0](w)
    return text, condition
