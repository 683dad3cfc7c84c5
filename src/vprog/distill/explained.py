"""The explanations of a run: a student's own, or the traces of programs told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.benchmark import Benchmark
from vprog.distill.answerer import student_grid
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
        grid: Places a side of the boxes of the explanation.
    """

    example: Example
    answer: str | None
    text: str
    right: bool
    grid: int


def grid_of(run: Path, given: int | None) -> int:
    """Places a side of the boxes in a run's explanations.

    Args:
        run: Folder of the run.
        given: What the user says; None takes the student's own, which its checkpoint tells.

    Raises:
        InputError: No run; the student has another grid, or can no longer be asked for it.
    """
    toolbox, _, model = str(read_settings(run)["toolbox"]).partition(":")
    usual = RationaleSettings().grid if given is None else RationaleSettings(grid=given).grid
    if toolbox != "model":
        return usual
    try:
        own = student_grid(model)
    except InputError as error:
        if given is None:
            raise InputError(f"{error}; give the places a side of its boxes: --grid") from None
        return given
    if own is None:
        return usual
    if given not in (None, own):
        raise InputError(f"{model} writes its boxes on a grid of {own} places; leave --grid out")
    return own


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
                grid=grid,
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
    run: Path | str, *, grid: int | None = None, reference: Path | str | None = None
) -> dict[str, Any]:
    """Figures of a run's explanations; see ``rationale_quality``.

    Args:
        run: Folder of a student's run, or of one of programs.
        grid: Places a side of the boxes; see ``grid_of``.
        reference: Folder of a run of programs over the same examples; boxes are compared with the
            rationales of its verified traces. None compares with none.

    Raises:
        InputError: See ``read_explanations`` and ``grid_of``; or the run holds no explanation.
    """
    run = Path(run)
    grid = grid_of(run, grid)
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
