"""The gold writer: the program that the benchmark itself provides."""

from __future__ import annotations

from collections.abc import Sequence

from vprog.example import Example
from vprog.program.program import Language, Program


class Gold:
    """Writes ``Example.programs``."""

    name = "gold"

    def write(self, example: Example, language: Language) -> Sequence[Program]:
        """The gold program in that language, if the example has one."""
        text = example.programs.get(language)
        return [Program(text, language)] if text is not None else []
