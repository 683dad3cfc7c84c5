"""The ``python`` language: ViperGPT's programs over ImagePatch, checked before they run.

The check reads the program with Python's own parser and never executes it. It knows what the
sandbox offers (its built-ins and modules), the ImagePatch API and the tools of the run, and reports
syntax that the sandbox lacks, unknown names, names used before they are set, wrong numbers of
arguments and literal arguments of the wrong type.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

from vprog.errors import ProgramError
from vprog.program.program import MAX_CHARACTERS
from vprog.program.python_api import Api
from vprog.program.python_checker import (
    METHODS,
    PIXELS,
    PythonChecker,
    children_of,
    error_at,
)
from vprog.program.python_rewrite import replaceable, rewritten
from vprog.program.python_traits import draws, keeps_nothing

_INPUT_NAMES = ("question", "query", "possible_answers", "options", "choices")


@dataclass(frozen=True, slots=True)
class CheckedPython:
    """A checked program.

    Attributes:
        source: The text to execute.
        pictures: Names of the parameters of ``execute_command`` that are pictures.
        given: Names of its other parameters (question, options).
        spared: Those of them that it can do without.
        keeps_nothing: Whether nothing that one execution does can be seen by the next, because the
            program has no state outside of its functions' locals and sets no attribute.
        draws: Whether it may use random numbers.
    """

    source: str
    pictures: tuple[str, ...]
    given: tuple[str, ...]
    spared: tuple[str, ...]
    keeps_nothing: bool
    draws: bool


def check_python(text: str, api: Api) -> CheckedPython:
    """Parses and checks a program.

    Args:
        text: The program; it must define ``execute_command``.
        api: What it may call; see ``api_for``.

    Raises:
        ProgramError: kinds ``syntax``, ``name`` and ``type``, with line and column.
    """
    tree = _parse(text)
    command = _command(tree)
    children = children_of(tree)
    nodes = list(children)
    checker = PythonChecker(children, api, replaceable(text, nodes, METHODS | {PIXELS}))
    checker.check()
    pictures, given, spared = _parameters(command)
    source = rewritten(text, nodes, checker.turned, checker.idle)
    return CheckedPython(source, pictures, given, spared, keeps_nothing(tree, nodes), draws(nodes))


def _parse(text: str) -> ast.Module:
    if len(text) > MAX_CHARACTERS:
        raise ProgramError(
            "syntax", f"the program has {len(text)} characters; at most {MAX_CHARACTERS} are read"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text)
            compile(tree, "<program>", "exec", dont_inherit=True)  # finds 'return' outside etc.
        except SyntaxError as error:
            raise ProgramError("syntax", error.msg, error.lineno, error.offset) from None
        except (ValueError, RecursionError, MemoryError) as error:
            reason = "null bytes" if "null" in str(error) else "it is nested too deeply"
            if isinstance(error, UnicodeError):
                reason = "it is no valid Unicode text"
            raise ProgramError("syntax", f"cannot read the program: {reason}") from None
    return tree


def _command(tree: ast.Module) -> ast.FunctionDef:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "execute_command":
            return node
    names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
    found = f"it defines {', '.join(names)}" if names else "it defines no function"
    raise ProgramError("name", f"a program defines execute_command(image), but {found}")


def _parameters(
    command: ast.FunctionDef,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Names of pictures, of other inputs, and of those of these that have a default."""
    args = command.args
    if args.vararg or args.kwarg or args.kwonlyargs or args.posonlyargs:
        raise error_at("type", "execute_command takes plain parameters only", command)
    names = tuple(a.arg for a in args.args)
    given = tuple(n for n in names if n in _INPUT_NAMES)
    pictures = tuple(n for n in names if n not in given)
    if names[: len(pictures)] != pictures:
        raise error_at("type", "execute_command takes its pictures first", command)
    optional = names[len(names) - len(args.defaults) :]
    return pictures, given, tuple(n for n in given if n in optional)
