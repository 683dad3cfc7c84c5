"""EVAL's text as text that Python's parser reads: variables in braces, quoted text, and xor."""

from __future__ import annotations

import io
import re
import tokenize

from vprog.errors import ProgramError

PREFIX = "v__"
"""Begins the identifier of a variable in what ``substitute`` returns."""
XOR = "xor__"
"""A name between two ``or`` that makes them one xor."""
JOIN = "join__"
"""A function that joins its arguments as text."""
_SLOT = re.compile(r"\{\s*([^\W\d]\w*)\s*\}")


def substitute(text: str) -> tuple[str, list[str]]:
    """``{NAME}`` -> a safe identifier, joined to the text around it; ``xor`` -> a marked ``or``.

    Returns:
        The expression in Python's syntax, and the names in order of appearance.

    Raises:
        ProgramError: kind ``syntax``: what stands between braces is no name.
    """
    variables: list[str] = []
    out: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        if char in "'\"":
            end = _closing(text, position)
            source, names = _quoted(text[position + 1 : end], char, closed=end < len(text))
            out.append(source)
            variables += names
            position = end
        elif char == "{":
            end = text.find("}", position)
            name = text[position + 1 : end].strip() if end > 0 else ""
            if not name.isidentifier():
                raise ProgramError(
                    "syntax",
                    f"EVAL: braces hold a variable's name, as in {{ANSWER0}}; found "
                    f"{text[position : position + 20]!r}",
                )
            out.append(f" {PREFIX}{name} ")
            variables.append(name)
            position = end
        else:
            out.append(char)
        position += 1
    source = "".join(out)
    return (_mark_xor(source) if "xor" in source else source), variables


def _quoted(inner: str, quote: str, closed: bool) -> tuple[str, list[str]]:
    """Quoted text in Python's syntax, and the variables between braces in it, as ``substitute``."""
    parts = _SLOT.split(inner)
    names = parts[1::2]
    if not names:
        return quote + inner + quote * closed, []
    if len(names) == 1 and not parts[0] and not parts[2]:
        # '{ANSWER}' in quotes: VisProg's habit for text values.
        return f" {PREFIX}{names[0]} ", names
    shown = [
        f"{PREFIX}{part}" if number % 2 else quote + part + quote
        for number, part in enumerate(parts)
    ]
    return f" {JOIN}({', '.join(shown)}{')' * closed} ", names


def _closing(text: str, start: int) -> int:
    position = start + 1
    while position < len(text) and text[position] != text[start]:
        position += 2 if text[position] == "\\" else 1
    return min(position, len(text))


def _mark_xor(source: str) -> str:
    """``a xor b`` -> ``a or xor__ or b``: xor binds as loosely as or; inside words it is a word."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source.strip()).readline))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return source
    words = [
        f"or {XOR} or" if t.type == tokenize.NAME and t.string == "xor" else t.string
        for t in tokens
        if t.type not in (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER)
    ]
    return " ".join(words)
