"""Work spread over processes ends when somebody presses Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import signal, sys, time
from functools import partial
from pathlib import Path
from vprog.runs.jobs import run_all

def work(begun):
    Path(begun).touch()
    time.sleep(600)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_all([partial(work, name) for name in sys.argv[1:]], 2)
"""


def test_work_that_has_begun_ends_at_once_where_it_is_interrupted(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    begun = [tmp_path / "one", tmp_path / "two"]
    parent = subprocess.Popen(
        [sys.executable, str(script), *map(str, begun)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 120
    while not all(path.exists() for path in begun):
        assert parent.poll() is None, parent.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.1)
    os.killpg(parent.pid, signal.SIGINT)  # a terminal's Ctrl-C reaches all processes
    try:
        _, told = parent.communicate(timeout=60)
    finally:
        parent.kill()
    assert told.count("Traceback") == 1, told
    assert "KeyboardInterrupt" in told
