"""Which settings and backend belong to a tool."""

from __future__ import annotations

import importlib
from typing import Any

from vprog.errors import InputError
from vprog.tools.backends.hf.backend import HuggingFace
from vprog.tools.backends.hf.runtime import Models
from vprog.tools.backends.hf.settings import ModelSettings

_CLASSES = {
    "detect": ("detect", "Detect"),
    "vqa": ("vqa", "Vqa"),
    "match": ("match", "Match"),
    "segment": ("segment", "Segment"),
    "depth": ("depth", "Depth"),
    "ocr": ("write", "Ocr"),
    "caption": ("write", "Caption"),
    "inpaint": ("inpaint", "Inpaint"),
}
"""Tool -> file and class of this folder; the settings class is the class's name + Settings."""


def settings_class(tool: str, where: str) -> type[ModelSettings]:
    """The settings of a tool's backend.

    Raises:
        InputError: No model class answers the tool.
    """
    kind: type[ModelSettings] = _named(tool, where, "Settings")
    return kind


def open_backend(
    tool: str, settings: ModelSettings, where: str, models: Models | None = None
) -> HuggingFace[Any]:
    """The backend of a tool, its model found and checked, its weights not loaded yet.

    Raises:
        InputError: See ``HuggingFace``.
    """
    backend: HuggingFace[Any] = _named(tool, where)(settings, where, models)
    return backend


def _named(tool: str, where: str, suffix: str = "") -> Any:
    if tool not in _CLASSES:
        raise InputError(
            f"{where}: no Hugging Face model answers {tool}; they answer {', '.join(_CLASSES)}"
        )
    file, name = _CLASSES[tool]
    module = importlib.import_module(f"vprog.tools.backends.hf.{file}")
    return getattr(module, name + suffix)
