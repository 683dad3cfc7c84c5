"""What ``vprog teach`` found, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vprog.report.tables import Cell, Figure, Table, print_tables
from vprog.report.text import visible

_ORDER = ("majority", "vqa", "untaught", "replaced", "taught", "upper")


def print_stage(found: Mapping[str, Any]) -> None:
    """Prints a stage to stdout.

    Args:
        found: The object that ``vprog teach --json`` prints.
    """
    print_tables(stage_tables(found), 140)
    seconds = found["seconds"]
    slowest = max(seconds, key=lambda name: seconds[name])
    print(
        f"round {found['chosen_round']} of {len(found['rounds']) - 1} is the best on val; "
        f"{sum(seconds.values()):,.0f} s in all, most in {slowest} ({seconds[slowest]:,.0f} s)"
    )
    toolbox = visible(found["toolbox"])
    if found["chosen_round"] == 0:
        print(f"no round was better on val: the toolbox stays {toolbox}; see report.html")
    else:
        print(f"taught toolbox: {toolbox} in the stage's folder, beside report.html")


def stage_tables(found: Mapping[str, Any]) -> list[Table]:
    """The matrix, the tools' steps and the rounds."""
    languages = found["settings"]["languages"]
    by: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    tasks: list[tuple[str, str]] = []
    for r in found["records"]:
        if (r["task"], r["role"]) not in tasks:
            tasks.append((r["task"], r["role"]))
        for language in languages if r["language"] is None else [r["language"]]:
            by.setdefault((r["task"], r["row"]), {})[language] = r
    rows: list[list[Cell]] = []
    for task, role in tasks:
        named = (task, role)  # once, above the rows of a task
        for row in _ORDER:
            held = by.get((task, row))
            if held is None:
                continue
            cells: list[Cell] = [*named, row]
            named = ("", "")
            for language in languages:
                record = held.get(language)
                cells += [_accuracy(record), _gain(record)]
            rows.append(cells)
    columns = ["task", "role", "row"]
    for language in languages:
        columns += [language, "gain"]
    title = "accuracy in percent [95 % interval], gain over untaught"
    tables: list[Table] = [(title, columns, rows)]
    steps: list[list[Cell]] = [
        [tool, f["metric"], f["n"], _figure(f["before"]), _figure(f["after"])]
        for tool, f in found["steps"].items()
    ]
    if steps:
        names = ("tool", "metric", "calls", "before", "after")
        tables.append(("steps of the target's test programs", names, steps))
    rounds: list[list[Cell]] = [
        [_round(r), *(Figure(r["val"][language]) for language in languages),
         sum(r["steps"].values()), sum(r["unanswered"].values())]
        for r in found["rounds"]
    ]  # fmt: skip
    names = ("round", *languages, "steps learned from", "not answered")
    tables.append(("accuracy on val by round", names, rounds))
    return tables


def _round(said: Mapping[str, Any]) -> str:
    at = said.get("threshold")
    return f"{said['number']}" if at is None else f"{said['number']}, detect from {at} on"


def _figure(figure: Mapping[str, Any]) -> Figure:
    low, high = figure["ci95"] or (None, None)
    return Figure(figure["value"], low, high)


def _accuracy(record: Mapping[str, Any] | None) -> Cell:
    if record is None:
        return None
    low, high = record["ci95"] or (None, None)
    return Figure(record["accuracy"], low, high)


def _gain(record: Mapping[str, Any] | None) -> Cell:
    if record is None or "gain" not in record:
        return None
    low, high = record["gain_ci95"]
    return f"{100 * record['gain']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
