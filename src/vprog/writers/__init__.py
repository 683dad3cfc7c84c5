"""Writers: from a question to candidate programs."""

from __future__ import annotations

from pathlib import Path

from vprog.errors import InputError, known_names
from vprog.tools.backend import Toolbox
from vprog.writers.direct import Direct
from vprog.writers.gold import Gold
from vprog.writers.replay import Replay
from vprog.writers.settings import WriterSettings
from vprog.writers.vqa import BareVqa
from vprog.writers.writer import Repair, Sampling, Usage, Writer

NAMES = ("gold", "replay:PATH", "vqa", "direct", "chat", "local", "local:MODEL", "zoo", "zoo:NAME")
"""The names that a user can give."""


def load_writer(name: str, *, toolbox: Toolbox, benchmark: str, settings: WriterSettings) -> Writer:
    """The writer of a name.

    Args:
        name: One of ``NAMES``.
        toolbox: Whose tools programs may call, those of the benchmark included.
        benchmark: Name of the benchmark.
        settings: Of writers that ask a model.

    Raises:
        InputError: Unknown, or its source cannot be read.
    """
    del benchmark
    kind, _, rest = name.partition(":")
    if kind == "gold" and not rest:
        return Gold()
    if kind == "replay" and rest:
        return Replay(Path(rest))
    if kind == "vqa" and not rest:
        return BareVqa()
    if kind == "direct" and rest in ("", "explain"):
        return Direct(name)
    if kind == "chat" and not rest:
        from vprog.writers.chat import Chat

        return Chat(name, toolbox, settings)
    if kind in ("local", "zoo"):
        from vprog.writers.local import Local

        model = rest if kind == "local" else f"zoo:{rest or 'writer'}"
        return Local(name, model, toolbox, settings)
    raise InputError(f"unknown writer {name!r}. {known_names(name, NAMES)}")


__all__ = [
    "NAMES",
    "BareVqa",
    "Direct",
    "Gold",
    "Repair",
    "Replay",
    "Sampling",
    "Usage",
    "Writer",
    "WriterSettings",
    "load_writer",
]
