"""How a checked ``python`` program may be executed: shared, seeded, stopped.

All functions take the nodes of its tree, so that the tree is walked once.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

_KEEPING = frozenset((
    ast.Global, ast.Nonlocal, ast.ClassDef, ast.Attribute, ast.Name, ast.Import, ast.ImportFrom,
    ast.FunctionDef, ast.Lambda,
))  # fmt: skip
_OPEN_EXCEPTIONS = ("BaseException", "KeyboardInterrupt", "SystemExit", "GeneratorExit")


def draws(nodes: Sequence[ast.AST]) -> bool:
    """Whether a program imports random; its text may spell the name in other characters."""
    names: list[str | None] = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module)
    return "random" in names


def keeps_nothing(tree: ast.Module, nodes: Sequence[ast.AST]) -> bool:
    """Whether executions of a program can share compiled code; in doubt they cannot."""
    for statement in tree.body:
        match statement:
            case ast.FunctionDef(decorator_list=[]) | ast.Import() | ast.ImportFrom():
                continue
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(targets=[ast.Name()], value=ast.Constant()):
                continue
        return False
    for node in nodes:
        if type(node) not in _KEEPING:
            continue
        match node:
            case ast.Global() | ast.Nonlocal() | ast.ClassDef():
                return False
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                return False
            case ast.Name(id="setattr" | "delattr" | "getattr" | "object" | "type"):
                return False
            case ast.Import(names=names) if any(n.name == "dataclasses" for n in names):
                return False  # dataclass(ImagePatch) changes the class in place
            case ast.ImportFrom(module="dataclasses"):
                return False
            case ast.FunctionDef(args=args) | ast.Lambda(args=args):
                if not all(isinstance(d, ast.Constant) for d in args.defaults + args.kw_defaults):
                    return False
    return True


def softened(text: str, nodes: Sequence[ast.AST]) -> str:
    """The text with ``except:`` that cannot catch the engine's own stop; line by line the same.

    Generator expressions, lists in the sandbox, are made iterators where they do not stand alone
    in a call of what reads them once anyway.
    """
    edits = [edit for node in _generators(nodes) for edit in _iterator(*node)]
    for node in nodes:
        if not isinstance(node, ast.ExceptHandler):
            continue
        if node.type is None:
            after = node.col_offset + len("except")
            edits.append((node.lineno, after, after, b" Exception"))
            continue
        for name in ast.walk(node.type):
            if isinstance(name, ast.Name) and name.id in _OPEN_EXCEPTIONS:
                end = name.end_col_offset or name.col_offset
                edits.append((name.lineno, name.col_offset, end, b"Exception"))
    if not edits:
        return text
    lines = text.encode().splitlines(keepends=True)  # columns count bytes
    for line, start, end, new in sorted(edits, reverse=True):
        old = lines[line - 1] if line <= len(lines) else b""
        # Names inside of f-strings have no reliable place; what is left open is only slower.
        if old[start:end].decode("ascii", "ignore") in ("", *_OPEN_EXCEPTIONS):
            apart = b" " if new[:1].isalpha() and old[:start][-1:].isalnum() else b""
            lines[line - 1] = old[:start] + apart + new + old[end:]
    return b"".join(lines).decode()


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
    left_out: set[ast.AST] = set()
    shared: set[ast.AST] = set()
    for node in nodes:
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            (given,) = node.args
            if not isinstance(node.func, ast.Name) or node.func.id not in own:
                left_out.add(given)
            elif (node.end_lineno, node.end_col_offset) == (given.end_lineno, given.end_col_offset):
                shared.add(given)
        elif isinstance(node, ast.JoinedStr):
            left_out.update(ast.walk(node))
    return [(node, node in shared) for node in found if node not in left_out]


def _iterator(node: ast.GeneratorExp, shared: bool) -> list[tuple[int, int, int, bytes]]:
    """The edits that put an expression into ``iter()``, with brackets where it has none."""
    if not shared:
        return [(node.lineno, node.col_offset, node.col_offset, b"iter")]
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return [
        (node.lineno, node.col_offset, node.col_offset, b"(iter"),
        (node.end_lineno, node.end_col_offset, node.end_col_offset, b")"),
    ]
