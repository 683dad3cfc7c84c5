"""Processes that share out the weights come to what one comes to, and any number goes on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")
pytest.importorskip("accelerate", reason="needs accelerate: pip install 'vprog[teach]'")

from trainings import run, same, same_weights


def test_sharded_processes_learn_the_same_and_any_number_goes_on(made: Any, tmp_path: Path) -> None:
    kind, student, one = made
    killed = run(kind, student, tmp_path / "two", 2, "sharded", "die")
    assert "as if killed" in killed.stderr
    assert "2 process(es), FSDP over MULTI_CPU" in killed.stderr
    same(one, tmp_path / "two")
    shutil.copytree(tmp_path / "two", tmp_path / "alone")
    for name, processes in (("two", 2), ("alone", 1)):
        again = run(kind, student, tmp_path / name, processes, "sharded")
        assert again.returncode == 0, again.stderr
        assert "goes on at step 2" in again.stderr
        same(one, tmp_path / name)
        same_weights(one, tmp_path / name)
        if kind == "distill":
            lora = one.with_name("one-lora"), tmp_path / f"{name}-lora"
            same(*lora)
            same_weights(*lora)
