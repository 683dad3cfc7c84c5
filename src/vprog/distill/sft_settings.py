"""Settings of fine-tuning a student on answers and rationales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vprog.errors import InputError
from vprog.training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class SftSettings(TrainingSettings):
    """How a student is tuned; what is not named here is ``TrainingSettings``'.

    Left as they are, these are the settings of VPD's generalists (section 4): LoRA of rank 8 on
    every linear layer of attention and MLPs, 8,000 steps of 128, AdamW with betas .9 and .98, a
    cosine from 1e-4 after 1 % of warm-up. VPD does not say alpha and weight decay.

    Attributes:
        batch_size: Examples of one step, over all processes together; answer and rationale of an
            example are in the same step, so that with and without rationales as many labels are
            seen at equal steps.
        micro_batch: Most records in one forward pass; changes memory and time, not the result.
        answer_weight: Of answers in the loss, times the weight of a record.
        rationale_weight: Of rationales; 0 leaves them out, which is VPD's Instruct.
        packing: Whether answer and rationale of an example share one reading of its pictures and
            question, where the model takes that without a difference; changes time alone.
        vision: Whether the vision tower learns too, or the language model and connector alone.
        choose: On what the best step is chosen: ``accuracy`` of short answers that the student
            writes (as long as none is right, the loss), or the ``loss`` on the same records.
        cache_mb: Of prepared records that are kept in memory for the next epoch; 0 keeps none.
    """

    rank: int = 8
    alpha: float = 16.0
    steps: int = 8000
    warmup: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    validate_every: int = 500
    save_every: int = 500
    batch_size: int = 128
    micro_batch: int = 16
    answer_weight: float = 1.0
    rationale_weight: float = 1.0
    packing: bool = True
    vision: bool = True
    choose: Literal["accuracy", "loss"] = "accuracy"
    cache_mb: float = 2000.0

    def __post_init__(self) -> None:
        """Refuses values out of range.

        Raises:
            InputError: Names the setting, its value and what is allowed.
        """
        super().__post_init__()
        for name in ("batch_size", "micro_batch"):
            self._at_least(name, 1)
        for name in ("answer_weight", "rationale_weight", "cache_mb"):
            self._at_least(name, 0)
        if self.answer_weight == self.rationale_weight == 0:
            raise InputError("answer_weight and rationale_weight are both 0; nothing would learn")

    @property
    def peak(self) -> float:
        """The learning rate at its peak: 1e-4 if left out."""
        return self.learning_rate or 1e-4

    def weight(self, kind: str) -> float:
        """The weight of a kind of record in the loss."""
        return self.rationale_weight if kind == "rationale" else self.answer_weight
