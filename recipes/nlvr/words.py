"""Words of the statements: numbers, colours, edges, and how people misspell them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from meaning import COLORS, SHAPES

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
ORDINALS = {2: "second", 3: "third"}
SIZES = {"small": "small", "tiny": "small", "medium": "medium", "big": "big", "large": "big"}

EDGES = {
    "any": (
        "the edge", "any edge", "an edge", "the wall", "a wall", "the side", "the side of the box",
        "the edge of the box", "a wall of a box", "the wall of the box", "the edge of a box",
        "the edge of the square", "the edges", "the walls", "any wall", "a side", "any side",
        "the edge of the grey box", "the boundary",
    ),
    "bottom": (
        "the base", "the bottom", "the bottom base", "the bottom of a box", "the bottom of the box",
        "the base of a box", "the base of the box", "the bottom wall", "the bottom edge",
        "the floor", "the bottom wall of a box", "bottom of a box", "the lower edge",
        "the bottom side", "bottom base",
    ),
    "top": (
        "the top", "the roof of a box", "the top of a box", "the top of the box", "the top wall",
        "the top edge", "the roof", "top of a box", "the upper edge", "the ceiling", "the top side",
        "roof of a box",
    ),
    "right": (
        "right wall of a box", "the right wall", "the right side", "the right edge",
        "the right side of a box", "the right wall of a box", "the right wall of the box",
        "right side of a box", "the right side of the box", "right side",
    ),
    "left": (
        "left wall of a box", "the left wall", "the left side", "the left edge",
        "the left side of a box", "the left wall of a box", "the left wall of the box",
        "left side of a box", "the left side of the box", "left side",
    ),
    "corner": (
        "a corner", "the corner", "a corner of a box", "the corner of the box", "any corner",
        "the corner of a box", "corner", "one corner",
    ),
    "top left corner": ("the top left corner", "top-left corner", "top left corner of a box"),
    "top right corner": ("the top right corner", "top-right corner", "top right corner of a box"),
    "bottom left corner": (
        "the bottom left corner", "bottom-left corner", "the bottom left corner of a box",
    ),
    "bottom right corner": (
        "the bottom right corner", "bottom-right corner of a box", "the right bottom corner",
    ),
}  # fmt: skip
"""Edge as ``touching_edge`` names it -> what people call it."""


class Quantity(NamedTuple):
    """A phrase of number and what it asks of a count."""

    text: str
    op: str
    n: int
    plural: bool


class Words:
    """Random words, from one seed."""

    def __init__(self, rng: random.Random) -> None:
        """Draws from ``rng``."""
        self.rng = rng

    def one(self, *options: str) -> str:
        """One of the options."""
        return self.rng.choice(options)

    def of(self, options: str) -> str:
        """One of the options, which ``|`` stands between."""
        return self.rng.choice(options.split("|"))

    def chance(self, share: float) -> bool:
        """True in that share of calls."""
        return self.rng.random() < share

    def color(self) -> str:
        """A colour."""
        return self.rng.choice(COLORS)

    def colors(self, n: int) -> list[str]:
        """Different colours."""
        return self.rng.sample(COLORS, n)

    def shape(self) -> str:
        """A kind of thing."""
        return self.rng.choice(SHAPES)

    def number(self, n: int) -> str:
        """A number as digit or word."""
        return str(n) if self.chance(0.4) else NUMBERS[n]

    def count(self, high: int = 8) -> int:
        """A number, small ones more often."""
        weights = (9, 10, 7, 4, 2, 1.5, 0.6, 0.4)[:high]
        return self.rng.choices(range(1, high + 1), weights)[0]

    def quantity(self, high: int = 7, *, a: float = 0.25, no: float = 0.0) -> Quantity:
        """A phrase of number; ``a`` and ``no`` are the shares of those words."""
        draw = self.rng.random()
        if draw < a:
            return Quantity("a", ">=", 1, False)
        if draw < a + no:
            return Quantity("no", "==", 0, self.chance(0.3))
        if self.chance(0.03):
            text, n = self.one("a lot of|3", "many|3", "several|3", "multiple|2").split("|")
            return Quantity(text, ">=", int(n), True)
        n = self.count(high)
        plural, word = n > 1, self.number(n)
        draw = self.rng.random()
        if draw < 0.36:
            return Quantity(word, "==", n, plural)
        if draw < 0.60:
            return Quantity(
                f"{self.one('exactly', 'exactly', 'exactly', 'just')} {word}", "==", n, plural
            )
        if draw < 0.70:
            return Quantity(f"only {word}", "==", n, plural)
        if draw < 0.90:
            least = self.one("at least", "at least", "at least", "atleast", "t least", "minimum")
            return Quantity(f"{least} {word}", ">=", n, plural)
        if draw < 0.94:
            return Quantity(
                f"{self.one('at most', 'at most', 'atmost', 'maximum')} {word}", "<=", n, plural
            )
        if draw < 0.97:
            return Quantity(f"more than {word}", ">", n, plural)
        return Quantity(f"{self.one('less than', 'fewer than')} {word}", "<", n, plural)

    def edge(self) -> tuple[str, str]:
        """An edge as the tool and as people name it."""
        names = list(EDGES)
        edge = self.rng.choices(names, (10, 6, 1.5, 3, 1.5, 3, 0.3, 0.3, 0.3, 0.6))[0]
        return edge, self.one(*EDGES[edge])


def misspelled(sentence: str, rng: random.Random) -> str:
    """The sentence with one slip of a hurried hand: a letter lost, doubled, swapped or replaced."""
    words = sentence.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 3]
    kind = rng.random()
    if kind < 0.15 and len(words) > 3:
        i = rng.randrange(len(words) - 1)
        words[i : i + 2] = [words[i] + words[i + 1]]
    elif kind < 0.25 and len(words) > 4:
        del words[rng.choice([i for i, w in enumerate(words) if w in _SMALL] or [0])]
    elif long:
        i = rng.choice(long)
        words[i] = _slip(words[i], rng)
    return " ".join(words)


_SMALL = ("a", "the", "is", "are", "of", "that", "in", "with", "has")


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word) - 1)
    kind = rng.random()
    if kind < 0.4:
        return word[:at] + word[at + 1 :]
    if kind < 0.6:
        return word[: at + 1] + word[at] + word[at + 1 :]
    if kind < 0.8:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + rng.choice("abcdefghiklmnoprstuvwxy") + word[at + 1 :]


def plural(noun: str, many: bool) -> str:
    """The noun with an s if there are many."""
    return noun + "s" if many else noun


def joined(parts: Sequence[str], rng: random.Random) -> str:
    """``a, b and c`` in one of its forms."""
    if len(parts) == 1:
        return parts[0]
    last = rng.choice((" and ", " and ", " and ", ", and ", " , "))
    return ", ".join(parts[:-1]) + last + parts[-1]
