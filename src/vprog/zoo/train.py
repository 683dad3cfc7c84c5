"""Runs a recipe of the zoo in its own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import vprog
from vprog.errors import InputError, known_names
from vprog.zoo import NAMES, TAUGHT

_RECIPES = {
    "writer": "writer/writer.py",
    "shapes": "writer/shapes.py",
    "nlvr": "nlvr/writer.py",
    "vlm": "vlm/vlm.py",
}
"""Recipes that are not ``zoo/<name>.py``."""
_FROM_FILES = {
    **{name: f"teach/{name.rpartition('-')[2]}.py" for name in TAUGHT},
    "vlm-shapes": "vlm/shapes.py",
}
"""Recipes that need a benchmark's files."""


def train(name: str, *, minutes: float, steps: int | None, seed: int) -> int:
    """Trains a checkpoint; what it prints is the recipe's log.

    Args:
        name: Of the checkpoint.
        minutes: Wall time after which the recipe stops and keeps its state; 0 is no limit.
        steps: Of the schedule; the recipe's own number if None.
        seed: Of weights, order and phrases.

    Returns:
        The recipe's exit code.

    Raises:
        InputError: Unknown name, negative minutes, or vprog is no checkout.
    """
    if name in _FROM_FILES:
        recipe = f"recipes/{_FROM_FILES[name]}"
        raise InputError(f"{name!r} is taught from a benchmark's files: `python {recipe} --help`")
    if name not in NAMES:
        raise InputError(f"unknown zoo checkpoint {name!r}. {known_names(name, NAMES)}")
    if minutes < 0:
        raise InputError(f"minutes is {minutes:g}; give 0 or more")
    place = _RECIPES.get(name, f"zoo/{name}.py")
    file = Path(vprog.__file__).parents[2] / "recipes" / place
    if not file.is_file():
        raise InputError(f"recipes are no part of an installed vprog: {file} does not exist")
    command = [sys.executable, str(file), "--minutes", f"{minutes:g}", "--seed", str(seed)]
    if steps is not None:
        command += ["--steps", str(steps)]
    return subprocess.run(command, check=False).returncode
