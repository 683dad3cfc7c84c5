"""Many ways of naming the things of a question: descriptions, relations, attributes, numbers."""

from __future__ import annotations

import random
from dataclasses import dataclass

from vprog.world.paraphrase_frames import Part, further, split
from vprog.world.reference import MARK
from vprog.world.vocabulary import plural, singular, with_article

CLAUSES = (
    "that is {}",
    "which is {}",
    "that looks {}",
    "that appears {}",
    "that's {}",
    "which looks {}",
)
TAILS = (
    "{}",
    "that is {}",
    "which is {}",
    "that can be seen {}",
    "standing {}",
    "that stands {}",
    "that's {}",
    "you see {}",
    "which you see {}",
    "placed {}",
)
"""Relative clauses for an attribute and for a relation; held out as frames are."""

_OTHER_WORDS = {
    "large": ("big",),
    "small": ("little", "tiny"),
    "dotted": ("spotted",),
    "striped": ("stripy",),
    "larger": ("bigger",),
    "object": ("thing", "item"),
}
_STYLES = {
    "to the left of": ("left of", "on the left of", "on the left side of"),
    "to the right of": ("right of", "on the right of", "on the right side of"),
    "above": ("over", "above", "over"),
    "below": ("under", "beneath", "underneath"),
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What a description speaks of.

    Attributes:
        noun: A kind, a category or ``object``.
        attributes: Values in the order of English adjectives.
        relation: To ``anchor``, or "".
        anchor: What it is related to.
        id: Of the object in the gold scene, or "".
    """

    noun: str
    attributes: tuple[str, ...] = ()
    relation: str = ""
    anchor: Thing | None = None
    id: str = ""


def word(rng: random.Random, said: str) -> str:
    """A word, or now and then another one for the same."""
    others = _OTHER_WORDS.get(said, ())
    return rng.choice(others) if others and rng.random() < 0.2 else said


def words(rng: random.Random, values: tuple[str, ...]) -> list[str]:
    """``word`` of each."""
    return [word(rng, value) for value in values]


def relation(rng: random.Random, name: str) -> str:
    """A relation, or now and then another phrase for it."""
    return rng.choice(_STYLES.get(name, (name,))) if rng.random() < 0.25 else name


def relations(rng: random.Random, first: str, second: str) -> tuple[str, str]:
    """Two relations in the same style."""
    if rng.random() >= 0.25 or not {first, second} <= set(_STYLES):
        return first, second
    style = rng.randrange(3)
    return _STYLES[first][style], _STYLES[second][style]


def single(rng: random.Random, noun: str, attributes: tuple[str, ...] = ()) -> str:
    """``small red cat``, ``piece of furniture``."""
    return " ".join((*words(rng, attributes), singular(word(rng, noun))))


def one(rng: random.Random, noun: str, attributes: tuple[str, ...] = ()) -> str:
    """``a small red cat``."""
    return with_article(single(rng, noun, attributes))


def many(rng: random.Random, noun: str, attributes: tuple[str, ...] = ()) -> str:
    """``small red cats``."""
    return " ".join((*words(rng, attributes), plural(word(rng, noun))))


def number(rng: random.Random, amount: int, noun: str, attributes: tuple[str, ...] = ()) -> str:
    """``one red cat``, ``three red cats``, ``3 red cats``."""
    said = NUMBERS[amount] if amount == 0 or rng.random() < 0.85 else str(amount)
    form = single if amount == 1 else many
    return f"{said} {form(rng, noun, attributes)}"


def the(rng: random.Random, thing: Thing, part: Part) -> str:
    """A description with its article and the mark of what it names."""
    adjectives, tail = words(rng, thing.attributes), ""
    if thing.anchor is None and adjectives and rng.random() < 0.3:
        kept = adjectives if rng.random() < 0.3 else [adjectives.pop()]
        tail = " " + _clause(rng, "an attribute", CLAUSES, part).format(" and ".join(kept))
        if kept is adjectives:
            adjectives = []
    elif thing.anchor is not None:
        where = f"{relation(rng, thing.relation)} {the(rng, thing.anchor, part)}"
        short = rng.random() < 0.4
        tail = " " + (where if short else _clause(rng, "a relation", TAILS, part).format(where))
    mark = f"{MARK}{thing.id}{MARK}" if thing.id else ""
    return " ".join(("the", *adjectives, singular(word(rng, thing.noun)))) + mark + tail


def _clause(rng: random.Random, of: str, listed: tuple[str, ...], part: Part) -> str:
    """For training one of those that are not held out or a further one, else any of the list."""
    if part == "train":
        listed = (*split(listed, "train"), *further()[f"clause of {of}"])
    return rng.choice(listed)
