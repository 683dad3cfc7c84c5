"""What a stage would take: ``vprog teach --dry-run``."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

from vprog.evaluation.run import run_benchmark
from vprog.evaluation.selection import select_examples
from vprog.teach.label import label
from vprog.teach.matrix import cells
from vprog.teach.rounds import Stage, bound
from vprog.teach.stage import StageSettings, Task, read_before, training_of
from vprog.teach.steps import collect_steps
from vprog.teach.student import open_student
from vprog.teach.teachers.load import load_teacher
from vprog.teach.train import plan as plan_training

SAMPLE = 64
"""Programs a language that are run to measure."""


def plan_stage(settings: StageSettings) -> dict[str, Any]:
    """Measures a sample of the stage's work and says what all of it would take.

    Programs of the target's training split run over the toolbox as it is, their steps are
    labelled, and every student trains for three steps that are thrown away. Where a small network
    is to teach, the gold scenes or picture processing stand in for it. Nothing is kept.

    Returns:
        ``programs`` by part, ``tools`` (rows of the sample, calls a program, steps of training,
        seconds), ``seconds`` by phase with one job, and ``unanswered``.

    Raises:
        InputError: See ``teach``.
    """
    before = read_before(settings.after) if settings.after is not None else None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        stage = Stage(settings, out, before)
        counted = _programs(stage)
        seconds: dict[str, float] = {}
        per_program = {}
        for language in settings.languages:
            run = settings.run(
                settings.target, "train", settings.target.train[0], language, stage.start
            )
            sample = dataclasses.replace(run, limit=min(SAMPLE, counted["train"]))
            path = out / "round-1" / f"train-{settings.target.train[0]}-{language}"
            started = time.monotonic()
            run_benchmark(sample, path)
            per_program[language] = (time.monotonic() - started) / (sample.limit or 1)
        each = sum(per_program.values())
        seconds["train runs"] = settings.rounds * counted["train"] * each
        seconds["val runs"] = (settings.rounds + 1) * counted["val"] * each
        seconds["keep runs"] = counted["keep"] * each
        seconds["test runs"] = counted["test"] * each / len(settings.languages)
        if settings.teacher == "small":
            stage.teacher = settings.upper or "pixels"
        teacher = load_teacher(stage.teacher)
        runs = [out / "round-1" / f"train-{settings.target.train[0]}-{lang}"
                for lang in settings.languages]  # fmt: skip
        tools: dict[str, Any] = {}
        unanswered: dict[str, int] = {}
        for tool in stage.learning():
            steps = collect_steps(runs, (tool,))
            labels = label(steps, teacher)
            unanswered |= labels.unanswered
            student = bound(tool, stage.start)
            opened = open_student(tool, student)
            numbers = sum(p.numel() for p in opened.model.parameters())
            chosen = training_of(settings, tool, numbers)
            rows = labels.supervised(settings.least_confidence)
            replay = {"sample": rows} if stage.keep_runs() else None
            planned = plan_training(
                tool, student, rows, steps.pictures, settings=chosen, replay=replay
            )
            tools[tool] = {
                "calls_a_program": steps.calls / (SAMPLE * len(settings.languages)),
                "trained": planned.trained,
                "of": planned.of,
                "method": planned.method,
                "steps": planned.steps,
                "seconds_a_step": planned.seconds_a_step,
            }
            seconds[f"training {tool}"] = settings.rounds * planned.estimated_s
    return {
        "programs": counted,
        "tools": tools,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "estimated_s": round(sum(seconds.values()), 1),
        "slowest": max(seconds, key=lambda name: seconds[name]),
        "unanswered": unanswered,
    }


def _programs(stage: Stage) -> dict[str, int]:
    """Examples of each part: of one language for train, val and keep; of all cells for test."""
    settings = stage.settings

    def count(task: Task, part: str, split: str) -> int:
        limit = settings.limits.get(part)
        return len(select_examples(task.benchmark, task.data, split, limit, settings.seed))

    target = settings.target
    return {
        "train": sum(count(target, "train", split) for split in target.train),
        "val": count(target, "val", target.val),
        "keep": sum(count(task, "keep", task.train[0]) for task in settings.keep),
        "test": sum(count(cell.task, "test", cell.task.test) for cell in cells(stage)),
    }
