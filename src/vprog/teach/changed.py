"""The report of a stage: its tables, and pictures of the steps that teaching changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vprog.example import Example, Picture, Region
from vprog.report.html import ReportItem, write_report
from vprog.report.teach import stage_tables
from vprog.teach.matrix import ChangedStep
from vprog.teach.steps import ARGUMENTS
from vprog.trace import Step, Trace, Value

SHOWN = 60
"""Steps of each tool that the page shows; those that became wrong are among them."""


def write_stage_report(
    path: Path,
    found: Mapping[str, Any],
    changed: Sequence[ChangedStep],
    pictures: Mapping[str, Picture],
) -> None:
    """Writes the page.

    A card is a call: what the tool answered before, what is right, what it answers now. ``right``
    and ``wrong`` speak of the taught tool.

    Args:
        path: The file.
        found: See ``vprog.teach.teach.teach``.
        changed: Steps of the target's test programs.
        pictures: By id.

    Raises:
        InputError: It cannot be written.
    """
    better = sum(step.better for step in changed)
    summary = {
        "target": found["target"],
        "teacher": found["teacher"],
        "seed": found["settings"]["seed"],
        "commit": found["commit"],
        "steps that became right": better,
        "steps that became wrong": len(changed) - better,
    }
    items = list(_items(_chosen(changed), pictures))
    title = f"teaching {found['target']}"
    write_report(path, title, items, summary, limit=len(items), tables=stage_tables(found))


def _chosen(changed: Sequence[ChangedStep]) -> Iterator[ChangedStep]:
    """A like share of every tool; a third of them, at most, became wrong."""
    for tool in ARGUMENTS:
        own = [c for c in changed if c.step.tool == tool]
        worse = [c for c in own if not c.better][: SHOWN // 3]
        yield from worse
        yield from [c for c in own if c.better][: SHOWN - len(worse)]


def _items(changed: Iterator[ChangedStep], pictures: Mapping[str, Picture]) -> Iterator[ReportItem]:
    for number, change in enumerate(changed):
        step = change.step
        said = ", ".join(step.argument) if isinstance(step.argument, tuple) else step.argument
        example = Example(
            id=f"{step.example_id}/{number}",
            pictures=(pictures[step.region.picture],),
            question=f"{step.tool}: {said}",
            answers=(),
            types={"tool": step.tool, "became": "right" if change.better else "wrong"},
        )
        steps = [
            _step(change, "before", step.value),
            _step(change, "right", change.truth),
            _step(change, "taught", change.after),
        ]
        trace = Trace(example.id, 0, "steps", "", steps=steps, answer=_text(change.after))
        yield ReportItem(example, trace, "right" if change.better else "wrong")


def _step(change: ChangedStep, who: str, value: Value) -> Step:
    step = change.step
    if isinstance(value, list):
        value = [v._replace(label=v.label or who) if isinstance(v, Region) else v for v in value]
    return Step(module=who, tool=step.tool, args=dict(step.call.args), value=value)


def _text(value: Value) -> Value:
    return len(value) if isinstance(value, list) else value
