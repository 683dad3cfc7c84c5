"""What a training of a student is called, and what it came to."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.example import Picture
from vprog.teach.settings import TeachSettings
from vprog.teach.supervision import Supervised
from vprog.training.folder import Folder


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


NO_MATTER = ("checkpointing", "save_every", "sharded", "workers")
"""Settings that do not change what is learned."""


def identity(
    settings: TeachSettings,
    fingerprint: str,
    sets: Mapping[str, Sequence[Supervised]],
    pictures: Mapping[str, Picture],
) -> str:
    """Hash of everything that can change what is learned: settings, student, rows, pictures."""
    blake = hashlib.blake2b(digest_size=16)
    said = {k: v for k, v in dataclasses.asdict(settings).items() if k not in NO_MATTER}
    if not said["mirror"]:  # as trainings say that began before there was such a setting
        del said["mirror"]
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


def read_outcome(folder: Folder) -> Taught | None:
    """What a training came to; None where it is not done."""
    said = folder.said()
    if said is None:
        return None
    return Taught(**{**said, "folder": str(folder.path), "model": toolbox_model(said, folder.path)})


def toolbox_model(said: Mapping[str, Any], path: Path) -> str:
    """What a toolbox calls the taught tool."""
    lora = said["method"] == "lora"
    return f"{said['student']} + {path}" if lora else str(path)


def write_outcome(folder: Folder, taught: Taught) -> None:
    """Says that the training is done; its states go."""
    said = dataclasses.asdict(taught)
    del said["folder"], said["model"]
    folder.finish(said)
