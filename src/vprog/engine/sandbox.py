"""Untrusted Python programs in pydantic-monty, suspended by deterministic re-execution.

A suspended program is only its text and the answers it has got so far. To go on, it is executed
again from the start; calls that were answered before return at once from that record, and the
first new call stops it again. Clock, random state and inputs are frozen, and every repeated call
is compared with the recorded one, so an execution that takes another way is an error and never a
wrong answer. Many programs share one round trip to a worker process; each gets its own globals,
and its own copy of the API unless it provably cannot change it, so nothing passes from one to
another. Anything that breaks a shared round trip (a limit, a
crash) is repeated program by program in fresh sessions. docs/decisions.md has the measurements that
led here.

Because an execution always covers the whole program, its time limit is the limit of all the
program's own computation, however often it was suspended.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import resources
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from vprog.engine.settings import Limits
from vprog.errors import InputError
from vprog.program.python import CheckedPython
from vprog.tools.catalogue import TOOLS
from vprog.tools.tool import Tool

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontySession

WORKERS = 2
"""Worker processes, and threads that wait for them."""
CHUNK = 64
"""Most programs in one round trip."""
MIN_CHUNK = 16
"""Below this many programs a round trip is not split among workers."""
COMPILED_PER_SESSION = 2048
"""Compilations after which a session is replaced: compiled code stays in it until then."""


@dataclass(frozen=True, slots=True)
class Job:
    """One execution of a program.

    Attributes:
        program: The checked program.
        log: Answers so far, each as the JSON text of ``[tool, args, value]``.
        inputs: JSON text of pictures, how they are handed on (see ``pictures_as``), and named
            inputs: three values separated by commas, the first a list of ``[id, width, height]``.
    """

    program: CheckedPython
    log: Sequence[str]
    inputs: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended.

    Attributes:
        kind: ``call``: at a new call; ``done``: with an answer; ``error``: with an exception;
            ``limit``: at a limit of the sandbox.
        data: ``[module, tool, args]``, the encoded answer, ``[type, message]`` or a message.
        line: Of the program, for errors, where known.
        seconds: That it took; 0 for executions that shared a round trip, which are short.
    """

    kind: Literal["call", "done", "error", "limit"]
    data: Any
    line: int | None = None
    seconds: float = 0.0


def prelude(tools: Mapping[str, Tool]) -> str:
    """The source of a session: the ImagePatch API with the functions of further tools."""
    api = resources.files("vprog.program").joinpath("prelude.py").read_text("utf-8")
    runner = resources.files("vprog.engine").joinpath("runner.py").read_text("utf-8")
    extra = [t for name, t in tools.items() if name not in TOOLS or name in ("ocr", "caption")]
    added = "".join(_wrapper(t) for t in extra)
    added += "".join(f'    names["{t.name}"] = {t.name}\n' for t in extra)
    return api.replace("    # <tools>\n", added) + runner


def _wrapper(tool: Tool) -> str:
    """A tool as a function inside the sandbox: encodes its arguments, decodes its result."""
    params = ", ".join(
        p.name if p.required else f"{p.name}={json_literal(p.default)}" for p in tool.params
    )
    encoded = ", ".join(
        f"{'_vp_answer' if p.kind == 'any' else '_vp_encode'}({p.name})" for p in tool.params
    )
    return (
        f"    def {tool.name}({params}):\n"
        f'        value = _vp_call("{tool.name}", "{tool.name}", [{encoded}])\n'
        f'        return _vp_decode("{tool.returns}", value)\n\n'
    )


def json_literal(value: Any) -> str:
    """A default value as source text.

    Raises:
        InputError: Not plain data.
    """
    if value is None or isinstance(value, bool | int | float | str | list):
        return repr(value)
    raise InputError(f"a tool's default must be plain data, not {type(value).__name__}")


