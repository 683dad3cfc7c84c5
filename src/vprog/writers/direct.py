"""The direct writer: the program that hands the question to a model that answers by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vprog.example import Example
from vprog.program.program import Language, Program, input_names
from vprog.writers.writer import Repair, Sampling, Usage


class Direct:
    """Writes a program that calls ``answer`` with all pictures and the question, and nothing else.

    Choices stand below the question with their letters. In ``python`` there is no such program for
    more than two pictures.
    """

    fingerprint = "direct 1"

    def __init__(self, name: str = "direct") -> None:
        """Has used nothing.

        Args:
            name: As the user called it.
        """
        self.name = name
        self.usage = Usage()

    def write(
        self, examples: Sequence[Example], language: Language, sampling: Sampling
    ) -> Iterator[Sequence[Program]]:
        """One program for each example."""
        del sampling
        for example in examples:
            names = ", ".join(input_names(len(example.pictures), language))
            question = repr(example.with_choices(example.question))
            if language == "steps":
                call = f"ANSWER0=ANSWER(images=[{names}],question={question})"
                yield [Program(f"{call}\nFINAL=RESULT(var=ANSWER0)", language)]
            elif len(example.pictures) <= 2:
                call = f"answer([{names}], {question})"
                yield [Program(f"def execute_command({names}):\n    return {call}", language)]
            else:
                yield []

    def repair(
        self, broken: Sequence[Repair], language: Language, sampling: Sampling
    ) -> Iterator[Program | None]:
        """Nothing: there is only one such program."""
        del language, sampling
        for _ in broken:
            yield None
