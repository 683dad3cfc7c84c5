"""A taught model as an ordinary Hugging Face folder, and the settings that it answers with."""

from __future__ import annotations

import dataclasses
import json
import shutil
import struct
from pathlib import Path
from typing import Any

from vprog.tools.backends.hf.adapters import SETTINGS_FILE
from vprog.tools.backends.hf.runtime import quiet
from vprog.tools.backends.hf.source import weight_files

_COPIED = (".json", ".txt", ".model", ".jinja")


def save_model(model: Any, source: Path, folder: Path) -> None:
    """Writes a whole model in the precision of the files that it was made from.

    Args:
        model: Without adapters; its weights take that precision.
        source: The folder that it was loaded from; configuration, processor and tokenizer are
            copied.
        folder: Where it goes.
    """
    import torch

    halves = {"F16": torch.float16, "BF16": torch.bfloat16}
    with quiet():
        model.to(halves.get(_precision(source), torch.float32)).save_pretrained(folder)
    for path in sorted(source.iterdir()):
        weights = path.name.endswith(".index.json") or path.name == SETTINGS_FILE
        if path.is_file() and path.suffix in _COPIED and not weights:
            shutil.copyfile(path, folder / path.name)


def _precision(source: Path) -> str:
    """What most numbers of a model's first weight file are stored as: ``F32``, ``F16``, ..."""
    path = weight_files(source)[0]
    if path.suffix != ".safetensors":
        return "F32"
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    sizes: dict[str, int] = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            sizes[tensor["dtype"]] = sizes.get(tensor["dtype"], 0) + end - start
    return max(sizes, key=lambda kind: sizes[kind])


def write_settings(backend: Any, folder: Path, *, adapter: bool) -> None:
    """Writes ``vprog.json``: how the student answered while it learned, and what it was.

    Args:
        backend: Of the student.
        folder: Of the adapter or model.
        adapter: Whether it works on the student's own weights alone.
    """
    known = {field.name for field in dataclasses.fields(backend.settings)}
    said: dict[str, Any] = {
        "settings": {k: v for k, v in backend.choices().items() if k in known and v is not None}
    }
    if adapter:
        said["base"] = backend.source.fingerprint
    text = json.dumps(said, indent=2, sort_keys=True) + "\n"
    (folder / SETTINGS_FILE).write_text(text, encoding="utf-8")
