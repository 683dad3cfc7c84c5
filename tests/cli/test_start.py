"""Starting is cheap: help and the package itself load nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "PIL", "pyarrow", "skimage", "scipy", "pydantic_monty", "torch", "rich.console")

WATCH = """
import sys
{what}
heavy = [name for name in {heavy} if name in sys.modules]
assert not heavy, heavy
"""

HELP = """
from vprog.cli.app import main
try:
    main({args})
except SystemExit as ended:
    assert not ended.code, ended.code
"""


def run(what: str, heavy: tuple[str, ...] = HEAVY) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WATCH.format(what=what, heavy=heavy)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_alone() -> None:
    run("import vprog\nassert vprog.Example and vprog.tool and vprog.InputError")


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["run", "--help"], ["ask", "--help"]])
def test_help(args: list[str]) -> None:
    shown = run(HELP.format(args=args), heavy=HEAVY[:-1])
    assert "vprog" in shown


def test_every_command_has_help_and_one_line_of_it(inside) -> None:
    shown = inside("--help")
    assert shown.code == 0
    for name in (
        "run",
        "ask",
        "check",
        "score",
        "view",
        "list",
        "doctor",
        "demo",
        "world",
        "bench",
    ):
        help_ = inside(name, "--help")
        assert help_.code == 0
        assert f"Usage: vprog {name}" in help_.out
        assert max(map(len, help_.out.splitlines())) <= 80


def test_version(inside) -> None:
    from vprog import __version__

    assert inside("--version").out == f"vprog {__version__}\n"


def test_nothing_at_all_shows_help(inside) -> None:
    ended = inside()
    assert ended.code == 2
    assert "Usage: vprog" in ended.out + ended.err


HOLD = """
import os, signal, sys, threading, time
import torch
from vprog.cli.app import app, main

ones = torch.ones(200, 200)
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let background jobs ignore it

def hold():
    while True:
        torch.mm(ones, ones)

@app.command("hold")
def held(dry_run: bool = False):
    for _ in range(4):
        threading.Thread(target=hold, daemon=True).start()
    print("begun")
    os.kill(os.getpid(), signal.{name})
    time.sleep(60)

main()
"""


@pytest.mark.parametrize(
    ("name", "options", "code", "said"),
    [
        ("SIGTERM", (), 143, "terminated; finished work is kept, the same command goes on"),
        ("SIGINT", ("--dry-run",), 130, "interrupted; a dry run keeps nothing"),
    ],
)
def test_a_thread_inside_torch_does_not_change_how_a_command_ends(
    vprog, tmp_path: Path, name: str, options: tuple[str, ...], code: int, said: str
) -> None:
    pytest.importorskip("torch", reason="needs torch: pip install 'vprog[hf]'")
    script = tmp_path / "hold.py"
    script.write_text(HOLD.replace("{name}", name))
    ended = vprog("hold", *options, program=script)
    assert (ended.code, ended.out, ended.err) == (code, "begun\n", f"vprog: {said}\n")


HANG = """
import torch
from vprog.cli.app import app, main
from vprog.engine.watchdog import within
from vprog.errors import InputError, ToolError

ones = torch.ones(200, 200)

def hang():
    while True:
        torch.mm(ones, ones)

@app.command("hang")
def hung(bad: bool = False):
    try:
        within(0.2, hang, "detect")
    except ToolError:
        print("left alone")
    if bad:
        raise InputError("no such column; name another one")

main()
"""


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [((), 0, ""), (("--bad",), 2, "vprog: error: no such column; name another one\n")],
)
def test_a_tool_that_hangs_inside_torch_does_not_change_how_a_command_ends(
    vprog, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    pytest.importorskip("torch", reason="needs torch: pip install 'vprog[hf]'")
    script = tmp_path / "hang.py"
    script.write_text(HANG)
    ended = vprog("hang", *options, program=script)
    assert (ended.code, ended.out, ended.err) == (code, "left alone\n", said)
