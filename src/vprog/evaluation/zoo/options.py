"""Ten phrases about a crop of which one is right: what ``match`` is scored on."""

from __future__ import annotations

import random

from vprog.world.vocabulary import CATEGORY, COLORS, KINDS, PATTERNS, SIZES, TAXONOMY

_FAMILIES = (COLORS, SIZES, PATTERNS)
_WEIGHTS = (5, 1, 3)


def ten_options(rng: random.Random, kind: int, color: int, size: int, pattern: int) -> list[str]:
    """``<attribute> <noun>`` phrases for an object; the first is true of it, nine are not.

    The noun is the kind, or the category in a quarter of the cases. Three of the wrong ones keep
    the noun, three the attribute, where there are so many; the others share nothing by design.

    Args:
        rng: Source of chance.
        kind: Index in ``KINDS``.
        color: Index in ``COLORS``.
        size: Index in ``SIZES``.
        pattern: Index in ``PATTERNS``.
    """
    true = {COLORS[color], SIZES[size], PATTERNS[pattern]}
    own = {KINDS[kind], CATEGORY[KINDS[kind]]}
    broad = rng.random() < 0.25
    nouns = tuple(TAXONOMY) if broad else KINDS
    noun = CATEGORY[KINDS[kind]] if broad else KINDS[kind]
    family = rng.choices((0, 1, 2), _WEIGHTS)[0]
    values = _FAMILIES[family]
    value = next(word for word in values if word in true)
    others = [word for word in values if word != value]
    wrong = [f"{word} {noun}" for word in rng.sample(others, min(3, len(others)))]
    false_nouns = [word for word in nouns if word not in own]
    wrong += [f"{value} {word}" for word in rng.sample(false_nouns, 3)]
    while len(wrong) < 9:
        words = rng.choice(rng.choices(_FAMILIES, _WEIGHTS)[0]), rng.choice(KINDS)
        phrase = " ".join(words)
        if phrase not in wrong and not (words[0] in true and words[1] in own):
            wrong.append(phrase)
    return [f"{value} {noun}", *wrong]
