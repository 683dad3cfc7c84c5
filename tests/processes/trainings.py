"""Starts small trainings (``in_processes.py``) and compares what they came to."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("in_processes.py")
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
LONGEST_S = 300


def torchrun(kind: str, student: Path, out: Path, processes: int) -> Any:
    """As a user starts several processes; each loads all packages, which takes most of the time."""
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    return subprocess.run(
        [sys.executable, *start, str(SCRIPT), kind, str(student), str(out)],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        env={**os.environ, **ENVIRONMENT},
    )


def run(kind: str, student: Path, out: Path, processes: int, *more: str) -> Any:
    """The same from processes in which the packages are loaded already.

    As ``torchrun`` does it, the first that fails ends the others.
    """
    told = out.with_name(f"{out.name}-{processes}{''.join(more)}.txt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [
        _loaded().Process(
            target=_child, args=(rank, processes, port, told, [kind, str(student), str(out), *more])
        )
        for rank in range(processes)
    ]
    for one in started:
        one.start()
    left = {one.sentinel: one for one in started}
    while left:
        ended = wait(left, LONGEST_S)
        gone = [left.pop(sentinel) for sentinel in ended]
        for one in gone:
            one.join()
        if not ended or any(one.exitcode for one in gone):
            for one in left.values():
                one.terminate()
                one.join()
            break
    code = max(abs(one.exitcode or 0) for one in started)
    return subprocess.CompletedProcess([], code, "", told.read_text())


@cache
def _loaded() -> Any:
    """Where processes come from; it loads what trainings import, once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["vprog.distill.train", "vprog.teach.train", "accelerate", "peft", "torch",
         "transformers.models.idefics3.modeling_idefics3", "transformers.models.vilt.modeling_vilt",
         "transformers.models.auto.processing_auto"]
    )  # fmt: skip
    return context


def _child(rank: int, processes: int, port: int, told: Path, arguments: list[str]) -> None:
    os.environ |= ENVIRONMENT
    if processes > 1:
        os.environ |= {
            "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes),
            "LOCAL_WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }  # fmt: skip
    file = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    from in_processes import main

    main(*arguments[:3], "sharded" in arguments, "die" in arguments)


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
