"""Which steps of a trace its answer depends on."""

from __future__ import annotations

import ast
import textwrap
import warnings
from collections.abc import Iterator

from vprog.errors import ProgramError
from vprog.tools.expression_text import substitute
from vprog.trace import Step, Trace


def live_steps(trace: Trace) -> list[int]:
    """Indices of the steps that a rationale tells of, in order.

    ``steps`` programs are sliced backwards from their result over the program's text: a step counts
    if its value reaches the answer through variables. A trace of a ``python`` program does not say
    what became of a value; there every call counts whose answer came, equal calls once. What such
    a program asked in vain is told, too.
    """
    if trace.language == "steps":
        lines = _live_lines(trace.program)
        if lines is not None:
            return [n for n, s in enumerate(trace.steps) if not s.error and s.line in lines]
    seen: list[tuple[object, ...]] = []
    live = []
    for n, step in enumerate(trace.steps):
        key = (step.module, step.tool, step.args, step.value)
        if not step.error and key not in seen:
            seen.append(key)
            live.append(n)
    return live


def is_part(trace: Trace, index: int) -> bool:
    """Whether a step is one of several calls that a later step of the same statement sums up."""
    step = trace.steps[index]
    return (
        trace.language == "steps"
        and not step.target
        and any(_sums_up(other, step) for other in trace.steps[index + 1 :])
    )


def _sums_up(other: Step, step: Step) -> bool:
    return other.module == step.module and other.line == step.line and other.tool is None


def _live_lines(program: str) -> set[int] | None:
    """Lines of a ``steps`` program that its last statement needs; None if it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = _parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError, ProgramError):
        return None
    if not body:
        return None
    lines = {body[-1].lineno}
    needed = set(_names(body[-1]))
    for statement in reversed(body[:-1]):
        targets = {
            t.id
            for t in getattr(statement, "targets", ())
            if isinstance(t, ast.Name) and t.id in needed
        }
        if targets:
            lines.add(statement.lineno)
            needed -= targets
            needed |= set(_names(statement))
    return lines


def _parse(program: str) -> list[ast.stmt]:
    try:
        return ast.parse(textwrap.dedent(program)).body
    except IndentationError:
        return ast.parse("\n".join(line.strip() for line in program.splitlines())).body


def _names(statement: ast.stmt) -> Iterator[str]:
    """Variables that a statement reads, those in an expression of EVAL included."""
    call = getattr(statement, "value", None)
    if not isinstance(call, ast.Call):
        return
    is_eval = isinstance(call.func, ast.Name) and call.func.id.upper() == "EVAL"
    for part in (*call.args, *(k.value for k in call.keywords)):
        for node in ast.walk(part):
            if isinstance(node, ast.Name):
                yield node.id
            elif is_eval and isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from substitute(node.value)[1]
