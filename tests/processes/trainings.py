"""Starts small trainings (``in_processes.py``) and compares what they came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("in_processes.py")


def run(kind: str, student: Path, out: Path, processes: int, *more: str) -> Any:
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    return subprocess.run(
        [*start, str(SCRIPT), kind, str(student), str(out), *more],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )


def curve(out: Path) -> list[dict[str, float]]:
    lines = (out / "training" / "log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def same(one: Path, two: Path) -> None:
    first, second = curve(one), curve(two)
    assert [line["step"] for line in first] == [0, 1, 2, 3, 4]
    assert len({line["score"] for line in first}) == 5  # it learns
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert b[name] == pytest.approx(a[name], abs=1e-3), name


def same_weights(one: Path, two: Path) -> None:
    import torch
    from safetensors.torch import load_file

    first, second = (load_file(folder / "model.safetensors") for folder in (one, two))
    assert first.keys() == second.keys()
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, atol=2e-3, rtol=0)
