"""Bounds of what a program may use, and of what the engine keeps in flight."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds for every program; a program that exceeds one fails with kind ``limit``."""

    calls: int = 256
    """Tool calls of one program."""
    time_s: float = 5.0
    """Seconds that a program's own code may run, waiting for tools not counted."""
    memory_mb: int = 64
    """Megabytes of a ``python`` program's heap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How the engine runs programs."""

    limits: Limits = Limits()
    """Bounds for every program."""
    in_flight: int = 4096
    """Programs that are started and not yet ended at any time; bounds memory, feeds batches."""
    memo_entries: int = 200_000
    """Results kept in memory, at most 20,000 beside a file; the least recently used go first."""
    tool_timeout_s: float | None = None
    """Seconds that a backend may take for a batch. One that takes longer is tried again on halves,
    until the call that hangs stands alone and fails; None waits for ever."""
    memory_gb: float | None = None
    """Gigabytes that the process may hold; looked at between batches. Beyond it a run ends, after
    at least one batch; None is no bound."""
