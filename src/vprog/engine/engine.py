"""The engine: steps all programs in flight, merges equal calls, answers them in batches.

Programs are stepped until each of them waits for a tool. Equal open calls are one call. A batch
runs as soon as it is full, or when no program can move without it: there is no waiting window and
nothing to tune. Traces come out in the order in which programs end.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from vprog.engine.calls import Calls, Counts
from vprog.engine.memo import Memo
from vprog.engine.memory import check_memory
from vprog.engine.python_run import PythonRun, named_inputs
from vprog.engine.sandbox import CHUNK, MIN_CHUNK, WORKERS, Outcome, Sandbox
from vprog.engine.settings import EngineSettings
from vprog.engine.steps_run import StepsRun
from vprog.engine.task import Running, Task
from vprog.errors import PictureError, ToolError, VprogError
from vprog.example import Picture
from vprog.program.check import Checker
from vprog.tools.backend import Toolbox
from vprog.trace import Call, Result, Source, Trace

RECENT = 20_000
"""Results kept in memory where a file keeps all of them."""
_END: Any = object()
"""Stands for the end of the tasks."""


@contextmanager
def _rare_collection() -> Iterator[None]:
    """Lets Python look for garbage cycles less often.

    Thousands of programs in flight are hundreds of thousands of live objects; searching them again
    and again finds nothing; docs/decisions.md has what it cost.
    """
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Engine:
    """Runs programs over a toolbox.

    ::

        with Engine(toolbox) as engine:
            for trace in engine.run(Task(example, program) for ...):
                ...

    Attributes:
        counts: What became of the calls so far.
        in_flight: Programs that are started and not yet ended.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        settings: EngineSettings | None = None,
        memo_path: Path | None = None,
    ) -> None:
        """Starts no process and reads no picture.

        Args:
            toolbox: The tools that programs may call.
            settings: Bounds; see ``EngineSettings``.
            memo_path: File that keeps results of calls between runs.

        Raises:
            InputError: The memo cannot be opened.
        """
        self.settings = settings or EngineSettings()
        self.toolbox = toolbox
        self.checker = Checker(toolbox.tools)
        self.in_flight = 0
        entries = self.settings.memo_entries
        self._memo = Memo(memo_path, entries if memo_path is None else min(entries, RECENT))
        self._calls = Calls(toolbox, self._memo, self.settings.tool_timeout_s)
        self._sandbox = Sandbox(toolbox.tools, self.settings.limits)
        self._ready_steps: deque[StepsRun] = deque()
        self._ready_python: deque[PythonRun] = deque()
        self._executing: deque[tuple[Future[list[Outcome]], list[PythonRun]]] = deque()
        self._ended: deque[Trace] = deque()
        self._observe: Callable[[Running], None] | None = None

    @property
    def counts(self) -> Counts:
        """What became of the calls so far."""
        return self._calls.counts

    def __enter__(self) -> Engine:
        """The engine itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends worker processes and closes the memo."""
        self.close()

    def close(self) -> None:
        """Ends worker processes and closes the memo."""
        self._sandbox.__exit__(None, None, None)
        self._memo.close()

    def run(self, tasks: Iterable[Task | None]) -> Iterator[Trace]:
        """Runs programs and yields their traces as they end.

        Args:
            tasks: Read as programs end, at most ``settings.in_flight`` ahead. None means that there
                is no task now: what is in flight goes on, and then the next one is asked for. It
                is not allowed while nothing is in flight and every trace has been handed out.

        Raises:
            InputError: A run-wide fault such as a full disk under the memo, or more memory than
                ``settings.memory_gb``; faults of a single program or picture end in its trace.
        """
        try:
            with _rare_collection():
                yield from self._run(iter(tasks))
        finally:
            self._forget()

    def _forget(self) -> None:
        """Drops what a run that was broken off has left, so that no later run meets it."""
        for future, _ in self._executing:
            future.cancel()
        for waiting in (self._executing, self._ready_steps, self._ready_python, self._ended):
            waiting.clear()
        self._calls.forget()
        self.in_flight = 0

    def _run(self, source: Iterator[Task | None]) -> Iterator[Trace]:
        exhausted = False
        while True:
            yield from self._drain()
            if self.settings.memory_gb is not None and self.counts.batches:
                check_memory(self.settings.memory_gb)
            waiting = False
            while not exhausted and self.in_flight < self.settings.in_flight:
                task = next(source, _END)
                if task is _END:
                    exhausted = True
                    break
                if task is None:
                    waiting = True
                    break
                self._start(task)
                if len(self._ready_python) >= CHUNK or len(self._ready_steps) >= CHUNK:
                    break
            told = bool(self._ended)
            yield from self._drain()
            if self._move():
                continue
            if not exhausted and self.in_flight < self.settings.in_flight and not waiting:
                continue
            if waiting and told:  # whoever took those traces may have new tasks because of them
                continue
            if not self._calls.run_fullest():
                assert not waiting, "no task, and nothing in flight that could bring one"
                break
        yield from self._drain()
        assert self.in_flight == 0, "a program waits for nothing"

    def run_one(self, task: Task) -> tuple[Trace, Mapping[str, Picture]]:
        """Runs one program alone.

        Returns:
            Its trace, and all pictures that the trace speaks of, edited ones too, by id.
        """
        started: list[Running] = []
        self._observe = started.append
        trace = next(self.run([task]))
        self._observe = None
        return trace, started[0].pictures

    def _drain(self) -> Iterator[Trace]:
        while self._ended:
            yield self._ended.popleft()

    def _start(self, task: Task) -> None:
        """Checks a program and makes it ready; a failure becomes its trace."""
        pictures = len(task.example.pictures)
        self.in_flight += 1
        try:
            checked = self.checker.check(task.program, pictures)
            if isinstance(checked, tuple):
                self._ready_steps.append(StepsRun(task, checked, self.settings.limits))
                return
            given = named_inputs(task.example.question, task.example.extra.get("choices"), checked)
            self._ready_python.append(
                PythonRun(task, checked, given, self.toolbox.tools, self.settings.limits)
            )
        except VprogError as error:
            running = Running(task)
            running.fail(error, started=False)
            self._end(running)

    def _end(self, running: Running) -> None:
        self.in_flight -= 1
        if self._observe is not None:
            self._observe(running)
        self._ended.append(running.trace)

    def _move(self) -> bool:
        """Steps whatever can move without a batch; False if nothing can."""
        moved = False
        while self._ready_steps:
            moved = True
            self._step(self._ready_steps.popleft())
        while self._ready_python and len(self._executing) < WORKERS:
            moved = True
            share = max(MIN_CHUNK, -(-len(self._ready_python) // WORKERS))
            size = min(CHUNK, share, len(self._ready_python))
            runs = [self._ready_python.popleft() for _ in range(size)]
            self._executing.append((self._sandbox.submit([r.job() for r in runs]), runs))
        if self._executing:
            moved = True
            future, runs = self._executing.popleft()
            for run, outcome in zip(runs, future.result(), strict=True):
                call = run.take(outcome)
                if call is not None:
                    self._issue(run, (call,))
                if not run.open_calls:
                    self._settle(run)
        return moved

    def _step(self, run: StepsRun) -> None:
        """Steps a program until it waits or ends."""
        while not run.ended:
            self._issue(run, run.advance())
            if run.open_calls:
                return
        self._end(run)

    def _issue(self, run: StepsRun | PythonRun, calls: Sequence[Call]) -> None:
        """Makes calls open; what the memo knows, or what fills a batch, is answered on the spot."""
        run.issuing = True
        given = run.task.given
        for index, call in enumerate(calls):
            known = given(call) if given is not None else None
            if known is not None:
                run.deliver(index, known, "remembered", 0.0)
                continue
            deliver = partial(self._deliver, run, index)
            try:
                self._calls.request(call, run.pictures, deliver)
            except (ToolError, PictureError) as error:
                run.deliver(index, error, "computed", 0.0)
        run.issuing = False

    def _deliver(
        self,
        run: StepsRun | PythonRun,
        index: int,
        result: Result | VprogError,
        source: Source,
        ms: float,
    ) -> None:
        run.deliver(index, result, source, ms)
        if not run.open_calls and not run.issuing:
            self._settle(run)

    def _settle(self, run: StepsRun | PythonRun) -> None:
        """A program waits for nothing: it has ended or can be stepped."""
        if run.ended:
            self._end(run)
        elif isinstance(run, StepsRun):
            self._ready_steps.append(run)
        else:
            self._ready_python.append(run)
