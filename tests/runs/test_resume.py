"""A run that is ended in the middle and started again is the run that was never ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from counted_runs import N, Start, command, finish

from vprog.runs.folder import read_traces
from vprog.runs.record import Record


def comparable(record: Record) -> Any:
    """A record without what differs between equal runs: where results came from, and times."""
    steps = [
        (s.module, s.tool, s.args, s.value, s.target, s.line, s.info, s.error)
        for s in record.trace.steps
    ]
    trace = record.trace
    return (
        trace.program, steps, trace.answer, trace.failure, record.verdict,
        record.question, record.answers, record.types, record.pictures,
    )  # fmt: skip


def traces(out: Path) -> dict[str, Any]:
    records = list(read_traces(out))
    ids = Counter(r.trace.example_id for r in records)
    assert max(ids.values(), default=1) == 1, "a trace is there twice"
    return {r.trace.example_id: comparable(r) for r in records}


@dataclass(frozen=True)
class Computed:
    process: str
    batch: int
    finished: bool
    call: str


def computed(log: Path) -> list[Computed]:
    lines = [line.split(" ", 3) for line in log.read_text("utf-8").split("\n") if line]
    return [Computed(pid, int(batch), done == "1", call) for pid, batch, done, call in lines]


@dataclass(frozen=True)
class Whole:
    """A run that nobody ended."""

    traces: dict[str, Any]
    calls: list[Computed]

    @property
    def batches(self) -> int:
        return max(c.batch for c in self.calls)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Whole]:
    known: dict[str, Whole] = {}

    def run(language: str) -> Whole:
        if language not in known:
            folder = tmp_path_factory.mktemp(language)
            finish(folder / "log", folder / "run", language)
            known[language] = Whole(traces(folder / "run"), computed(folder / "log"))
        return known[language]

    return run


def check_resumed(whole: Whole, log: Path, out: Path, language: str) -> list[Computed]:
    """Starts the command again: same traces, same calls. Returns calls that were computed twice."""
    finish(log, out, language)
    assert traces(out) == whole.traces
    calls = computed(log)
    assert {c.call for c in calls} == {c.call for c in whole.calls}
    seen: set[str] = set()
    again = []
    for call in calls:
        if call.finished and call.call in seen:
            again.append(call)
        seen.add(call.call)
    return again


@pytest.mark.parametrize("language", ["steps", "python"])
def test_the_whole_run_is_worth_comparing(whole: Callable[[str], Whole], language: str) -> None:
    run = whole(language)
    assert len(run.traces) == N
    kinds = {t[3].kind for t in run.traces.values() if t[3]}
    assert kinds == {"tool", "runtime"}
    answered = [t for t in run.traces.values() if t[3] is None]
    assert len(answered) > N / 3
    assert {t[4].judgement for t in answered} == {"right", "wrong"}
    assert run.batches > 40


@pytest.mark.parametrize("language", ["steps", "python"])
@pytest.mark.parametrize("at", [0.02, 0.5, 0.97])
def test_a_run_that_dies_computes_nothing_twice(
    tmp_path: Path, whole: Callable[[str], Whole], language: str, at: float
) -> None:
    log, out = tmp_path / "log", tmp_path / "run"
    stop = max(2, round(at * whole(language).batches))
    died = subprocess.run(command(log, out, language, stop), capture_output=True, timeout=100)
    assert died.returncode == -signal.SIGKILL
    finished = len(computed(log))
    assert 0 < finished < len(whole(language).calls)
    kept = traces(out)
    assert kept.items() <= whole(language).traces.items()
    assert len(kept) > 0 if at > 0.9 else len(kept) == 0 if at < 0.1 else True
    assert check_resumed(whole(language), log, out, language) == []


@pytest.mark.parametrize("language", ["steps", "python"])
@pytest.mark.parametrize("at", [0.3, 0.8])
def test_a_run_killed_from_outside_computes_at_most_its_last_batch_twice(
    tmp_path: Path,
    whole: Callable[[str], Whole],
    start: Start,
    language: str,
    at: float,
) -> None:
    log, out = tmp_path / "log", tmp_path / "run"
    stop = round(at * whole(language).batches)
    started = start(log, out, language, stop, "tell")
    started.wait_until_reached()
    started.process.kill()
    started.process.communicate()
    first = computed(log)
    last_batch = {c.call for c in first if c.batch == first[-1].batch}
    again = check_resumed(whole(language), log, out, language)
    assert {c.call for c in again} <= last_batch


def test_killed_again_and_again(tmp_path: Path, whole: Callable[[str], Whole]) -> None:
    log, out = tmp_path / "log", tmp_path / "run"
    for stop in (3, 30, 20):
        died = subprocess.run(command(log, out, "steps", stop), capture_output=True, timeout=100)
        assert died.returncode == -signal.SIGKILL
    assert check_resumed(whole("steps"), log, out, "steps") == []


def test_a_finished_run_started_again_does_nothing(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "run"
    finish(log, out, "steps")
    calls, parts = computed(log), sorted((out / "traces").iterdir())
    finish(log, out, "steps")
    assert computed(log) == calls
    assert sorted((out / "traces").iterdir()) == parts


@pytest.mark.parametrize("language", ["steps", "python"])
@pytest.mark.parametrize(
    ("signum", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "term")]
)
def test_an_interrupted_run_keeps_what_is_finished(
    tmp_path: Path,
    whole: Callable[[str], Whole],
    start: Start,
    language: str,
    signum: int,
    code: int,
    word: str,
) -> None:
    log, out = tmp_path / "log", tmp_path / "run"
    stop = round(0.9 * whole(language).batches)
    started = start(log, out, language, stop, "wait")
    started.wait_until_reached()
    os.killpg(started.process.pid, signum)  # as a terminal does: worker processes get it too
    stdout, stderr = started.process.communicate(timeout=60)
    assert started.process.returncode == code
    assert stdout == b""
    assert stderr.decode().count("\n") == 1
    assert stderr.decode().startswith(f"vprog: {word}")
    ended = set((tmp_path / "log.traces").read_text().split())
    assert 0 < len(ended) < N
    kept = traces(out)
    assert set(kept) == ended
    assert kept.items() <= whole(language).traces.items()
    assert check_resumed(whole(language), log, out, language) == []


def test_no_process_outlives_a_killed_run(tmp_path: Path, start: Start) -> None:
    children = Path("/proc/self/task")
    if not children.exists():
        pytest.skip("needs /proc")
    started = start(tmp_path / "log", tmp_path / "run", "python", 20, "wait")
    started.wait_until_reached()
    pid = started.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    workers += [
        child
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    assert workers, "the sandbox has no process to outlive anything"
    ends = [os.pidfd_open(int(worker)) for worker in set(workers)]
    started.process.kill()
    for end in ends:
        assert select.select([end], [], [], 30)[0], "a worker process is still there"
        os.close(end)
