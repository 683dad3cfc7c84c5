"""The C library's heap, for a process that computes on CPUs."""

from __future__ import annotations

import ctypes
import os

_TRIM, _TOP, _MMAP = -1, -2, -3  # M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD of malloc.h
_MB = 1 << 20


def keep_freed_memory() -> None:
    """Keeps up to 256 MB of freed memory for the next tensors; glibc alone.

    By default glibc hands the memory of a batch's large tensors back as they are freed, and every
    next layer gets it again page by page: up to a tenth of the time of small models. The
    environment's ``MALLOC_TRIM_THRESHOLD_`` goes first.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is None or "MALLOC_TRIM_THRESHOLD_" in os.environ:
        return
    for option, megabytes in ((_MMAP, 32), (_TRIM, 256), (_TOP, 64)):
        mallopt(option, megabytes * _MB)
