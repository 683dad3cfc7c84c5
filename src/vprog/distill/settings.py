"""Settings of rationales and of what a student is asked; instructions as VPD words them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vprog.errors import InputError

Kind = Literal["answer", "rationale"]
"""What a student is asked for: the short answer, or the rationale that ends in it."""

ANSWER_INSTRUCTION = "Answer with a single word or phrase."
"""VPD's instruction p, section 3.2."""
RATIONALE_INSTRUCTION = "Explain the rationale to answer the question."
"""VPD's instruction s, section 3.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RationaleSettings:
    """How traces are told.

    Attributes:
        grid: Coordinates of boxes are whole numbers from 0 to ``grid - 1`` across the whole picture
            and down it, whatever its size; 0 is its left (top) edge, ``grid - 1`` its right
            (bottom) edge.
        most_boxes: Of one sentence; further ones are counted and not placed.
        repeat_question: Whether the rationale begins with the question.
    """

    grid: int = 100
    most_boxes: int = 16
    repeat_question: bool = False

    def __post_init__(self) -> None:
        """Checks the values.

        Raises:
            InputError: A value is out of range.
        """
        if not 2 <= self.grid <= 10_000:
            raise InputError(f"grid must be 2 to 10000 places a side, got {self.grid}")
        if not 1 <= self.most_boxes <= 1000:
            raise InputError(f"most_boxes must be 1 to 1000, got {self.most_boxes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """What a student is asked, in training and when it answers.

    Attributes:
        answer_instruction: Asks for the short answer.
        rationale_instruction: Asks for the rationale.
        plain: Whether question and instruction are written as rationales are: lower-case words
            with blanks around punctuation, for word-level tokenizers.
    """

    answer_instruction: str = ANSWER_INSTRUCTION
    rationale_instruction: str = RATIONALE_INSTRUCTION
    plain: bool = False

    def instruction(self, kind: Kind) -> str:
        """The instruction for ``kind``."""
        return self.answer_instruction if kind == "answer" else self.rationale_instruction
