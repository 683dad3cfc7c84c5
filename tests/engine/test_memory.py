"""A bound on the memory of a process: the run ends with one message and goes on in the next."""

from __future__ import annotations

import mmap
from typing import Any

import pytest

from fakes import Instant, run_all, toolbox
from vprog.engine import Engine, EngineSettings
from vprog.engine.memory import resident_gb
from vprog.errors import InputError
from vprog.program import Program
from vprog.runs.folder import read_traces

PROGRAMS = [
    Program(f"A=VQA(image=IMAGE,question='say {n}')\nR=RESULT(var=A)", "steps") for n in range(12)
]


def test_memory_that_is_used_is_seen() -> None:
    before = resident_gb()
    # Pages of its own: an allocator could hand out what earlier tests have let go.
    with mmap.mmap(-1, 200_000_000) as pages:
        pages.write(b"x" * len(pages))
        assert resident_gb() - before > 0.15


def test_a_run_ends_beyond_its_bound_after_a_batch() -> None:
    backend = Instant(batch_size=4)
    with Engine(toolbox(backend), EngineSettings(memory_gb=0.001)) as engine:
        with pytest.raises(InputError, match=r"holds \d\.\d\d GB .* --memory-limit 0\.001; "):
            run_all(PROGRAMS, engine=engine)
        assert backend.batches  # each start comes further than the one before
    with Engine(toolbox(), EngineSettings(memory_gb=1000)) as engine:
        assert len(run_all(PROGRAMS, engine=engine)) == 12


def test_the_same_command_goes_on(inside: Any, world: Any, tmp_path: Any) -> None:
    run = ("run", "world-gqa", "--data", "world", "--limit", 8, "--json", "--out", "run")
    ended = inside(*run, "--memory-limit", 0.001)
    assert "more than --memory-limit 0.001" in ended.message
    assert inside(*run, "--memory-limit", 1000).code == 0
    ids = [record.trace.example_id for record in read_traces(tmp_path / "run")]
    assert len(ids) == len(set(ids)) == 8
    assert "must be gigabytes above 0" in inside(*run, "--memory-limit", 0).message
