"""The zoo: tiny checkpoints of real model classes, trained by recipes.

Each is an ordinary Hugging Face folder that plain transformers loads; a toolbox calls it
``zoo:detect``, a writer ``zoo:writer``. ``toolboxes`` holds toolboxes of them for benchmarks that
tools were taught for, such as ``--toolbox zoo:shapes``. Nothing here imports torch.
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
    "vlm-shapes": "AyaVisionForConditionalGeneration",
}
"""Name of a vision-language model -> its class; programs are distilled into ``vlm``, and were into
``vlm-shapes`` for SHAPES."""

TAUGHT: dict[str, str] = {
    "detect-shapes": "OwlViTForObjectDetection",
    "detect-nlvr": "OwlViTForObjectDetection",
    "match-nlvr": "CLIPModel",
}
"""Name of a tool's checkpoint that was taught for a benchmark -> its class."""

NAMES: tuple[str, ...] = (*CHECKPOINTS, *WRITERS, *STUDENTS, *TAUGHT)
"""Every checkpoint."""

TOOLBOXES: dict[str, str] = {
    "shapes": "detect taught for SHAPES; vqa and match of the zoo",
    "nlvr": "detect and match taught for NLVR; vqa of the zoo",
}
"""Name of a toolbox of taught tools -> what is in it; ``--toolbox zoo:NAME``."""

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
        command = f"vprog zoo train {name}"
        if name in TAUGHT:
            command = f"python recipes/teach/{name.rpartition('-')[2]}.py --data DIR --publish"
        raise InputError(
            f"zoo checkpoint {name!r} has no weights in {folder}; train it with `{command}` in a "
            "checkout of vprog"
        )
    return folder


def toolbox(name: str) -> Path:
    """The file of a toolbox of taught tools.

    Raises:
        InputError: Unknown.
    """
    if name not in TOOLBOXES:
        raise InputError(f"unknown zoo toolbox {name!r}. {known_names(name, TOOLBOXES)}")
    return Path(__file__).parent / "toolboxes" / f"{name}.toml"


def inventory() -> list[dict[str, Any]]:
    """What there is: name, class, folder, whether it is trained, size in megabytes."""
    rows: list[dict[str, Any]] = []
    for name, kind in (CHECKPOINTS | WRITERS | STUDENTS | TAUGHT).items():
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


__all__ = [
    "CHECKPOINTS",
    "NAMES",
    "STUDENTS",
    "TAUGHT",
    "TOOLBOXES",
    "WRITERS",
    "inventory",
    "path",
    "toolbox",
]
