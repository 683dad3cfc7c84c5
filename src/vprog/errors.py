"""The one tree of errors that users see.

::

    VprogError                 anything vprog tells its user; exit code 2 on the command line
    ├── InputError             a file, column, setting or name that is not as it must be
    │   └── PictureError       a picture that cannot be read; in a run it fails its own questions
    ├── ProgramError           a program that fails its check or its run; carries kind and place
    └── ToolError              a tool that has no backend, refuses a call, or broke on it

Every message says what happened, what was allowed and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal, get_args

ErrorKind = Literal["syntax", "name", "type", "runtime", "limit", "tool", "picture"]
"""Classes of failure of a program.

``syntax``, ``name`` and ``type`` come from the check or from a wrong value at run time, ``runtime``
from the program's own arithmetic and look-ups, ``limit`` from the bounds of the engine, ``tool``
from a call that its backend could not answer, ``picture`` from a picture that cannot be read.
"""

ERROR_KINDS: tuple[str, ...] = get_args(ErrorKind)


class VprogError(Exception):
    """Base of every error that vprog raises on purpose."""


class InputError(VprogError):
    """Something handed to vprog is missing, broken or of the wrong form."""


class PictureError(InputError):
    """A picture is missing, broken or too large."""


class ToolError(VprogError):
    """A tool has no backend, or its backend could not answer a call."""


class ProgramError(VprogError):
    """A program is wrong, or failed while it ran.

    Attributes:
        kind: The class of the failure.
        message: What happened, what is known, what to do; without the place.
        line: 1-based line in the program's text, if known.
        column: 1-based column in that line, if known.
    """

    def __init__(
        self, kind: ErrorKind, message: str, line: int | None = None, column: int | None = None
    ) -> None:
        """Keeps the parts and renders ``message (line L, column C)``."""
        self.kind: ErrorKind = kind
        # Names and values in a message are a program's own and may be as long as it is.
        self.message = message if len(message) <= 600 else message[:597] + "..."
        self.line = line
        self.column = column
        place = "" if line is None else f" (line {line}"
        if line is not None:
            place += ")" if column is None else f", column {column})"
        super().__init__(f"{kind} error: {self.message}{place}")


def known_names(name: str, known: Iterable[str], limit: int = 24) -> str:
    """Renders ``Known: a, b. Did you mean 'a'?`` for an error about an unknown name.

    Args:
        name: The unknown name.
        known: The names that would have been right.
        limit: Longer lists are cut to the names nearest to ``name``.

    Returns:
        A sentence without leading blank; empty where nothing is known.
    """
    names = sorted(set(known))
    if not names:
        return "None is known here."
    lowered = {n.lower(): n for n in reversed(names)}
    nearest = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    shown = names
    if len(names) > limit:
        near = difflib.get_close_matches(name, names, n=limit, cutoff=0.0)
        shown = [*sorted(near), "..."]
    hint = f" Did you mean {lowered[nearest[0]]!r}?" if nearest else ""
    return f"Known: {', '.join(shown)}.{hint}"
