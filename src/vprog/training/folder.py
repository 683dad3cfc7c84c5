"""A training's folder: its identity, the state that a killed training goes on from, its outcome.

::

    FOLDER/                       an adapter, or a model
    FOLDER/training/log.jsonl     one line a validation
    FOLDER/training/losses.jsonl  one line a step, as far as the last validation
    FOLDER/training/state.pt      the newest state
    FOLDER/training/best-N.pt     the best weights so far, after step N; those of the newest state
    FOLDER/training/outcome.json  written last: the training is done
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vprog.errors import InputError


class Folder:
    """Reads and writes a training's folder; files appear whole or not at all."""

    def __init__(self, path: Path, name: str) -> None:
        """Opens or begins a folder.

        Args:
            path: Of the folder.
            name: Identity of the training: a hash of everything that can change what is learned.

        Raises:
            InputError: It holds another training, or something else.
        """
        self.path = path
        self._training = path / "training"
        self._name = name
        held = self._training / "identity"
        if held.is_file():
            if held.read_text() != name:
                raise InputError(
                    f"{path} holds a training with other settings, student, rows or pictures; "
                    "give another folder, or delete it"
                )
        elif path.exists() and any(p.name != "training" for p in path.iterdir()):
            raise InputError(f"{path} is not empty and holds no training; give another folder")

    def begin(self) -> None:
        """Makes the folder and writes down whose it is."""
        self._training.mkdir(parents=True, exist_ok=True)
        _write(self._training / "identity", self._name.encode())

    def said(self) -> dict[str, Any] | None:
        """What ``finish`` wrote; None where the training is not done."""
        path = self._training / "outcome.json"
        if not path.is_file():
            return None
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return said

    def finish(self, said: Mapping[str, Any]) -> None:
        """Says that the training is done, and what it came to; its states go."""
        text = json.dumps(said, indent=2) + "\n"
        _write(self._training / "outcome.json", text.encode())
        (self._training / "state.pt").unlink(missing_ok=True)
        self.keep_best(None)

    def keep_best(self, step: int | None) -> None:
        """Lets go of best weights but for those after a step, to which a state may go back."""
        for file in self._training.glob("best-*.pt"):
            if file.name != f"best-{step}.pt":
                file.unlink()

    def save(self, name: str, state: Mapping[str, Any]) -> None:
        """Writes ``state.pt`` or ``best-N.pt``."""
        import torch

        path = self._training / name
        half = path.with_suffix(".part")
        torch.save(dict(state), half)
        os.replace(half, path)

    def load(self, name: str) -> dict[str, Any] | None:
        """Reads what ``save`` wrote; None where there is nothing."""
        import torch

        path = self._training / name
        if not path.is_file():
            return None
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state

    def log(self, name: str, lines: Sequence[Mapping[str, Any]]) -> None:
        """Writes ``log.jsonl`` or ``losses.jsonl`` anew, as far as it has come."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        _write(self._training / name, text.encode())


def _write(path: Path, data: bytes) -> None:
    half = path.with_suffix(".part")
    half.write_bytes(data)
    os.replace(half, path)
