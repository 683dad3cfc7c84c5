"""The rationales of a run of a student, measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.distill.quality import Explained, rationale_quality
from vprog.distill.rationale import render
from vprog.distill.settings import RationaleSettings
from vprog.errors import InputError
from vprog.runs.folder import read_settings, read_traces
from vprog.runs.record import Record
from vprog.teach.steps import example_of, load_examples
from vprog.tools.catalogue import TOOLS


def explained(run: Path | str, references: Mapping[str, str] | None = None) -> list[Explained]:
    """The examples of a run with what its student says of them.

    Args:
        run: Folder of a run of the writer ``direct:explain``.
        references: Rationales of verified traces by example id.

    Raises:
        InputError: No run, one without rationales, or files that are gone.
    """
    run = Path(run)
    examples = load_examples(run)
    found, told = [], 0
    for record in read_traces(run):
        if not record.chosen:
            continue
        text = _rationale(record)
        told += text is not None
        found.append(
            Explained(
                example=example_of(record, examples, run),
                text=text or "",
                answer=record.verdict.answer,
                reference=(references or {}).get(record.trace.example_id),
            )
        )
    if not told:
        raise InputError(f"{run} holds no rationales; run the model with --explain")
    return found


def run_quality(
    run: Path | str, *, grid: int, reference: Path | str | None = None
) -> dict[str, Any]:
    """Figures of the rationales of a run; see ``rationale_quality``.

    Args:
        run: Folder of a run of the writer ``direct:explain``.
        grid: Places a side of the boxes that the student was taught.
        reference: Folder of a run of programs over the same examples; boxes are compared with the
            rationales of its verified traces.

    Raises:
        InputError: See ``explained``.
    """
    references = None if reference is None else verified_rationales(Path(reference), grid)
    benchmark = load_benchmark(str(read_settings(Path(run))["benchmark"]))
    return rationale_quality(explained(run, references), grid, benchmark.normalise)


def verified_rationales(run: Path, grid: int) -> dict[str, str]:
    """The rationales of the chosen traces of a run that are right, by example id.

    Args:
        run: Folder of a run of programs.
        grid: Places a side of the boxes.

    Raises:
        InputError: No run, or files that are gone.
    """
    settings = read_settings(run)
    benchmark = load_benchmark(str(settings["benchmark"]))
    tools = {**TOOLS, **{tool.name: tool for tool in benchmark.tools}}
    examples = load_examples(run)
    told = RationaleSettings(grid=grid)
    return {
        record.trace.example_id: render(
            record.trace,
            example_of(record, examples, run),
            told,
            answer=None if benchmark.regions else record.verdict.answer,
            tools=tools,
        ).text
        for record in read_traces(run)
        if record.chosen and record.verdict.judgement == "right"
    }


def _rationale(record: Record) -> str | None:
    for step in record.trace.steps:
        if step.tool == "answer" and isinstance(step.info.get("rationale"), str):
            return str(step.info["rationale"])
    return None
