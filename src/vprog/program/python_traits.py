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
    in a call, which reads them once anyway.
    """
    edits = [(n.lineno, n.col_offset, n.col_offset, b"iter") for n in _generators(nodes)]
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
            lines[line - 1] = old[:start] + new + old[end:]
    return b"".join(lines).decode()


def _generators(nodes: Sequence[ast.AST]) -> list[ast.GeneratorExp]:
    """Generator expressions in brackets of their own, but for those in f-strings (no places)."""
    found = [node for node in nodes if isinstance(node, ast.GeneratorExp)]
    if not found:
        return []
    left_out: set[ast.AST] = set()
    for node in nodes:
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            left_out.add(node.args[0])
        elif isinstance(node, ast.JoinedStr):
            left_out.update(ast.walk(node))
    return [node for node in found if node not in left_out]
