"""Puts what ``vprog distill`` found into ``docs/results/distill.json``.

``python bench/distilled.py FOLDERS --student "zoo:vlm of 7,000 steps" --command "..."`` takes the
folders of runs that differ in their seed alone. Figures are means over the seeds; intervals of
accuracies are Wilson's over all answers, those of paired differences come from a bootstrap that
draws pictures with all of their questions and seeds.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from vprog.benchmarks.metric import Ratio
from vprog.evaluation.score import score_run
from vprog.evaluation.statistics import interval, wilson

KEY = ("task", "row", "labels", "seeds", "student")

Credits = dict[tuple[int, str], tuple[str, float]]
"""(seed, question) -> (picture, what the answer is worth)."""


def mean_and_interval(credits: Credits) -> tuple[float, list[float]]:
    """The mean over all, and its 95 % interval as ``vprog score`` has it."""
    metric = Ratio([value for _, value in credits.values()], [1.0] * len(credits))
    found, value = interval(metric, [picture for picture, _ in credits.values()]), metric.value()
    assert found is not None
    assert value is not None
    return round(value, 6), [round(found.low, 6), round(found.high, 6)]


def over(base: Credits, row: Credits) -> dict[str, Any] | None:
    """The paired difference between two rows; None where one of them did not run."""
    common = {key: (row[key][0], row[key][1] - base[key][1]) for key in row if key in base}
    if not common:
        return None
    value, ci95 = mean_and_interval(common)
    by_seed: dict[int, list[float]] = defaultdict(list)
    for (seed, _), (_, difference) in common.items():
        by_seed[seed].append(difference)
    seeds = [round(fmean(values), 6) for values in by_seed.values()]
    return {"difference": value, "ci95": ci95, "by_seed": seeds, "n": len(common)}


def credits_of(folders: list[Path], task: int, row: str, labels: int | None) -> Credits:
    """What the answers of a row are worth, over all seeds; empty where it did not run."""
    name = row if row in ("programs", "vqa") else f"{row}-{'all' if labels is None else labels}"
    credits: Credits = {}
    for folder in folders:
        run = folder / "test" / str(task) / name
        if not run.is_dir():
            continue
        scored = score_run(run)
        for id, record in scored.records.items():
            picture = min(record.pictures, default=id)
            credits[scored.figures["seed"], id] = (picture, record.verdict.credit)
    return credits


def records_of(
    folders: list[Path], found: list[Mapping[str, Any]], about: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """One record a task, row and size of the labelled set."""
    tasks = list(dict.fromkeys(r["task"] for r in found[0]["records"]))
    for first in found[0]["records"]:
        task, row, labels = first["task"], first["row"], first["labels"]
        same = [
            r
            for said in found
            for r in said["records"]
            if (r["task"], r["row"], r["labels"]) == (task, row, labels)
        ]
        number = tasks.index(task)
        credits = credits_of(folders, number, row, labels)
        base = credits_of(folders, number, "instruct", labels)
        equal = credits_of(folders, number, "instruct_compute", labels)
        programs = credits_of(folders, number, "programs", None)
        student = labels is not None
        value, n = fmean(r["accuracy"] for r in same), sum(r["n"] for r in same)
        if credits:
            _, ci95 = mean_and_interval(credits)
        else:  # majority, which no run gives
            ci95 = [round(end, 6) for end in wilson(value * n, n)]
        settings = found[0]["settings"]
        yield {
            "task": task,
            "row": row,
            "labels": labels,
            "accuracy": round(value, 6),
            "ci95": ci95,
            "by_seed": [r["accuracy"] for r in same],
            "n": n,
            "split": first["split"],
            "over_instruct": over(base, credits) if student and row != "instruct" else None,
            "over_instruct_compute": over(equal, credits) if row.startswith("vpd") else None,
            "over_programs": over(programs, credits) if student else None,
            "latency_ms": latency_of(found, task, row, labels),
            "writer": settings["writer"],
            "toolbox": settings["toolbox"],
            "steps": steps_of(folders, row, labels) if student else None,
            "seeds": [r["seed"] for r in same],
            "ids_sha256": [r["ids_sha256"] for r in same],
            **about,
            "commit": ", ".join(dict.fromkeys(r["commit"] for r in same)),
        }


def steps_of(folders: list[Path], row: str, labels: int) -> int | list[int]:
    """How long a row's students were trained; a list where that differs, in the order of folders.

    At equal computation it does: what a step takes is measured in each run.
    """
    steps = []
    for folder in folders:
        outcome = folder / "students" / f"{row}-{labels}" / "training" / "outcome.json"
        steps.append(int(json.loads(outcome.read_text("utf-8"))["steps"]))
    return steps[0] if len(set(steps)) == 1 else steps


def latency_of(
    found: list[Mapping[str, Any]], task: str, row: str, labels: int | None
) -> float | None:
    """Milliseconds a question of the programs, or of the student of most labels; else None."""
    times = [said["latency"] for said in found if said.get("latency")]
    if labels not in (None, max(found[0]["settings"]["labels"] or [0])):
        return None
    named = [{"programs": t["programs_ms"], t["row"]: t["student_ms"]} for t in times]
    own = [n[row] for n, t in zip(named, times, strict=True) if t["task"] == task and row in n]
    return round(fmean(own), 2) if own else None


def quality_of(
    found: list[Mapping[str, Any]], about: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The students' explanations, means over the seeds, as they are."""
    for first in found[0]["quality"]:
        key = (first["task"], first["row"], first["labels"])
        same = [
            (said["settings"]["seed"], q)
            for said in found
            for q in said["quality"]
            if (q["task"], q["row"], q["labels"]) == key
        ]
        figures = {
            name: {
                "value": round(fmean(q[name]["value"] for _, q in same), 6),
                "by_seed": [{k: q[name][k] for k in ("value", "ci95", "n")} for _, q in same],
            }
            for name, held in first.items()
            if isinstance(held, dict) and all(q[name]["value"] is not None for _, q in same)
        }
        told = {"task": key[0], "row": key[1], "labels": key[2]}
        n = sum(q["n"] for _, q in same)
        yield {**told, "n": n, **figures, "seeds": [seed for seed, _ in same], **about}


def main() -> None:
    """Reads the folders and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--command", required=True, help="Of the runs, without its seed.")
    parser.add_argument("--student", required=True, help="The checkpoint, as it can be told apart.")
    parser.add_argument("--out", type=Path, default=Path("docs/results/distill.json"))
    given = parser.parse_args()
    held = json.loads(given.out.read_text("utf-8")) if given.out.is_file() else {}
    found = [json.loads((f / "distill.json").read_text("utf-8")) for f in given.folders]
    about = {"student": given.student, "command": given.command}
    made = {
        "records": list(records_of(given.folders, found, about)),
        "quality": list(quality_of(found, about)),
    }
    for name, new in made.items():
        mine = {key_of(r) for r in new}
        held[name] = [r for r in held.get(name, ()) if key_of(r) not in mine] + new
    given.out.write_text(json.dumps(held, indent=1) + "\n", "utf-8")


def key_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Tells records apart."""
    return tuple(str(record.get(name)) for name in KEY)


if __name__ == "__main__":
    main()
