"""A program's text with line numbers, quiet colours and a mark on the line that failed."""

from __future__ import annotations

import keyword
import re
from collections.abc import Set as AbstractSet

from vprog.report.text import escape

MAX_LINES = 200
"""Lines of a program that are shown."""
MAX_LINE = 400
"""Characters of a line that are shown."""

_WORDS = frozenset([*keyword.kwlist, "xor"])
_TOKEN = re.compile(
    r"""(?P<note>\#.*)
    |(?P<text>[rRbBfFuU]{0,2}(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
    |(?P<number>\b\d+(?:\.\d+)?\b)
    |(?P<call>[^\W\d]\w*(?=\())
    |(?P<other>[^\W\d]\w*|\s+|.)""",
    re.VERBOSE,
)


def split_lines(program: str) -> list[str]:
    """The lines of a program as its parsers count them; trailing blank lines left out."""
    return re.split(r"\r\n|\r|\n", program.rstrip())


def render_program(program: str, failed_line: int | None = None) -> str:
    """A program as an HTML listing.

    Args:
        program: The source text.
        failed_line: 1-based line to mark, or None.
    """
    lines = split_lines(program)
    shown = [
        render_line(text, number, failed={failed_line} - {None})
        for number, text in enumerate(lines[:MAX_LINES], start=1)
    ]
    if len(lines) > MAX_LINES:
        shown.append(f'<span class="rest">… {len(lines) - MAX_LINES:,} more lines</span>')
    return f'<pre class="program">{"".join(shown)}</pre>'


def render_line(text: str, number: int, failed: AbstractSet[int | None] = frozenset()) -> str:
    """One line of a listing; its number comes from the style sheet and is not copied with it."""
    cut = text[:MAX_LINE]
    more = f'<span class="rest">… {len(text):,} characters</span>' if len(text) > MAX_LINE else ""
    mark = ' class="failed"' if number in failed else ""
    return f'<span data-line="{number}"{mark}>{_coloured(cut)}{more}\n</span>'


def _coloured(text: str) -> str:
    parts = []
    for match in _TOKEN.finditer(text):
        token = escape(match.group())
        kind = match.lastgroup
        if kind in ("call", "other") and match.group() in _WORDS:
            kind = "word"
        parts.append(token if kind == "other" else f'<i class="{kind}">{token}</i>')
    return "".join(parts)
