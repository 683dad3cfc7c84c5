"""``vprog teach``: a stage from its first run to its report."""

from __future__ import annotations

import dataclasses
import json
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError, PictureError
from vprog.evaluation.run import commit
from vprog.runs.folder import write_atomically
from vprog.runs.held import PURPOSE, held, phase, phases
from vprog.teach.matrix import run_matrix, step_figures, tasks_of
from vprog.teach.rounds import Round, Stage
from vprog.teach.stage import StageSettings, Task, read_before, said_of
from vprog.teach.state import NO_MATTER
from vprog.teach.teachers.load import load_teacher

_FEW = 100
"""Examples of a split that are looked at for a gold scene."""


def teach(settings: StageSettings, out: Path) -> dict[str, Any]:
    """Teaches a target and measures what it came to; the same call goes on after it was killed.

    A finished stage goes on where more rounds are wanted.

    Args:
        settings: Of the stage.
        out: Its folder.

    Returns:
        What ``teach.json`` holds and ``vprog teach --json`` prints: ``records`` (the matrix),
        ``steps`` (figures of tools before and after), ``rounds``, ``seconds`` by phase, and the
        name of the taught toolbox, relative to ``out``.

    Raises:
        InputError: Anything wrong with settings, data, models or folder; what is finished is kept.
    """
    before = read_before(settings.after) if settings.after is not None else None
    _check_teachers(settings, new=not (out / PURPOSE).is_file())
    purpose = {name: value for name, value in settings.table().items() if name != "rounds"}
    with held(out, purpose, but=NO_MATTER):
        stage = Stage(settings, out, before)
        rounds = stage.go()
        best = max(rounds, key=lambda r: (r.score, -r.number))
        with phase(out, "test"):
            records = run_matrix(stage, best)
        with phase(out, "steps"):
            figures, changed, pictures = step_figures(stage, best.toolbox)
        found = _found(stage, rounds, best, records, figures)
        with phase(out, "report"):
            from vprog.teach.changed import write_stage_report

            write_stage_report(out / "report.html", found, changed, pictures)
        found["seconds"] = phases(out)
        write_atomically(out / "teach.json", json.dumps(found, indent=1).encode())
    return found


def _check_teachers(settings: StageSettings, *, new: bool) -> None:
    """Refuses names of teachers before anything runs, and an oracle that knows nothing.

    Args:
        settings: Of the stage.
        new: Whether nothing has run so far.

    Raises:
        InputError: Says which one and why.
    """
    target = settings.target
    for role, name, split in (
        ("teacher", settings.teacher, target.train[0]),
        ("upper bound", settings.upper, target.test),
    ):
        if name in ("", "small"):
            continue
        load_teacher(name)
        oracle = name.removeprefix("toolbox:") == "oracle"
        if new and oracle and not _has_scenes(target, split):
            other = ' (or --upper "" for none)' if role == "upper bound" else ""
            raise InputError(
                f"the oracle cannot be the {role}: it answers from gold scenes, and {target.name} "
                f"has none in its split {split!r}; choose another one{other}"
            )


def _has_scenes(task: Task, split: str) -> bool:
    examples = load_benchmark(task.benchmark).examples(task.data, split)
    for picture in (p for example in islice(examples, _FEW) for p in example.pictures):
        with suppress(PictureError):
            if picture.scene is not None:
                return True
    return False


def _found(
    stage: Stage,
    rounds: list[Round],
    best: Round,
    records: list[dict[str, Any]],
    figures: dict[str, Any],
) -> dict[str, Any]:
    settings, out = stage.settings, stage.out
    toolbox = best.toolbox
    last = max(r.number for r in rounds)
    replayed = stage.keep_runs()
    replayed[settings.target.name] = [*stage.train_runs(last), *stage.shown_runs()]
    taught = [settings.target, *(stage.before.tasks if stage.before else ())]
    return {
        "target": settings.target.name,
        "teacher": stage.teacher,
        "toolbox": os.path.relpath(toolbox, out) if Path(toolbox).is_file() else toolbox,
        "commit": commit(),
        "settings": settings.table(),
        "records": records,
        "steps": figures,
        "rounds": [dataclasses.asdict(r) for r in rounds],
        "chosen_round": best.number,
        "replayed": {
            name: [os.path.relpath(run, out) for run in runs] for name, runs in replayed.items()
        },
        "taught_tasks": [said_of(task) for task in taught],
        "unseen_tasks": [said_of(task) for task, role in tasks_of(stage) if role == "unseen"],
    }
