"""The working of an EVAL over several values, in words: ``1 equals 2 : no``."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from vprog.distill.wording import plain
from vprog.errors import ProgramError
from vprog.tools.expression_text import PREFIX, substitute
from vprog.trace import Value

OPERATORS: Mapping[type[ast.AST], str] = {
    ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.Div: "divided by",
    ast.Eq: "equals", ast.NotEq: "differs from", ast.Gt: "is more than", ast.Lt: "is less than",
    ast.GtE: "is at least", ast.LtE: "is at most", ast.In: "is in", ast.NotIn: "is not in",
    ast.And: "and", ast.Or: "or",
}  # fmt: skip
"""Words for what an expression does with its values."""


def working(args: Mapping[str, Value], value: Value) -> str:
    """What an EVAL worked out, with the values in place of its variables.

    Args:
        args: Of the step: ``expr`` and ``variables``.
        value: What came out.

    Returns:
        A sentence without its point; "" where there is nothing to tell: a single value, or an
        expression that chooses between values rather than combining them.
    """
    expression, variables = args.get("expr"), args.get("variables")
    if not isinstance(expression, str) or not isinstance(variables, dict) or len(variables) < 2:
        return ""
    try:
        tree = ast.parse(substitute(expression)[0].strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError, ProgramError):
        return ""
    while isinstance(tree, ast.IfExp):
        if not isinstance(tree.body, ast.Constant) or not isinstance(tree.orelse, ast.Constant):
            return ""
        tree = tree.test
    told = _tell(tree, variables)
    return f"{told} : {plain(value)}" if told else ""


def _tell(node: ast.expr, variables: Mapping[str, Value]) -> str:
    match node:
        case ast.Name(id="yes" | "no" as word):
            return word
        case ast.Name(id=name) if name.startswith(PREFIX):
            return _value(variables.get(name.removeprefix(PREFIX)))
        case ast.Constant(value=constant):
            return _value(constant)
        case ast.BoolOp(op=op, values=operands):
            if any(isinstance(o, ast.Name) and o.id == "xor__" for o in operands):
                kept = [o for o in operands if not (isinstance(o, ast.Name) and o.id == "xor__")]
                return _joined("xor", kept, variables)
            return _joined(OPERATORS[type(op)], operands, variables)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            told = _tell(operand, variables)
            return told and f"not {told}"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return _joined(OPERATORS[type(op)], [left, right], variables)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPERATORS:
            return _joined(OPERATORS[type(op)], [left, right], variables)
    return ""


def _joined(word: str, operands: list[ast.expr], variables: Mapping[str, Value]) -> str:
    told = [_tell(o, variables) for o in operands]
    return f" {word} ".join(told) if all(told) else ""


def _value(value: object) -> str:
    """A value in words; "" for one that needs a place (a region, a list of them)."""
    return plain(value) if isinstance(value, bool | int | float | str) else ""
