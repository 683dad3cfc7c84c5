"""Words of the oracle: plurals, families of attributes, and when a phrase is true."""

from __future__ import annotations

import re
from functools import lru_cache

from vprog.example import SceneObject

ANYTHING = frozenset(
    f"{noun}{ending}"
    for noun in ("object", "thing", "item", "shape", "figure", "one")
    for ending in ("", "s")
)
"""Nouns that are true of every object."""

FAMILIES: dict[str, frozenset[str]] = {
    "color": frozenset(
        [
            "red",
            "orange",
            "yellow",
            "green",
            "blue",
            "purple",
            "pink",
            "brown",
            "black",
            "white",
            "gray",
            "cyan",
            "magenta",
            "violet",
            "turquoise",
            "beige",
            "gold",
            "silver",
            "tan",
        ]
    ),
    "size": frozenset(["small", "large", "medium", "tall", "short", "wide", "narrow", "long"]),
    "pattern": frozenset(["plain", "striped", "dotted", "checked", "solid", "spotted"]),
    "shape": frozenset(
        [
            "square",
            "circle",
            "triangle",
            "rectangle",
            "cross",
            "pentagon",
            "ellipse",
            "semicircle",
            "star",
            "diamond",
            "sphere",
            "cube",
            "cylinder",
            "round",
            "oval",
            "rectangular",
            "triangular",
            "circular",
        ]
    ),
    "material": frozenset(
        [
            "wooden",
            "metallic",
            "metal",
            "wood",
            "plastic",
            "rubber",
            "glass",
            "stone",
            "leather",
            "paper",
        ]
    ),
}
"""Attribute words by family. A shape may be an object's name."""

FAMILY_NAMES = {"colour": "color", **{name: name for name in FAMILIES}}
"""What a question may call a family."""

_SAME = {"big": "large", "little": "small", "tiny": "small", "grey": "gray", "colour": "color"}
_DROPPED = frozenset(
    [
        "a",
        "an",
        "the",
        "any",
        "some",
        "all",
        "this",
        "that",
        "these",
        "those",
        "is",
        "are",
        "which",
        "who",
        "look",
        "looks",
        "of",
    ]
)
_IRREGULAR = {
    "person": "people", "man": "men", "woman": "women", "child": "children", "mouse": "mice",
    "foot": "feet", "tooth": "teeth", "goose": "geese", "leaf": "leaves", "knife": "knives",
    "shelf": "shelves", "loaf": "loaves", "wolf": "wolves",
}  # fmt: skip
RELATING = frozenset(
    [
        "in",
        "on",
        "at",
        "to",
        "by",
        "near",
        "with",
        "without",
        "behind",
        "above",
        "below",
        "under",
        "over",
        "beside",
        "between",
        "inside",
        "left",
        "right",
        "front",
        "next",
        "than",
        "wearing",
        "holding",
        "has",
        "have",
    ]
)
"""Words of phrases that speak of several objects, which the oracle does not answer."""
_PIECES = re.compile(r"\b(?:piece|item|article|pair|kind|type)s? of ")
_PHOTO = re.compile(r"^(?:an? )?(?:photo|picture|image|drawing) of ")
_NOT = "not"

Said = tuple[str, ...]


@lru_cache(maxsize=65536)
def tokens(phrase: str) -> Said:
    """The words of a phrase that must be true, in lower case, without articles and filler."""
    text = _PIECES.sub("", _PHOTO.sub("", " ".join(phrase.lower().split())))
    words = re.findall(r"[a-z0-9#'-]+", text)
    return tuple(_SAME.get(word, word) for word in words if word not in _DROPPED)


@lru_cache(maxsize=65536)
def is_form_of(word: str, fact: str) -> bool:
    """Whether a word is a singular word or a plural of it."""
    if word == fact or _IRREGULAR.get(fact) == word:
        return True
    if not word.endswith("s"):
        return False
    return word in (f"{fact}s", f"{fact}es") or (fact.endswith("y") and word == f"{fact[:-1]}ies")


def facts(thing: SceneObject) -> list[Said]:
    """Everything that is said of an object, as words."""
    return [tokens(text) for text in (thing.name, *thing.names, *thing.attributes)]


def holds(thing: SceneObject, said: Said) -> bool:
    """Whether every word of a phrase is true of an object (and every ``not WORD`` is false)."""
    return holding_share(thing, said) == 1


def holding_share(thing: SceneObject, said: Said) -> float:
    """The share of a phrase's words that are true of an object; 1 for a phrase without words."""
    known = facts(thing)
    true = position = 0
    while position < len(said):
        if said[position] == _NOT:
            length = _covered(said, position + 1, known)
            step = 1 + max(length, 1)
            true += 0 if length else step
            position += min(step, len(said) - position)
            continue
        length = _covered(said, position, known)
        true += length
        position += max(length, 1)
    return min(true, len(said)) / len(said) if said else 1.0


def _covered(said: Said, position: int, known: list[Said]) -> int:
    """How many words from ``position`` on are one true fact; 0 if the word is false."""
    if position >= len(said):
        return 0
    best = int(said[position] in ANYTHING)
    for fact in known:
        length = len(fact)
        if length > best and said[position : position + length - 1] == fact[:-1]:
            last = position + length - 1
            if last < len(said) and is_form_of(said[last], fact[-1]):
                best = length
    return best


def family_value(thing: SceneObject, family: str) -> str | None:
    """The object's attribute in a family, or its name where that is one; None if there is none."""
    for text in (*thing.attributes, thing.name, *thing.names):
        if " ".join(tokens(text)) in FAMILIES[family]:
            return text.lower()
    return None


def is_attribute(said: str) -> bool:
    """Whether text is a word of some family."""
    words = tokens(said)
    return len(words) == 1 and any(words[0] in family for family in FAMILIES.values())
