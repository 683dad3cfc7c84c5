"""Time a question: programs, written and run, against a student that answers in one pass.

VPD reports the time of one question (Hu et al., arXiv 2312.03052: 8.9 s against 0.8 s), which is
what somebody waits who asks. Batches are told beside it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.metric import Ratio
from vprog.distill.answerer import student_toolbox
from vprog.distill.pipeline import answering
from vprog.engine import Engine, Task
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings
from vprog.evaluation.selection import select_examples
from vprog.evaluation.statistics import interval
from vprog.example import Example
from vprog.tools.backend import Toolbox
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import load_writer

MANY, TURNS = 40, 3
"""Most questions that are asked one at a time, as many as in a batch, and how many batches."""
WARM = 4
"""Questions before the clock starts, so that models are loaded and workers run."""


def latency(settings: RunSettings, student: str) -> dict[str, Any]:
    """Milliseconds a question on this machine, the two in turns.

    Every question is about a picture of its own, so that nothing is remembered from another one.
    Models are loaded before. Writing counts where the writer is a model.

    Args:
        settings: The programs' run: benchmark, data, split, writer, toolbox, language, limit.
        student: Its checkpoint.

    Returns:
        Of ``n`` questions, one at a time: ``programs_ms`` and ``student_ms`` (medians), ``ratio``
        (of the sums) with ``ci95``; in ``batches`` the same of ``size`` questions at once, medians
        of as many ``ratios`` as there were batches. ``writer`` names where the programs come from.

    Raises:
        InputError: Too few questions, or as ``run_benchmark``.
    """
    with ExitStack() as stack:
        direct = answering(settings, student, explain=False)
        sides = (
            stack.enter_context(_Side(settings, _questions(settings), None)),
            stack.enter_context(_Side(direct, _questions(settings), student_toolbox(student))),
        )
        asked = len(sides[0].examples)
        n = min(MANY, (asked - WARM) // (1 + TURNS))
        if n < 1:
            raise InputError(
                f"{settings.benchmark} {settings.split}: the time a question needs questions about "
                f"{WARM + 1 + TURNS} different pictures, here are {asked}; give "
                "--limit test a larger number"
            )
        for side in sides:
            side.seconds(range(WARM))
        ones = [_turn(sides, range(at, at + 1), at) for at in range(WARM, WARM + n)]
        starts = range(WARM + n, WARM + n + TURNS * n, n)
        many = [_turn(sides, range(at, at + n), turn) for turn, at in enumerate(starts)]
    ratio = Ratio([p for p, _ in ones], [s for _, s in ones])
    spread = interval(ratio, range(n))
    ratios = [round(p / s, 2) for p, s in many]
    return {
        "writer": settings.writer,
        "n": n,
        "programs_ms": _milliseconds([p for p, _ in ones]),
        "student_ms": _milliseconds([s for _, s in ones]),
        "ratio": round(ratio.value() or 0.0, 2),
        "ci95": None if spread is None else [round(spread.low, 2), round(spread.high, 2)],
        "batches": {
            "size": n,
            "programs_ms": _milliseconds([p / n for p, _ in many]),
            "student_ms": _milliseconds([s / n for _, s in many]),
            "ratio": statistics.median(ratios),
            "ratios": ratios,
        },
    }


def _questions(settings: RunSettings) -> list[Example]:
    """Questions of a run, each about another picture; where programs are gold, those that have one.

    Each side reads its own, or one would decode the pictures of both.
    """
    seen: set[str] = set()
    found = []
    for example in select_examples(
        settings.benchmark, settings.data, settings.split, settings.limit, settings.seed,
        settings.ids, settings.types,
    ):  # fmt: skip
        pictures = {picture.id for picture in example.pictures}
        has_program = settings.writer != "gold" or settings.language in example.programs
        if has_program and not pictures & seen:
            seen |= pictures
            found.append(example)
    return found


class _Side:
    """A writer over a toolbox, and the questions that it is asked."""

    def __init__(
        self, settings: RunSettings, examples: list[Example], toolbox: Toolbox | None
    ) -> None:
        self.examples = examples
        benchmark = load_benchmark(settings.benchmark)
        tools = (toolbox or load_toolbox(settings.toolbox)).with_tools(benchmark.tools)
        self._settings = settings
        self._writer = load_writer(
            settings.writer,
            toolbox=tools,
            benchmark=settings.benchmark,
            settings=settings.writer_settings,
        )
        self._engine = Engine(tools, settings.engine)

    def __enter__(self) -> _Side:
        return self

    def __exit__(self, *error: object) -> None:
        self._engine.close()

    def seconds(self, which: Sequence[int]) -> float:
        """Wall time of some of the questions, asked together."""
        some, said = [self.examples[index] for index in which], self._settings
        began = time.perf_counter()
        written = self._writer.write(some, said.language, said.sampling)
        tasks = [Task(e, p[0]) for e, p in zip(some, written, strict=True) if p]
        for _ in self._engine.run(tasks):
            pass
        return time.perf_counter() - began


def _turn(sides: tuple[_Side, _Side], which: Sequence[int], number: int) -> tuple[float, float]:
    """Seconds of both sides; every other time the second one goes first."""
    if number % 2:
        second, first = sides[1].seconds(which), sides[0].seconds(which)
    else:
        first, second = sides[0].seconds(which), sides[1].seconds(which)
    return first, second


def _milliseconds(seconds: Sequence[float]) -> float:
    return round(1000 * statistics.median(seconds), 2)
