"""Reading what users hand to commands."""

from __future__ import annotations

import sys
from pathlib import Path

from vprog.errors import InputError
from vprog.program import Program, to_language


def read_program(path: Path, language: str) -> Program:
    """A program from a file, ``-`` for standard input.

    Raises:
        InputError: Unknown language, or no readable text with something in it.
    """
    known = to_language(language)
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot read program {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"program {path} is no text in UTF-8") from None
    if not text.strip():
        raise InputError(f"program {path} is empty")
    return Program(text, known)
