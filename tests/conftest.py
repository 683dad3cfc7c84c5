"""What many tests need: the real command in a process of its own, and the shared data."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from vprog.cli.app import main
from vprog.world import write

# How long an example takes says more about the machine than about the code.
settings.register_profile("vprog", deadline=None)
settings.load_profile("vprog")

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object that a command may print with --json; anything else fails."""

        def refuse(constant: str) -> Any:
            raise AssertionError(f"{constant} is no JSON")

        assert self.out.count("\n") == 1, self.out
        data = json.loads(self.out, parse_constant=refuse)
        assert isinstance(data, dict)
        return data

    @property
    def message(self) -> str:
        """The one message of a command that refused its input."""
        assert self.code == 2, (self.code, self.out, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("vprog: error: "), self.err
        return lines[0].removeprefix("vprog: error: ")


Command = Callable[..., Ended]


@pytest.fixture
def vprog(tmp_path: Path) -> Command:
    """Runs `vprog ARGS` in a process of its own, in the test's own folder."""

    def run(
        *args: object,
        stdin: bytes = b"",
        before: Callable[[], None] | None = None,
        program: Path | None = None,
    ) -> Ended:
        start = [sys.executable, "-m", "vprog"]
        if program is not None:
            start = [sys.executable, str(program)]
        done = subprocess.run(
            [*start, *map(str, args)],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            # A limit on file sizes would also cut the modules that Python caches.
            env={**os.environ, "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1" if before else ""},
            preexec_fn=before,
            timeout=600,  # against hanging alone: busy machines are slow
        )
        err = done.stderr.decode()
        assert "Traceback" not in err, err
        return Ended(done.returncode, done.stdout.decode(), err)

    return run


@pytest.fixture
def inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Runs `vprog ARGS` in this process, in the test's own folder: faster, and just as real."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    on_sigterm = signal.getsignal(signal.SIGTERM)

    def run(*args: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        shown = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, shown.out, shown.err)

    yield run
    signal.signal(signal.SIGTERM, on_sigterm)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small drawn world in GQA's format: 60 questions about 6 pictures. Not to be changed."""
    folder = tmp_path_factory.mktemp("drawn") / "world"
    write("gqa", "generalist", 60, 0, folder, workers=1)
    return folder


@pytest.fixture
def world(tmp_path: Path, drawn: Path) -> Path:
    """A copy of ``drawn`` that a test may break: ``world`` in the test's own folder."""
    return Path(shutil.copytree(drawn, tmp_path / "world"))


@pytest.fixture(scope="session")
def shapes() -> Path:
    """The folder of SHAPES."""
    folder = SHARED / "shapes"
    if not (folder / "val.input.npy").is_file():
        pytest.skip(f"needs SHAPES in {folder}")
    return folder


@pytest.fixture(scope="session")
def nlvr() -> Path:
    """The folder of NLVR."""
    folder = SHARED / "nlvr"
    if not folder.is_dir():
        pytest.skip(f"needs NLVR in {folder}")
    return folder
