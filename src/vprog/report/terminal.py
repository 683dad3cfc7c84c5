"""A trace in a terminal: question, program, steps, answer; readable in 80 columns."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from vprog.errors import InputError
from vprog.example import Example, Region
from vprog.report.card import MARKS, failed_line, failure_place
from vprog.report.gallery import picture_names
from vprog.report.item import ReportVerdict
from vprog.report.listing import split_lines
from vprog.report.steps import duration
from vprog.report.text import (
    answer_text,
    coordinates,
    quoted,
    score,
    shorten,
    value_text,
    visible,
)
from vprog.report.values import scores_of
from vprog.trace import Step, Trace, Value

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

STYLES = {"right": "green", "wrong": "red", "failed": "yellow", "unlabelled": "dim"}
"""Colour of each verdict."""
MAX_SHOWN = 6
"""Regions or options of one value that are shown."""
MAX_VALUE = 200
"""Characters of one value or argument that are shown."""

_SOURCE_STYLES = {"computed": "", "shared": "magenta", "remembered": "cyan", "inline": "dim"}


def print_trace(
    console: Console, example: Example, trace: Trace, verdict: ReportVerdict = "unlabelled"
) -> None:
    """Prints what a program did and how it ended.

    Nothing of the example or the trace is read as markup, and control characters are shown as
    escapes, so that a question or an answer cannot steer the terminal.

    Args:
        console: Where to print.
        example: The question and its labels.
        trace: What the program did.
        verdict: What became of it.
    """
    from rich.text import Text

    head = Text()
    head.append(f"{MARKS[verdict]} {verdict} ", style=f"bold {STYLES[verdict]}")
    head.append(visible(example.id, keep=""), style="dim")
    _print(console, head)
    _print(console, Text(visible(example.question, keep=""), style="bold"))
    console.print()
    for line in _program(trace):
        _print(console, line)
    console.print()
    if trace.steps:
        console.print(_steps(example, trace))
        for step in trace.steps:
            if rationale := step.info.get("rationale"):
                _print(console, Text(visible(str(rationale))))
    _print(console, _outcome(example, trace, verdict))


def _print(console: Console, text: Text) -> None:
    console.print(text, highlight=False, soft_wrap=False, overflow="fold")


def _program(trace: Trace) -> list[Text]:
    from rich.text import Text

    failed = failed_line(trace)
    lines = []
    for index, line in enumerate(split_lines(trace.program), start=1):
        text = Text(f"{index:4d} ", style="dim")
        text.append(
            visible(line, keep="").expandtabs(4), style="yellow" if index == failed else "not dim"
        )
        if index == failed:
            text.append("  <- failed", style="bold yellow")
        lines.append(text)
    return lines


def _steps(example: Example, trace: Trace) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = _picture_names(example, trace)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("step", overflow="fold", ratio=4)
    table.add_column("value", overflow="fold", ratio=3)
    table.add_column("source", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for index, step in enumerate(trace.steps, start=1):
        table.add_row(
            str(index),
            _call(step, names),
            _value(step, names, trace),
            Text("" if step.error else step.source, style=_SOURCE_STYLES.get(step.source, "")),
            duration(step.ms) if step.ms > 0 else "",
        )
    return table


def _call(step: Step, names: dict[tuple[object, ...], str]) -> Text:
    from rich.text import Text

    text = Text()
    if step.target:
        text.append(f"{visible(step.target, keep='')} = ", style="dim")
    text.append(visible(shorten(step.module, 60), keep=""), style="bold blue")
    args = ", ".join(
        f"{visible(str(name), keep='')}={_short(value, names)}" for name, value in step.args.items()
    )
    text.append(f"({args})")
    return text


def _value(step: Step, names: dict[tuple[object, ...], str], trace: Trace) -> Text:
    from rich.text import Text

    options = scores_of(step)
    if options and not step.error:
        shown = [f"{quoted(o, 40)} {score(v)}" for o, v in options[:MAX_SHOWN]]
        return Text(", ".join([*shown, *_rest(len(options))]))
    if not step.error:
        return Text(_short(step.value, names, labels=True))
    repeated = trace.failure is not None and trace.failure.message == step.error
    message = "failed" if repeated else shorten(step.error, MAX_VALUE)
    return Text(visible(message, keep=""), style="yellow")


def _outcome(example: Example, trace: Trace, verdict: ReportVerdict) -> Text:
    from rich.text import Text

    text = Text()
    if trace.failure is not None:
        text.append(f"{failure_place(trace.failure)}: ", style="bold yellow")
        text.append(visible(shorten(trace.failure.message, 1500)))
    else:
        text.append("answer ", style="dim")
        text.append(answer_text(trace.answer), style=f"bold {STYLES[verdict]}")
    if example.answers:
        text.append("\nexpected " if trace.failure else "   expected ", style="dim")
        text.append(visible(shorten(", ".join(dict.fromkeys(example.answers)), 300), keep=""))
    return text


def _short(value: Value, names: dict[tuple[object, ...], str], labels: bool = False) -> str:
    if type(value) is Region:
        return _region(value, names, labels)
    if isinstance(value, list) and value and all(type(v) is Region for v in value):
        parts = [_region(v, names, labels) for v in value[:MAX_SHOWN]]
        return f"[{', '.join([*parts, *_rest(len(value))])}]"
    return visible(shorten(value_text(value, MAX_VALUE), 2 * MAX_VALUE), keep="")


def _rest(count: int) -> list[str]:
    return [f"… {count - MAX_SHOWN} more"] if count > MAX_SHOWN else []


def _region(region: Region, names: dict[tuple[object, ...], str], labels: bool) -> str:
    name = names.get((region.picture, *region.box_xyxy), "")
    if name:
        return name
    picture = names.get((region.picture,), region.picture)
    parts = []
    if labels and region.label:
        parts.append(quoted(region.label, 60))
        if region.score != 1:
            parts.append(score(region.score))
    if picture:
        parts.append(visible(shorten(picture, 40), keep=""))
    return " ".join([*parts, coordinates(region)])


def _picture_names(example: Example, trace: Trace) -> dict[tuple[object, ...], str]:
    """Names of whole pictures by id and box, and of pictures by id: "" where there is only one."""
    names = picture_names(len(example.pictures), trace.language)
    found: dict[tuple[object, ...], str] = {}
    for picture, name in zip(example.pictures, names, strict=True):
        found[(picture.id,)] = name if len(names) > 1 else ""
        with contextlib.suppress(InputError):  # an unreadable picture: coordinates say enough
            found[(picture.id, *picture.region.box_xyxy)] = name
    return found
