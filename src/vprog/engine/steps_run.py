"""A ``steps`` program in flight: runs inline modules at once, stops at calls."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from vprog.engine.settings import Limits
from vprog.engine.task import Running, Task
from vprog.errors import ProgramError, VprogError
from vprog.program.program import input_names
from vprog.program.steps import Statement, resolve
from vprog.trace import Call, Result, Source, Step


class StepsRun(Running):
    """Executes checked statements one after the other."""

    __slots__ = (
        "_args", "_at", "_error", "_limits", "_results", "_spent_s", "_statements", "_variables",
    )  # fmt: skip

    def __init__(self, task: Task, statements: Sequence[Statement], limits: Limits) -> None:
        """Binds the example's pictures to IMAGE, or LEFT and RIGHT, or IMAGE1 ...

        Raises:
            PictureError: A picture cannot be read.
        """
        super().__init__(task)
        self._statements = statements
        self._limits = limits
        self._at = 0
        self._spent_s = 0.0
        self._args: dict[str, Any] = {}
        self._results: list[Result | None] = []
        self._error: VprogError | None = None
        pictures = task.example.pictures
        names = input_names(len(pictures), "steps")
        self._variables: dict[str, Any] = {
            name: picture.region for name, picture in zip(names, pictures, strict=True)
        }

    def advance(self) -> Sequence[Call]:
        """Runs until calls must be answered, and returns them; none once the program has ended."""
        started = time.perf_counter()
        try:
            return self._advance(started)
        except VprogError as error:
            if isinstance(error, ProgramError) and error.line is None:
                line = self._statements[self._at].line
                error = ProgramError(error.kind, error.message, line)
            self.fail(error)
            return ()
        finally:
            self._spent_s += time.perf_counter() - started

    def _advance(self, started: float) -> Sequence[Call]:
        if self._results:
            self._take_results()
        while True:
            statement = self._statements[self._at]
            module = statement.module
            args = self._args = dict(statement.constants)
            variables = self._variables
            for name, variable in statement.variables:
                args[name] = variables[variable]
            for name, value in statement.nested:
                args[name] = resolve(value, variables)
            if statement.dynamic:
                args = self._args = module.bind(args, statement.line)
            if module.calls is not None:
                requests = module.calls(args)
                if requests:
                    return self._start(module.tool, requests, statement)
            assert module.finish is not None
            self._finish(statement, module.finish(args, (), self.pictures))
            if self.ended:
                return ()
            if self._spent_s + time.perf_counter() - started > self._limits.time_s:
                raise ProgramError(
                    "limit", f"ran longer than {self._limits.time_s:g} s", statement.line
                )

    def _start(
        self, tool: str | None, requests: list[dict[str, Any]], statement: Statement
    ) -> Sequence[Call]:
        assert tool is not None
        self.calls += len(requests)
        if self.calls > self._limits.calls:
            raise ProgramError(
                "limit", f"more than {self._limits.calls} tool calls", statement.line
            )
        self.open_calls = len(requests)
        self._results = [None] * len(requests)
        name, line = statement.module.name, statement.line
        target = statement.target if len(requests) == 1 else ""
        steps, calls = self.trace.steps, []
        for request in requests:
            steps.append(Step(name, tool, request, None, target, line))
            calls.append(Call(tool, request))
        return calls

    def deliver(self, index: int, result: Result | VprogError, source: Source, ms: float) -> None:
        """Takes the answer to the call ``index`` of those that ``advance`` returned."""
        step = self.trace.steps[index - len(self._results)]
        step.source = source
        step.ms = ms
        self.open_calls -= 1
        if isinstance(result, VprogError):
            step.error = str(result)
            self._error = self._error or result
            return
        step.value = result.value
        step.info = result.info
        self._results[index] = result

    def _take_results(self) -> None:
        """Finishes the step whose calls were all answered.

        Raises:
            VprogError: A call has no answer; the trace then ends with its step.
        """
        results: list[Any] = self._results
        count = len(results)
        self._results = []
        steps = self.trace.steps
        if self._error is not None:
            while not steps[-1].error:
                steps.pop()
            raise self._error
        statement = self._statements[self._at]
        finish = statement.module.finish
        result = results[0] if finish is None else finish(self._args, results, self.pictures)
        if count > 1 or result is not results[0]:
            steps[-1].target = ""
            self._finish(statement, result)
            return
        self._variables[statement.target] = result.value
        self._at += 1

    def _finish(self, statement: Statement, result: Result) -> None:
        self.trace.steps.append(
            Step(
                statement.module.name,
                None,
                self._args,
                result.value,
                statement.target,
                statement.line,
                "inline",
                result.info,
            )
        )
        self._variables[statement.target] = result.value
        self._at += 1
        if self._at == len(self._statements):
            self.trace.answer = result.value
            self.ended = True
