"""What is written in other words before a ``python`` program runs, because the sandbox needs it.

Lines stay where they are, so that errors name the right one.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from vprog.program.python_names import TYPES

_OPEN_EXCEPTIONS = ("BaseException", "KeyboardInterrupt", "SystemExit", "GeneratorExit")
Turn = Literal["function", "function of a type", "its value"]
"""What becomes of an attribute: a function, or what it is an attribute of."""
_OF_VALUE = b"(lambda o: lambda *a, **k: o.%s(*a, **k))("
"""A value's method as a function; the value is looked at once, as in Python."""
_OF_TYPE = b"(lambda o, *a, **k: o.%s(*a, **k))"


class Edit(NamedTuple):
    """A piece of a line that is exchanged.

    Attributes:
        line: From 1.
        start: In bytes of UTF-8, from 0.
        end: Exclusive.
        new: What stands there instead.
    """

    line: int
    start: int
    end: int
    new: bytes


def rewritten(
    text: str,
    nodes: Sequence[ast.AST],
    attributes: Mapping[ast.Attribute, Turn],
    idle: Collection[ast.stmt],
) -> str:
    """The text as the sandbox runs it.

    ``except:`` cannot catch the engine's own stop. Generator expressions, lists in the sandbox, are
    made iterators where they do not stand alone in a call of what reads them once anyway.

    Args:
        text: Of a program that was checked.
        nodes: Of its tree.
        attributes: Some of ``replaceable``, and what becomes of them.
        idle: Imports whose names nobody reads; they become ``pass``.
    """
    edits = [edit for node in _generators(nodes) for edit in _iterator(*node)]
    handlers = [node for node in nodes if isinstance(node, ast.ExceptHandler)]
    edits += [edit for node in handlers for edit in _exceptions(node)]
    edits += [edit for pair in attributes.items() for edit in _turned(*pair)]
    if not edits and not idle:
        return text
    lines = text.encode().splitlines(keepends=True)  # columns count bytes
    edits += [edit for node in idle for edit in _nothing(node, lines)]
    for line, start, end, new in sorted(edits, reverse=True):
        old = lines[line - 1]
        apart = b" " if new[:1].isalpha() and old[:start][-1:].isalnum() else b""
        lines[line - 1] = old[:start] + apart + new + old[end:]
    return b"".join(lines).decode()


def replaceable(text: str, nodes: Sequence[ast.AST], names: Collection[str]) -> set[ast.Attribute]:
    """Attributes that are not called where they stand (``key=counts.get``), or are a type's.

    Those that have no reliable place in the text are left out.

    Args:
        text: Of the program.
        nodes: Of its tree.
        names: Of the attributes.
    """
    found = [
        node
        for node in nodes
        if type(node) is ast.Attribute and node.attr in names and type(node.ctx) is ast.Load
    ]
    if not found:
        return set()
    called = {node.func for node in nodes if isinstance(node, ast.Call)}
    unplaced = _in_f_strings(nodes)
    lines = text.encode().splitlines()
    return {
        node
        for node in found
        if (node not in called or (isinstance(node.value, ast.Name) and node.value.id in TYPES))
        and node not in unplaced
        and lines[_end(node)[0] - 1][: _end(node)[1]].endswith(f".{node.attr}".encode())
    }


def _turned(node: ast.Attribute, turn: Turn) -> list[Edit]:
    """The edits that make of an attribute what becomes of it."""
    line, end = _end(node)
    name, dot = node.attr.encode(), end - len(node.attr) - 1
    if turn == "its value":
        return [Edit(line, dot, end, b"")]
    if turn == "function of a type" and line == node.lineno:
        return [Edit(line, node.col_offset, end, _OF_TYPE % name)]
    return [
        Edit(node.lineno, node.col_offset, node.col_offset, _OF_VALUE % name),
        Edit(line, dot, end, b")"),
    ]


def _nothing(node: ast.stmt, lines: Sequence[bytes]) -> list[Edit]:
    """The edits that leave a statement out."""
    last, end = _end(node)
    edits = []
    for line in range(node.lineno, last + 1):
        bare = len(lines[line - 1].rstrip(b"\r\n"))
        first = line == node.lineno
        start = node.col_offset if first else 0
        edits.append(Edit(line, start, end if line == last else bare, b"pass" if first else b""))
    return edits


def _exceptions(node: ast.ExceptHandler) -> list[Edit]:
    """The edits of an ``except`` that would catch the engine's stop."""
    if node.type is None:
        after = node.col_offset + len("except")
        return [Edit(node.lineno, after, after, b" Exception")]
    return [
        Edit(name.lineno, name.col_offset, _end(name)[1], b"Exception")
        for name in ast.walk(node.type)
        if isinstance(name, ast.Name) and name.id in _OPEN_EXCEPTIONS
    ]


def _end(node: ast.expr | ast.stmt) -> tuple[int, int]:
    """Line and column where a node ends."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


def _in_f_strings(nodes: Sequence[ast.AST]) -> set[ast.AST]:
    """Nodes inside of f-strings, whose places are not reliable."""
    return {inner for node in nodes if isinstance(node, ast.JoinedStr) for inner in ast.walk(node)}


def _generators(nodes: Sequence[ast.AST]) -> list[tuple[ast.GeneratorExp, bool]]:
    """Generator expressions, and whether one shares its brackets with a call.

    Those in f-strings (no places) and those that a call other than of the program's own functions
    reads are left out.
    """
    found = [node for node in nodes if isinstance(node, ast.GeneratorExp)]
    if not found:
        return []
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    own |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    left_out = _in_f_strings(nodes)
    shared: set[ast.AST] = set()
    for node in nodes:
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            (given,) = node.args
            if not isinstance(node.func, ast.Name) or node.func.id not in own:
                left_out.add(given)
            elif (node.end_lineno, node.end_col_offset) == (given.end_lineno, given.end_col_offset):
                shared.add(given)
    return [(node, node in shared) for node in found if node not in left_out]


def _iterator(node: ast.GeneratorExp, shared: bool) -> list[Edit]:
    """The edits that put an expression into ``iter()``, with brackets where it has none."""
    if not shared:
        return [Edit(node.lineno, node.col_offset, node.col_offset, b"iter")]
    line, end = _end(node)
    return [
        Edit(node.lineno, node.col_offset, node.col_offset, b"(iter"),
        Edit(line, end, end, b")"),
    ]
