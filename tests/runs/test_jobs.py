"""Work spread over processes ends when its parent is told to end."""

from __future__ import annotations

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

def stop(*_):
    raise KeyboardInterrupt

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    run_all([partial(work, name) for name in sys.argv[1:]], 2)
"""


def test_work_that_has_begun_ends_at_once_where_its_parent_is_terminated(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    begun = [tmp_path / "one", tmp_path / "two"]
    parent = subprocess.Popen(
        [sys.executable, str(script), *map(str, begun)], stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 120
    while not all(path.exists() for path in begun):
        assert parent.poll() is None, parent.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.1)
    parent.send_signal(signal.SIGTERM)
    try:
        _, told = parent.communicate(timeout=60)
    finally:
        parent.kill()
    assert "KeyboardInterrupt" in told
