"""Puts what ``vprog distill`` found into ``docs/results/distill.json``.

``python bench/distilled.py runs/distill --command "vprog distill ..."`` takes folders of runs that
differ in their seed alone, or in their labels; each becomes records of its own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

KEY = ("task", "row", "labels", "seeds")


def records_of(said: dict[str, Any], command: str) -> list[dict[str, Any]]:
    """One record a task, row and size of the labelled set."""
    time = said.get("latency") or {}
    milliseconds = {"programs": time.get("programs_ms"), time.get("row"): time.get("student_ms")}
    settings = said["settings"]
    return [
        {
            "task": r["task"],
            "row": r["row"],
            "labels": r["labels"],
            "accuracy": r["accuracy"],
            "ci95": r["ci95"],
            "n": r["n"],
            "split": r["split"],
            "over_instruct": r.get("gain"),
            "over_programs": r.get("to_programs"),
            "latency_ms": milliseconds.get(r["row"]) if r["task"] == time.get("task") else None,
            "writer": settings["writer"],
            "toolbox": settings["toolbox"],
            "steps": settings["training"]["steps"],
            "seeds": [r["seed"]],
            "ids_sha256": r["ids_sha256"],
            "command": command,
            "commit": r["commit"],
        }
        for r in said["records"]
    ]


def main() -> None:
    """Reads the folders and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--command", required=True, help="Of the runs.")
    parser.add_argument("--out", type=Path, default=Path("docs/results/distill.json"))
    given = parser.parse_args()
    held = json.loads(given.out.read_text("utf-8")) if given.out.is_file() else {}
    records = {tuple(str(r[k]) for k in KEY): r for r in held.get("records", ())}
    quality = list(held.get("quality", ()))
    for folder in given.folders:
        said = json.loads((folder / "distill.json").read_text("utf-8"))
        found = records_of(said, given.command)
        records |= {tuple(str(r[k]) for k in KEY): r for r in found}
        mine = [{**q, "seeds": [said["settings"]["seed"]]} for q in said["quality"]]
        names = {tuple(str(q[k]) for k in KEY) for q in mine}
        quality = [q for q in quality if tuple(str(q[k]) for k in KEY) not in names] + mine
    all_of = {**held, "records": [records[key] for key in sorted(records)], "quality": quality}
    given.out.write_text(json.dumps(all_of, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
