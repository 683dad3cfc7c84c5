"""From a run of programs to a student that answers: one room writes what another reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from students import make_student

from vprog.errors import InputError
from vprog.runs.folder import read_traces

__all__ = ["make_student"]


def test_a_data_set_of_a_run_tunes_a_student(
    inside: Any, student: Callable[[str], str], tmp_path: Path, world: Path
) -> None:
    from vprog.distill.dataset import build
    from vprog.distill.explained import run_quality
    from vprog.distill.settings import DistillData, PromptSettings, RationaleSettings
    from vprog.distill.train import SftSettings, plan, train

    run = ("run", "world-gqa", "--data", "world", "--limit", 16)
    inside(*run, "--out", "runs/gold")
    told = DistillData(
        rationale=RationaleSettings(grid=32), prompt=PromptSettings(plain=True), val_share=0.3
    )
    built = build(tmp_path / "runs/gold", tmp_path / "data", told)
    counts = built.records
    assert counts["train"]["rationale"] > 0
    assert counts["val"]["answer"] > 0

    settings = SftSettings(
        method="full", steps=2, batch_size=4, learning_rate=1e-3, validate_every=1, choose="loss"
    )
    model = student("idefics3")
    planned = plan(model, tmp_path / "data", settings)
    made = train(model, tmp_path / "data", tmp_path / "student", settings)
    assert made.rows == planned.rows
    assert made.rows["answer"] == counts["train"]["answer"]
    assert made.rows["rationale"] == counts["train"]["rationale"]
    assert made.rows["val"] == sum(counts["val"].values())
    assert made.score is not None
    assert made.before is not None
    assert made.score > made.before
    held = json.loads((tmp_path / "student/vprog.json").read_text())
    assert held["answer"]["plain"] is True
    assert held["grid"] == 32
    assert held["settings"] == {"prompt": "{} answer with a single word or phrase"}

    answered = inside(*run, "--model", "student", "--explain", "--out", "runs/student", "--json")
    assert answered.json["answered"] == 16
    assert len(list(read_traces(tmp_path / "runs/student"))) == 16
    figures = run_quality(tmp_path / "runs/student", reference=tmp_path / "runs/gold")
    assert figures == run_quality(
        tmp_path / "runs/student", grid=32, reference=tmp_path / "runs/gold"
    )
    with pytest.raises(InputError, match="on a grid of 32 places; leave --grid out"):
        run_quality(tmp_path / "runs/student", grid=100)
    assert figures["n"] == 16
    compared = inside("score", "runs/gold", "runs/student", "--json").json
    assert compared["comparison"]["n"] == 16
