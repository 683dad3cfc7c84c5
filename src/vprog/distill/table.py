"""What ``vprog distill`` found: accuracies, paired differences, rationales, latency, yield."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vprog.console import note
from vprog.distill.candidates import read_candidates, yield_curve
from vprog.distill.explained import run_quality
from vprog.distill.pipeline import STUDENTS, Pipeline, run_student, run_to_end
from vprog.errors import InputError
from vprog.evaluation.run import commit
from vprog.evaluation.score import ScoredRun, compare_runs, score_run
from vprog.evaluation.statistics import wilson
from vprog.runs.folder import is_run
from vprog.teach.stage import Task

FEW, MANY = 16, 80
"""Questions of the two runs whose difference tells the time a question, without the start."""
REPEATS = 3


def found(pipeline: Pipeline) -> dict[str, Any]:
    """Everything that the finished runs tell.

    Returns:
        ``records`` (task, row, labels, accuracy, ci95, n, by_type, ...; students with ``gain``, the
        paired difference to Instruct of as many labels, and ``to_programs``), ``quality`` of
        rationales, ``yields`` of candidates, ``built`` data sets, ``latency``.
    """
    settings = pipeline.settings
    records: list[dict[str, Any]] = []
    for task in settings.tasks:
        records += _task_records(pipeline, task)
    return {
        "tasks": [task.name for task in settings.tasks],
        "student": settings.student,
        "commit": commit(),
        "settings": settings.table(),
        "records": records,
        "quality": [q for task in settings.tasks for q in _quality(pipeline, task)],
        "yields": {
            task.name: yield_curve(
                [c for run in pipeline.candidates(task) for c in read_candidates(run)]
            )
            for task in settings.tasks
        },
    }


def _task_records(pipeline: Pipeline, task: Task) -> list[dict[str, Any]]:
    settings = pipeline.settings
    rows: list[tuple[str, int | None, Path]] = [
        ("programs", None, pipeline.test(task, "programs")),
        ("vqa", None, pipeline.test(task, "vqa")),
    ]
    rows += [
        (row, size, pipeline.test(task, row, size))
        for size in pipeline.sizes
        for row in settings.rows
    ]
    scored = {(row, size): score_run(run) for row, size, run in rows if is_run(run)}
    programs = scored["programs", None]
    about = {"task": task.name, "benchmark": task.benchmark, "split": task.test,
             "seed": settings.seed, "language": settings.language}  # fmt: skip
    records = [_majority(about, programs)]
    for (row, size), run in scored.items():
        accuracy = run.figures["metrics"]["accuracy"]
        record: dict[str, Any] = {
            **about,
            "row": row,
            "labels": size if row in STUDENTS else None,
            "accuracy": accuracy["value"],
            "ci95": accuracy["ci95"],
            "n": run.figures["n"],
            "ids_sha256": run.figures["ids_sha256"],
            "commit": run.figures["commit"],
            "by_type": {
                kind: {
                    value: {k: e[k] for k in ("value", "ci95", "n")} for value, e in values.items()
                }
                for kind, values in run.figures["by_type"].items()
            },
        }
        if row in STUDENTS:
            record["to_programs"] = _difference(programs, run)
            base = scored.get(("instruct", size))
            if base is not None and row != "instruct":
                record["gain"] = _difference(base, run)
        records.append(record)
    return records


def _majority(about: Mapping[str, Any], run: ScoredRun) -> dict[str, Any]:
    value, n = run.figures["majority"]["value"], run.figures["n"]
    return {**about, "row": "majority", "labels": None, "accuracy": value,
            "ci95": [round(v, 6) for v in wilson(value * n, n)], "n": n,
            "ids_sha256": run.figures["ids_sha256"], "commit": run.figures["commit"],
            "by_type": {}}  # fmt: skip


def _difference(first: ScoredRun, second: ScoredRun) -> dict[str, Any]:
    paired = compare_runs(first, second)
    return {key: paired[key] for key in ("difference", "ci95", "p_value", "n")}


def _quality(pipeline: Pipeline, task: Task) -> list[dict[str, Any]]:
    """Figures of the students' own rationales; their boxes beside those of the programs' traces."""
    settings = pipeline.settings
    grid, programs = settings.data.rationale.grid, pipeline.test(task, "programs")
    figures = []
    for size in pipeline.sizes:
        for row in settings.rows:
            run = pipeline.test(task, f"explain-{row}", size)
            if not is_run(run):
                continue
            try:
                quality = run_quality(run, grid=grid, reference=programs)
            except InputError as error:  # a student may not have learned to explain anything
                note(str(error))
                continue
            figures.append({"task": task.name, "row": row, "labels": size, **quality})
    return figures


def latency(pipeline: Pipeline) -> dict[str, Any]:
    """Milliseconds a question of the programs (writing and executing) and of a student.

    Both answer the same questions of the first task on this machine, in batches, in turns, with
    nothing remembered: runs of ``FEW`` and of ``MANY`` questions, whose difference leaves out the
    start.

    Returns:
        ``programs_ms``, ``student_ms``, ``ratio`` (the median of the turns' ratios), ``ratios``.
    """
    settings, task = pipeline.settings, pipeline.settings.tasks[0]
    row = next((r for r in settings.rows if STUDENTS[r][1]), settings.rows[0])
    student = str(pipeline.student(row, pipeline.sizes[-1]))
    import dataclasses

    base = pipeline.test_run(task)

    def seconds(n: int, direct: bool) -> float:
        run = dataclasses.replace(base, limit=n)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            if direct:
                run_student(run, Path(folder) / "run", student)
            else:
                run_to_end(run, Path(folder) / "run")
            return time.perf_counter() - started

    def slope(direct: bool) -> float:
        return max(1e-6, (seconds(MANY, direct) - seconds(FEW, direct)) / (MANY - FEW))

    pairs = [(slope(direct=False), slope(direct=True)) for _ in range(REPEATS)]
    ratios = [round(programs / one, 2) for programs, one in pairs]
    return {
        "task": task.name,
        "row": row,
        "programs_ms": round(1000 * statistics.median(p for p, _ in pairs), 2),
        "student_ms": round(1000 * statistics.median(s for _, s in pairs), 2),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
    }
