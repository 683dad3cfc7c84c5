"""``vprog distill``: everything, and the files that tell of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vprog.console import note
from vprog.distill.explained import read_explanations, verified_rationales
from vprog.distill.latency import latency
from vprog.distill.pipeline import STUDENTS, DistillSettings, Pipeline, check_tests, check_writer
from vprog.distill.table import found
from vprog.distill.train import NO_MATTER
from vprog.errors import InputError
from vprog.report.distill import distill_tables
from vprog.report.html import ReportItem, write_report
from vprog.runs.folder import read_traces, write_atomically
from vprog.runs.held import PURPOSE, held, phase, phases

SHOWN = 100
"""Examples of each task on the page."""


def distill(settings: DistillSettings, out: Path, *, timed: bool = True) -> dict[str, Any]:
    """Distills programs into a model and judges it; the same call goes on after it was killed.

    Args:
        settings: What to do.
        out: Its folder.
        timed: Whether the time a question is measured.

    Returns:
        What ``distill.json`` holds and ``vprog distill --json`` prints, see ``table.found``; with
        ``latency``, ``seconds`` by phase, and ``models``: row and labels -> checkpoint.

    Raises:
        InputError: Anything wrong with settings, data, models or folder; what is finished is kept.
    """
    if not (out / PURPOSE).is_file():
        check_writer(settings)
        check_tests(settings)
    with held(out, settings.table(), but=NO_MATTER):
        pipeline = Pipeline(settings, out)
        pipeline.go()
        with phase(out, "figures"):
            said = found(pipeline)
        if timed:
            with phase(out, "latency"):
                said["latency"] = _kept(out / "latency.json", pipeline)
        said["models"] = {
            f"{row}-{'all' if size is None else size}": str(
                pipeline.student(row, size).relative_to(out)
            )
            for size in pipeline.sizes
            for row in settings.rows
        }
        said["seconds"] = phases(out)
        _write_page(pipeline, said)
        write_atomically(out / "distill.json", json.dumps(said, indent=1).encode())
    return said


def _kept(file: Path, pipeline: Pipeline) -> dict[str, Any] | None:
    """The first task's time a question, measured once; None where there are too few questions.

    Programs of chat endpoints are those that they wrote for the test: nothing is asked again.
    """
    settings, task = pipeline.settings, pipeline.settings.tasks[0]
    row = next((r for r in settings.rows if STUDENTS[r][1]), settings.rows[0])
    if not file.is_file():
        student = str(pipeline.student(row, pipeline.sizes[-1]))
        run, writer = pipeline.test_run(task), settings.writer
        if pipeline.asks_endpoints:
            done, writer = pipeline.test(task, "programs"), f"{writer}, written before"
            ids = {r.trace.example_id for r in read_traces(done) if r.trace.program}
            run = dataclasses.replace(run, writer=f"replay:{done}", ids=ids, limit=None)
        try:
            said = {**latency(run, student), "writer": writer}
        except InputError as error:
            note(str(error))
            return None
        write_atomically(file, json.dumps({"task": task.name, "row": row, **said}).encode())
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return kept


def _write_page(pipeline: Pipeline, said: dict[str, Any]) -> None:
    settings = pipeline.settings
    summary = {
        "tasks": ", ".join(said["tasks"]),
        "student": settings.student,
        "writer": settings.writer,
        "toolbox": settings.toolbox,
        "seed": settings.seed,
        "commit": said["commit"],
    }
    items = list(_items(pipeline))
    write_report(
        pipeline.out / "report.html",
        f"distilling {summary['tasks']}",
        items,
        summary,
        limit=len(items),
        tables=distill_tables(said),
    )


def _items(pipeline: Pipeline) -> Iterator[ReportItem]:
    """Programs with their traces; beside them what the student says of the same question."""
    settings = pipeline.settings
    row = next((r for r in settings.rows if STUDENTS[r][1]), None)
    if row is None:
        return
    grid, size = settings.data.rationale.grid, pipeline.sizes[-1]
    for task in settings.tasks:
        told = pipeline.test(task, "programs")
        records = {r.trace.example_id: r for r in read_traces(told) if r.chosen}
        rationales = verified_rationales(told, grid)
        own = read_explanations(pipeline.test(task, f"explain-{row}", size), grid)
        for id, one in list(own.items())[:SHOWN]:
            judgement = records[id].verdict.judgement if id in records else "skipped"
            if judgement == "skipped":
                continue
            notes = {"student": one.answer or "", "student explains": one.text}
            if id in rationales:
                notes = {"rationale": rationales[id], **notes}
            yield ReportItem(one.example, records[id].trace, judgement, notes=notes)
