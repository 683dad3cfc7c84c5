"""Traces: what a program asked of its tools, what came back, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from vprog.errors import ErrorKind
from vprog.example import Region

Value: TypeAlias = "None | bool | int | float | str | Region | list[Any] | dict[str, Any]"
"""What programs and tools exchange: plain data and references to picture regions."""

Source = Literal["computed", "shared", "remembered", "inline"]
"""Where a step's result came from.

``computed``: this step's call went to the backend. ``shared``: an equal call of another step in
flight did. ``remembered``: the memo had it. ``inline``: the engine computed it itself (geometry,
counting, arithmetic); it is no call of a backend.
"""


class Call(NamedTuple):
    """A request of a running program for one answer of one tool.

    Attributes:
        tool: Name of the tool.
        args: Arguments by parameter name, all of the tool's parameters present.
    """

    tool: str
    args: Mapping[str, Value]


@dataclass(slots=True)
class Result:
    """What a backend answers to one call.

    Attributes:
        value: Of the tool's return type.
        info: What the backend knows beside the value, JSON-like: scores, a distribution, a caption.
    """

    value: Value
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Step:
    """One step of a trace: a call of a tool, or an inline module, with its result.

    Attributes:
        module: The name that the program used: ``LOC``, ``find``, ``simple_query``, ...
        tool: The tool that answered, or None for an inline module.
        args: Arguments: the tool's, by parameter name; the module's own for inline modules.
        value: The result; None where the step failed.
        target: The variable that received it (``steps`` programs), else "".
        line: 1-based line of the program, 0 where unknown.
        source: Where the result came from.
        info: Scores and whatever else the backend said.
        ms: Share of the batch's time in milliseconds; 0 for shared and remembered calls.
        error: Message, where this step failed its program.
    """

    module: str
    tool: str | None
    args: Mapping[str, Value]
    value: Value = None
    target: str = ""
    line: int = 0
    source: Source = "inline"
    info: Mapping[str, Any] = field(default_factory=dict)
    ms: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a program failed.

    Attributes:
        kind: Class of the failure.
        message: What happened and what to do.
        step: 0-based index of the step at which it happened (the number of finished steps where
            it happened between two), or None where the program never started.
        line: 1-based line of the program, where known.
    """

    kind: ErrorKind
    message: str
    step: int | None = None
    line: int | None = None


@dataclass(slots=True)
class Trace:
    """Everything one program did for one example.

    Attributes:
        example_id: ``Example.id``.
        candidate: Index among the candidates of the example, 0 for a single program.
        language: ``steps`` or ``python``.
        program: The source text.
        steps: In the order of execution.
        answer: What the program returned; None where it failed.
        failure: None where the program ended with an answer.
        logprob: The writer's log-probability of the program, where it gave one.
    """

    example_id: str
    candidate: int
    language: str
    program: str
    steps: list[Step] = field(default_factory=list)
    answer: Value = None
    failure: Failure | None = None
    logprob: float | None = None
