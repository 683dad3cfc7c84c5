"""Looks at the installation, and at what a toolbox needs and has."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.errors import VprogError

if TYPE_CHECKING:
    from vprog.tools.toolboxes import Binding


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
    from vprog.program.python import check_python
    from vprog.program.python_api import api_for
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
    """Every named toolbox; one whose models are not installed is no fault of the installation."""
    from vprog.tools.toolboxes import NAMES, load_toolbox, read_toolbox

    for name in NAMES:
        title = f"toolbox {name}"
        try:
            bindings = read_toolbox(name)
            if any(binding.settings is not None for binding in bindings):
                yield Finding(title, True, f"{_models_text(bindings)}; see `vprog doctor {name}`")
            else:
                yield Finding(title, True, f"binds {', '.join(load_toolbox(name).backends)}")
        except (VprogError, ImportError) as error:
            yield Finding(title, False, str(error))


def _models_text(bindings: Sequence[Binding]) -> str:
    """What a toolbox of models binds, and what it would need first; asks no network."""
    from vprog.tools.backends.hf.runtime import require

    binds = f"binds {', '.join(binding.tool for binding in bindings)}"
    try:
        require()
    except VprogError as error:
        return f"optional: {binds}. {error}"
    absent = [model for model, here in _models(bindings).items() if here is None]
    return f"{binds}; not here yet: {', '.join(absent)}" if absent else f"{binds}; all here"


def _models(bindings: Sequence[Binding]) -> dict[str, Path | None]:
    """The models of a toolbox with their folders; None where they are not on this machine."""
    from vprog.tools.backends.hf.hub import cached
    from vprog.tools.backends.hf.source import find_source, is_hub_id

    found: dict[str, Path | None] = {}
    for binding in bindings:
        settings = binding.settings
        if settings is None or settings.model in found:
            continue
        if is_hub_id(settings.model):
            found[settings.model] = cached(settings.model, settings.revision)
        else:
            try:
                found[settings.model] = find_source(settings.model).folder
            except VprogError:
                found[settings.model] = None
    return found


def examine_toolbox(name: str) -> list[Finding]:
    """What a toolbox needs, what of it is here, and what its first use would download.

    Nothing is downloaded; the hub is asked for sizes where models are missing.

    Args:
        name: Of a toolbox, or a TOML file.

    Raises:
        InputError: Unknown name, or a file that cannot be read.
    """
    from vprog.tools.toolboxes import read_toolbox

    bindings = read_toolbox(name)
    findings: list[Finding] = []
    if any(binding.settings is not None for binding in bindings):
        findings += _model_packages()
    if all(finding.ok for finding in findings):
        planned: set[str] = set()
        findings += [_bound(binding, planned) for binding in bindings]
    return findings


def _model_packages() -> Iterator[Finding]:
    from vprog.tools.backends.hf.runtime import INSTALL, choose_device

    for name in ("torch", "transformers", "safetensors"):
        try:
            yield Finding(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, f"missing; {INSTALL}")
            return
    yield Finding("device", True, choose_device("auto"))


def _bound(binding: Binding, planned: set[str]) -> Finding:
    """What one tool of a toolbox is bound to; models in ``planned`` are counted already."""
    from vprog.tools.backends.hf.binding import open_backend
    from vprog.tools.backends.hf.hub import cached, plan
    from vprog.tools.backends.hf.source import is_hub_id

    settings = binding.settings
    if settings is None:
        return Finding(binding.tool, True, binding.backend)
    try:
        if is_hub_id(settings.model) and cached(settings.model, settings.revision) is None:
            if settings.model in planned:
                return Finding(binding.tool, True, f"{settings.model}, as above")
            planned.add(settings.model)
            download = plan(settings.model, settings.revision, binding.where)
            return Finding(binding.tool, True, f"first use will download {download}")
        backend = open_backend(binding.tool, settings, binding.where)
    except VprogError as error:
        return Finding(binding.tool, False, str(error))
    folder: Path = getattr(backend, "source", backend).folder  # type: ignore[union-attr]
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Finding(
        binding.tool,
        True,
        f"{settings.model}, {size / 1e6:,.1f} MB, {backend.dtype} on {backend.device}",
    )
