"""Settings of rationales and of what a student is asked; instructions as VPD words them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from vprog.errors import InputError
from vprog.writers.settings import WriterSettings

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


Mode = Literal["verified", "unverified", "unlabelled"]
"""``verified``: VPD with labels; a program counts if its answer is a label, and an example without
such a program keeps its label alone. ``unverified``: labels for the short answers, rationales from
programs that nobody checked (VPD's ablation). ``unlabelled``: no label is looked at, the program's
own answer is the target (VPD without labels)."""
Pick = Literal["logprob", "vote"]
"""``logprob``: the most probable program (VPD). ``vote``: the most probable among those that give
the answer which most of the written programs give (self-consistency)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceSettings:
    """Which of an example's candidate programs explains it.

    Attributes:
        mode: Whether labels are used, and for what.
        pick: Which of several programs that pass.
        least_agreement: Filter: least share of the written programs that give the same answer.
        evidence: Filter: the answer must depend on a tool that looked at a picture.
        step_teacher: Filter: a teacher who checks the steps, see ``load_teacher``; None is nobody.
        least_step_agreement: Least share of the steps that the teacher answers in which it agrees.
    """

    mode: Mode = "verified"
    pick: Pick = "logprob"
    least_agreement: float = 0.0
    evidence: bool = False
    step_teacher: str | None = None
    least_step_agreement: float = 1.0

    def __post_init__(self) -> None:
        """Checks the values.

        Raises:
            InputError: A value is unknown or out of range.
        """
        for name, known in (("mode", get_args(Mode)), ("pick", get_args(Pick))):
            if getattr(self, name) not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}")
        for name in ("least_agreement", "least_step_agreement"):
            _check_share(name, getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillData:
    """How a run becomes a data set for a student.

    Attributes:
        choice: Which programs explain.
        rationale: How they are told.
        prompt: What the student is asked.
        labels: At most so many examples; a smaller number takes a part of what a larger one takes.
        val_share: Share of the pictures whose examples are for validation.
        answer_weight: Weight of the loss of short answers.
        rationale_weight: Weight of the loss of rationales.
        embed: Whether pictures are kept inside; otherwise by reference to their files.
        judge: Chat model that judges answers which no label equals; None is nobody.
        rewriter: Chat model that rewrites rationales; None leaves them as rendered.
        scenes: Gold scenes beside its own on which a chosen program is compared with the gold one,
            to estimate how many are right by accident; 0 makes no estimate.
        seed: Of everything random: order, split, scenes.
    """

    choice: ChoiceSettings = field(default_factory=ChoiceSettings)
    rationale: RationaleSettings = field(default_factory=RationaleSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    labels: int | None = None
    val_share: float = 0.05
    answer_weight: float = 1.0
    rationale_weight: float = 1.0
    embed: bool = True
    judge: WriterSettings | None = None
    rewriter: WriterSettings | None = None
    scenes: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the values.

        Raises:
            InputError: A value is out of range.
        """
        _check_share("val_share", self.val_share)
        if self.labels is not None and self.labels < 1:
            raise InputError(f"labels must be at least 1, got {self.labels}")
        if not 0 <= self.scenes <= 1000:
            raise InputError(f"scenes must be 0 to 1000, got {self.scenes}")
        for name in ("answer_weight", "rationale_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InputError(f"{name} must be 0 or more, got {getattr(self, name):g}")


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(f"{name} must be from 0 to 1, got {value:g}")
