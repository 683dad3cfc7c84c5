"""Text that others wrote, made safe to show: in a page, in a terminal, in a table.

Questions, answers, programs, file names and tool values are hostile until shown otherwise. Nothing
of them may become markup, move a cursor, reorder a line, or fill the page.
"""

from __future__ import annotations

import html
import math
import unicodedata
from typing import Any

from vprog.example import Region
from vprog.trace import Value

MAX_TEXT = 600
"""Characters of one value that are shown."""
MAX_DEPTH = 5
"""Levels of nested lists and dictionaries that are shown."""
MAX_ENTRIES = 24
"""Entries of a list or dictionary that are shown as text."""

_SHOWN_ESCAPED = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str, keep: str = "\n\t") -> str:
    r"""Replaces characters that steer rather than show by their escapes.

    Control characters (terminal escapes, NUL), lone surrogates, private and line separator
    characters and marks that reorder text become ``\x1b``, ``\u202e`` and so on.

    Args:
        text: Any text.
        keep: Control characters that stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char
        if char in keep or not (unicodedata.category(char) in _SHOWN_ESCAPED or char in _REORDERING)
        else _escaped(char)
        for char in text
    )


def escape(text: object) -> str:
    """Any text as HTML text or the inside of a quoted attribute."""
    return html.escape(visible(str(text)), quote=True)


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """The beginning of a long text, and how long it was."""
    if len(text) <= limit:
        return text
    return f"{text[:limit].rstrip()}… ({len(text):,} characters)"


def quoted(text: str, limit: int = MAX_TEXT) -> str:
    """A text value as programs write it: in quotes, on one line."""
    body = visible(shorten(text, limit), keep="").replace("\\'", "'")
    return f'"{body}"' if "'" in body and '"' not in body else "'" + body.replace("'", "\\'") + "'"


def number(value: float) -> str:
    """A number in few characters: ``3``, ``0.913``, ``1.2e+07``."""
    if isinstance(value, int):
        if abs(value) < 10**15:
            return str(value)
        return f"{'-' if value < 0 else ''}about 2^{abs(value).bit_length() - 1}"
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.6g}"


def score(value: float) -> str:
    """A score in [0, 1] with two digits: ``.92``, ``1``, ``0``; any other number in full."""
    if not 0 <= value <= 1:
        return number(value)
    text = f"{value:.2f}"
    return {"1.00": "1", "0.00": "0"}.get(text, text[1:])


def coordinates(region: Region) -> str:
    """``(left, top, right, bottom)`` of a region, in pixels of the whole picture, y downward."""
    return "(" + ", ".join(number(float(round(v, 1))) for v in region.box_xyxy) + ")"


def value_text(value: Value | Any, limit: int = MAX_TEXT, depth: int = 0) -> str:
    """A value as one line of plain text: texts quoted, regions as label and coordinates.

    Args:
        value: What a step took or gave.
        limit: Longer texts are cut.
        depth: Levels above this one; deeper than ``MAX_DEPTH`` becomes ``…``.
    """
    if type(value) is Region:
        label = quoted(value.label, 60) + " " if value.label else ""
        return f"{label}{coordinates(value)}"
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, str):
        return quoted(value, limit)
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        parts = [
            f"{value_text(k, limit, depth + 1)}: {value_text(v, limit, depth + 1)}"
            for k, v in list(value.items())[:MAX_ENTRIES]
        ]
        return "{" + ", ".join([*parts, *_rest(len(value))]) + "}"
    if isinstance(value, list | tuple):
        parts = [value_text(v, limit, depth + 1) for v in value[:MAX_ENTRIES]]
        return "[" + ", ".join([*parts, *_rest(len(value))]) + "]"
    return visible(shorten(repr(value), limit), keep="")


def answer_text(value: Value) -> str:
    """An answer as people read it: texts without quotes, booleans as yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return visible(shorten(value), keep="")
    return value_text(value)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _rest(count: int) -> list[str]:
    return [f"… {count - MAX_ENTRIES} more"] if count > MAX_ENTRIES else []
