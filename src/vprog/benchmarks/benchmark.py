"""What a benchmark is: official files in, Examples out, official metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vprog.example import Example
from vprog.tools.tool import Tool

Metrics = Callable[[Sequence[Example], Sequence[str | None]], Mapping[str, float]]
"""Official figures from examples and the answers given to them.

Takes examples and, in the same order, the answer as normalised text, or None where the program
failed. Returns figures by name in [0, 1]; ``accuracy`` is always computed beside it and need not be
returned.
"""


def no_metrics(examples: Sequence[Example], answers: Sequence[str | None]) -> Mapping[str, float]:
    """For benchmarks whose only figure is accuracy."""
    del examples, answers
    return {}


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark.

    Attributes:
        name: On the command line.
        doc: One line: what it is, and the source of the data.
        splits: The splits it knows, the usual one for trying things first.
        load: ``load(data_folder, split)`` yields Examples in a fixed order, without reading
            pixels. Raises ``InputError`` for a missing file or a wrong column, naming it.
        tools: Tools of its own that its programs may call.
        metrics: Its official figures beside accuracy.
        binary: Whether every answer is "yes" or "no".
    """

    name: str
    doc: str
    splits: tuple[str, ...]
    load: Callable[[Path, str], Iterator[Example]]
    tools: tuple[Tool, ...] = ()
    metrics: Metrics = no_metrics
    binary: bool = False
