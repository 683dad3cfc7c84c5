"""Official figures of answers that a test wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.example import Example
from vprog.trace import Failure, Trace, Value


def answered(benchmark: Benchmark, example: Example, given: Value) -> Answered:
    """The example with that answer, judged by the benchmark; None is a failed program."""
    failure = None if given is not None else Failure("runtime", "?")
    trace = Trace(example.id, 0, "steps", "", answer=given, failure=failure)
    verdict = benchmark.verify(trace, example)
    return Answered(example=example, trace=trace, text=verdict.answer, credit=verdict.credit)


def answers_of(
    benchmark: Benchmark,
    examples: Sequence[Example],
    given: Sequence[Value],
    data: Path = Path("data"),
    split: str = "val",
) -> Answers:
    """The answers of a run."""
    items = [answered(benchmark, e, g) for e, g in zip(examples, given, strict=True)]
    return Answers(items=items, data=data, split=split)


def figures_of(
    benchmark: Benchmark,
    examples: Sequence[Example],
    given: Sequence[Value],
    data: Path = Path("data"),
    split: str = "val",
) -> dict[str, float | None]:
    """The benchmark's figures by name, accuracy among them."""
    answers = answers_of(benchmark, examples, given, data, split)
    figures = {name: metric.value() for name, metric in benchmark.metrics(answers).items()}
    accuracy = sum(a.credit for a in answers.items) / max(len(answers.items), 1)
    return {"accuracy": accuracy, **figures}
