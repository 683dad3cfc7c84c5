"""Looks at the installation."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vprog.errors import VprogError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        ok: Whether it is as it must be.
        text: Version, or what to do.
    """

    name: str
    ok: bool
    text: str

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"name": self.name, "ok": self.ok, "text": self.text}


def examine() -> list[Finding]:
    """Everything that vprog needs, with what to do where it is missing."""
    return [_python(), *_packages(), _sandbox(), *_toolboxes()]


def _python() -> Finding:
    return Finding("python", sys.version_info >= (3, 11), platform.python_version())


def _packages() -> Iterator[Finding]:
    for name in ("numpy", "pillow", "pyarrow", "pydantic-monty", "rich", "scikit-image", "typer"):
        try:
            yield Finding(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, f"missing; pip install {name}")


def _sandbox() -> Finding:
    from vprog.engine.sandbox import Job, Sandbox
    from vprog.engine.settings import Limits
    from vprog.program.python import api_for, check_python
    from vprog.tools.catalogue import TOOLS

    checked = check_python("def execute_command(image):\n    return 40 + 2\n", api_for(TOOLS))
    job = Job(checked, (), '[["p",8,8]],false,{}')
    try:
        with Sandbox(TOOLS, Limits()) as sandbox:
            outcome = sandbox.submit([job]).result()[0]
    except Exception as error:
        return Finding("sandbox", False, f"{type(error).__name__}: {error}")
    return Finding("sandbox", outcome.kind == "done", f"a program ran: {outcome.data}")


def _toolboxes() -> Iterator[Finding]:
    from vprog.tools.toolboxes import NAMES, load_toolbox

    for name in NAMES:
        try:
            toolbox = load_toolbox(name)
        except (VprogError, ImportError) as error:
            yield Finding(f"toolbox {name}", False, str(error))
        else:
            yield Finding(f"toolbox {name}", True, f"binds {', '.join(toolbox.backends)}")
