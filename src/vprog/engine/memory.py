"""A bound on the memory of the process: tools that leak end a run before the system kills it."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from vprog.errors import InputError


def resident_gb() -> float:
    """Gigabytes of memory that this process holds; where that is not told, the most it has held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def check_memory(most_gb: float) -> None:
    """Refuses to go on with more memory than allowed.

    Raises:
        InputError: The process holds more.
    """
    held = resident_gb()
    if held > most_gb:
        raise InputError(
            f"the process holds {held:.2f} GB of memory, more than --memory-limit {most_gb:g}; a "
            "tool may keep what it no longer needs. What is finished is kept: the same command "
            "goes on in a new process, or raise the limit"
        )
