"""The zoo: tiny checkpoints of real model classes, trained on the drawn world by recipes/zoo.

Each is an ordinary Hugging Face folder that plain transformers loads; a toolbox calls it
``zoo:detect``, a writer ``zoo:writer``. Nothing here imports torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vprog.errors import InputError, known_names

CHECKPOINTS: dict[str, str] = {
    "detect": "OwlViTForObjectDetection",
    "vqa": "ViltForQuestionAnswering",
    "match": "CLIPModel",
}
"""Name of a checkpoint, which is the tool it answers for -> its class."""

WRITERS: dict[str, str] = {
    "writer": "LlamaForCausalLM",
    "shapes": "LlamaForCausalLM",
    "nlvr": "LlamaForCausalLM",
}
"""Name of a checkpoint that writes programs -> its class; ``--writer zoo`` is ``writer``."""

STUDENTS: dict[str, str] = {
    "vlm": "AyaVisionForConditionalGeneration",
}
"""Name of a vision-language model that is made to be tuned on programs -> its class."""

NAMES: tuple[str, ...] = (*CHECKPOINTS, *WRITERS, *STUDENTS)
"""Every checkpoint."""

_FOLDER = Path(__file__).parent / "checkpoints"


def path(name: str) -> Path:
    """The folder of a checkpoint, with its weights.

    Raises:
        InputError: Unknown, or not trained yet.
    """
    if name not in NAMES:
        raise InputError(f"unknown zoo checkpoint {name!r}. {known_names(name, NAMES)}")
    folder = _FOLDER / name
    if not (folder / "model.safetensors").is_file():
        raise InputError(
            f"zoo checkpoint {name!r} has no weights in {folder}; train it with "
            f"`vprog zoo train {name}` in a checkout of vprog"
        )
    return folder


def inventory() -> list[dict[str, Any]]:
    """What there is: name, class, folder, whether it is trained, size in megabytes."""
    rows: list[dict[str, Any]] = []
    for name, kind in (CHECKPOINTS | WRITERS | STUDENTS).items():
        folder = _FOLDER / name
        files = [file for file in folder.glob("*") if file.is_file()]
        rows.append(
            {
                "name": name,
                "class": kind,
                "folder": str(folder),
                "trained": (folder / "model.safetensors").is_file(),
                "megabytes": round(sum(file.stat().st_size for file in files) / 1e6, 2),
            }
        )
    return rows


__all__ = ["CHECKPOINTS", "NAMES", "STUDENTS", "WRITERS", "inventory", "path"]
