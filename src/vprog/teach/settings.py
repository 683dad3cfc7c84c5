"""Settings of training a student."""

from __future__ import annotations

from dataclasses import dataclass

from vprog.training.settings import Method, TrainingSettings

__all__ = ["Method", "TeachSettings"]


@dataclass(frozen=True, kw_only=True)
class TeachSettings(TrainingSettings):
    """How a student is trained; what is not named here is ``TrainingSettings``'.

    ``lora`` saves an adapter, ``full`` a model. The learning rate is 2e-4 for LoRA and 1e-4 for
    full training if left out.

    Attributes:
        batch_size: Views (regions of pictures) in one forward pass. Phrases and options about one
            view share its pixels.
        per_view: Most phrases or options of one view in a batch.
        accumulate: Forward passes of one step, whose gradients are averaged; processes share them,
            so that their number changes no result.
        temperature: Of the distributions over answers and options, of teacher and student.
        dense: Share of the steps, from the first on, in which every token in a box stands for it
            (OWL); afterwards one token a box. For students that are far from the target.
        keep: Weight lambda of self-distillation on replayed calls.
        mirror: Share of the views that are shown as in a mirror; none about which somebody says
            left or right. Not for pictures with writing.
    """

    batch_size: int = 16
    per_view: int = 16
    accumulate: int = 1
    temperature: float = 1.0
    dense: float = 0.0
    keep: float = 1.0
    mirror: float = 0.0

    def __post_init__(self) -> None:
        """Refuses values out of range.

        Raises:
            InputError: Names the setting, its value and what is allowed.
        """
        super().__post_init__()
        for name in ("batch_size", "per_view", "accumulate"):
            self._at_least(name, 1)
        self._at_least("keep", 0)
        self._share("dense")
        self._share("mirror")
        self._above_0("temperature")
