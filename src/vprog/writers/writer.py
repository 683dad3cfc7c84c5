"""Writers: question -> candidate programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vprog.example import Example
from vprog.program.program import Language, Program


class Writer(Protocol):
    """Writes candidate programs for examples.

    Attributes:
        name: As the user called it, for records.
    """

    @property
    def name(self) -> str:
        """See the class."""

    def write(self, example: Example, language: Language) -> Sequence[Program]:
        """Candidates for one example, best first; empty where the writer has none."""
