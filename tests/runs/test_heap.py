"""The C library keeps what it is told to keep."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

TURNS = """
import resource
from vprog.runs.heap import keep_freed_memory
if {keep}:
    keep_freed_memory()
def turn():
    held = [bytearray(8 << 20) for _ in range(4)]
turn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    turn()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keep: bool, **env: str) -> int:
    """Pages that the system had to give for the same memory ten times over."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    code = TURNS.format(keep=keep)
    done = subprocess.run(
        [sys.executable, "-c", code], env={**plain, **env}, capture_output=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="glibc's heap alone"
)
def test_freed_memory_is_kept_unless_the_environment_says_otherwise() -> None:
    given_back = faults(keep=False)
    assert faults(keep=True) < given_back / 10
    assert faults(keep=True, MALLOC_TRIM_THRESHOLD_="1000000") > given_back / 2
