"""What a statement means, and the `python` program that says so.

Meanings are nested tuples, so that they can be compared, counted and composed. A *set* is

- ``("find", color, noun)``: things in the scope; color may be "" or COLOR, the one that is tried
- ``("size", set, size)``, ``("edge", set, edge)``, ``("off", set, edge)``: some of a set
- ``("at", set, level)``: those at a level of the tower (or box) in scope, as ``level`` counts
- ``("on", set, set)``, ``("touch", set, set)``

and a *condition* is

- ``("count", set, op, n)``, ``("compare", set, op, set)``: how many there are
- ``("and" | "or", condition, ...)``, ``("not", condition)``
- ``("boxes" | "towers" | "colors" | "shapes" | "numbers", condition, op, n)``: for how many of them
  it holds; op "all" wants every one
"""

from __future__ import annotations

from typing import Any, TypeAlias

Meaning: TypeAlias = tuple[Any, ...]

COLORS = ("black", "blue", "yellow")
SHAPES = ("circle", "square", "triangle")
COLOR, SHAPE, NUMBER = "<color>", "<shape>", "number"
"""Stand for what a ``colors``, ``shapes`` or ``numbers`` condition tries."""

OPENING = "def execute_command(image):\n    return "
_DOMAINS = {
    "boxes": " for box in grey_boxes(image))",
    "towers": ' for tower in towers(image.find("block")))',
    "colors": ' for color in ["black", "blue", "yellow"])',
    "shapes": ' for shape in ["circle", "square", "triangle"])',
    "numbers": " for number in range(1, 9))",
}
_SCOPES = {"boxes": "box", "towers": "tower"}


def find(color: str = "", noun: str = "item") -> Meaning:
    """Things of a colour and kind."""
    return ("find", color, noun)


def count(things: Meaning, op: str = ">=", n: int = 1) -> Meaning:
    """Whether there are that many of them."""
    return ("count", things, op, n)


def both(*conditions: Meaning) -> Meaning:
    """All of the conditions."""
    return conditions[0] if len(conditions) == 1 else ("and", *conditions)


def program(meaning: Meaning) -> str:
    """The program of a condition."""
    return OPENING + _condition(meaning, "image") + "\n"


def _condition(meaning: Meaning, scope: str) -> str:
    kind = meaning[0]
    if kind == "count":
        return _count(meaning, scope)
    if kind == "compare":
        one, other = (_things(part, scope) for part in (meaning[1], meaning[3]))
        return f"len({one}) {meaning[2]} len({other})"
    if kind in ("and", "or"):
        parts = [_condition(part, scope) for part in meaning[1:]]
        text = f" {kind} ".join(parts)
        return f"({text})" if kind == "or" and scope != "image" else text
    if kind == "not":
        return f"not ({_condition(meaning[1], scope)})"
    inner = _condition(meaning[1], _SCOPES.get(kind, scope))
    domain, op = _DOMAINS[kind], meaning[2]
    if op == "all":
        return f"all({inner}{domain}"
    if (op, meaning[3]) == (">=", 1):
        return f"any({inner}{domain}"
    return f"sum({inner}{domain} {op} {meaning[3]}"


def _count(meaning: Meaning, scope: str) -> str:
    things, op, n = meaning[1:]
    if things[0] == "off":
        without = _things(("edge", things[1], things[2]), scope)
        return f"len({_things(things[1], scope)}) - len({without}) {op} {n}"
    return f"len({_things(things, scope)}) {op} {n}"


def _things(things: Meaning, scope: str) -> str:
    kind, of = things[0], things[1]
    if kind == "find":
        return f"{scope}.find({_phrase(of, things[2])})"
    inner = _things(of, scope)
    if kind == "size":
        return f'of_size({inner}, "{things[2]}")'
    if kind == "edge":
        containers = "[box]" if scope == "box" else "grey_boxes(image)"
        edge = "" if things[2] == "any" else f', "{things[2]}"'
        return f"touching_edge({inner}, {containers}{edge})"
    if kind == "at":
        noun = "block" if scope == "tower" else "item"
        return f'inside({inner}, level([{scope}], {scope}.find("{noun}"), {things[2]}))'
    tool = {"on": "on_top_of", "touch": "touching"}[kind]
    return f"{tool}({inner}, {_things(things[2], scope)})"


def _phrase(color: str, noun: str) -> str:
    if color == COLOR:
        return f'color + " {noun}"'
    if noun == SHAPE:
        return f'"{color} " + shape' if color else "shape"
    return f'"{color} {noun}"' if color else f'"{noun}"'
