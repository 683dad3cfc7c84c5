"""The HTML report of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vprog.benchmarks import load_benchmark
from vprog.console import note
from vprog.errors import InputError, VprogError
from vprog.evaluation.score import score_run
from vprog.example import Example, Picture
from vprog.report.html import write_report
from vprog.report.item import ReportItem
from vprog.runs.folder import read_settings, read_traces
from vprog.runs.record import Record


def write_run_report(run: Path, out: Path | None = None, limit: int = 200) -> Path:
    """Writes the report of a run.

    Pictures come from the benchmark's own files; where those are gone the report is written without
    them and says so.

    Args:
        run: Folder of the run.
        out: File to write; ``report.html`` in the folder if None.
        limit: Most questions to show; those that were answered right come last.

    Returns:
        The file.

    Raises:
        InputError: No run, or the file cannot be written.
    """
    if out is not None and out.is_file() and not _is_page(out):
        raise InputError(f"{out} is there and no report; choose another --out")
    settings = read_settings(run)
    records = [r for r in read_traces(run) if r.verdict.judgement != "skipped"]
    records.sort(key=lambda record: record.verdict.judgement == "right")
    summary: dict[str, object] = {
        key: settings[key]
        for key in ("benchmark", "split", "writer", "toolbox", "language", "seed")
    }
    try:
        figures = score_run(run).figures
        accuracy = figures["metrics"]["accuracy"]
        low, high = accuracy["ci95"]
        summary["accuracy"] = f"{accuracy['value']:.3f} (95 % {low:.3f} to {high:.3f})"
        summary["majority"] = f"{figures['majority']['value']:.3f}"
    except VprogError as error:
        note(f"not scored: {error}")
    summary["vprog"] = settings["facts"]["vprog"]
    summary["commit"] = settings["facts"]["commit"]
    title = f"{settings['benchmark']} {settings['split']}, {settings['language']}"
    items = _items(records, _examples(settings))
    return write_report(out or run / "report.html", title, items, summary, limit)


def _is_page(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(15).lower() == b"<!doctype html>"


def run_items(run: Path) -> Iterator[ReportItem]:
    """The answers of a run as items of a report.

    Raises:
        InputError: No run.
    """
    records = [r for r in read_traces(run) if r.verdict.judgement != "skipped"]
    return _items(records, _examples(read_settings(run)))


def _examples(settings: dict[str, object]) -> dict[str, Example]:
    try:
        benchmark = load_benchmark(str(settings["benchmark"]))
        loaded = benchmark.examples(Path(str(settings["data"])), str(settings["split"]))
        return {example.id: example for example in loaded}
    except VprogError as error:
        note(f"the report shows no pictures: {error}")
        return {}


def _items(records: list[Record], examples: dict[str, Example]) -> Iterator[ReportItem]:
    for record in records:
        known = examples.get(record.trace.example_id)
        pictures = (
            known.pictures
            if known
            else tuple(Picture(id, path=where) for id, where in record.pictures.items())
        )
        example = Example(
            id=record.trace.example_id,
            pictures=pictures,
            question=record.question,
            answers=record.answers,
            types=record.types,
            group=record.group,
        )
        judgement = record.verdict.judgement
        assert judgement != "skipped"
        yield ReportItem(example, record.trace, judgement)
