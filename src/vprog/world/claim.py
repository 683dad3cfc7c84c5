"""Folders that drawn data is written to: what somebody else put there is not overwritten."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vprog.errors import InputError

MARK = "_world.json"
"""End of the name of the file that says how a split was drawn."""

_GRAPHS = "_sceneGraphs.json"
"""What every drawing has; that of some tasks said nothing else in earlier versions."""


def claim(folder: Path, drawing: Mapping[str, Any]) -> None:
    """Makes a folder for a drawing, or takes one that was made for the same or for other splits.

    Args:
        folder: That files will be written to.
        drawing: How: ``task``, ``domain``, ``split``, ``seed``, ``size``, ``n`` and so on.

    Raises:
        InputError: It cannot be written, holds other files or another drawing of the split.
    """
    mark = folder / f"{drawing['split']}{MARK}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if mark.is_file():
            _compare(mark, drawing)
            return
        drawn = any(any(folder.glob(f"*{end}")) for end in (MARK, _GRAPHS))
        if not drawn and any(not path.name.startswith(".") for path in folder.iterdir()):
            raise InputError(f"{folder} holds other files; choose another --out")
        _write(mark, drawing)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error


def _compare(mark: Path, drawing: Mapping[str, Any]) -> None:
    try:
        before = json.loads(mark.read_text(encoding="utf-8"))
        other = {k for k in {*before, *drawing} - {"pictures"} if before.get(k) != drawing.get(k)}
    except (ValueError, TypeError, AttributeError):
        raise InputError(f"{mark} is damaged; remove {mark.parent} and draw again") from None
    for key in sorted(other):
        raise InputError(
            f"{mark.parent} holds another drawing of {drawing['split']}: {key} was "
            f"{before.get(key)}, now {drawing.get(key)}. Choose another --out, or remove the folder"
        )


def finish(folder: Path, drawing: Mapping[str, Any], pictures: int) -> dict[str, Any]:
    """Writes down that a drawing is complete.

    Args:
        folder: That was claimed for it.
        drawing: As it was claimed.
        pictures: How many there are.

    Returns:
        The drawing with ``pictures``, as its file holds it.
    """
    done = {**drawing, "pictures": pictures}
    _write(folder / f"{drawing['split']}{MARK}", done)
    return done


def _write(mark: Path, drawing: Mapping[str, Any]) -> None:
    """Writes the file so that it is whole or not there."""
    beside = mark.with_name(f".{mark.name}")
    beside.write_text(json.dumps(drawing, separators=(",", ":")) + "\n", encoding="utf-8")
    os.replace(beside, mark)
