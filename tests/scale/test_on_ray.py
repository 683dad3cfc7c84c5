"""Runs on a Ray cluster of this machine, where Ray is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_worker import traces

from vprog.evaluation.run import RunSettings, run_benchmark

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason='needs ray: pip install "vprog[ray]"'
)


def test_without_ray_the_command_says_what_to_install(inside: Any, world: Path) -> None:
    if importlib.util.find_spec("ray") is not None:
        pytest.skip("ray is installed")
    message = inside("run", "world-gqa", "--data", world, "--on", "ray").message
    assert message == '--on ray needs ray, which is not installed: pip install "vprog[ray]"'


@needs_ray
def test_two_actors_give_the_traces_of_one_process(drawn: Path, tmp_path: Path) -> None:
    settings = RunSettings(
        benchmark="world-gqa", data=drawn, split="val", writer="gold", toolbox="oracle",
        language="python",
    )  # fmt: skip
    run_benchmark(settings, tmp_path / "here")
    given = ("--data", str(drawn), "--split", "val", "--toolbox", "oracle", "--language", "python")
    ray = ("--on", "ray", "--actors", "2", "--out", str(tmp_path / "ray"), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "vprog", "run", "world-gqa", *given, *ray],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n"] == 60
    assert traces(tmp_path / "ray") == traces(tmp_path / "here")
