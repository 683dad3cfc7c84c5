"""A training's folder: its identity, the state that a killed training goes on from, its outcome.

::

    FOLDER/                    what a toolbox names: an adapter, or a model
    FOLDER/training/log.jsonl  one line a validation
    FOLDER/training/state.pt   the newest state
    FOLDER/training/best.pt    the best weights so far
    FOLDER/training/outcome.json  written last: the training is done
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.errors import InputError
from vprog.example import Picture
from vprog.teach.settings import TeachSettings
from vprog.teach.supervision import Supervised


@dataclass(frozen=True, kw_only=True)
class Taught:
    """What a training came to.

    Attributes:
        tool: That learned.
        student: As a toolbox names it.
        folder: Of the adapter or model.
        model: What a toolbox names to get the taught tool.
        method: ``lora`` or ``full``.
        steps: Of the optimizer.
        best_step: The step whose weights were saved; 0 is the student as it was.
        score: Of the validation at that step; None without one.
        before: Of the validation before the first step.
        trained: How many numbers learned.
        rows: Supervised rows, by set: ``task``, ``val`` and the names of replayed sets.
        left_out: Rows that could not be learned from, counted by reason.
        seconds: Of wall time, over all processes that it took to the end.
        distributed: Accelerate's kind of distribution that was engaged.
        processes: How many.
    """

    tool: str
    student: str
    folder: str
    model: str
    method: str
    steps: int
    best_step: int
    score: float | None
    before: float | None
    trained: int
    rows: Mapping[str, int]
    left_out: Mapping[str, int]
    seconds: float
    distributed: str
    processes: int


def identity(
    settings: TeachSettings,
    fingerprint: str,
    sets: Mapping[str, Sequence[Supervised]],
    pictures: Mapping[str, Picture],
) -> str:
    """Hash of everything that can change what is learned: settings, student, rows, pictures."""
    blake = hashlib.blake2b(digest_size=16)
    said = {
        k: v
        for k, v in dataclasses.asdict(settings).items()
        if k not in ("save_every", "workers")
    }  # fmt: skip
    blake.update(json.dumps([said, fingerprint], sort_keys=True).encode())
    seen: dict[str, str] = {}
    for name, rows in sets.items():
        blake.update(f"\0{name}\0{len(rows)}".encode())
        for row in rows:
            picture = row.region.picture
            if picture not in seen:
                seen[picture] = pictures[picture].digest
            boxes = [(*box.box_xyxy, box.score) for box in row.boxes or ()]
            one = (
                seen[picture], row.region.box_xyxy, row.argument, boxes,
                row.distribution and sorted(row.distribution.items()), row.confidence, row.weight,
            )  # fmt: skip
            blake.update(repr(one).encode())
    return blake.hexdigest()


class Folder:
    """Reads and writes a training's folder; files appear whole or not at all."""

    def __init__(self, path: Path, name: str) -> None:
        """Opens or begins a folder.

        Args:
            path: Of the folder.
            name: Identity of the training.

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

    def outcome(self) -> Taught | None:
        """What the training came to; None where it is not done."""
        path = self._training / "outcome.json"
        if not path.is_file():
            return None
        said = json.loads(path.read_text(encoding="utf-8"))
        return Taught(**{**said, "folder": str(self.path), "model": self.named(said)})

    def named(self, said: Mapping[str, Any]) -> str:
        """What a toolbox calls the taught tool."""
        lora = said["method"] == "lora"
        return f"{said['student']} + {self.path}" if lora else str(self.path)

    def finish(self, taught: Taught) -> None:
        """Says that the training is done; its states go."""
        said = dataclasses.asdict(taught)
        del said["folder"], said["model"]
        text = json.dumps(said, indent=2) + "\n"
        _write(self._training / "outcome.json", text.encode())
        for name in ("state.pt", "best.pt"):
            (self._training / name).unlink(missing_ok=True)

    def save(self, name: str, state: Mapping[str, Any]) -> None:
        """Writes ``state.pt`` or ``best.pt``."""
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

    def log(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Writes the log anew, as far as it has come."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        _write(self._training / "log.jsonl", text.encode())


def _write(path: Path, data: bytes) -> None:
    half = path.with_suffix(".part")
    half.write_bytes(data)
    os.replace(half, path)
