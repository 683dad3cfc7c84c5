"""Canonical forms: programs of equal form mean the same, whatever their variables are called.

Equal forms are a promise, different forms are not: programs that mean the same in a way that is
costly to see keep different forms, and only run beside each other.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import symtable
import textwrap
import warnings
from collections.abc import Iterator, Mapping

from vprog.errors import ProgramError
from vprog.program.program import Program
from vprog.tools.expression_text import PREFIX, substitute

_GIVEN = ("question", "query", "possible_answers", "options", "choices", "execute_command")
"""Names by which a ``python`` program is called or gets its inputs."""


def canonical(program: Program) -> str:
    """The canonical form of a program; its own text where it cannot be read.

    Layout, comments and the names of variables never matter. In ``steps`` neither do the order of
    steps that do not need each other and steps that are written twice: such a program is a graph of
    calls. In ``python`` docstrings and annotations do not matter either. Steps whose values nobody
    uses stay part of the form, because they can fail.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if program.language == "steps":
                return f"steps {_graph(program.text)}"
            return f"python {_renamed(program.text)}"
    except (SyntaxError, ValueError, RecursionError, MemoryError, ProgramError):
        return f"text {program.text}"


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _graph(text: str) -> str:
    """Hash of what RESULT needs and of what nobody needs; ``ValueError`` for no list of steps."""
    values: dict[str, str] = {}
    needed: set[str] = set()
    computed: set[str] = set()
    result = ""
    for node in ast.parse(textwrap.dedent(text)).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=target)], value=ast.Call(func=ast.Name(id=module)) as call
            ):
                pass
            case _:
                raise ValueError("no step")
        parts = [module]
        for n, value in enumerate(call.args):
            parts += [str(n), _argument(module, "", value, values, needed)]
        for keyword in sorted(call.keywords, key=lambda k: k.arg or ""):
            name = keyword.arg or "**"
            parts += [name, _argument(module, name, keyword.value, values, needed)]
        result = values[target] = _digest(*parts)
        computed.add(result)
    return _digest(result, *sorted(computed - needed))


def _argument(
    module: str, name: str, node: ast.expr, values: Mapping[str, str], needed: set[str]
) -> str:
    """An argument with variables replaced by what they hold; notes which values are needed."""
    match node:
        case ast.Constant(value=str() as text) if module.upper() == "EVAL" and name in ("", "expr"):
            source, variables = substitute(text)
            node = ast.parse(source.strip(), mode="eval").body
            names = {PREFIX + v: values.get(v, f"input {v}") for v in variables}
        case _:
            names = {
                n.id: values.get(n.id, f"input {n.id}")
                for n in ast.walk(node)
                if isinstance(n, ast.Name)
            }
    needed.update(names.values())
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in names:
            part.id = names[part.id]
    return ast.dump(node)


def _renamed(text: str) -> str:
    """Dump of the tree without what has no effect, its variables numbered as they appear."""
    own = _own_names(text)
    tree = ast.parse(text)
    numbers: dict[str, str] = {}

    def renamed(name: str) -> str:
        return numbers.setdefault(name, f"v {len(numbers)}") if name in own else name

    for node in ast.walk(tree):
        match node:
            case ast.Name():
                node.id = renamed(node.id)
            case ast.arg():
                node.arg = renamed(node.arg)
                node.annotation = None
            case ast.FunctionDef():
                node.name = renamed(node.name)
                node.returns = None
            case ast.ExceptHandler(name=str() as name):
                node.name = renamed(name)
            case ast.Global() | ast.Nonlocal():
                node.names = [renamed(name) for name in node.names]
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                kept = [s for s in map(_unannotated, statements) if not _is_remark(s)]
                setattr(node, block, kept)
    return ast.dump(tree)


def _is_remark(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _unannotated(statement: ast.stmt) -> ast.stmt:
    match statement:
        case ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value):
            return ast.Assign(targets=[target], value=value)
    return statement


def _own_names(text: str) -> set[str]:
    """Variables and functions that are the program's own wherever they occur in it.

    Left out are names that something outside of the program can see or that may mean something
    else in another scope: inputs, imports, keywords of calls, what is bound in one scope and a
    built-in or a tool in another, and everything in programs with classes or patterns.
    """
    table = symtable.symtable(text, "<program>", "exec")
    tree = ast.parse(text)
    own: set[str] = set()
    foreign: set[str] = {*_GIVEN, *dir(builtins)}
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef() | ast.Match():
                return set()
            case ast.keyword(arg=str() as name):
                foreign.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                foreign.update((a.asname or a.name).split(".")[0] for a in aliases)
    top = {s.get_name() for s in table.get_symbols() if s.is_assigned()}
    for scope in _scopes(table):
        for symbol in scope.get_symbols():
            name = symbol.get_name()
            if symbol.is_global() and name not in top:
                foreign.add(name)
            else:
                own.add(name)
    return own - foreign


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)
