"""The head of a report: how many were right, how many calls were saved, how the run was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vprog.report.item import VERDICTS, ReportItem
from vprog.report.text import escape, number, shorten, value_text, visible

CALLS = ("requested", "computed", "shared", "remembered")
_BAR = 1000


@dataclass(slots=True)
class Totals:
    """Counts over all items of a report, also those that it does not show.

    Attributes:
        n: Items.
        verdicts: How many have each verdict.
        sources: How many calls of backends (no inline steps) came from each source.
    """

    n: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)

    def add(self, item: ReportItem) -> None:
        """Counts one item."""
        self.n += 1
        self.verdicts[item.verdict] += 1
        self.sources.update(s.source for s in item.trace.steps if s.source != "inline")


def render_overview(title: str, totals: Totals, summary: Mapping[str, object]) -> str:
    """The head of the page.

    Args:
        title: Of the report.
        totals: Counts over its items.
        summary: Facts of the run. A mapping under ``calls`` replaces the counts of calls, which
            otherwise come from the items; a mapping with ``value`` and ``ci95`` is shown as a
            figure with its interval; everything else as it is, nested mappings as groups.
    """
    facts = dict(summary)
    calls = _calls(facts.pop("calls", None), totals)
    shares = [(v, totals.verdicts[v]) for v in VERDICTS if totals.verdicts[v]]
    verdicts = "".join(
        f'<div><dt><i class="dot {name}"></i>{name}</dt><dd>{count:,} '
        f"<small>{share(count, totals.n)}</small></dd></div>"
        for name, count in shares
    )
    call_parts = [(name, calls[name]) for name in CALLS[1:]]
    call_list = "".join(
        f'<div><dt><i class="dot {name}"></i>{name}</dt><dd>{count:,} '
        f"<small>{share(count, calls['requested'])}</small></dd></div>"
        for name, count in call_parts
    )
    return (
        f'<header class="overview"><h1>{escape(shorten(title, 300))}</h1>\n'
        f'<div class="panels"><section><h3>Programs</h3><p class="total">{totals.n:,}</p>'
        f"{_bar(shares, totals.n)}<dl>{verdicts}</dl></section>\n"
        f'<section><h3>Calls requested</h3><p class="total">{calls["requested"]:,}</p>'
        f"{_bar(call_parts, calls['requested'])}<dl>{call_list}</dl></section></div>\n"
        f"{_facts(facts)}</header>\n"
    )


def share(count: int, total: int) -> str:
    """``81.2 %``; "" of nothing."""
    return f"{100 * count / total:.1f} %" if total else ""


def _calls(given: object, totals: Totals) -> dict[str, int]:
    if isinstance(given, Mapping) and all(isinstance(given.get(name), int) for name in CALLS):
        return {name: given[name] for name in CALLS}
    counted = {name: totals.sources[name] for name in CALLS[1:]}
    return {"requested": sum(counted.values()), **counted}


def _bar(parts: Sequence[tuple[str, int]], total: int) -> str:
    rects = []
    left = 0.0
    for name, count in parts:
        width = _BAR * count / total if total else 0
        rects.append(f'<rect class="{name}" x="{left:.1f}" width="{width:.1f}" height="1"/>')
        left += width
    return (
        f'<svg class="share" viewBox="0 0 {_BAR} 1" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(rects)}</svg>"
    )


def _facts(facts: Mapping[str, object]) -> str:
    if not facts:
        return ""
    lines = "".join(
        f"<div><dt>{escape(shorten(str(name), 60))}</dt><dd>{_fact(value)}</dd></div>"
        for name, value in facts.items()
    )
    return f'<details class="facts" open><summary>Run</summary><dl>{lines}</dl></details>\n'


def _fact(value: object, depth: int = 0) -> str:
    if isinstance(value, Mapping) and depth < 3:
        interval = value.get("ci95")
        if (
            isinstance(value.get("value"), int | float)
            and isinstance(interval, list | tuple)
            and len(interval) == 2
        ):
            low, high = (number(v) for v in interval)
            return (
                f"{escape(number(value['value']))} <small>[{escape(low)}, {escape(high)}]</small>"
            )
        return " ".join(
            f'<span class="pair"><small>{escape(shorten(str(k), 60))}</small> '
            f"{_fact(v, depth + 1)}</span>"
            for k, v in value.items()
        )
    if isinstance(value, str):
        return escape(shorten(value, 1000))
    if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return escape(shorten(", ".join(value), 1000))
    return escape(shorten(visible(value_text(value), keep=""), 1000))
