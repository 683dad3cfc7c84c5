"""The ``steps`` language: VisProg's one-step-a-line programs, parsed and checked.

A step is ``NAME=MODULE(arg=value, ...)``. Blank lines, comments, steps over several lines, both
quotes, negative numbers and lists are fine, and modules may be in any case. A line of the language
is valid Python syntax, but for quotes inside of quotes, so Python's own parser reads it; nothing is
ever executed as Python.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vprog.errors import ProgramError, known_names
from vprog.program.program import MAX_CHARACTERS
from vprog.program.quotes import requoted
from vprog.tools.expression import parse_expression
from vprog.tools.module import Module
from vprog.tools.tool import MAX_NUMBER, Kind, Param, describe, fits

_LINE_END = re.compile("\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Variable:
    """A reference to the value of an earlier step."""

    name: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One checked step.

    Attributes:
        target: Name of the variable it sets.
        module: What it calls.
        constants: Arguments that are literals, defaults included.
        variables: Arguments that are variables: ``(parameter, variable)``.
        nested: Arguments with variables inside a list or dict: ``(parameter, list or dict)``.
        line: 1-based.
        dynamic: Whether some argument's kind is only known at run time and must be checked then.
    """

    target: str
    module: Module
    constants: Mapping[str, Any]
    variables: tuple[tuple[str, str], ...]
    nested: tuple[tuple[str, Any], ...]
    line: int
    dynamic: bool


def compile_steps(
    text: str, modules: Mapping[str, Module], inputs: Sequence[str]
) -> tuple[Statement, ...]:
    """Parses and checks a program.

    Args:
        text: The program.
        modules: What it may name.
        inputs: Variables that are set before the first step (images).

    Returns:
        Its steps, the last one being RESULT.

    Raises:
        ProgramError: kinds ``syntax``, ``name`` and ``type``, with line and column, what was found,
            what is known and the nearest name.
    """
    kinds: dict[str, Kind] = dict.fromkeys(inputs, "image")
    statements = [_statement(node, modules, kinds) for node in _parse(text)]
    if not statements:
        raise ProgramError("syntax", "the program has no step; write NAME=MODULE(arg=value, ...)")
    for statement in statements[:-1]:
        if statement.module.name == "RESULT":
            raise ProgramError(
                "syntax", "RESULT ends a program, but more steps follow", statement.line
            )
    if statements[-1].module.name != "RESULT":
        raise ProgramError(
            "syntax",
            f"the last step must be RESULT(var=...), found {statements[-1].module.name}",
            statements[-1].line,
        )
    return tuple(statements)


