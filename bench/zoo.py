"""Measures the toolbox ``zoo`` on programs and writes ``docs/results/zoo.json``.

``python bench/zoo.py --data ../shared/data`` runs gold programs (NLVR: hand-written ones) in both
languages and the bare ``vqa`` tool: on freshly drawn worlds of the zoo's own domain and of two
domains that it has never seen, and, as they are, on the pictures of SHAPES, ShapeWorld and NLVR,
which nothing in the zoo was made for. Runs are left in ``runs/zoo-results`` and taken up again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from results import LANGUAGES, SHAPEWORLD, vprog

SEED = 41
"""Of the drawn pictures: nothing was trained or chosen on it."""
DOMAINS = {
    "generalist": {"gqa": 2000, "nlvr2": 1000, "tally": 1000, "pope": 1000},
    "outline": {"gqa": 2000, "nlvr2": 1000},
    "chalk": {"gqa": 2000, "nlvr2": 1000},
}


def measure(folder: Path, name: str, data: Path, benchmark: str, split: str) -> list[dict]:
    """Runs gold programs in both languages and the bare vqa tool; one record each."""
    out = folder / name
    common = ["run", benchmark, "--data", str(data), "--split", split, "--toolbox", "zoo"]
    rows = [("gold", language) for language in LANGUAGES] + [("vqa", "steps")]
    runs, commands = [], []
    for writer, language in rows:
        run = out / f"{writer}-{language}"
        args = [*common, "--writer", writer, "--language", language, "--out", str(run)]
        vprog(*args)
        runs.append(str(run))
        commands.append("vprog " + " ".join(args))
    records = []
    for command, run, (writer, language) in zip(commands, runs, rows, strict=True):
        figures = vprog("score", run)
        accuracy = figures["metrics"]["accuracy"]
        records.append(
            {
                "data": name,
                "benchmark": benchmark,
                "split": split,
                "toolbox": "zoo",
                "writer": writer,
                "language": language,
                "n": figures["n"],
                "accuracy": accuracy["value"],
                "ci95": accuracy["ci95"],
                "majority": figures["majority"]["value"],
                "errors": figures["errors"],
                "ids_sha256": figures["ids_sha256"],
                "seed": SEED if benchmark.startswith("world-") else 0,
                "commit": figures["commit"],
                "command": command,
            }
        )
        shown = {k: records[-1][k] for k in ("data", "writer", "language", "n", "accuracy", "ci95")}
        print(json.dumps({**shown, "majority": records[-1]["majority"]}), flush=True)
    return records


def kept(file: Path, *args: str) -> dict[str, Any]:
    """What a command prints; kept, and not run again."""
    if not file.exists():
        file.write_text(json.dumps(vprog(*args)), encoding="utf-8")
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def main() -> None:
    """Runs everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/results/zoo.json"))
    parser.add_argument("--folder", type=Path, default=Path("runs/zoo-results"))
    parser.add_argument("--only", nargs="*", help="names of data, such as generalist-gqa")
    given = parser.parse_args()
    wanted: dict[str, tuple[Path, str, str]] = {}
    for domain, tasks in DOMAINS.items():
        for task, n in tasks.items():
            data = given.folder / f"world-{domain}-{task}"
            wanted[f"{domain}-{task}"] = (data, f"world-{task}", "test")
            if (given.only is None or f"{domain}-{task}" in given.only) and not data.exists():
                draw = ["--task", task, "--domain", domain, "--n", str(n), "--seed", str(SEED)]
                vprog("world", "draw", *draw, "--split", "test", "--out", str(data))
    wanted["shapes"] = (given.data / "shapes", "shapes", "val")
    for split in SHAPEWORLD:
        wanted[f"shapeworld-{split}"] = (given.data / "shapeworld", "shapeworld", split)
    wanted["nlvr"] = (given.data / "nlvr", "nlvr", "dev")
    records: list[dict[str, Any]] = []
    for name, (data, benchmark, split) in wanted.items():
        if given.only is None or name in given.only:
            records += measure(given.folder, name, data, benchmark, split)
    scores = kept(given.folder / "scores.json", "zoo", "score", "--seed", str(SEED), "--n", "2000")
    tools = {
        language: kept(
            given.folder / f"tools-{language}.json",
            *("bench", "tools", "--language", language, "--seed", str(SEED)),
        )
        for language in LANGUAGES
    }
    student = kept(
        given.folder / "vlm.json",
        *("zoo", "score", "--only", "vlm", "--seed", str(SEED), "--n", "300"),
    )
    given.out.parent.mkdir(parents=True, exist_ok=True)
    found = {"accuracies": records, "scores": scores, "tools": tools, "student": student}
    given.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
