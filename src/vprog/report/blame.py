"""A blame as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vprog.report.tables import Cell, Figure, render_rich
from vprog.report.text import visible

MOST_VALUES = 12
"""A kind of question type with more values than this is left to ``--json``."""


def print_blame(figures: Mapping[str, Any], rows: int = 12) -> None:
    """Prints what ``vprog blame`` found to stdout.

    Args:
        figures: The object that ``vprog blame --json`` prints.
        rows: Arguments that are shown.
    """
    from rich.console import Console

    console = Console()
    for title, columns, table in _tables(figures, rows):
        if table:
            console.print(render_rich(visible(title), columns, table))
    wrong, upper = figures["wrong"], figures["upper"]
    print(
        f"{figures['n']:,} answers, accuracy {_figure(figures['accuracy'])}; all of "
        f"{', '.join(upper['tools'])} by {visible(figures['teacher'])}: "
        f"{_figure(upper['accuracy'])}, {100 * upper['gain']:+.1f} points"
    )
    print(
        f"{wrong['n']:,} wrong: {wrong['one_step']:,} right once one call is answered by the "
        f"teacher, {wrong['several_steps']:,} only with several, {wrong['not_by_teacher']:,} not "
        "by this teacher"
    )
    for why, count in figures["unanswered"].items():
        print(f"not answered by the teacher: {count:,}, {visible(why)}")


def _tables(
    figures: Mapping[str, Any], most: int
) -> list[tuple[str, Sequence[str], list[list[Cell]]]]:
    tools: list[list[Cell]] = []
    for row in figures["by_tool"]:
        upper = row["upper"] or {}
        gain = upper.get("gain")
        low, high = upper.get("gain_ci95", (None, None))
        tools.append([*_row(row), None if gain is None else Figure(gain, low, high)])
    arguments: list[list[Cell]] = [_row(row) for row in figures["by_argument"][:most]]
    columns = ("calls", "differ", "repaired", "% of wrong")
    tables: list[tuple[str, Sequence[str], list[list[Cell]]]] = [
        ("by tool", ("tool", *columns, "gain if taught"), tools),
        ("by argument", ("call", *columns), arguments),
    ]
    for kind, values in figures["by_type"].items():
        if len(values) > MOST_VALUES:
            continue
        rows: list[list[Cell]] = [
            [visible(value), row["n"], Figure(row["accuracy"]["value"]), row["wrong"],
             row["repaired"], Figure(row["upper"]["value"])]
            for value, row in values.items()
        ]  # fmt: skip
        names = (visible(kind), "n", "accuracy", "wrong", "repaired", "upper bound")
        tables.append((f"by {kind} type", names, rows))
    return tables


def _row(row: Mapping[str, Any]) -> list[Cell]:
    low, high = row["ci95"]
    return [
        visible(row["name"]), row["calls"], row["differ"], row["repaired"],
        Figure(row["share"], low, high),
    ]  # fmt: skip


def _figure(metric: Mapping[str, Any]) -> str:
    low, high = metric["ci95"] or (None, None)
    return str(Figure(metric["value"], low, high))
