"""Tuning a student on a distillation data set: ``train`` runs it, ``plan`` says what it takes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.distill.answerer import Answerer, answerer_settings
from vprog.distill.dataset import BUILT
from vprog.distill.saving import Distilled, read_outcome
from vprog.distill.settings import PromptSettings
from vprog.distill.sft import Data, Records
from vprog.distill.sft_loop import Material, SftLoop, Validate
from vprog.distill.sft_settings import SftSettings
from vprog.tools.backends.hf.adapters import INSTALL
from vprog.tools.backends.hf.runtime import require
from vprog.training.devices import take_own_gpu
from vprog.training.folder import Folder

__all__ = ["Distilled", "Plan", "SftSettings", "Validate", "plan", "train"]

_NO_MATTER = ("save_every", "workers", "cache_mb", "micro_batch", "packing")
"""Settings that do not change what is learned."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a training would take.

    Attributes:
        student: As it was called.
        method: ``lora`` or ``full``.
        rows: Examples, records by kind, and validation records.
        epochs: How often the training sees each example.
        steps: Of the optimizer.
        trained: How many numbers learn.
        of: Of how many in the student.
        records_a_step: On average.
        seconds_a_step: Measured on this machine, preparation of new records included.
        estimated_s: For all steps, without validation.
    """

    student: str
    method: str
    rows: Mapping[str, int]
    epochs: float
    steps: int
    trained: int
    of: int
    records_a_step: float
    seconds_a_step: float
    estimated_s: float

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return dataclasses.asdict(self)


def train(
    student: str,
    dataset: Data,
    out: Path | str,
    settings: SftSettings | None = None,
    *,
    val: Data | None = None,
    validate: Validate | None = None,
    prompts: PromptSettings | None = None,
) -> Distilled:
    """Tunes a student with VPD's loss; called again after it was killed, it goes on.

    Run by ``torchrun`` or ``accelerate launch`` it spreads over all processes (DDP).

    Args:
        student: Hub id, folder or zoo name of any AutoModelForImageTextToText that chats.
        dataset: Records; see ``vprog.distill.sft``. Of the folder of a data set that vprog made
            it takes the split train, its split val where ``val`` is left out, and its instructions.
        out: Folder of the result, new or of the same training.
        settings: How; VPD's if left out.
        val: Records of other pictures, on which the best step is chosen.
        validate: Chooses the best step in place of that; higher is better.
        prompts: The instructions in the records, which the checkpoint remembers; those of the data
            set, or VPD's, if left out.

    Returns:
        What it came to; ``Distilled.folder`` is an ordinary checkpoint.

    Raises:
        InputError: A package is missing, the student cannot learn, there is nothing to learn from,
            or ``out`` holds something else.
    """
    settings = settings or SftSettings()
    material = _material(student, dataset, val, prompts, settings)
    folder = Folder(Path(out), _identity(material, settings, validate))
    done = read_outcome(folder)
    if done is not None:
        return done
    material.backend.prepare()
    return SftLoop(material, settings, folder, validate).run()


def plan(
    student: str,
    dataset: Data,
    settings: SftSettings | None = None,
    *,
    val: Data | None = None,
) -> Plan:
    """What ``train`` would do, from two steps that are thrown away; writes nothing.

    Raises:
        InputError: See ``train``.
    """
    settings = settings or SftSettings()
    material = _material(student, dataset, val, None, settings)
    material.backend.prepare()
    loop = SftLoop(material, settings, None, None)
    loop.step(0)
    start = time.monotonic()
    loop.step(1)
    seconds = time.monotonic() - start
    loop.close()
    records = sum(map(len, loop.examples))
    return Plan(
        student=student,
        method=settings.method,
        rows=loop.counts(),
        epochs=settings.steps * loop.size / len(loop.examples),
        steps=settings.steps,
        trained=loop.trained,
        of=loop.numbers,
        records_a_step=loop.size * records / len(loop.examples),
        seconds_a_step=seconds,
        estimated_s=seconds * settings.steps,
    )


def _material(
    student: str,
    dataset: Data,
    val: Data | None,
    prompts: PromptSettings | None,
    settings: SftSettings,
) -> Material:
    packages = ("accelerate", "peft", "psutil") if settings.method == "lora" else ("accelerate",)
    require(packages, INSTALL, "distilling needs")
    take_own_gpu()
    backend = Answerer(answerer_settings(student, dtype="float32"), "student")
    made = _made_by_vprog(dataset)
    if made is not None:
        dataset, val = made[0], made[1] if val is None else val
        prompts = prompts or made[2]
    return Material(
        student=student,
        backend=backend,
        records=Records(dataset),
        val=None if val is None else Records(val, "val"),
        prompts=prompts or PromptSettings(),
    )


def _made_by_vprog(dataset: Data) -> tuple[Data, Data | None, PromptSettings | None] | None:
    """The parts of a data set's folder: train, val and instructions; None for anything else."""
    if not isinstance(dataset, str | Path):
        return None
    folder = Path(dataset)
    parts = {split: sorted(folder.glob(f"data/{split}-*.parquet")) for split in ("train", "val")}
    if not parts["train"] or not (folder / BUILT).is_file():
        return None
    said = json.loads((folder / BUILT).read_text(encoding="utf-8"))["settings"]["prompt"]
    return parts["train"], parts["val"] or None, PromptSettings(**said)


def _identity(material: Material, settings: SftSettings, validate: Validate | None) -> str:
    """Hash of everything that can change what is learned."""
    said = {k: v for k, v in dataclasses.asdict(settings).items() if k not in _NO_MATTER}
    val = None if material.val is None else material.val.digest
    parts = [
        said, dataclasses.asdict(material.prompts), material.backend.source.fingerprint,
        material.records.digest, val, validate is not None,
    ]  # fmt: skip
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()
