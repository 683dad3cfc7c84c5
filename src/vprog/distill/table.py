"""What ``vprog distill`` found: accuracies, paired differences, rationales, latency, yield."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.distill.candidates import read_candidates, yield_curve
from vprog.distill.pipeline import STUDENTS, Pipeline, run_student, run_to_end
from vprog.distill.quality import Explained, rationale_quality
from vprog.distill.rationale import render
from vprog.errors import VprogError
from vprog.evaluation.run import commit
from vprog.evaluation.score import ScoredRun, compare_runs, score_run
from vprog.evaluation.statistics import wilson
from vprog.runs.folder import is_run, read_traces
from vprog.runs.record import Record
from vprog.teach.stage import Task
from vprog.teach.steps import load_examples

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


def explained(
    pipeline: Pipeline, task: Task, row: str, size: int | None
) -> list[tuple[Record, Explained]]:
    """What a student explains of the test split, beside the rendered trace of the programs' run.

    The reference is the trace of the program where its answer is right, else nothing.
    """
    run = pipeline.test(task, f"explain-{row}", size)
    if not is_run(run):
        return []
    settings = pipeline.settings
    tools = {tool.name: tool for tool in load_benchmark(task.benchmark).tools}
    examples = load_examples(run)
    programs = {
        r.trace.example_id: r for r in read_traces(pipeline.test(task, "programs")) if r.chosen
    }
    found: list[tuple[Record, Explained]] = []
    for record in read_traces(run):
        example = examples[record.trace.example_id]
        program = programs.get(example.id)
        if program is None:
            continue
        said = record.trace.steps[0].info if record.trace.steps else {}
        reference = None
        if program.verdict.judgement == "right":
            try:
                reference = render(
                    program.trace, example, settings.data.rationale, tools=tools
                ).text
            except VprogError:
                reference = None
        found.append(
            (
                program,
                Explained(
                    example=example,
                    text=str(said.get("rationale", "")),
                    answer=record.verdict.answer,
                    reference=reference,
                ),
            )
        )
    return found


def _quality(pipeline: Pipeline, task: Task) -> list[dict[str, Any]]:
    settings = pipeline.settings
    benchmark = load_benchmark(task.benchmark)
    figures = []
    for size in pipeline.sizes:
        for row in settings.rows:
            items = [item for _, item in explained(pipeline, task, row, size)]
            if items:
                quality = rationale_quality(
                    items, settings.data.rationale.grid, benchmark.normalise
                )
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
