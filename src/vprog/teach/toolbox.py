"""The toolbox file of what was taught."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vprog.runs.folder import write_atomically
from vprog.tools.backends.hf.adapters import split_model
from vprog.tools.backends.hf.settings import ModelSettings
from vprog.tools.toolboxes import read_toolbox


def write_toolbox(
    path: Path, *, base: str, models: Mapping[str, str], threshold: float | None = None
) -> None:
    """Writes a toolbox file: another toolbox with other models for some tools.

    Folders are named relative to the file, so that they can be moved together. What the other
    toolbox set for a tool (``device``, ``dtype``, ``threshold``, ...) stays set.

    Args:
        path: The file; its folder exists.
        base: A name or a file.
        models: Tool -> model as ``split_model`` reads it.
        threshold: Of ``detect``, where it is among them; None leaves it as it is.

    Raises:
        InputError: It cannot be written, or the base cannot be read.
    """

    def near(part: str) -> str:
        folder = Path(part)
        if not (folder.is_dir() or folder.suffix == ".toml"):
            return part
        return os.path.join(".", os.path.relpath(folder.resolve(), path.parent.resolve()))

    before = {binding.tool: binding.settings for binding in read_toolbox(base)}
    lines = [f"base = {_toml(near(base))}"]
    for tool, model in models.items():
        name, adapters = split_model(model)
        value = _toml(" + ".join(map(near, (name, *adapters))))
        said = _set(before.get(tool))
        if tool == "detect" and threshold is not None:
            said["threshold"] = threshold
        kept = "".join(f", {key} = {_toml(v)}" for key, v in said.items())
        lines.append(f"{tool} = " + (f"{{model = {value}{kept}}}" if kept else value))
    write_atomically(path, ("\n".join(lines) + "\n").encode())


def _set(settings: ModelSettings | None) -> dict[str, Any]:
    """What a binding sets beside its model: what is not as its class leaves it."""
    if settings is None:
        return {}
    return {
        field.name: value
        for field in dataclasses.fields(settings)
        if field.name not in ("model", "revision", "adapters")
        and (value := getattr(settings, field.name)) != field.default
    }


def _toml(value: Any) -> str:
    """A text, a number, a truth value or a list of texts; JSON writes them as TOML does."""
    return json.dumps(value, ensure_ascii=False)
