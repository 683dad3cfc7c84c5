"""Adapters: what teaching adds to a model, as folders in PEFT's format, merged when it is loaded.

A toolbox names them behind the model, in the order in which they were taught::

    detect = "zoo:detect + runs/outline/detect"

``vprog.json`` in an adapter's folder may hold ``settings`` that go over the model's own, and
``base``, the fingerprint of the model that it was taught on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vprog.errors import InputError

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
SETTINGS_FILE = "vprog.json"
INSTALL = 'pip install "vprog[teach]"'


def split_model(text: str) -> tuple[str, tuple[str, ...]]:
    """``model + adapter + adapter`` as the model and its adapters."""
    model, *adapters = (part.strip() for part in text.split(" + "))
    return model, tuple(adapters)


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and not a model of its own."""
    return (folder / CONFIG_FILE).is_file() and not (folder / "config.json").is_file()


def check_adapter(folder: Path, where: str) -> dict[str, Any]:
    """Checks an adapter's folder without loading it.

    Returns:
        What its ``vprog.json`` says; empty without one.

    Raises:
        InputError: No adapter, or a broken one.
    """
    from vprog.tools.backends.hf.source import check_safetensors

    start = f"{where}: " if where else ""
    if not folder.is_dir():
        raise InputError(f"{start}adapter {str(folder)!r} does not exist")
    if not is_adapter(folder):
        whole = (folder / "config.json").is_file()
        raise InputError(
            f"{start}{folder} holds "
            + ("a whole model; name it alone, without +" if whole else f"no {CONFIG_FILE}")
        )
    if not (folder / WEIGHTS_FILE).is_file():
        raise InputError(f"{start}{folder} has no {WEIGHTS_FILE}; teach it again")
    check_safetensors(folder / WEIGHTS_FILE, start)
    said: dict[str, Any] = {}
    if (folder / SETTINGS_FILE).is_file():
        try:
            said = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{start}cannot read {folder / SETTINGS_FILE}: {error}") from None
    if not isinstance(said, dict) or not isinstance(said.get("settings", {}), dict):
        raise InputError(f"{start}{folder / SETTINGS_FILE}: settings must be an object")
    return said


def hash_adapter(folder: Path) -> str:
    """Hexadecimal hash of all that an adapter can change."""
    blake = hashlib.blake2b(digest_size=8)
    for name in (CONFIG_FILE, SETTINGS_FILE, WEIGHTS_FILE):
        path = folder / name
        blake.update(name.encode() + b"\0" + (path.read_bytes() if path.is_file() else b""))
    return blake.hexdigest()


def add_adapters(
    name: str, version: str, settings: Mapping[str, Any], folders: Sequence[Path], where: str
) -> tuple[str, dict[str, Any]]:
    """Version and settings of a model with adapters.

    Args:
        name: Class of the model.
        version: Of its weights.
        settings: That it brings.
        folders: Of the adapters, in order.
        where: File and key, for messages.

    Raises:
        InputError: An adapter is missing or broken, or was taught on other weights.
    """
    merged = dict(settings)
    for folder in folders:
        said = check_adapter(folder, where)
        base = said.get("base")
        if base is not None and base != f"{name}@{version}":
            raise InputError(
                f"{where}: adapter {folder} was taught on {base}, not on {name}@{version}; name "
                "the model and the adapters that it was taught on, or teach it again"
            )
        merged.update(said.get("settings", {}))
        version = f"{version}+{hash_adapter(folder)}"
    return version, merged


def merge(model: Any, folders: Sequence[Path]) -> Any:
    """The model with adapters merged into its weights, in order.

    Raises:
        InputError: peft is missing, or an adapter does not fit the model.
    """
    from vprog.tools.backends.hf.runtime import quiet, reason, require

    require(("peft",), INSTALL, "adapters need")
    import peft

    for folder in folders:
        with quiet():
            try:
                with_input_embeddings(model)
                adapted = peft.PeftModel.from_pretrained(model, str(folder))
                model = adapted.merge_and_unload()
            except Exception as error:
                raise InputError(
                    f"adapter {folder} does not fit {type(model).__name__}: {reason(error)}"
                ) from error
    return model


def with_input_embeddings(model: Any) -> None:
    """Gives a model what PEFT asks every model for; Grounding DINO does not define it."""
    if getattr(model.config, "model_type", "") not in ("grounding-dino", "mm-grounding-dino"):
        return
    words = model.model.text_backbone.embeddings.word_embeddings
    for part in (model, model.model):
        part.get_input_embeddings = lambda: words
