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
from vprog.errors import InputError
from vprog.tools.backends.hf.adapters import INSTALL, SETTINGS_FILE
from vprog.tools.backends.hf.runtime import require
from vprog.training.devices import take_own_gpu
from vprog.training.folder import Folder

__all__ = ["Distilled", "Plan", "SftSettings", "Validate", "plan", "train"]

NO_MATTER = (
    "cache_mb", "checkpointing", "micro_batch", "packing", "save_every", "sharded", "workers"
)  # fmt: skip
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
        seconds_a_repeat: The same over records that were prepared before and kept.
        seconds_a_validation: Of the student as it is; 0 without validation records.
        record_mb: Of a prepared record in memory.
        estimated_s: For all steps and validations.
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
    seconds_a_repeat: float
    seconds_a_validation: float
    record_mb: float
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
    grid: int | None = None,
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
        grid: Places a side of the boxes in the records, which the checkpoint remembers; that of the
            data set, or what the student says, if left out.

    Returns:
        What it came to; ``Distilled.folder`` is an ordinary checkpoint.

    Raises:
        InputError: A package is missing, the student cannot learn, there is nothing to learn from,
            or ``out`` holds something else.
    """
    settings = settings or SftSettings()
    material = _material(student, dataset, val, prompts, settings, grid)
    folder = Folder(Path(out), _identity(material, settings, validate))
    done = read_outcome(folder)
    if done is not None:
        _check_grid(Path(out), material.grid)
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
    """What ``train`` would do, from a few steps that are thrown away; writes nothing.

    Raises:
        InputError: See ``train``.
    """
    settings = settings or SftSettings()
    material = _material(student, dataset, val, None, settings)
    material.backend.prepare()
    loop = SftLoop(material, settings, None, None)
    loop.step(0)
    new: list[float] = []
    again: list[float] = []
    for step in (1, 2):
        loop.batches.forget()  # of few records the first step has prepared all
        for seconds in (new, again):
            start = time.monotonic()
            loop.step(step)
            seconds.append(time.monotonic() - start)
    start = time.monotonic()
    validates = loop.score() is not None
    validation_s = time.monotonic() - start if validates else 0.0
    record_mb = loop.batches.record_mb
    loop.close()
    records = sum(map(len, loop.examples))
    new_s, again_s = sum(new) / len(new), sum(again) / len(again)
    return Plan(
        student=student,
        method=settings.method,
        rows=loop.counts(),
        epochs=settings.steps * loop.size / len(loop.examples),
        steps=settings.steps,
        trained=loop.trained,
        of=loop.numbers,
        records_a_step=loop.size * records / len(loop.examples),
        seconds_a_step=new_s,
        seconds_a_repeat=again_s,
        seconds_a_validation=validation_s,
        record_mb=record_mb,
        estimated_s=steps_s(
            settings, loop.size, len(loop.examples), records * record_mb, new_s, again_s
        )
        + validation_s * settings.validations,
    )


def steps_s(
    settings: SftSettings,
    size: int,
    examples: int,
    prepared_mb: float,
    new_s: float,
    again_s: float,
) -> float:
    """Seconds of all steps: examples are prepared once, and again where they are not kept.

    Args:
        settings: Of the training.
        size: Examples of a step.
        examples: Of the data set.
        prepared_mb: Of all its records, prepared.
        new_s: Of a step whose records are prepared for it.
        again_s: Of a step whose records are kept.
    """
    seen = settings.steps * size
    kept = min(1.0, settings.cache_mb / max(prepared_mb, 1e-9))
    again = max(0, seen - examples) * kept
    return ((seen - again) * new_s + again * again_s) / size


def _material(
    student: str,
    dataset: Data,
    val: Data | None,
    prompts: PromptSettings | None,
    settings: SftSettings,
    grid: int | None = None,
) -> Material:
    packages = ("accelerate", "peft", "psutil") if settings.method == "lora" else ("accelerate",)
    require(packages, INSTALL, "distilling needs")
    take_own_gpu()
    backend = Answerer(answerer_settings(student, dtype="float32"), "student")
    made = _made_by_vprog(dataset)
    if made is not None:
        dataset, val = made[0], made[1] if val is None else val
        prompts, grid = prompts or made[2], grid or made[3]
    return Material(
        student=student,
        backend=backend,
        records=Records(dataset),
        val=None if val is None else Records(val, "val"),
        prompts=prompts or PromptSettings(),
        grid=grid,
    )


def _made_by_vprog(dataset: Data) -> tuple[Data, Data | None, PromptSettings, int] | None:
    """The parts of a data set's folder: train, val, instructions, grid; None for anything else."""
    if not isinstance(dataset, str | Path):
        return None
    folder = Path(dataset)
    parts = {split: sorted(folder.glob(f"data/{split}-*.parquet")) for split in ("train", "val")}
    if not parts["train"] or not (folder / BUILT).is_file():
        return None
    said = json.loads((folder / BUILT).read_text(encoding="utf-8"))["settings"]
    prompts, grid = PromptSettings(**said["prompt"]), said["rationale"]["grid"]
    return parts["train"], parts["val"] or None, prompts, grid


def _check_grid(out: Path, grid: int | None) -> None:
    """Refuses a finished training whose checkpoint says another grid of its boxes."""
    said = json.loads((out / SETTINGS_FILE).read_text(encoding="utf-8")).get("grid")
    if grid is not None and grid != said:
        raise InputError(
            f"{out} holds a training with other settings: grid was {said}, now {grid}; give "
            "another folder, or delete it"
        )


def _identity(material: Material, settings: SftSettings, validate: Validate | None) -> str:
    """Hash of everything that can change what is learned."""
    said = {k: v for k, v in dataclasses.asdict(settings).items() if k not in NO_MATTER}
    val = None if material.val is None else material.val.digest
    parts = [
        said, dataclasses.asdict(material.prompts), material.backend.source.fingerprint,
        material.records.digest, val, validate is not None,
    ]  # fmt: skip
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()
