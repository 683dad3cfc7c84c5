"""A writer that writes what a test says, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from vprog.example import Example
from vprog.program.program import Language, Program
from vprog.writers import Repair, Sampling, Usage

Texts = Sequence[tuple[str, float | None]]


@dataclass
class Scripted:
    """Writes programs out of a function.

    Attributes:
        texts: From an example to its programs' texts and log-probabilities.
        mend: From a broken program to a new text; None where it has none.
        asked: Ids of examples that it has begun to write for.
        mended: Texts that were sent back, with the messages.
        hindrance: Is called before each example is written for; may raise or wait.
    """

    texts: Callable[[Example], Texts]
    mend: Callable[[Repair], str | None] = lambda repair: None
    hindrance: Callable[[Example], object] = lambda example: None
    name: str = "scripted"
    fingerprint: str = "scripted 1"
    usage: Usage = field(default_factory=Usage)
    asked: list[str] = field(default_factory=list)
    mended: list[tuple[str, str]] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)

    def write(
        self, examples: Sequence[Example], language: Language, sampling: Sampling
    ) -> Iterator[Sequence[Program]]:
        self.samplings.append(sampling)
        for example in examples:
            self.hindrance(example)
            self.asked.append(example.id)
            self.usage.requests += 1
            yield [Program(text, language, logprob) for text, logprob in self.texts(example)]

    def repair(
        self, broken: Sequence[Repair], language: Language, sampling: Sampling
    ) -> Iterator[Program | None]:
        del sampling
        for repair in broken:
            self.mended.append((repair.program.text, repair.message))
            text = self.mend(repair)
            yield None if text is None else Program(text, language, -1.0)
