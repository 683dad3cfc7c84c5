"""The bar of filters above a report's items: verdict, question type, tool, reuse, text."""

from __future__ import annotations

from vprog.report.item import VERDICTS
from vprog.report.overview import Totals
from vprog.report.text import escape, shorten

TYPE = "type "
"""Groups that start with this are kinds of question types; the others are of tools."""


class Filters:
    """Numbers the names that items can be filtered by, and renders the bar of filters."""

    def __init__(self) -> None:
        """Starts empty."""
        self._numbers: dict[tuple[str, str], int] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def numbered(self, group: str, name: str) -> int:
        """The number of a name in its group; counts the item that asked."""
        key = (group, name)
        self._counts[key] = self._counts.get(key, 0) + 1
        return self._numbers.setdefault(key, len(self._numbers))

    def render(self, shown: Totals) -> str:
        """The bar of filters; hidden until the script runs, without which it would do nothing."""
        present = [v for v in VERDICTS if shown.verdicts[v]]
        buttons = (
            '<button type="button" data-filter="" aria-pressed="true">'
            f"all <i>{shown.n}</i></button>"
        )
        buttons += "".join(
            f'<button type="button" data-filter="{v}" aria-pressed="false">'
            f'<span class="dot {v}"></span>{v} <i>{shown.verdicts[v]}</i></button>'
            for v in present
        )
        types = self._options(types=True)
        tools = self._options(types=False)
        selects = ""
        if types:
            selects += _select("types", "all types", types)
        if tools:
            selects += _select("tools", "all tools", tools)
        return (
            '<nav class="filters" aria-label="Filters" hidden>'
            f'<div class="buttons" role="group" aria-label="Verdict">{buttons}</div>{selects}'
            '<label class="check"><input type="checkbox" id="reused"> shared or remembered</label>'
            '<input type="search" id="search" placeholder="Search (press /)" aria-label="Search" '
            'autocomplete="off" spellcheck="false">'
            '<span class="shown" id="shown" role="status"></span>'
            '<button type="button" id="theme" title="Light or dark (t)" '
            'aria-label="Light or dark">◐</button></nav>\n'
        )

    def _options(self, *, types: bool) -> str:
        groups: dict[str, list[tuple[str, int, int]]] = {}
        for (group, name), number in self._numbers.items():
            if group.startswith(TYPE) == types:
                entry = (name, number, self._counts[group, name])
                groups.setdefault(group.removeprefix(TYPE), []).append(entry)
        parts = []
        for group, entries in groups.items():
            options = "".join(
                f'<option value="{number}">{escape(shorten(name, 60))} ({count})</option>'
                for name, number, count in sorted(entries)
            )
            parts.append(f'<optgroup label="{escape(shorten(group, 60))}">{options}</optgroup>')
        return "".join(parts)


def _select(id: str, everything: str, options: str) -> str:
    return (
        f'<select id="{id}" aria-label="{everything}"><option value="">{everything}</option>'
        f"{options}</select>"
    )
