"""Gold programs of the drawn nlvr2, tally, pope and refer data, from its small semantic form.

``vprog.world.statements`` describes the form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vprog.benchmarks.gqa_python import PythonText, comparison
from vprog.benchmarks.gqa_semantic import SIDES
from vprog.benchmarks.gqa_steps import CROPS, StepsText, quoted
from vprog.errors import InputError

_BINARY = {"==", ">=", "<=", ">", "<", "+", "and", "or", "xor"}


def statement_programs(expression: Any, where: str) -> dict[str, str]:
    """The gold programs of an expression.

    Args:
        expression: The ``semantic`` column of a row.
        where: File and row, for messages.

    Returns:
        ``{"steps": ..., "python": ...}``.

    Raises:
        InputError: The expression is malformed.
    """
    try:
        pair = _pictures(expression) != {"image"}
        return {"steps": _steps(expression), "python": _python(expression, pair)}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{where}: column 'semantic' is malformed: {expression!r}") from error


def reference_programs(described: Any, where: str) -> dict[str, str]:
    """The gold programs that find the one object of a set; see ``vprog.world.statements``.

    Args:
        described: The set, its image being ``image``.
        where: File and row, for messages.

    Returns:
        ``{"steps": ..., "python": ...}``; the answer is the object's region (the only one of a
        list, in steps).

    Raises:
        InputError: The set is malformed.
    """
    steps, python = StepsText(), PythonText("image")
    try:
        boxes = _steps_boxes(described, steps)
        patches = _python_patches(described, python)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: column 'semantic' is malformed: {described!r}") from error
    return {"steps": steps.finished(boxes), "python": python.finished(f"{patches}[0]")}


def _pictures(expression: Any) -> set[str]:
    if not isinstance(expression, list):
        return set()
    if expression[0] == "count":
        return {str(expression[1]["image"])}
    return {name for part in expression[1:] for name in _pictures(part)}


def _is_number(expression: Any) -> bool:
    return isinstance(expression, int) or expression[0] in ("count", "+")


def _steps(expression: Any) -> str:
    text = StepsText()
    said = _steps_expression(expression, text)
    if expression[0] == "count" and said.startswith("{"):
        return text.finished(said.strip("{}"))
    if not _is_number(expression):
        said = f"'yes' if {said} else 'no'"
    return text.finished(text.evaluate(said))


def _steps_expression(expression: Any, text: StepsText) -> str:
    if isinstance(expression, int):
        return str(expression)
    name, *operands = expression
    if name == "count":
        return _steps_count(operands[0], text)
    parts = [_steps_expression(operand, text) for operand in operands]
    if name == "not":
        return f"not ({parts[0]})"
    if name not in _BINARY:
        raise ValueError(name)
    first, second = (f"({part})" if name in ("and", "or", "xor") else part for part in parts)
    return f"{first} {name} {second}"


def _steps_anchor(described: Mapping[str, str], text: StepsText) -> str:
    image = described["image"].upper()
    return text.add("BOX", f"LOC(image={image},object={quoted(described['anchor'])})")


def _steps_boxes(described: Mapping[str, str], text: StepsText) -> str:
    image, phrase = described["image"].upper(), quoted(described["phrase"])
    if "relation" in described:
        anchor = _steps_anchor(described, text)
        crop = CROPS[SIDES[described["relation"]]]
        image = text.add("IMAGE", f"{crop}(image={image},box={anchor})")
    return text.add("BOX", f"LOC(image={image},object={phrase})")


def _steps_count(described: Mapping[str, str], text: StepsText) -> str:
    boxes = _steps_boxes(described, text)
    if "relation" not in described:
        return f"{{{text.count(boxes)}}}"
    # Without an anchor the crop is the whole picture, and its objects must not count.
    there = text.count(_steps_anchor(described, text))
    return f"({{{text.count(boxes)}}} if {{{there}}} > 0 else 0)"


def _python(expression: Any, pair: bool) -> str:
    text = PythonText(*(("left", "right") if pair else ("image",)))
    said = _python_expression(expression, text)
    return text.finished(said if _is_number(expression) else f"bool_to_yesno({said})")


def _python_expression(expression: Any, text: PythonText) -> str:
    if isinstance(expression, int):
        return str(expression)
    name, *operands = expression
    if name == "count":
        return f"len({_python_patches(operands[0], text)})"
    parts = [_python_expression(operand, text) for operand in operands]
    if name == "not":
        return f"not ({parts[0]})"
    first, second = (f"({part})" if name in ("and", "or", "xor") else part for part in parts)
    return f"{first} {'!=' if name == 'xor' else name} {second}"


def _python_patches(described: Mapping[str, str], text: PythonText) -> str:
    image = described["image"]
    *attributes, noun = described["phrase"].split()
    conditions = [f'p.verify_property("{noun}", "{value}")' for value in attributes]
    if "relation" in described:
        anchors = text.add(
            f"{described['anchor']}_patches", f'{image}.find("{described["anchor"]}")'
        )
        side = SIDES[described["relation"]]
        conditions = [anchors, comparison(side, "p", f"{anchors}[0]"), *conditions]
    source = f'{image}.find("{noun}")'
    if conditions:
        source = f"[p for p in {source} if {' and '.join(conditions)}]"
    return text.add(f"{noun}_patches", source)
