"""What the answer to one question says about the answer to another.

A question with its answer states *facts*; a question *needs* to know something. Question B is
entailed by question A if the facts of A decide the need of B.

Facts::

    ("attr", ref, family, value)      ("not", ref, family, value)
    ("some", words)                   ("none", words)
    ("rel", ref, relation, ref)       ("unrel", ref, relation, ref)
    ("scene", value)

Needs::

    ("value", ref, family)            ("is", ref, family, value)
    ("choose", ref, family, a, b)     ("exist", words)
    ("holds", ref, relation, ref)     ("side", ref, (relation, relation), ref)
    ("same", ref, ref, family)        ("different", ref, ref, family)
    ("and", need, need)               ("or", need, need)
    ("scene",)                        ("scene is", value)

References are the ``key`` of a ``Ref``; words are frozen sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vprog.world.reference import INVERSE

Fact = tuple[Any, ...]
Need = tuple[Any, ...]


def decide(need: Need, facts: Iterable[Fact]) -> bool | str | None:
    """The answer that the facts leave for a need: a boolean, a word, or None if it stays open."""
    known = set(facts)
    match need:
        case ("value", ref, family):
            return next((f[3] for f in known if f[:3] == ("attr", ref, family)), None)
        case ("is", ref, family, value):
            found = decide(("value", ref, family), known)
            if found is not None:
                return bool(found == value)
            return False if ("not", ref, family, value) in known else None
        case ("choose", ref, family, first, second):
            found = decide(("value", ref, family), known)
            return found if found in (first, second) else None
        case ("exist", words):
            return _exists(words, known)
        case ("holds", one, relation, two):
            return _holds(one, relation, two, known)
        case ("side", one, (first, second), two):
            if _holds(one, first, two, known):
                return _side(first)
            return _side(second) if _holds(one, second, two, known) else None
        case ("and", first, second):
            one, two = decide(first, known), decide(second, known)
            if one is False or two is False:
                return False
            return None if one is None or two is None else True
        case ("or", first, second):
            one, two = decide(first, known), decide(second, known)
            if one is True or two is True:
                return True
            return None if one is None or two is None else False
        case ("same" | "different" as word, first, second, family):
            one, two = (decide(("value", ref, family), known) for ref in (first, second))
            return None if one is None or two is None else (one == two) == (word == "same")
        case ("scene",):
            return next((f[1] for f in known if f[0] == "scene"), None)
        case ("scene is", value):
            scene = decide(("scene",), known)
            return None if scene is None else bool(scene == value)
        case _:
            return None


def _side(relation: str) -> str:
    return relation.removeprefix("to the ").removesuffix(" of")


def _exists(words: frozenset[str], known: set[Fact]) -> bool | None:
    if any(f[0] == "some" and words <= f[1] for f in known):
        return True
    if any(f[0] == "none" and f[1] <= words for f in known):
        return False
    return None


def _holds(one: str, relation: str, two: str, known: set[Fact]) -> bool | None:
    inverse = INVERSE[relation]
    if ("rel", one, relation, two) in known or ("rel", two, inverse, one) in known:
        return True
    if ("rel", one, inverse, two) in known or ("rel", two, relation, one) in known:
        return False
    if ("unrel", one, relation, two) in known or ("unrel", two, inverse, one) in known:
        return False
    return None
