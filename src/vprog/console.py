"""What people see while a command works; results go to stdout, everything here to stderr."""

from __future__ import annotations

import sys


def note(text: str) -> None:
    """One line for the user."""
    print(f"vprog: {text}", file=sys.stderr)
