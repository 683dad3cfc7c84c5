"""What `--dry-run` says beside what the command then takes; prints JSON, a line a command.

``python bench/plan.py [--n 2000] [--seed 0] [--only NAME ...] [--steps 60]`` draws a world and
plans and runs gold programs over the zoo and the oracle in both languages, programs of the zoo's
own writer over the oracle, and ``vprog teach`` and ``vprog distill`` on a training split of ``n``
questions and validation and test splits of half as many. Calls and storage of the last two are
counted in the folders that they leave.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from results import vprog
from vprog.runs.folder import read_traces
from vprog.runs.held import phases

RUNS = {
    "zoo steps": ("--toolbox", "zoo", "--language", "steps"),
    "zoo python": ("--toolbox", "zoo", "--language", "python"),
    "oracle steps": ("--toolbox", "oracle", "--language", "steps"),
    "oracle python": ("--toolbox", "oracle", "--language", "python"),
    "oracle writer": ("--toolbox", "oracle", "--writer", "zoo", "--k", "3"),
}
TRAINING = 'method = "full"\nbatch_size = 16\nvalidate_every = 30\n'
"""Of the student that `distill` tunes."""
LONG = {
    "teach": ("--teacher", "oracle", "--language", "steps", "--tool", "detect", "--rounds", "1"),
    "distill": (
        "--writer", "zoo", "--k", "3", "--row", "instruct", "--row", "vpd",
        "--limit", "explain=16",
    ),
}  # fmt: skip


def compare_run(run: tuple[str, ...], out: Path) -> dict[str, Any]:
    """Plans and runs ``vprog run``."""
    plan = vprog(*run, "--dry-run")["plan"]
    began = time.perf_counter()
    done = vprog(*run, "--out", str(out))
    took = {
        "requested": done["calls"]["requested"],
        "computed": done["calls"]["computed"],
        "storage_mb": _stored_mb(out),
        "seconds": time.perf_counter() - began,
    }
    said = {**plan["calls"], "storage_mb": plan["storage_mb"], "seconds": plan["seconds"]}
    usage = done["usage"]
    if usage["requests"] or plan["tokens"]["written"]:
        took["tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        said["tokens"] = sum(plan["tokens"].values())
    return {"n": done["n"], "sample": plan["sample"], **_figures(said, took)}


def compare_parts(command: tuple[str, ...], out: Path) -> dict[str, Any]:
    """Plans and runs ``vprog teach`` or ``vprog distill``."""
    plan = vprog(*command, "--out", str(out), "--dry-run")["plan"]
    assert not out.exists()
    began = time.perf_counter()
    vprog(*command, "--out", str(out))
    seconds = time.perf_counter() - began
    runs = [file.parent for file in out.rglob("run.toml")]
    calls = [s for run in runs for r in read_traces(run) for s in r.trace.steps if s.tool]
    took = {
        "requested": len(calls),
        "computed": sum(step.source == "computed" for step in calls),
        "steps": sum(
            json.loads(file.read_text())["steps"] for file in out.rglob("training/outcome.json")
        ),
        "storage_mb": _stored_mb(out),
        "seconds": seconds,
    }
    trainings = [part for part in plan["parts"] if "steps" in part]
    # Runs that measure the time a question are thrown away.
    kept = [part["calls"] for part in plan["parts"] if part["name"] != "latency"]
    said = {
        **{kind: sum(calls[kind] for calls in kept) for kind in ("requested", "computed")},
        "steps": sum(part["steps"] for part in trainings),
        "storage_mb": plan["storage_mb"],
        "seconds": plan["seconds"],
    }
    built = [json.loads(file.read_text()) for file in out.rglob("built.json")]
    if built:
        took["records"] = sum(
            n for made in built for kinds in made["records"].values() for n in kinds.values()
        )
        said["records"] = next(p["records"] for p in plan["parts"] if p["name"] == "rationales")
    return {
        **_figures(said, took),
        "parts_s": {part["name"]: part["seconds"] for part in plan["parts"]},
        "phases_s": phases(out),
    }


def _figures(said: dict[str, Any], took: dict[str, Any]) -> dict[str, Any]:
    ratios = {key: round(said[key] / took[key], 3) if took[key] else None for key in took}
    return {"said_over_took": ratios, "said": said}


def _stored_mb(out: Path) -> float:
    return sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6


def main() -> None:
    """Draws the world, plans and runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=60, help="of every training")
    names = [*RUNS, *LONG]
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vprog-plans-") as folder:
        data, training = Path(folder) / "world", Path(folder) / "training.toml"
        training.write_text(TRAINING)
        sizes = {"val": args.n}
        if not LONG.keys().isdisjoint(args.only):
            sizes |= {"train": args.n, "test": args.n // 2}
        if RUNS.keys().isdisjoint(args.only):
            sizes["val"] = args.n // 2
        for split, n in sizes.items():
            drawn = ("--task", "gqa", "--n", str(n), "--seed", str(args.seed), "--split", split)
            vprog("world", "draw", *drawn, "--out", str(data))
        for name in args.only:
            out = Path(folder) / name.replace(" ", "-")
            if name in RUNS:
                run = ("run", "world-gqa", "--data", str(data), "--split", "val", *RUNS[name])
                figures = compare_run(run, out)
            else:
                more = ("--training", str(training)) if name == "distill" else ()
                long = (name, "world-gqa", "--data", str(data), "--steps", str(args.steps))
                figures = compare_parts((*long, *LONG[name], *more), out)
            print(json.dumps({"command": name, **figures}), flush=True)


if __name__ == "__main__":
    main()
