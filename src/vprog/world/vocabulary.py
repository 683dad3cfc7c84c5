"""What drawn scenes can hold: a taxonomy of kinds, colours, sizes, patterns, and their English."""

from __future__ import annotations

TAXONOMY: dict[str, tuple[str, ...]] = {
    "animal": ("cat", "dog", "fish", "bird"),
    "vehicle": ("car", "bus", "boat", "airplane"),
    "furniture": ("chair", "table", "bed", "lamp"),
    "container": ("cup", "bottle", "bag"),
    "plant": ("tree", "flower", "cactus"),
    "food": ("apple", "cake", "carrot"),
    "clothing": ("hat", "shirt", "shoe"),
}
"""Category -> its kinds."""

KINDS: tuple[str, ...] = tuple(kind for kinds in TAXONOMY.values() for kind in kinds)
"""Every kind, in the order of the taxonomy."""

CATEGORY: dict[str, str] = {kind: cat for cat, kinds in TAXONOMY.items() for kind in kinds}
"""Kind -> its category."""

COLORS_RGB: dict[str, tuple[int, int, int]] = {
    "red": (214, 36, 42),
    "orange": (247, 137, 24),
    "yellow": (246, 214, 42),
    "green": (44, 158, 62),
    "blue": (38, 92, 218),
    "purple": (134, 56, 186),
    "pink": (248, 134, 190),
    "brown": (128, 80, 42),
}
"""Colour word -> its paint."""

COLORS: tuple[str, ...] = tuple(COLORS_RGB)
SIZES: tuple[str, ...] = ("small", "large")
PATTERNS: tuple[str, ...] = ("plain", "striped", "dotted")

FAMILIES: dict[str, tuple[str, ...]] = {"color": COLORS, "size": SIZES, "pattern": PATTERNS}
"""Attribute family -> its values. Every object has exactly one value of each."""

FAMILY_OF: dict[str, str] = {value: family for family, vs in FAMILIES.items() for value in vs}
"""Attribute value -> its family."""

HELD_OUT_PAIRS: frozenset[tuple[str, str]] = frozenset(
    (COLORS[(3 * index + 1) % len(COLORS)], kind) for index, kind in enumerate(KINDS)
)
"""Colour-kind pairs, one a kind and three a colour, that only domains asking for them draw."""

_PLURALS = {
    "fish": "fish",
    "furniture": "furniture",
    "clothing": "clothing",
    "food": "food",
    "bus": "buses",
    "cactus": "cactuses",
}
_PIECES = {"furniture": "piece", "clothing": "piece", "food": "item"}


def plural(noun: str) -> str:
    """The plural of a kind, category or ``object``, as questions write it: ``pieces of food``."""
    if noun in _PIECES:
        return f"{_PIECES[noun]}s of {noun}"
    return _PLURALS.get(noun, noun + "s")


def singular(noun: str) -> str:
    """The countable singular: ``cat``, ``piece of furniture``."""
    return f"{_PIECES[noun]} of {noun}" if noun in _PIECES else noun


def with_article(phrase: str) -> str:
    """``a`` or ``an`` before a phrase."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase
