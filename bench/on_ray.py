"""Runs on Ray beside the same run in one process; prints JSON, a line a run.

``python bench/on_ray.py --out DIR [--actors 1 2] [--limit 5000] -- world-gqa --data DATA ...``
gives everything after ``--`` to ``vprog run``. Each way first runs ``--first`` examples, which
is its start-up; ``throughput`` is examples a second of what the run took beyond that, over the same
of the run in one process. ``differ`` counts traces that are not those of one process: all is
compared but times and whether a call was computed, shared or remembered. ``rounded`` counts those
that differ in numbers alone, by at most 2e-4: models compute a call in other batches and with other
numbers of threads. ``--kill S`` adds a run of the most actors of which the eldest is killed (-9) S
seconds after the command; its time says nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import threading
import time
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from results import vprog
from vprog.evaluation.run import commit
from vprog.runs.folder import read_traces

KILL = ("pkill", "-9", "--oldest", "--full", "^ray::MapWorker")


def timed(
    command: tuple[str, ...], limit: int, out: Path, *, kill: float = 0.0
) -> tuple[float, dict[str, Any]]:
    """Seconds of a run, and what it printed.

    Args:
        command: Of vprog.
        limit: Examples.
        out: Folder of the run.
        kill: Seconds after which an actor is killed; 0 kills none.
    """
    died: list[int] = []
    timer = threading.Timer(kill, lambda: died.append(subprocess.run(KILL, check=False).returncode))
    if kill:
        timer.start()
    began = time.perf_counter()
    done = vprog(*command, "--limit", str(limit), "--out", str(out))
    seconds = time.perf_counter() - began
    timer.cancel()
    assert died == ([0] if kill else []), "no actor was there to be killed"
    return seconds, done


def traces(out: Path) -> dict[tuple[str, int], Any]:
    """Traces by example and candidate, without what may differ."""
    found = {}
    for record in read_traces(out):
        key = (record.trace.example_id, record.trace.candidate)
        assert key not in found, f"{key} is there twice"
        for step in record.trace.steps:
            step.source, step.ms = "computed", 0.0
        found[key] = record
    return found


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same but for the last digits of numbers."""
    if is_dataclass(one) and type(one) is type(other):
        return all(alike(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, abs_tol=2e-4)
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    return bool(one == other)


def compare(found: dict[tuple[str, int], Any], base: dict[tuple[str, int], Any]) -> dict[str, int]:
    """How many traces differ from those of one process, and how many in the last digits alone."""
    unlike = [key for key in base.keys() | found.keys() if found.get(key) != base.get(key)]
    rounded = sum(alike(found.get(key), base.get(key)) for key in unlike)
    return {"differ": len(unlike) - rounded, "rounded": rounded}


def main() -> None:
    """Runs in one process, then with each number of actors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--actors", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--first", type=int, default=16)
    parser.add_argument("--kill", type=float, default=0.0, help="seconds; 0 kills no actor")
    parser.add_argument("run", nargs="+", help="arguments of vprog run")
    given = parser.parse_args()

    def on_ray(actors: int) -> tuple[str, ...]:
        return ("--on", "ray", "--actors", str(actors))

    ways: list[tuple[str, tuple[str, ...], float]] = [("one process", (), 0.0)]
    ways += [(f"actors: {n}", on_ray(n), 0.0) for n in given.actors]
    if given.kill:
        ways.append(("one actor killed", on_ray(max(given.actors)), given.kill))
    base: tuple[float, dict[tuple[str, int], Any]] | None = None
    for number, (name, more, kill) in enumerate(ways):
        command = ("run", *given.run, *more)
        start, _ = timed(command, given.first, given.out / f"{number}-first")
        seconds, done = timed(command, given.limit, given.out / str(number), kill=kill)
        rate = (done["n"] - given.first) / (seconds - start)
        found = traces(given.out / str(number))
        base = base or (rate, found)
        line = {
            "way": name,
            "n": done["n"],
            "traces": len(found),
            "calls": done["calls"],
            "start_seconds": round(start, 1),
            "seconds": round(seconds, 1),
            "throughput": round(rate / base[0], 3),
            **compare(found, base[1]),
            "commit": commit(),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
