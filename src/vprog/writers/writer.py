"""Writers: question -> candidate programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from vprog.errors import InputError
from vprog.example import Example
from vprog.program.program import Language, Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How candidates are drawn.

    Attributes:
        k: Candidates a question.
        temperature: 0 takes the likeliest token every time, so all k candidates are equal.
        top_p: Tokens are drawn from the likeliest ones that hold this share of the probability.
        seed: Of the draw; the same seed and question give the same candidates where the writer
            can promise it.
    """

    k: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the values.

        Raises:
            InputError: A value is out of range.
        """
        if not 1 <= self.k <= 1000:
            raise InputError(f"k must be 1 to 1000 candidates, got {self.k}")
        if not 0 <= self.temperature <= 10:
            raise InputError(f"temperature must be 0 to 10, got {self.temperature:g}")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top-p must be above 0 and at most 1, got {self.top_p:g}")
        if self.k > 1 and self.temperature == 0:
            raise InputError(
                f"k = {self.k} candidates at temperature 0 are all the same; "
                "raise the temperature (0.5 is VPD's) or leave k at 1"
            )


class Repair(NamedTuple):
    """A program that failed, on its way back to its writer.

    Attributes:
        example: What it was written for.
        program: As it failed.
        message: What was wrong with it, what is known, where.
    """

    example: Example
    program: Program
    message: str


@dataclass(slots=True)
class Usage:
    """What a writer has used so far.

    Attributes:
        requests: Sent, those that failed included; what a record answered is none.
        prompt_tokens: Read by the model.
        completion_tokens: Written by the model.
        cost: In dollars; None where no price is known.
        failed: Questions that the model's server refused; they have no program.
        first_failure: What it said of the first of them, and which it was.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    failed: int = 0
    first_failure: str = ""


class Writer(Protocol):
    """Writes candidate programs for examples.

    Attributes:
        name: As the user called it, for records.
        fingerprint: Everything that can change a program: model, revision, prompt, grammar.
        usage: What it has used so far.
    """

    @property
    def name(self) -> str:
        """See the class."""

    @property
    def fingerprint(self) -> str:
        """See the class."""

    @property
    def usage(self) -> Usage:
        """See the class."""

    def write(
        self, examples: Sequence[Example], language: Language, sampling: Sampling
    ) -> Iterator[Sequence[Program]]:
        """Candidates, as they become ready.

        Args:
            examples: Any number; the writer batches them as it likes.
            language: Of the programs.
            sampling: How they are drawn.

        Yields:
            For each example, in order, at most ``sampling.k`` programs, best first; none where
            the writer has none for it.

        Raises:
            InputError: The writer cannot go on (endpoint gone, budget spent); what was yielded
                before stands, and the same call again goes on where a record is kept.
        """

    def repair(
        self, broken: Sequence[Repair], language: Language, sampling: Sampling
    ) -> Iterator[Program | None]:
        """Another try at programs that failed, each with its message.

        Args:
            broken: Programs and what was wrong with them.
            language: Of the programs.
            sampling: As for ``write``; one program is drawn whatever ``k`` is.

        Yields:
            For each, in order, a new program, or None where the writer cannot.

        Raises:
            InputError: As for ``write``.
        """
