"""One self-contained HTML file that shows a run: no network, light and dark, hostile text as text.

The page holds its pictures, one style sheet and one script. Its content security policy names both
by hash and allows ``data:`` pictures and nothing else, so that text which slipped through as markup
could neither run nor call home. The page reads completely without its script, which adds filters,
search, highlighting and keys.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path

from vprog.errors import InputError
from vprog.report.album import Album
from vprog.report.card import render_card
from vprog.report.filters import Filters
from vprog.report.item import ReportItem
from vprog.report.overview import Totals, render_overview
from vprog.report.tables import Table, render_html
from vprog.report.text import escape, shorten

__all__ = ["ReportItem", "render_report", "write_report"]


def write_report(
    path: Path,
    title: str,
    items: Iterable[ReportItem],
    summary: Mapping[str, object] | None = None,
    limit: int = 200,
    tables: Sequence[Table] = (),
) -> Path:
    """Writes a report as one HTML file.

    Args:
        path: The file; its folder is made, an older report is replaced at once.
        title: Of the page.
        items: What to show, in this order. All are counted, the first ``limit`` are shown.
        summary: Facts of the run (command, toolbox, versions, ...); see ``render_overview``.
        limit: The most items that are shown.
        tables: Title, columns and rows of tables below the head.

    Returns:
        ``path``.

    Raises:
        InputError: The file cannot be written.
    """
    page = render_report(title, items, summary or {}, limit, tables)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(page.encode("utf-8"))
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise InputError(f"cannot write report {path}: {error.strerror or error}") from error
    return path


def render_report(
    title: str,
    items: Iterable[ReportItem],
    summary: Mapping[str, object],
    limit: int = 200,
    tables: Sequence[Table] = (),
) -> str:
    """The page of ``write_report`` as text."""
    album, totals, filters = Album(), Totals(), Filters()
    shown = Totals()
    cards: list[str] = []
    for item in items:
        totals.add(item)
        if len(cards) < limit:
            shown.add(item)
            cards.append(render_card(item, len(cards) + 1, album, filters.numbered))
    body = "".join(cards) or '<p class="empty">This run has no examples.</p>'
    cut = (
        f'<p class="note">The first {len(cards):,} of {totals.n:,} programs are shown.</p>\n'
        if totals.n > len(cards)
        else ""
    )
    style, script = _asset("report.css"), _asset("report.js")
    policy = (
        "default-src 'none'; img-src data:; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(shorten(title, 200))}</title>\n"
        f'<link rel="icon" href="data:,">\n<style>{style}</style>\n</head>\n<body>\n'
        f"{album.render()}\n<main>\n{render_overview(title, totals, summary)}"
        f"{''.join(render_html(*table) for table in tables)}{filters.render(shown)}{cut}{body}"
        '<p class="empty" id="none" hidden>Nothing matches. '
        '<button type="button" id="reset">Clear filters</button></p>\n'
        "<footer>made by vprog</footer>\n</main>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    text = resources.files("vprog.report").joinpath("assets", name).read_text("utf-8")
    return text.replace("\r\n", "\n")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
