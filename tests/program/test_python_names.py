"""What the check says of the sandbox's Python is what the sandbox has."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Iterator

import pytest
from pydantic_monty import Monty, MontyError

from vprog.program.python_names import BUILTINS, MODULES, NO_BUILTINS, OF_TYPES, TYPES

Runs = Callable[[str], bool]
UNSAFE = {"compile", "exec", "eval", "open", "delattr", "id", "hash", "input", "vars", "locals"}
"""Names that programs do not get, whether the sandbox has them or not."""


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    """Whether a line of code runs in the sandbox."""
    with Monty() as pool, pool.checkout() as session:

        def run(code: str) -> bool:
            try:
                session.feed_run(code)
            except MontyError:
                return False
            return True

        yield run


def test_builtins(runs: Runs) -> None:
    public = {name for name in dir(builtins) if not name.startswith("_")}
    assert {name for name in BUILTINS & public if not runs(f"x = {name}")} == set()
    lacking = NO_BUILTINS & public - UNSAFE
    assert {name for name in lacking if runs(f"x = {name}")} <= {"globals", "breakpoint", "exit"}


@pytest.mark.parametrize("module", MODULES)
def test_modules(module: str, runs: Runs) -> None:
    public = {name for name in dir(importlib.import_module(module)) if not name.startswith("_")}
    assert {n for n in public if runs(f"from {module} import {n}")} == set(MODULES[module].split())


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_methods_of_types(kind: str, runs: Runs) -> None:
    public = {name for name in dir(getattr(builtins, kind)) if not name.startswith("_")}
    has = {name for name in public if runs(f"x = {kind}.{name}")}
    assert has <= {"dict": {"fromkeys"}, "bytes": {"fromhex"}}.get(kind, set())


def test_the_methods_of_types_that_there_are(runs: Runs) -> None:
    assert runs("dict.fromkeys('ab')")
    assert runs("bytes.fromhex('aa')")
    assert len(OF_TYPES) == 2
