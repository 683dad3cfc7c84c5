"""The gold writer: the program that the benchmark itself provides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vprog.example import Example
from vprog.program.program import Language, Program
from vprog.writers.writer import Repair, Sampling, Usage


class Gold:
    """Writes ``Example.programs``."""

    name = "gold"
    fingerprint = "gold"

    def __init__(self) -> None:
        """Has used nothing."""
        self.usage = Usage()

    def write(
        self, examples: Sequence[Example], language: Language, sampling: Sampling
    ) -> Iterator[Sequence[Program]]:
        """The gold program of each in that language, if the example has one."""
        del sampling
        for example in examples:
            text = example.programs.get(language)
            yield [Program(text, language)] if text is not None else []

    def repair(
        self, broken: Sequence[Repair], language: Language, sampling: Sampling
    ) -> Iterator[Program | None]:
        """Nothing: a gold program is what it is."""
        del language, sampling
        for _ in broken:
            yield None
