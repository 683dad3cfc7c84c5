"""Imports point one way, and importing vprog loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import vprog

ROOT = Path(vprog.__file__).parent
RECORDS = {"errors", "example", "trace"}
RUNNING = RECORDS | {"tools", "program", "engine"}

ALLOWED: dict[str, set[str]] = {
    # records that everything else speaks
    "errors": set(),
    "example": {"errors"},
    "trace": {"errors", "example"},
    # signatures, then languages, then execution
    "zoo": {"errors"},  # where the checkpoints are, nothing else
    "tools": RECORDS | {"zoo", "console"},
    "program": RECORDS | {"tools"},
    "engine": RECORDS | {"tools", "program"},
    "verify": RECORDS,
    "console": {"errors"},
    # what hangs off the records; of the tools it may know what a tool is
    "benchmarks": RECORDS | {"tools.tool", "verify"},
    "world": RECORDS | {"tools.tool"},
    "report": RECORDS | {"tools.tool"},
    # runs and what is made of them
    "runs": RUNNING | {"verify", "console"},
    "writers": RUNNING | {"verify", "runs", "console"},
    "training": RUNNING | {"zoo", "console"},  # loops, states, LoRA: no task is known here
    "teach": RUNNING
    | {"verify", "runs", "writers", "benchmarks", "report", "zoo", "console", "evaluation"}
    | {"training", "scale.cost", "scale.plan"},
    "distill": RUNNING
    | {"verify", "runs", "writers", "benchmarks", "report", "zoo", "console", "evaluation"}
    | {"teach", "training", "scale.cost", "scale.plan"},
    "evaluation": RUNNING
    | {"verify", "runs", "writers", "benchmarks", "world", "report", "zoo", "console"}
    | {"__version__"},
    "scale": RUNNING | {"verify", "runs", "writers", "benchmarks", "evaluation"},
    # front doors
    "demo": RUNNING | {"evaluation", "world", "report", "console", "verify", "teach", "distill"},
    "doctor": RUNNING | {"zoo", "console", "__version__"},
    "bench": RUNNING | {"console", "benchmarks", "world"},
    "cli": RUNNING
    | {"verify", "runs", "writers", "benchmarks", "world", "report", "zoo", "teach", "distill"}
    | {"evaluation", "scale", "demo", "doctor", "bench", "console", "__version__"},
    "__main__": {"cli"},
    "__init__": {"errors", "example", "tools.tool"},
}
"""Room -> rooms that it may import, wherever in its files; ``a.b`` allows that module alone."""


def imports(file: Path) -> list[tuple[int, str]]:
    """Line and dotted name below ``vprog`` of every import in a file, in functions too."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative import"
            module = node.module or ""
            names = [f"{module}.{a.name}" for a in node.names] if module == "vprog" else [module]
        else:
            continue
        found += [(node.lineno, n.removeprefix("vprog.")) for n in names if n.startswith("vprog.")]
    return found


def room_of(file: Path) -> str:
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


FILES = sorted(f for f in ROOT.rglob("*.py") if f.name not in ("prelude.py", "runner.py"))
"""Without the two texts that run inside the sandbox and are never imported."""


def test_every_room_is_in_the_table() -> None:
    assert {room_of(f) for f in FILES} <= set(ALLOWED)


def test_the_table_points_one_way() -> None:
    rooms = {room: {a.split(".")[0] for a in allowed} for room, allowed in ALLOWED.items()}
    order = list(TopologicalSorter(rooms).static_order())
    assert order.index("errors") < order.index("tools") < order.index("program")
    assert order.index("program") < order.index("engine") < order.index("cli")


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    wrong = []
    for file in FILES:
        if room_of(file) != room:
            continue
        for line, name in imports(file):
            other = name.split(".")[0]
            if other == room or other in ALLOWED[room]:
                continue
            if not any(name == a or name.startswith(a + ".") for a in ALLOWED[room]):
                wrong.append(f"{file.relative_to(ROOT)}:{line} imports {name}")
    assert wrong == []


HEAVY = ("torch", "numpy", "PIL", "pyarrow", "skimage", "transformers", "rich", "typer")


@pytest.mark.parametrize(
    ("code", "free_of"),
    [
        ("import vprog", (*HEAVY, "pydantic_monty", "sqlite3", "concurrent.futures")),
        ("import vprog.engine, vprog.program, vprog.tools.catalogue", HEAVY),
        ("import vprog.verify, vprog.trace, vprog.benchmarks", HEAVY),
        ("from vprog.tools.toolboxes import load_toolbox\nload_toolbox('oracle')",
         ("torch", "PIL", "pyarrow", "skimage", "transformers")),
    ],
)  # fmt: skip
def test_importing_loads_nothing_heavy(code: str, free_of: tuple[str, ...]) -> None:
    code += "\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT.parent)},
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "vprog.errors" in loaded
    assert sorted(loaded & set(free_of)) == []


def test_what_the_front_door_exports_is_there() -> None:
    assert sorted(set(vprog.__all__)) == sorted(vprog.__all__)
    for name in vprog.__all__:
        assert getattr(vprog, name) is not None
