"""The small semantic form behind the questions of nlvr2, tally and pope.

An expression is a number, ``["count", SET]``, or an operator with its operands: ``==``, ``>=``,
``<=``, ``>``, ``<``, ``+``, ``and``, ``or``, ``xor``, ``not``. A set is
``{"image": "left", "phrase": "red cat"}``, its image being ``image``, ``left`` or ``right``; with
``"relation"`` and ``"anchor"`` (a phrase) it holds only the objects that stand in that relation to
the one object that the anchor names, and nothing where the anchor names none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vprog.example import Scene
from vprog.world.reference import having, related

Expression = Any
"""JSON; see the module."""


def count(image: str, phrase: str, relation: str = "", anchor: str = "") -> Expression:
    """``["count", SET]``."""
    described = {"image": image, "phrase": phrase}
    if relation:
        described |= {"relation": relation, "anchor": anchor}
    return ["count", described]


_OPERATORS: Mapping[str, Callable[[int, int], bool | int]] = {
    "==": lambda a, b: a == b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "+": lambda a, b: a + b,
    "and": lambda a, b: bool(a and b),
    "or": lambda a, b: bool(a or b),
    "xor": lambda a, b: bool(a) != bool(b),
    "not": lambda a, b: not a,
}


def value(expression: Expression, scenes: Mapping[str, Scene]) -> bool | int | None:
    """The truth or number of an expression, from gold scenes.

    Args:
        expression: See the module.
        scenes: By the names of the pictures in the expression's sets.

    Returns:
        None where an anchor names several objects or something stands too near to the dividing
        line to tell.
    """
    if isinstance(expression, int):
        return expression
    name, *operands = expression
    if name == "count":
        return _count(operands[0], scenes[operands[0]["image"]])
    values = [value(operand, scenes) for operand in operands]
    if any(v is None for v in values):
        return None
    return _OPERATORS[name](values[0] or 0, values[-1] or 0)


def _count(described: Mapping[str, str], scene: Scene) -> int | None:
    words = described["phrase"].split()
    if "relation" not in described:
        return len(having(scene, words))
    anchors = having(scene, described["anchor"].split())
    if not anchors:
        return 0
    if len(anchors) > 1:
        return None
    found = related(scene, words, described["relation"], anchors[0])
    return None if found is None else len(found)