def _parse(text: str) -> list[ast.stmt]:
    if len(text) > MAX_CHARACTERS:
        raise ProgramError(
            "syntax", f"the program has {len(text)} characters; at most {MAX_CHARACTERS} are read"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _read(text)
        except SyntaxError as error:
            mended = _requoted(text)
            if mended is not None:
                return mended
            raise ProgramError(
                "syntax",
                f"{error.msg}; a step is NAME=MODULE(arg=value, ...)",
                error.lineno,
                error.offset,
            ) from None
        except (ValueError, RecursionError, MemoryError) as error:
            reason = "null bytes" if "null" in str(error) else "brackets are nested too deeply"
            if isinstance(error, UnicodeError):
                reason = "it is no valid Unicode text"
            raise ProgramError("syntax", f"cannot read the program: {reason}") from None


def _read(text: str) -> list[ast.stmt]:
    """What Python's parser makes of a text; its indentation never matters."""
    try:
        return ast.parse(textwrap.dedent(text)).body
    except IndentationError:
        return ast.parse("\n".join(line.strip() for line in _LINE_END.split(text))).body


def _requoted(text: str) -> list[ast.stmt] | None:
    """What is read once quotes inside of quoted arguments are set right, line by line, or None."""
    try:
        return _read("\n".join(requoted(line) for line in _LINE_END.split(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _statement(node: ast.stmt, modules: Mapping[str, Module], kinds: dict[str, Kind]) -> Statement:
    match node:
        case ast.Assign(
            targets=[ast.Name(id=target)], value=ast.Call(func=ast.Name(id=name)) as call
        ):
            pass
        case ast.FunctionDef() | ast.Import() | ast.ImportFrom() | ast.Return():
            message = f"this is Python and not steps ({_shown(node)}); say --language python"
            raise ProgramError("syntax", message, node.lineno, node.col_offset + 1)
        case _:
            raise ProgramError(
                "syntax",
                f"a step is NAME=MODULE(arg=value, ...), found {type(node).__name__.lower()}: "
                f"{_shown(node)}",
                node.lineno,
                node.col_offset + 1,
            )
    module = modules.get(name) or modules.get(name.upper())
    if module is None:
        raise ProgramError(
            "name",
            f"unknown module {name!r}. {known_names(name, modules)}",
            node.lineno,
            call.col_offset + 1,
        )
    statement = _arguments(target, module, call, kinds)
    kinds[target] = module.returns
    if module.name == "RESULT" and statement.variables:
        kinds[target] = kinds[statement.variables[0][1]]
    return statement


def _shown(node: ast.AST) -> str:
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):
        text = "..."
    return text if len(text) < 60 else text[:57] + "..."


def _arguments(target: str, module: Module, call: ast.Call, kinds: Mapping[str, Kind]) -> Statement:
    params = {
        p.name: p for p in module.params if not (module.name == "EVAL" and p.name == "variables")
    }
    given: dict[str, ast.expr] = {}
    pairs: list[tuple[str | None, ast.expr]] = [*zip(params, call.args, strict=False)]
    if len(call.args) > len(params):
        extra = call.args[len(params)]
        raise _error("type", f"{module.signature} takes at most {len(params)} arguments", extra)
    pairs += [(k.arg, k.value) for k in call.keywords]
    for name, value in pairs:
        if name is None or isinstance(value, ast.Starred):
            raise _error("syntax", "* and ** have no meaning in a step", value)
        if name not in params:
            raise _error(
                "type",
                f"{module.name} has no argument {name!r}. {known_names(name, params)}",
                value,
            )
        if name in given:
            raise _error("type", f"{module.name} gets {name!r} twice", value)
        given[name] = value
    constants: dict[str, Any] = {}
    variables: list[tuple[str, str]] = []
    nested: list[tuple[str, Any]] = []
    dynamic = False
    for param in params.values():
        if param.name not in given:
            if param.required:
                raise _error(
                    "type", f"{module.name} needs {param.name!r}: {module.signature}", call
                )
            constants[param.name] = param.default
            continue
        node = given[param.name]
        value = _value(node, kinds, 0)
        if isinstance(value, Variable):
            _check_kind(module, param, kinds[value.name], node)
            variables.append((param.name, value.name))
            dynamic = dynamic or (kinds[value.name] == "any" and param.kind != "any")
        elif _has_variable(value):
            nested.append((param.name, value))
            dynamic = True
        elif not fits(value, param.kind):
            raise _error(
                "type",
                f"{module.name} wants {param.name}: {param.kind}, got {describe(value)}",
                node,
            )
        else:
            constants[param.name] = value
    if module.name == "EVAL":
        names = _expression_variables(constants.get("expr"), kinds, call)
        nested.append(("variables", {name: Variable(name) for name in names}))
    return Statement(
        target, module, constants, tuple(variables), tuple(nested), call.lineno, dynamic
    )


def _error(kind: Any, message: str, node: ast.expr) -> ProgramError:
    return ProgramError(kind, message, node.lineno, node.col_offset + 1)


def _has_variable(value: Any) -> bool:
    if isinstance(value, list):
        return any(_has_variable(v) for v in value)
    return isinstance(value, Variable)


def _value(node: ast.expr, kinds: Mapping[str, Kind], depth: int) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number) if not abs(number) <= MAX_NUMBER:
            raise _error("limit", f"numbers beyond {MAX_NUMBER:.0e} are not allowed", node)
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float()) as number):
            return -_value(number, kinds, depth)
        case ast.Name(id=name):
            if name not in kinds:
                raise _error(
                    "name",
                    f"variable {name!r} is used before it is set. {known_names(name, kinds)}",
                    node,
                )
            return Variable(name)
        case ast.List(elts=elements) | ast.Tuple(elts=elements) if depth < 8:
            return [_value(element, kinds, depth + 1) for element in elements]
    raise _error(
        "syntax",
        "an argument is a variable, a number, quoted text or a list of those, found "
        f"{_shown(node)}; calculate with EVAL",
        node,
    )


def _check_kind(module: Module, param: Param, kind: Kind, node: ast.expr) -> None:
    if param.kind == "any" or kind in ("any", param.kind):
        return
    hint = ""
    if param.kind == "image" and kind == "images":
        hint = "; CROP makes an image of a box"
    if param.kind == "images" and kind == "image":
        hint = "; LOC finds boxes in an image"
    raise _error(
        "type",
        f"{module.name} wants {param.name}: {param.kind}, but {_shown(node)} is {kind}{hint}",
        node,
    )


def _expression_variables(expr: Any, kinds: Mapping[str, Kind], call: ast.Call) -> tuple[str, ...]:
    """The variables that an EVAL names. Its text must be written in the program: a text that a
    model produced is a value and never becomes code.
    """
    if not isinstance(expr, str):
        raise _error("type", "EVAL wants its expression written out in quotes", call)
    try:
        names = parse_expression(expr).variables
    except ProgramError as error:
        raise ProgramError(error.kind, error.message, call.lineno, call.col_offset + 1) from None
    for name in names:
        if name not in kinds:
            raise _error(
                "name",
                f"EVAL uses {name!r} before it is set. {known_names(name, kinds)}",
                call,
            )
    return names


def resolve(value: Any, variables: Mapping[str, Any]) -> Any:
    """A nested argument with its variables replaced by their values."""
    if isinstance(value, Variable):
        return variables[value.name]
    if isinstance(value, list):
        return [resolve(item, variables) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, variables) for key, item in value.items()}
    return value
