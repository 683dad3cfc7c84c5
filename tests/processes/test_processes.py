"""Several processes come to what one comes to, and one goes on where several were killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")
pytest.importorskip("accelerate", reason="needs accelerate: pip install 'vprog[teach]'")

from trainings import run, same, torchrun


def test_two_processes_have_the_loss_curve_of_one(made: Any, tmp_path: Path) -> None:
    kind, student, one = made
    done = torchrun(kind, student, tmp_path / "two", 2)
    assert done.returncode == 0, done.stderr
    assert "2 process(es), MULTI_CPU" in done.stderr
    same(one, tmp_path / "two")
    outcome = json.loads((tmp_path / "two" / "training" / "outcome.json").read_text())
    assert (outcome["processes"], outcome["distributed"]) == (2, "MULTI_CPU")


def test_one_process_goes_on_where_two_were_killed(made: Any, tmp_path: Path) -> None:
    kind, student, one = made
    killed = run(kind, student, tmp_path / "two", 2, "die")
    assert "as if killed" in killed.stderr
    assert (tmp_path / "two" / "training" / "state.pt").is_file()
    again = run(kind, student, tmp_path / "two", 1)
    assert again.returncode == 0, again.stderr
    assert "goes on at step 2" in again.stderr
    same(one, tmp_path / "two")
