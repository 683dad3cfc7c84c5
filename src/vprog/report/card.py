"""One item of a report as a card: pictures, question, answers, program and steps."""

from __future__ import annotations

from collections.abc import Callable

from vprog.report.album import Album
from vprog.report.figure import render_figures
from vprog.report.gallery import Gallery, hang
from vprog.report.item import ReportItem
from vprog.report.listing import render_program
from vprog.report.steps import render_steps
from vprog.report.text import answer_text, escape, number, shorten, visible
from vprog.report.values import render_answer
from vprog.trace import Failure, Trace

MARKS = {"right": "✓", "wrong": "✕", "failed": "!", "unlabelled": "–"}
"""The sign of each verdict, so that colour is not needed to tell them apart."""

Numbered = Callable[[str, str], int]
"""``numbered(group, name)`` gives each name of a group of a filter a small number."""


def render_card(item: ReportItem, index: int, album: Album, numbered: Numbered) -> str:
    """One item.

    Args:
        item: What to show.
        index: 1-based position; names the card in the address (``#e3``).
        album: Takes the item's pictures.
        numbered: Numbers types, tools and modules for the filters.
    """
    example, trace = item.example, item.trace
    gallery = hang(item, album)
    has = " ".join(str(numbered(group, name)) for group, name in filter_names(item))
    bare = "" if gallery.prints else ' class="bare"'
    figures = f'<div class="pictures">{render_figures(gallery)}</div>\n' if gallery.prints else ""
    reused = "1" if any(s.source in ("shared", "remembered") for s in trace.steps) else "0"
    tags = "".join(
        f'<span class="tag"><small>{escape(shorten(str(k), 40))}</small> '
        f"{escape(shorten(str(v), 40))}</span>"
        for k, v in example.types.items()
    )
    return (
        f'<article id="e{index}"{bare} tabindex="-1" data-verdict="{item.verdict}" '
        f'data-has="{has}" data-reused="{reused}">\n'
        f'<header><span class="badge {item.verdict}">{MARKS[item.verdict]} {item.verdict}</span>'
        f'<a class="id" href="#e{index}">{escape(shorten(example.id, 80))}</a>{_candidate(trace)}'
        f'<span class="tags">{tags}</span></header>\n'
        f"{figures}"
        f'<div class="story"><h2>{escape(shorten(example.question, 1000))}</h2>'
        f"{_answers(item, gallery)}{render_failure(trace.failure)}"
        f"{render_program(trace.program, failed_line(trace))}{render_steps(trace, gallery)}</div>\n"
        "</article>\n"
    )


def filter_names(item: ReportItem) -> list[tuple[str, str]]:
    """What the filters know of an item: ``(group, name)`` of its types, tools and modules."""
    found = [
        ("type " + visible(k, keep=""), visible(v, keep="")) for k, v in item.example.types.items()
    ]
    for step in item.trace.steps:
        group, name = ("tool", step.tool) if step.tool else ("inline", step.module)
        found.append((group, visible(name, keep="")))
    return list(dict.fromkeys(found))


def failed_line(trace: Trace) -> int | None:
    """The 1-based line of the program that failed, where it is known."""
    if trace.failure is None:
        return None
    if trace.failure.line:
        return trace.failure.line
    at = trace.failure.step
    if at is not None and 0 <= at < len(trace.steps) and trace.steps[at].line:
        return trace.steps[at].line
    return None


def render_failure(failure: Failure | None) -> str:
    """How a program failed and where, or ""."""
    if failure is None:
        return ""
    return (
        f'<p class="failure"><b>{escape(failure_place(failure))}</b> '
        f"{escape(shorten(failure.message, 1500))}</p>"
    )


def failure_place(failure: Failure) -> str:
    """``type error at step 3, line 2``, as far as it is known."""
    parts = []
    if failure.step is not None:
        parts.append(f"step {failure.step + 1}")
    if failure.line:
        parts.append(f"line {failure.line}")
    return f"{failure.kind} error" + (f" at {', '.join(parts)}" if parts else "")


def _answers(item: ReportItem, gallery: Gallery) -> str:
    parts = []
    if item.example.answers:
        shown = ", ".join(answer_text(a) for a in dict.fromkeys(item.example.answers))
        parts.append(f"<dt>expected</dt><dd>{escape(shorten(shown, 300))}</dd>")
    if item.trace.failure is None:
        answer = item.trace.answer
        if isinstance(answer, str | bool | int | float):
            given = escape(answer_text(answer))
        else:
            given = render_answer(answer, gallery)
        parts.append(f'<dt>answer</dt><dd class="{item.verdict}">{given}</dd>')
    parts += [
        f"<dt>{escape(shorten(name, 60))}</dt><dd>{escape(shorten(text, 2000))}</dd>"
        for name, text in item.notes.items()
    ]
    return f'<dl class="answers">{"".join(parts)}</dl>' if parts else ""


def _candidate(trace: Trace) -> str:
    parts = [f"candidate {trace.candidate + 1}"] if trace.candidate else []
    if trace.logprob is not None:
        parts.append(f"log p {number(round(trace.logprob, 2))}")
    return f'<span class="dim">{escape(", ".join(parts))}</span>' if parts else ""
