"""Commands over the benchmark `counted`, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

COUNTED = Path(__file__).with_name("counted.py")
N = 600


def command(
    log: Path, out: Path, language: str, stop: int = 0, mode: str = "die", *more: str
) -> list[str]:
    settings = ["--data", ".", "--split", str(N), "--toolbox", "counted", "--language", language]
    arguments = ["run", "counted", *settings, "--out", str(out), "--json"]
    return [sys.executable, str(COUNTED), str(log), str(stop), mode, *arguments, *more]


def finish(log: Path, out: Path, language: str) -> None:
    done = subprocess.run(command(log, out, language), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Started:
    process: subprocess.Popen[bytes]
    reached: int

    def wait_until_reached(self) -> None:
        assert os.read(self.reached, 1) == b".", self.process.communicate()


Start = Callable[[Path, Path, str, int, str], Started]
