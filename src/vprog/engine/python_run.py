"""A ``python`` program in flight: its text, its record of answers, one call at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from vprog.engine.sandbox import Job, Outcome
from vprog.engine.settings import Limits
from vprog.engine.task import Running, Task
from vprog.errors import ProgramError, VprogError
from vprog.example import Region
from vprog.program.program import pictures_as
from vprog.program.python import CheckedPython
from vprog.tools.tool import Param, Tool
from vprog.trace import Call, Result, Source, Step, Value

MAX_EDGE = 1e9
"""Largest magnitude of a patch's edge in pixels; far outside of every picture."""
MAX_REPEATS = 4
"""A program's executions may take this many times its time limit in all."""
_LIMIT_ERRORS = ("RecursionError", "MemoryError", "TimeoutError")
_NAME_ERRORS = ("NameError", "AttributeError", "UnboundLocalError")


class PythonRun(Running):
    """A program that is executed again whenever an answer has come."""

    __slots__ = (
        "_heights", "_inputs", "_limits", "_log", "_pending", "_program", "_spent_s", "_tools",
    )  # fmt: skip

    def __init__(
        self,
        task: Task,
        program: CheckedPython,
        given: Mapping[str, Any],
        tools: Mapping[str, Tool],
        limits: Limits,
    ) -> None:
        """Prepares the first execution.

        Args:
            task: The program and its example.
            program: The checked program.
            given: Named inputs beside the pictures (question, options).
            tools: By name.
            limits: Of this program.

        Raises:
            PictureError: A picture cannot be read.
        """
        super().__init__(task)
        self._program = program
        self._tools = tools
        self._limits = limits
        self._log: list[str] = []
        self._pending: list[Any] = []
        self._spent_s = 0.0
        pictures = task.example.pictures
        sizes = [(p.id, *p.size) for p in pictures]
        self._heights = {id: height for id, _, height in sizes}
        together = json.dumps(pictures_as(len(pictures), program.pictures[0]))
        self._inputs = f"{json.dumps(sizes)},{together},{json.dumps(dict(given))}"

    def job(self) -> Job:
        """The next execution."""
        return Job(self._program, self._log, self._inputs)

    def take(self, outcome: Outcome) -> Call | None:
        """Goes on by what an execution yielded.

        Returns:
            The new call, or None: then the program has ended, or an inline tool has answered and it
            is ready for the next execution.
        """
        try:
            return self._take(outcome)
        except VprogError as error:
            self.fail(error)
            return None

    def _take(self, outcome: Outcome) -> Call | None:
        if outcome.kind == "done":
            self.trace.answer = self._answer(outcome.data)
            self.ended = True
            return None
        if outcome.kind == "limit":
            raise ProgramError("limit", str(outcome.data))
        if outcome.kind == "error":
            raise self._error(outcome.data[0], outcome.data[1], outcome.line)
        self._spent_s += outcome.seconds
        if self._spent_s > MAX_REPEATS * self._limits.time_s:
            raise ProgramError(
                "limit",
                "a program starts anew after every call; with so much computation before its calls "
                f"it ran longer than {MAX_REPEATS * self._limits.time_s:g} s in all",
            )
        module, tool_name, raw = outcome.data
        if module == "diverged":
            raise ProgramError(
                "runtime",
                "the program does not repeat itself: executed again it called "
                f"{raw} where it had called {tool_name}"
                + (", with other arguments" if raw == tool_name else ""),
            )
        return self._call(module, tool_name, raw)

    def _call(self, module: str, tool_name: str, raw: list[Any]) -> Call | None:
        tool = self._tools[tool_name]
        values = {
            param.name: self._decode(value, param)
            for param, value in zip(tool.params, raw, strict=True)
        }
        args = tool.bind(values)
        self.calls += 1
        if self.calls > self._limits.calls:
            raise ProgramError("limit", f"more than {self._limits.calls} tool calls")
        step = Step(module, tool_name, args)
        self.trace.steps.append(step)
        self._pending = [tool_name, raw]
        if tool.inline:
            step.tool = None
            try:
                step.value = tool.compute(args)
            except ProgramError as error:
                step.error = error.message
                raise
            self._record(step.value)
            return None
        self.open_calls = 1
        return Call(tool_name, args)

    def deliver(self, index: int, result: Result | VprogError, source: Source, ms: float) -> None:
        """Takes the answer to the open call."""
        del index
        self.open_calls = 0
        step = self.trace.steps[-1]
        step.source = source
        step.ms = ms
        if isinstance(result, VprogError):
            step.error = str(result)
            self.fail(result)
            return
        step.value = result.value
        step.info = result.info
        self._record(result.value)

    def _record(self, value: Value) -> None:
        tool_name, raw = self._pending
        tagged = self._tools[tool_name].returns == "any"
        sent = self._tagged(value) if tagged else self._encode(value)
        self._log.append(json.dumps([tool_name, raw, sent]))

    def _tagged(self, value: Any) -> dict[str, Any]:
        """A value whose kind only it itself tells."""
        if type(value) is Region:
            return {"region": self._encode(value)}
        if isinstance(value, list):
            return {"list": [self._tagged(item) for item in value]}
        if isinstance(value, dict):
            return {"dict": {str(key): self._tagged(item) for key, item in value.items()}}
        return {"plain": value}

    def _encode(self, value: Any) -> Any:
        if type(value) is Region:
            return [*value[:5], self._height(value.picture)]
        if isinstance(value, list):
            return [self._encode(item) for item in value]
        return value

    def _height(self, picture: str) -> int:
        if picture not in self._heights:
            self._heights[picture] = self.pictures[picture].size[1]
        return self._heights[picture]

    def _decode(self, value: Any, param: Param) -> Any:
        if param.kind == "image":
            return self._region(value)
        if param.kind == "images" and isinstance(value, list):
            return [self._region(item) for item in value]
        if param.kind == "any":
            return self._answer(value)
        return value

    def _region(self, value: Any) -> Any:
        if not (isinstance(value, list) and len(value) == 5 and isinstance(value[0], str)):
            return value
        picture, *edges = value
        if picture not in self.pictures:
            raise ProgramError("runtime", "a patch of a picture that this program does not have")
        if not all(type(v) in (int, float) and abs(v) <= MAX_EDGE for v in edges):
            raise ProgramError("runtime", f"a patch has impossible edges: {edges}"[:200])
        return Region(picture, *edges)

    def _answer(self, data: Any) -> Value:
        kind, value = next(iter(data.items()))
        if kind == "region":
            region = self._region(value)
            if type(region) is not Region:
                raise ProgramError("runtime", "a program cannot return a tampered patch")
            return region
        if kind == "list":
            return [self._answer(item) for item in value]
        if kind == "dict":
            return {key: self._answer(item) for key, item in value.items()}
        if isinstance(value, float) and not math.isfinite(value):
            raise ProgramError("runtime", f"{value} is no number to answer or to hand on")
        return value  # type: ignore[no-any-return]

    @staticmethod
    def _error(kind: str, message: str, line: int | None = None) -> ProgramError:
        if kind in _LIMIT_ERRORS:
            return ProgramError("limit", f"{kind}: {message}", line)
        if kind == "TypeError":
            return ProgramError("type", message, line)
        if kind in _NAME_ERRORS:
            return ProgramError("name", message, line)
        if kind in ("SyntaxError", "NotImplementedError"):
            return ProgramError("syntax", f"not possible in the sandbox: {message}", line)
        return ProgramError("runtime", f"{kind}: {message}", line)


def named_inputs(example_question: str, choices: Any, program: CheckedPython) -> dict[str, Any]:
    """Values for the parameters of ``execute_command`` that are no pictures.

    Args:
        example_question: The question.
        choices: Answer options, or None.
        program: Whose parameters.

    Raises:
        ProgramError: kind ``type``: a parameter asks for options that the example does not have.
    """
    given: dict[str, Any] = {}
    for name in program.given:
        if name in ("question", "query"):
            given[name] = example_question
        elif name in ("possible_answers", "options", "choices"):
            if choices is None and name in program.spared:
                continue
            if choices is None:
                raise ProgramError(
                    "type", f"the program wants {name!r}, but the example has no answer options"
                )
            given[name] = list(choices)
    return given
