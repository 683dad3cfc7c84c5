"""What the engine is asked to run, and a program in flight as the scheduler sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vprog.errors import PictureError, ProgramError, VprogError
from vprog.example import Example, Picture
from vprog.program.program import Program
from vprog.trace import Call, Failure, Result, Trace


@dataclass(frozen=True, slots=True)
class Task:
    """One program for one example.

    Attributes:
        example: Whose pictures the program gets.
        program: The program.
        candidate: Its index among the example's candidates.
        given: Answers that this program gets in place of its backends' own: a result for a call,
            or None where the backend shall answer. Such a step counts as remembered.
    """

    example: Example
    program: Program
    candidate: int = 0
    given: Callable[[Call], Result | None] | None = None


class Running:
    """A program in flight: its trace so far, its pictures, and the calls that it waits for.

    Attributes:
        task: What it runs.
        trace: Grows step by step.
        pictures: The example's pictures and edited ones, by id.
        open_calls: Calls without an answer; the program is stepped on when it reaches 0.
        issuing: Whether the scheduler is handing in its calls right now.
        ended: Whether the trace is complete.
    """

    __slots__ = ("calls", "ended", "issuing", "open_calls", "pictures", "task", "trace")

    def __init__(self, task: Task) -> None:
        """Prepares the trace; raises nothing."""
        self.task = task
        self.trace = Trace(
            task.example.id,
            task.candidate,
            task.program.language,
            task.program.text,
            logprob=task.program.logprob,
        )
        self.pictures: dict[str, Picture] = {p.id: p for p in task.example.pictures}
        self.open_calls = 0
        self.issuing = False
        self.calls = 0
        self.ended = False

    def fail(self, error: VprogError, *, started: bool = True) -> None:
        """Ends the program with an error."""
        steps = self.trace.steps
        line = steps[-1].line or None if steps and steps[-1].error else None
        step = None
        if started:
            step = len(steps) - 1 if steps and steps[-1].error else len(steps)
        if isinstance(error, ProgramError):
            failure = Failure(error.kind, error.message, step, error.line or line)
        elif isinstance(error, PictureError):
            failure = Failure("picture", str(error), step, line)
        else:
            failure = Failure("tool", str(error), step, line)
        self.trace.failure = failure
        self.trace.answer = None
        self.ended = True
