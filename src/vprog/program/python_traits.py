"""How a checked ``python`` program may be executed: shared, seeded.

All functions take the nodes of its tree, so that the tree is walked once.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

_KEEPING = frozenset((
    ast.Global, ast.Nonlocal, ast.ClassDef, ast.Attribute, ast.Name, ast.Import, ast.ImportFrom,
    ast.FunctionDef, ast.Lambda,
))  # fmt: skip


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
