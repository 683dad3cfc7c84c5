"""What a benchmark is: official files in, Examples out, official metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from vprog.benchmarks.metric import Metric
from vprog.errors import InputError
from vprog.example import Example
from vprog.tools.tool import Tool
from vprog.trace import Trace, Value
from vprog.verify import Verdict, answer_text, verify

_NOT_AS_THEY_MUST_BE = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError, RecursionError,
)  # fmt: skip
"""What a value of an unexpected kind comes to where no check was made for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An example with the answer that a run gave.

    Attributes:
        example: As loaded, but for its programs and the scenes and pixels of its pictures.
        trace: What the program did.
        text: Its answer in the benchmark's normal form; None where it failed or gave none.
        credit: What the answer is worth, in [0, 1].
    """

    example: Example
    trace: Trace
    text: str | None
    credit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What official metrics are computed from.

    Attributes:
        items: Every labelled example of a run with its answer.
        data: Folder of the official files, for metrics that need more of them; it may be gone.
        split: Of the benchmark.
    """

    items: Sequence[Answered]
    data: Path
    split: str


Metrics: TypeAlias = Callable[[Answers], Mapping[str, Metric]]
"""Official figures by name. ``accuracy``, the mean credit, is always given and not returned."""

Credit: TypeAlias = Callable[[Value, Example], float]
"""What an answer, as the program returned it, is worth: in [0, 1]."""


def no_metrics(answers: Answers) -> Mapping[str, Metric]:
    """For benchmarks whose only figure is accuracy."""
    del answers
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
        normalise: The normal form of an answer; None where a value is no answer at all.
        credit: What an answer is worth where that is not right or wrong: VQA's soft accuracy,
            overlap with a region. None: 1 where its normal form is that of an accepted answer,
            else 0. Not asked where the program failed or the example has no label (no ``answers``).
        metrics: Its official figures beside accuracy. What they need of an example must be in
            ``Example.extra`` as plain JSON data, which a run keeps.
        binary: Whether every answer is "yes" or "no".
        regions: Whether an answer is a region of the picture and not words.
        submission: The text of the file that the benchmark's server takes; None where it has none.
        submission_file: Its usual name.
    """

    name: str
    doc: str
    splits: tuple[str, ...]
    load: Callable[[Path, str], Iterator[Example]]
    tools: tuple[Tool, ...] = ()
    normalise: Callable[[Value], str | None] = answer_text
    credit: Credit | None = None
    metrics: Metrics = no_metrics
    binary: bool = False
    regions: bool = False
    submission: Callable[[Sequence[Answered]], str] | None = None
    submission_file: str = "submission.json"

    def examples(self, data: Path, split: str) -> Iterator[Example]:
        """The examples of a split, in a fixed order.

        Raises:
            InputError: See ``load``; or a value in the files is of a kind that nothing expects.
        """
        before = "its first example"
        try:
            for example in self.load(data, split):
                _check_texts(example)
                before = f"the example behind {example.id!r}"
                yield example
        except _NOT_AS_THEY_MUST_BE as error:
            raise InputError(
                f"{data} is not as {self.name} has it: {before} of {split!r} cannot be read "
                f"({type(error).__name__}: {error})"
            ) from error

    def verify(self, trace: Trace, example: Example) -> Verdict:
        """Judges a trace as this benchmark's authors would."""
        return verify(trace, example, normalise=self.normalise, credit=self.credit)


def _check_texts(example: Example) -> None:
    for name, texts in (
        ("question", [example.question]),
        ("answers", example.answers),
        ("types", list(example.types.values())),
    ):
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"its {name} must be text, found {str(text)[:60]!r}")
