"""Answers as a run gives them to metrics, without a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.example import Example
from vprog.trace import Failure, Step, Trace, Value


def answered(
    benchmark: Benchmark,
    example: Example,
    answer: Value,
    steps: Sequence[Step] = (),
    failed: bool = False,
) -> Answered:
    """An example with its answer, judged by the benchmark."""
    trace = Trace(example.id, 0, "steps", "", list(steps), None if failed else answer)
    if failed:
        trace.failure = Failure("tool", "broken")
    verdict = benchmark.verify(trace, example)
    return Answered(example=example, trace=trace, text=verdict.answer, credit=verdict.credit)


def answers(items: Sequence[Answered], split: str = "val") -> Answers:
    """What metrics take."""
    return Answers(items=items, data=Path("nowhere"), split=split)
