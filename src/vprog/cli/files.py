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
    name = "from standard input" if str(path) == "-" else str(path)
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read program {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"program {name} is no text in UTF-8; save it as UTF-8 first") from None
    if not text.strip():
        raise InputError(f"program {name} is empty")
    return Program(text.replace("\r\n", "\n"), known)
