"""Times of phases survive a process that was killed while it wrote one down."""

from __future__ import annotations

from pathlib import Path

from vprog.runs.held import phase, phases


def test_a_torn_line_costs_its_own_phase_alone(tmp_path: Path) -> None:
    with phase(tmp_path, "run"):
        pass
    with (tmp_path / "phases.jsonl").open("a") as file:
        file.write('\n{"phase": "train", "sec')
    assert list(phases(tmp_path)) == ["run"]
    with phase(tmp_path, "test"):
        pass
    assert list(phases(tmp_path)) == ["run", "test"]
