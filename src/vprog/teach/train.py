"""Training of one student: ``train`` runs it, ``plan`` says beforehand what it would take."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vprog.console import note
from vprog.errors import InputError
from vprog.example import Picture
from vprog.teach.lessons import Lessons
from vprog.teach.settings import TeachSettings
from vprog.teach.state import Taught, identity, read_outcome
from vprog.teach.student import Student, open_student, student_settings, toolbox_name
from vprog.teach.supervision import Supervised
from vprog.tools.backend import Backend
from vprog.tools.backends.hf.adapters import INSTALL
from vprog.tools.backends.hf.runtime import require
from vprog.tools.backends.hf.settings import ModelSettings
from vprog.tools.backends.hf.source import find_source
from vprog.training.devices import take_own_gpu
from vprog.training.folder import Folder

Validate = Callable[[Backend], float]
"""Scores a student through its backend; higher is better."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a training would take.

    Attributes:
        tool: That learns.
        student: As a toolbox names it.
        method: ``lora`` or ``full``.
        rows: Supervised rows, by set.
        left_out: Rows that could not be learned from, counted by reason.
        views: Different regions among the rows of the task.
        epochs: How often the training sees each of them.
        steps: Of the optimizer.
        trained: How many numbers learn.
        of: Of how many in the student.
        seconds_a_step: Measured on this machine.
        seconds_a_validation: Of the student as it is; 0 without validation rows.
        estimated_s: For all steps, without validation.
    """

    tool: str
    student: str
    method: str
    rows: Mapping[str, int]
    left_out: Mapping[str, int]
    views: int
    epochs: float
    steps: int
    trained: int
    of: int
    seconds_a_step: float
    seconds_a_validation: float
    estimated_s: float


@dataclass(frozen=True, kw_only=True)
class Material:
    """Rows that a student can learn from, by set, and the pictures they are about."""

    student: Student
    settings: ModelSettings
    task: Sequence[Supervised]
    val: Sequence[Supervised]
    replay: Mapping[str, Sequence[Supervised]]
    pictures: Mapping[str, Picture]
    left_out: Mapping[str, int]
    before: ModelSettings | None = None

    @property
    def rows(self) -> dict[str, int]:
        """How many, by set."""
        sets = {"task": self.task, "val": self.val, **self.replay}
        return {name: len(rows) for name, rows in sets.items() if rows or name == "task"}


def train(
    tool: str,
    student: str | ModelSettings,
    task: Sequence[Supervised],
    pictures: Mapping[str, Picture],
    out: Path | str,
    *,
    settings: TeachSettings | None = None,
    replay: Mapping[str, Sequence[Supervised]] | None = None,
    val: Sequence[Supervised] = (),
    validate: Validate | None = None,
    before: ModelSettings | None = None,
) -> Taught:
    """Teaches a tool's model; called again after it was killed, it goes on.

    Run by ``torchrun`` or ``accelerate launch`` it spreads over all processes (DDP).

    Args:
        tool: ``detect``, ``vqa`` or ``match``.
        student: As a toolbox names it (``zoo:detect``, ``zoo:detect + runs/a``), or settings.
        task: What is learned.
        pictures: Every picture of every set, by id.
        out: Folder of the result, new or of the same training.
        settings: How.
        replay: Calls of earlier tasks and on general pictures, by name, on which the student should
            stay as it was; their answers play no part.
        val: Rows on which the best step is chosen, by their loss.
        validate: Chooses the best step in place of that; higher is better.
        before: What replayed calls keep the student to, where that is not the student itself (in
            later rounds, the student before the first).

    Returns:
        What it came to; ``Taught.model`` is what a toolbox names.

    Raises:
        InputError: A package is missing, the student cannot learn, nothing is left to learn from,
            or ``out`` holds something else.
    """
    settings = settings or TeachSettings()
    material = _material(tool, student, task, val, replay or {}, pictures, settings)
    sets = {"task": material.task, "val": material.val, **material.replay}
    print_of = f"{material.student.backend.fingerprint} {validate is not None}"
    if before is not None and toolbox_name(before) != toolbox_name(material.settings):
        if settings.method == "full":
            before = dataclasses.replace(before, dtype="float32")
        material = dataclasses.replace(material, before=before)
        old = find_source(before.model, before.revision, "student", before.adapters)
        print_of += f" {old.fingerprint}"
    folder = Folder(Path(out), identity(settings, print_of, sets, pictures))
    done = read_outcome(folder)
    if done is not None:
        return done
    from vprog.teach.loop import Loop

    return Loop(material, settings, folder, validate).run()


def plan(
    tool: str,
    student: str | ModelSettings,
    task: Sequence[Supervised],
    pictures: Mapping[str, Picture],
    *,
    settings: TeachSettings | None = None,
    replay: Mapping[str, Sequence[Supervised]] | None = None,
    val: Sequence[Supervised] = (),
) -> Plan:
    """What ``train`` would do, from three steps that are thrown away; writes nothing.

    Raises:
        InputError: See ``train``.
    """
    settings = settings or TeachSettings()
    material = _material(tool, student, task, val, replay or {}, pictures, settings)
    from vprog.teach.loop import Loop

    loop = Loop(material, settings, None, None)
    loop.step(0)
    start = time.monotonic()
    for step in (1, 2):
        loop.step(step)
    seconds = (time.monotonic() - start) / 2
    start = time.monotonic()
    validation_s = time.monotonic() - start if loop.score() is not None else 0.0
    loop.close()
    lessons = Lessons(material.task, together=loop.together, seed="plan")
    views = len({(r.region.picture, r.region.box_xyxy) for r in material.task})
    seen = settings.steps * settings.accumulate * settings.batch_size
    return Plan(
        tool=tool,
        student=toolbox_name(material.settings),
        method=settings.method,
        rows=material.rows,
        left_out=material.left_out,
        views=views,
        epochs=seen / len(lessons),
        steps=settings.steps,
        trained=loop.trained,
        of=loop.numbers,
        seconds_a_step=seconds,
        seconds_a_validation=validation_s,
        estimated_s=seconds * settings.steps,
    )


def _material(
    tool: str,
    student: str | ModelSettings,
    task: Sequence[Supervised],
    val: Sequence[Supervised],
    replay: Mapping[str, Sequence[Supervised]],
    pictures: Mapping[str, Picture],
    settings: TeachSettings,
) -> Material:
    packages = ("accelerate", "peft", "psutil") if settings.method == "lora" else ("accelerate",)
    require(packages, INSTALL, "teaching needs")
    bound = student_settings(tool, student)
    if settings.method == "full":
        bound = dataclasses.replace(bound, dtype="float32")  # of weights that learn; see precision
    take_own_gpu()
    learner = open_student(tool, bound)
    left_out: Counter[str] = Counter()

    def usable(rows: Sequence[Supervised], name: str, *, answered: bool = True) -> list[Supervised]:
        found = []
        for row in rows:
            if row.tool != tool:
                raise InputError(f"set {name!r} holds a call of {row.tool}; {tool} is taught")
            if row.region.picture not in pictures:
                raise InputError(f"set {name!r} needs picture {row.region.picture!r}, not given")
            wrong = learner.refuses(row) if answered else learner.unreadable(row)
            if wrong:
                left_out[f"{name}: {wrong}"] += 1
            else:
                found.append(row)
        return found

    usable_task = usable(task, "task")
    if not usable_task:
        reasons = "; ".join(f"{n} x {why}" for why, n in left_out.items()) or "no rows"
        raise InputError(f"nothing to teach {tool} from ({reasons})")
    wrong_names = sorted({"task", "val"} & set(replay))
    if wrong_names:
        raise InputError(f"a replayed set cannot be called {wrong_names[0]!r}")
    kept: dict[str, Sequence[Supervised]] = {}
    if settings.keep > 0:
        for name, calls in replay.items():
            rows = learner.replayed(usable(calls, name, answered=False), pictures)
            if rows:
                kept[name] = rows
    for reason, count in left_out.items():
        note(f"left out {count:,} of {tool}: {reason}")
    return Material(
        student=learner,
        settings=bound,
        task=usable_task,
        val=usable(val, "val"),
        replay=kept,
        pictures=pictures,
        left_out=dict(left_out),
    )
