"""What ``vprog distill`` found, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vprog.report.tables import Cell, Figure, Table, print_tables

_QUALITY = ("explained", "consistent", "box_f1_trace", "box_f1_scene", "facts", "factual")

MOST_VALUES = 8
"""A kind of question type with more values than this is left to ``--json``."""


def print_distilled(said: Mapping[str, Any]) -> None:
    """Prints the tables to stdout.

    Args:
        said: The object that ``vprog distill --json`` prints.
    """
    print_tables(distill_tables(said), 120)
    seconds = said["seconds"]
    slowest = max(seconds, key=lambda name: seconds[name])
    print(
        f"{sum(seconds.values()):,.0f} s in all, most in {slowest} ({seconds[slowest]:,.0f} s); "
        "checkpoints below students/, pictures in report.html"
    )


def distill_tables(said: Mapping[str, Any]) -> list[Table]:
    """Accuracy, types, rationales, yield and latency."""
    rows: list[list[Cell]] = [
        [r["task"], r["row"], r["labels"], r["n"], _figure(r["accuracy"], r["ci95"]),
         _points(r.get("gain")), _points(r.get("to_programs"))]
        for r in said["records"]
    ]  # fmt: skip
    names = ("task", "row", "labels", "n", "accuracy", "over instruct", "over programs")
    tables: list[Table] = [("accuracy in percent [95 % interval]; paired differences", names, rows)]
    tables += _by_type(said)
    quality: list[list[Cell]] = [
        [q["task"], q["row"], q["labels"], q["n"],
         *(None if q[name]["value"] is None else Figure(q[name]["value"]) for name in _QUALITY)]
        for q in said["quality"]
    ]  # fmt: skip
    if quality:
        titles = tuple(name.replace("_", " ") for name in _QUALITY)
        tables.append(("rationales", ("task", "row", "labels", "n", *titles), quality))
    curve: list[list[Cell]] = [
        [task, int(k), _figure(figure["value"], figure["ci95"])]
        for task, yields in said["yields"].items()
        for k, figure in yields.items()
    ]
    tables.append(("questions with a verified program", ("task", "k", "share"), curve))
    time = said.get("latency")
    if time:
        cells: list[list[Cell]] = [
            [time["task"], time["row"], how, one["programs_ms"], one["student_ms"], one["ratio"]]
            for how, one in (
                ("one at a time", time),
                (f"{time['batches']['size']} at once", time["batches"]),
            )
        ]
        columns = ("task", "row", "questions", "programs, ms", "student, ms", "times faster")
        title = f"time a question, programs by {time['writer']}, same machine in turns"
        tables.append((title, columns, cells))
    return tables


def _by_type(said: Mapping[str, Any]) -> list[Table]:
    tables: list[Table] = []
    for task in said["tasks"]:
        records = [r for r in said["records"] if r["task"] == task and r["by_type"]]
        kinds = dict.fromkeys(kind for r in records for kind in r["by_type"])
        for kind in kinds:
            values = dict.fromkeys(v for r in records for v in r["by_type"].get(kind, {}))
            if len(values) > MOST_VALUES:
                continue
            rows: list[list[Cell]] = [
                [
                    r["row"],
                    r["labels"],
                    *(_value(r["by_type"].get(kind, {}).get(v)) for v in values),
                ]
                for r in records
            ]
            tables.append((f"{task} by {kind} type", ("row", "labels", *values), rows))
    return tables


def _value(entry: Mapping[str, Any] | None) -> Cell:
    return None if entry is None or entry["value"] is None else Figure(entry["value"])


def _figure(value: float | None, ci95: list[float] | None) -> Cell:
    if value is None:
        return None
    low, high = ci95 or (None, None)
    return Figure(value, low, high)


def _points(paired: Mapping[str, Any] | None) -> Cell:
    if paired is None:
        return None
    low, high = paired["ci95"]
    return f"{100 * paired['difference']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
