"""Runs the commands behind the figures that the docs quote and writes ``docs/results/run.json``.

``python bench/results.py --data ../shared/data`` wants the folders shapes, shapeworld and nlvr
there, draws the world itself, and leaves the runs in ``runs/results``. Every record names command,
commit, split, n, seed and, for accuracies, the 95 % interval.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

SHAPEWORLD = (
    "existential-full",
    "logical-full",
    "quantification-count",
    "relational-attribute",
    "relational-spatial",
    "selection-superlative",
)
WORLD = {"gqa": 5000, "nlvr2": 2000, "tally": 2000, "pope": 2000}
LANGUAGES = ("steps", "python")


def vprog(*args: str) -> dict[str, Any]:
    """Runs one command and returns the object it prints."""
    command = [sys.executable, "-m", "vprog", *args, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def measure(
    folder: Path, data: Path, benchmark: str, split: str, toolbox: str
) -> list[dict[str, Any]]:
    """Runs a benchmark's gold programs in both languages and scores them together."""
    runs, commands = [], []
    for language in LANGUAGES:
        out = folder / f"{benchmark}-{split}-{toolbox}-{language}"
        args = ["run", benchmark, "--data", str(data), "--split", split, "--writer", "gold"]
        args += ["--toolbox", toolbox, "--language", language, "--out", str(out)]
        vprog(*args)
        runs.append(str(out))
        commands.append("vprog " + " ".join(args))
    scored = vprog("score", *runs)
    records = []
    for command, figures in zip(commands, scored["runs"], strict=True):
        records.append(
            {
                "benchmark": benchmark,
                "split": split,
                "toolbox": toolbox,
                "language": figures["language"],
                "n": figures["n"],
                "accuracy": figures["metrics"]["accuracy"]["value"],
                "ci95": figures["metrics"]["accuracy"]["ci95"],
                "majority": figures["majority"]["value"],
                "same_answers_in_both_languages": scored["comparison"]["same_answers"],
                "ids_sha256": figures["ids_sha256"],
                "seed": figures["seed"],
                "commit": figures["commit"],
                "command": command,
            }
        )
        print(json.dumps({k: records[-1][k] for k in list(records[-1])[:7]}), flush=True)
    return records


def main() -> None:
    """Runs everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/results/run.json"))
    args = parser.parse_args()
    folder = Path("runs/results")
    shutil.rmtree(folder, ignore_errors=True)
    records = measure(folder, args.data / "shapes", "shapes", "val", "pixels")
    for split in SHAPEWORLD:
        for toolbox in ("oracle", "pixels"):
            records += measure(folder, args.data / "shapeworld", "shapeworld", split, toolbox)
    for split in ("dev", "train"):
        records += measure(folder, args.data / "nlvr", "nlvr", split, "pixels")
    for task, n in WORLD.items():
        data = folder / f"world-{task}"
        vprog("world", "draw", "--task", task, "--n", str(n), "--seed", "7", "--out", str(data))
        records += measure(folder, data, f"world-{task}", "val", "oracle")
    drawn = subprocess.run(
        [sys.executable, "bench/world.py"], check=True, stdout=subprocess.PIPE, text=True
    )
    commit = records[0]["commit"]
    world = {"command": "python bench/world.py", "commit": commit, **json.loads(drawn.stdout)}
    figures = vprog("bench", "engine")
    engine = {"command": "vprog bench engine --json", "commit": commit, **figures}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(
        json.dumps({"accuracies": records, "world": world, "engine": engine}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
