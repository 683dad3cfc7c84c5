"""A run whose writer asks a model, ended by kill -9 and started again: nothing is asked twice."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from counted_runs import command

from vprog.runs.folder import read_traces

N = 150
WRITER = ("--writer", "counted", "--k", "3", "--split", str(N))


def start(log: Path, out: Path, vote: bool, stop: int = 0, mode: str = "die") -> Any:
    more = (*WRITER, "--vote") if vote else WRITER
    return subprocess.run(
        command(log, out, "steps", stop, mode, *more), capture_output=True, text=True, timeout=100
    )


def rows(out: Path) -> dict[tuple[str, int], Any]:
    found = {}
    for r in read_traces(out):
        key = (r.trace.example_id, r.trace.candidate)
        assert key not in found, "a trace is there twice"
        found[key] = (
            r.trace.program, r.trace.answer, r.trace.failure, r.verdict, r.chosen, r.count,
            r.original, r.complaint, r.trace.logprob, len(r.trace.steps),
        )  # fmt: skip
    return found


def asked(log: Path) -> list[str]:
    return Path(f"{log}.asked").read_text().split("\n")[:-1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, dict[tuple[str, int], Any]]:
    """Runs that nobody ended, without and with a vote."""
    runs = {}
    for vote in (False, True):
        folder = tmp_path_factory.mktemp(f"vote{vote}")
        done = start(folder / "log", folder / "run", vote)
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        assert summary["n"] == N
        assert summary["candidates"]["written"] == 3 * N
        assert summary["candidates"]["merged"] == summary["candidates"]["repaired"] == N
        runs[vote] = rows(folder / "run")
        assert Counter(asked(folder / "log")).most_common(1)[0][1] == 1
        assert len(asked(folder / "log")) == 2 * N
    return runs


def test_the_whole_runs_are_worth_comparing(
    whole: dict[bool, dict[tuple[str, int], Any]],
) -> None:
    for vote, traces in whole.items():
        assert len(traces) == 2 * N
        judgements = {row[3].judgement for row in traces.values()}
        assert judgements == {"right", "wrong", "failed"} | ({"skipped"} if vote else set())
        assert sum(row[4] for row in traces.values()) == N, "one answer an example"


@pytest.mark.parametrize(
    ("vote", "mode", "stop"),
    [(False, "die", 8), (True, "die", 3), (True, "die", 10), (True, "die-writing", 100)],
)
def test_killed_and_started_again(
    tmp_path: Path,
    whole: dict[bool, dict[tuple[str, int], Any]],
    vote: bool,
    mode: str,
    stop: int,
) -> None:
    log, out = tmp_path / "log", tmp_path / "run"
    died = start(log, out, vote, stop, mode)
    assert died.returncode == -signal.SIGKILL
    first = asked(log)
    assert first
    kept = rows(out)
    assert kept.items() <= whole[vote].items()
    done = start(log, out, vote)
    assert done.returncode == 0, done.stderr
    assert rows(out) == whole[vote]
    summary = json.loads(done.stdout)
    assert (summary["n"], summary["resumed"]) == (N, len({id for id, _ in kept}))
    both = asked(log)
    twice = {line for line, count in Counter(both).items() if count > 1}
    # A request that was under way when the process died is the only one that can be lost.
    assert twice <= {first[-1]}
    assert len(set(both)) == 2 * N
    assert json.loads(start(log, out, vote).stdout)["resumed"] == N
    assert asked(log) == both
