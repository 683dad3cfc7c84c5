"""Runs in processes that a test ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from counted_runs import Start, Started, command


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a command that tells over a pipe when it has reached its batch."""
    begun: list[Started] = []

    def run(log: Path, out: Path, language: str, stop: int, mode: str) -> Started:
        read, write = os.pipe()
        process = subprocess.Popen(
            command(log, out, language, stop, f"{mode}:{write}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[write],
            start_new_session=True,
            # A shell that runs the tests in the background leaves them without SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(write)
        begun.append(Started(process, read))
        return begun[-1]

    yield run
    for started in begun:
        started.process.kill()
        started.process.communicate()
        os.close(started.reached)
