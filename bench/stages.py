"""Puts what ``vprog teach`` found into ``docs/results/teach.json``, a record a task, row, language.

``python bench/stages.py runs/teach/gqa-0 runs/teach/gqa-1`` takes stages that differ in their seed
alone; figures are means over the seeds, with the interval of the pooled answers. With ``--add`` the
seeds join those that the file has; metrics of steps are those of the first seed.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

from teach import KEY, write_records
from vprog.evaluation.statistics import wilson


def pooled(
    found: list[dict[str, Any]], command: str, variant: dict[str, str]
) -> list[dict[str, Any]]:
    """Records of all stages, those of equal task, role, row and language as one."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for stage in found:
        for record in stage["records"]:
            key = tuple(record[name] for name in ("task", "role", "row", "language"))
            groups[key].append(record)
    records = []
    for (task, role, row, language), same in groups.items():
        n = sum(record["n"] for record in same)
        value = fmean(record["accuracy"] for record in same)
        one = {
            "task": task,
            "role": role,
            "row": row,
            "language": language,
            **variant,
            "split": same[0]["split"],
            "teacher": found[0]["settings"]["teacher"],
            "accuracy": round(value, 6),
            "ci95": [round(end, 6) for end in wilson(value * n, n)],
            "by_seed": [record["accuracy"] for record in same],
            "n": n,
            "seeds": [record["seed"] for record in same],
            "ids_sha256": [record["ids_sha256"] for record in same],
            "command": command,
            "commit": ", ".join(dict.fromkeys(record["commit"] for record in same)),
        }
        if "gain" in same[0]:
            one["gain"] = round(fmean(record["gain"] for record in same), 6)
            one["gain_ci95"] = [record["gain_ci95"] for record in same]
        if "closed" in same[0]:
            one["closed"] = round(fmean(record["closed"] for record in same), 6)
        records.append(one)
    return records


def key_of(record: dict[str, Any]) -> tuple[Any, ...]:
    """Tells records apart."""
    return tuple(record.get(name) for name in KEY)


def joined(held: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A record with the seeds of another one of the same task, role, row and language."""
    if set(held["seeds"]) & set(new["seeds"]):
        raise SystemExit(f"{held['task']}, {held['row']}: seeds {held['seeds']} are there already")
    seeds = [*held["seeds"], *new["seeds"]]
    one = {**new, "seeds": seeds, "n": held["n"] + new["n"]}
    for name in ("accuracy", "gain", "closed"):
        if name in new:
            parts = (held[name] * len(held["seeds"]), new[name] * len(new["seeds"]))
            one[name] = round(sum(parts) / len(seeds), 6)
    one["ci95"] = [round(end, 6) for end in wilson(one["accuracy"] * one["n"], one["n"])]
    for name in ("by_seed", "ids_sha256", "gain_ci95"):
        if name in new:
            one[name] = [*held[name], *new[name]]
    commits = [*held["commit"].split(", "), *new["commit"].split(", ")]
    return {**one, "commit": ", ".join(dict.fromkeys(commits))}


def main() -> None:
    """Reads the stages and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stages", type=Path, nargs="+")
    parser.add_argument("--command", required=True, help="The command of the stages, without seed.")
    parser.add_argument("--variant", help="What is other in these stages (an ablation).")
    parser.add_argument("--add", action="store_true", help="To the seeds that are there.")
    parser.add_argument("--out", type=Path, default=Path("docs/results/teach.json"))
    given = parser.parse_args()
    found = [json.loads((stage / "teach.json").read_text("utf-8")) for stage in given.stages]
    variant = {"variant": given.variant} if given.variant else {}
    records = pooled(found, given.command, variant)
    if given.add:
        held = {key_of(r): r for r in json.loads(given.out.read_text("utf-8"))["records"]}
        records = [joined(held[key_of(r)], r) if key_of(r) in held else r for r in records]
    write_records(given.out, records)
    steps = [
        {
            "task": stage["target"],
            "tool": tool,
            "row": row,
            **variant,
            "metric": f["metric"],
            "n": f["n"],
            "value": f[part]["value"],
            "ci95": f[part]["ci95"],
            "seeds": [stage["settings"]["seed"]],
            "command": given.command,
            "commit": stage["commit"],
        }
        for stage in found[:1]
        for tool, f in stage["steps"].items()
        for part, row in (("before", "untaught"), ("after", "taught"))
    ]
    if not given.add:
        write_records(given.out, steps, "steps")


if __name__ == "__main__":
    main()
