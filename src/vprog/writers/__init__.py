"""Writers: from a question to candidate programs."""

from __future__ import annotations

from pathlib import Path

from vprog.errors import InputError, known_names
from vprog.writers.gold import Gold
from vprog.writers.replay import Replay
from vprog.writers.writer import Writer

__all__ = ["Gold", "Replay", "Writer", "load_writer"]


def load_writer(name: str) -> Writer:
    """The writer of that name: ``gold`` or ``replay:PATH``.

    Raises:
        InputError: Unknown, or its source cannot be read.
    """
    kind, _, rest = name.partition(":")
    if kind == "gold" and not rest:
        return Gold()
    if kind == "replay" and rest:
        return Replay(Path(rest))
    raise InputError(f"unknown writer {name!r}. {known_names(name, ('gold', 'replay:PATH'))}")
