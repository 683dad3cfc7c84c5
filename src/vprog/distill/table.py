"""What ``vprog distill`` found: accuracies, paired differences, rationales, yield."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vprog.console import note
from vprog.distill.candidates import read_candidates, yield_curve
from vprog.distill.explained import run_quality
from vprog.distill.pipeline import STUDENTS, Pipeline
from vprog.errors import InputError
from vprog.evaluation.run import commit
from vprog.evaluation.score import ScoredRun, compare_runs, score_run
from vprog.evaluation.statistics import wilson
from vprog.runs.folder import is_run
from vprog.teach.stage import Task


def found(pipeline: Pipeline) -> dict[str, Any]:
    """Everything that the finished runs tell.

    Returns:
        ``records`` (task, row, labels, accuracy, ci95, n, by_type, ...; students with ``gain``, the
        paired difference to Instruct of as many labels, and ``to_programs``), ``quality`` of
        rationales, ``yields`` of candidates.
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
            "n": accuracy["n"],
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
    value, n = run.figures["majority"]["value"], run.figures["metrics"]["accuracy"]["n"]
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
