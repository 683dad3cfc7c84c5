"""The steps of a trace as rows: what was called with what, what came back, from where, how fast."""

from __future__ import annotations

from vprog.report.figure import colour
from vprog.report.gallery import Gallery
from vprog.report.text import escape, number, shorten
from vprog.report.values import render_argument, render_info, render_value
from vprog.trace import Step, Trace

MAX_OPEN = 14
"""Longer traces fold their middle away."""
SOURCES = ("computed", "shared", "remembered", "inline")
HEAD, TAIL = 9, 3
"""Rows that stay open before and after the fold."""
MAX_STEPS = 400
"""Steps of one trace that are shown."""


def render_steps(trace: Trace, gallery: Gallery) -> str:
    """Every step of a trace in order; the middle of a long one behind a fold."""
    told = trace.failure.message if trace.failure else ""
    rows = [
        render_step(step, gallery, i, told) for i, step in enumerate(trace.steps[:MAX_STEPS], 1)
    ]
    if not rows:
        return '<p class="note">No step was reached.</p>'
    cut = len(trace.steps) - len(rows)
    note = f'<p class="note">{cut:,} more steps are not shown</p>' if cut else ""
    if len(rows) <= MAX_OPEN:
        return f'<ol class="steps">{"".join(rows)}</ol>{note}'
    middle = rows[HEAD:-TAIL]
    return (
        f'<ol class="steps">{"".join(rows[:HEAD])}</ol>'
        f'<details class="fold"><summary>{len(middle):,} more steps</summary>'
        f'<ol class="steps">{"".join(middle)}</ol></details>'
        f'<ol class="steps">{"".join(rows[-TAIL:])}</ol>{note}'
    )


def render_step(step: Step, gallery: Gallery, index: int, told: str = "") -> str:
    """One step as a row.

    Args:
        step: The step.
        gallery: The item's pictures.
        index: Its 1-based number.
        told: A message that the page shows elsewhere and that the row need not repeat.
    """
    target = f'<span class="target">{escape(step.target)}</span> = ' if step.target else ""
    args = ", ".join(
        f'<span class="arg">{escape(shorten(str(name), 40))}={render_argument(value, gallery)}'
        "</span>"
        for name, value in step.args.items()
    )
    call = f"{target}<b>{escape(shorten(step.module, 60))}</b>({args})"
    if step.error:
        message = "failed" if step.error == told else shorten(step.error)
        value = f'<span class="problem">{escape(message)}</span>'
    else:
        value = render_value(step, gallery, index)
    tool = f'<span class="tool">{escape(shorten(step.tool, 40))}</span>' if step.tool else ""
    source = step.source if step.source in SOURCES else "inline"
    origin = "" if step.error else f'<span class="source {source}">{source}</span>'
    time = f'<span class="ms">{escape(duration(step.ms))}</span>' if step.ms > 0 else ""
    failed = " failed" if step.error else ""
    return (
        f'<li class="{colour(index)}{failed}" data-step="{index}" data-at="{int(step.line)}">'
        f'<span class="index">{index}</span><div class="call">{call}</div>'
        f'<div class="value">{value}{render_info(step)}</div>'
        f'<div class="meta">{tool}{origin}{time}</div></li>\n'
    )


def duration(ms: float) -> str:
    """A time in three digits: ``0.4 ms``, ``12 ms``, ``1.3 s``."""
    if ms < 0.1:
        return "<0.1 ms"
    if ms >= 1000:
        return f"{number(ms / 1000)} s"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"
