"""The toolbox file of what was taught."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from vprog.runs.folder import write_atomically
from vprog.tools.backends.hf.adapters import split_model


def write_toolbox(path: Path, *, base: str, models: Mapping[str, str]) -> None:
    """Writes a toolbox file: another toolbox with other models for some tools.

    Folders are named relative to the file, so that they can be moved together.

    Args:
        path: The file; its folder exists.
        base: A name or a file.
        models: Tool -> model as ``split_model`` reads it.

    Raises:
        InputError: It cannot be written.
    """

    def near(part: str) -> str:
        folder = Path(part)
        if not (folder.is_dir() or folder.suffix == ".toml"):
            return part
        return os.path.join(".", os.path.relpath(folder.resolve(), path.parent.resolve()))

    lines = [f"base = {json.dumps(near(base))}"]
    for tool, model in models.items():
        name, adapters = split_model(model)
        lines.append(f"{tool} = {json.dumps(' + '.join(map(near, (name, *adapters))))}")
    write_atomically(path, ("\n".join(lines) + "\n").encode())