class Sandbox:
    """A pool of sandboxed interpreters that executes jobs in chunks; a context manager."""

    def __init__(self, tools: Mapping[str, Tool], limits: Limits) -> None:
        """Prepares without starting a process.

        Args:
            tools: Tools that programs may call.
            limits: Time and memory of one program.
        """
        self._source = prelude(tools)
        self._limits = limits
        self._pool: Monty | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._sessions: list[_Shared] = []

    def __enter__(self) -> Sandbox:
        """Starts nothing yet: the first submitted chunk does."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends threads and worker processes."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
        for shared in self._sessions:
            shared.close()
        self._sessions.clear()
        if self._pool is not None:
            self._pool.__exit__(None, None, None)
            self._pool = None

    def submit(self, jobs: Sequence[Job]) -> Future[list[Outcome]]:
        """Executes jobs in the background; one outcome each, in order."""
        if self._threads is None:
            self._start()
        assert self._threads is not None
        return self._threads.submit(self._execute, list(jobs))

    def _start(self) -> None:
        from pydantic_monty import Monty

        self._pool = Monty(
            max_processes=2 * WORKERS,
            feed_duration_limit_grace=max(0.05, 0.05 * self._limits.time_s),
        )
        self._pool.__enter__()
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="vprog-sandbox")

    def _execute(self, jobs: list[Job]) -> list[Outcome]:
        if len(jobs) == 1:
            return [self._alone(jobs[0])]
        outcomes = self._together(jobs)
        if outcomes is None:
            outcomes = [self._alone(job) for job in jobs]
        return outcomes

    def _together(self, jobs: list[Job]) -> list[Outcome] | None:
        """One round trip for all; None if anything broke it."""
        from pydantic_monty import MontyError

        shared = self._sessions.pop() if self._sessions else None
        if shared is None:
            shared = _Shared(self._checkout(self._shared_time_s))
        try:
            shared.prepare(self._source)
            outcomes = shared.run(jobs)
        except MontyError:
            shared.close()
            return None
        outcomes = [
            shared.located(job, outcome) if outcome.kind == "error" else outcome
            for job, outcome in zip(jobs, outcomes, strict=True)
        ]
        if shared.usable and shared.compiled <= COMPILED_PER_SESSION:
            self._sessions.append(shared)
        else:
            shared.close()
        return outcomes

    @property
    def _shared_time_s(self) -> float:
        """A runaway program is told apart soon, then gets its whole time alone."""
        return min(0.5, max(0.05, 0.05 * self._limits.time_s))

    def _alone(self, job: Job) -> Outcome:
        """A job in a session of its own, with the program's full limits."""
        from pydantic_monty import MontyCrashedError, MontyError, MontyRuntimeError

        session = self._checkout(self._limits.time_s)
        started = time.perf_counter()
        try:
            shared = _Shared(session)
            try:
                shared.prepare(self._source)
                outcome = shared.run([job])[0]
            except MontyCrashedError as error:
                if error.timed_out:
                    return Outcome("limit", f"ran longer than {self._limits.time_s:g} s")
                return Outcome("limit", "the sandbox broke down: too much memory or recursion")
            except MontyRuntimeError as error:
                return self._broken(error)
            except MontyError as error:
                return Outcome("error", ["SyntaxError", str(error)])
            if outcome.kind == "error":
                return shared.located(job, outcome)
            return replace(outcome, seconds=time.perf_counter() - started)
        finally:
            session.__exit__(None, None, None)

    def _broken(self, error: Any) -> Outcome:
        inner = error.exception()
        if isinstance(inner, TimeoutError):
            return Outcome("limit", f"ran longer than {self._limits.time_s:g} s")
        if isinstance(inner, MemoryError):
            return Outcome("limit", f"used more than {self._limits.memory_mb} MB")
        if isinstance(inner, RecursionError):
            return Outcome("limit", "recursion is too deep")
        return Outcome("error", [type(inner).__name__, str(inner)])

    def _checkout(self, time_s: float) -> MontySession:
        assert self._pool is not None
        session = self._pool.checkout(
            limits={
                "max_feed_duration_secs": time_s,
                "max_memory": self._limits.memory_mb * 1024 * 1024,
                "max_recursion_depth": 400,
                "max_suspensions": 1_000_000,
            },
            os_policy={
                "datetime": datetime.datetime(2000, 1, 1),
                "sleep": "zero",
                "random_start": {"seed": 0},
            },
            assert_message_annotations=False,
        )
        session.__enter__()
        return session


class _Shared:
    """A session that serves one program or many.

    Attributes:
        compiled: Programs that were compiled in it.
        usable: Whether nothing has broken it; a limit or a crash does.
    """

    def __init__(self, session: MontySession) -> None:
        self.compiled = 0
        self.usable = True
        self._session = session
        self._keys: dict[str, int] = {}
        self._prepared = False

    def prepare(self, source: str) -> None:
        """Loads prelude and runner, once."""
        if not self._prepared:
            self._session.feed_run(source)
            self._prepared = True

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Executes jobs in one round trip; raises a ``MontyError`` if anything breaks it."""
        programs: dict[str, int] = {}
        entries: list[tuple[int, str, bool, bool]] = []
        for job in jobs:
            program = job.program
            if program.source not in programs:
                programs[program.source] = len(entries)
                entries.append(self._entry(program))
        parts = ",".join(
            f"[{programs[job.program.source]},[{','.join(job.log)}],{job.inputs}]" for job in jobs
        )
        out = self._session.feed_run(
            "_vp_run(_vp_jobs)",
            inputs={"_vp_jobs": f"[{json.dumps(entries)},[{parts}]]"},
            print_callback=_ignore,
        )
        return [Outcome(kind, data) for kind, data in json.loads(out)]

    def _entry(self, program: CheckedPython) -> tuple[int, str, bool, bool]:
        """Key, text (left out if the session has it), and how the program may be executed."""
        key = self._keys.get(program.source)
        if key is not None and program.keeps_nothing:
            return key, "", True, program.draws
        key = self._keys[program.source] = len(self._keys)
        self.compiled += 1
        return key, program.source, program.keeps_nothing, program.draws

    def located(self, job: Job, outcome: Outcome) -> Outcome:
        """The same failing execution once more, for the line at which it fails."""
        from pydantic_monty import MontyError, MontyRuntimeError

        if not self.usable:
            return outcome
        text = f"[{json.dumps(job.program.source)},[{','.join(job.log)}],{job.inputs}]"
        try:
            self._session.feed_run(
                "_vp_raise(_vp_jobs)",
                inputs={"_vp_jobs": text},
                print_callback=_ignore,
            )
        except MontyRuntimeError as error:
            # A limit leaves a session without guarantees; on a busy machine it can strike here.
            self.usable = not isinstance(error.exception(), TimeoutError | MemoryError)
            for frame in reversed(error.traceback()):
                if frame.filename == "<string>":
                    return Outcome("error", outcome.data, frame.line)
        except MontyError:
            self.usable = False
        return outcome

    def close(self) -> None:
        self._session.__exit__(None, None, None)


def _ignore(stream: str, text: str) -> None:
    """Drops what the sandbox prints; programs see a print that does nothing."""
