"""Puts what ``vprog teach`` found into ``docs/results/teach.json``, a record a task, row, language.

``python bench/stages.py runs/teach/gqa-0 runs/teach/gqa-1`` takes stages that differ in their seed
alone; figures are means over the seeds, with the interval of the pooled answers.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

from teach import write_records
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


def main() -> None:
    """Reads the stages and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stages", type=Path, nargs="+")
    parser.add_argument("--command", required=True, help="The command of the stages, without seed.")
    parser.add_argument("--variant", help="What is other in these stages (an ablation).")
    parser.add_argument("--out", type=Path, default=Path("docs/results/teach.json"))
    given = parser.parse_args()
    found = [json.loads((stage / "teach.json").read_text("utf-8")) for stage in given.stages]
    variant = {"variant": given.variant} if given.variant else {}
    write_records(given.out, pooled(found, given.command, variant))
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
    write_records(given.out, steps, "steps")


if __name__ == "__main__":
    main()
