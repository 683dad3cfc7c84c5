"""The explanations of a run: a student's own, or the traces of programs told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.benchmark import Benchmark
from vprog.distill.quality import Explained, rationale_quality
from vprog.distill.rationale import render
from vprog.distill.settings import RationaleSettings
from vprog.errors import InputError
from vprog.example import Example
from vprog.runs.folder import read_settings, read_traces
from vprog.runs.record import Record
from vprog.teach.steps import example_of, load_examples
from vprog.tools.catalogue import TOOLS
from vprog.tools.tool import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a run says of one example.

    Attributes:
        example: The example.
        answer: In normal form; None where there is none.
        text: The explanation; "" where there is none.
        right: Whether the answer is a label's.
    """

    example: Example
    answer: str | None
    text: str
    right: bool


def read_explanations(run: Path, grid: int) -> dict[str, Explanation]:
    """The explanation of every finished example, by its id, in the order of the benchmark.

    A student's run (``vprog run BENCH --model PATH --explain``) keeps its rationales; the trace of
    a program is told.

    Args:
        run: Folder of the run.
        grid: Places a side that traces are told in.

    Raises:
        InputError: No run, nothing finished, or files that are gone.
    """
    benchmark = load_benchmark(str(read_settings(run)["benchmark"]))
    tools = {**TOOLS, **{tool.name: tool for tool in benchmark.tools}}
    told = RationaleSettings(grid=grid)
    examples = load_examples(run)
    found: dict[str, Explanation] = {}
    for record in read_traces(run):
        if record.chosen:
            example = example_of(record, examples, run)
            found[example.id] = Explanation(
                example=example,
                answer=record.verdict.answer,
                text=_text(record, example, benchmark, told, tools),
                right=record.verdict.judgement == "right",
            )
    if not found:
        raise InputError(f"{run} has no finished trace; start its command again")
    return {id: found[id] for id in examples if id in found}


def _text(
    record: Record,
    example: Example,
    benchmark: Benchmark,
    settings: RationaleSettings,
    tools: Mapping[str, Tool],
) -> str:
    trace = record.trace
    for step in trace.steps:
        if step.tool == "answer":  # a student's one call
            return str(step.info.get("rationale") or "")
    if trace.failure is not None:
        return ""
    answer = None if benchmark.regions else record.verdict.answer
    return render(trace, example, settings, answer=answer, tools=tools).text


def run_quality(
    run: Path | str, *, grid: int, reference: Path | str | None = None
) -> dict[str, Any]:
    """Figures of a run's explanations; see ``rationale_quality``.

    Args:
        run: Folder of a student's run, or of one of programs.
        grid: Places a side of the boxes.
        reference: Folder of a run of programs over the same examples; boxes are compared with the
            rationales of its verified traces. None compares with none.

    Raises:
        InputError: See ``read_explanations``; or the run holds no explanation.
    """
    run = Path(run)
    benchmark = load_benchmark(str(read_settings(run)["benchmark"]))
    references = {} if reference is None else verified_rationales(Path(reference), grid)
    items = [
        Explained(
            example=one.example, text=one.text, answer=one.answer, reference=references.get(id)
        )
        for id, one in read_explanations(run, grid).items()
    ]
    if not any(item.text for item in items):
        raise InputError(f"{run} holds no rationales; run the model with --explain")
    return rationale_quality(items, grid, benchmark.normalise)


def verified_rationales(run: Path, grid: int) -> dict[str, str]:
    """The rationales of the chosen traces of a run that are right, by example id.

    Args:
        run: Folder of a run of programs.
        grid: Places a side of the boxes.

    Raises:
        InputError: No run, or files that are gone.
    """
    return {id: one.text for id, one in read_explanations(run, grid).items() if one.right}
