"""What a step of training minimises, and self-distillation: the student before is a teacher too.

SDVP keeps what a tool could do before by distilling the student before into the student now, on
calls of earlier tasks and on general pictures (sequential self-distillation). With LoRA the student
before is the student without its additions; otherwise it is loaded once more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from vprog.teach.settings import TeachSettings
from vprog.teach.student import Part, Student
from vprog.training.devices import moved


class Objective(nn.Module):
    """The loss of one batch as a module, so that Accelerate can spread it over processes.

    Attributes:
        learner: What learns: the student's model, or PEFT's wrapper around it.
    """

    def __init__(
        self, student: Student, learner: nn.Module, settings: TeachSettings, before: Student | None
    ) -> None:
        """Takes a student.

        Args:
            student: Whose model learns.
            learner: Its module.
            settings: Of the training.
            before: A second student that stays as it is; None: the student without its LoRA.
        """
        super().__init__()
        self.learner = learner
        self._student = student
        self._settings = settings
        # In a list, so that its weights are no part of this module.
        self._before = [before]

    def forward(
        self, parts: Sequence[Part], replayed: Sequence[Part], dense: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The loss to minimise, and its two parts without gradients.

        Args:
            parts: Supervised rows.
            replayed: Calls on which the student should stay as it was.
            dense: See ``TeachSettings.dense``.
        """
        device = next(self.learner.parameters()).device
        heat = self._settings.temperature
        taught = []
        for part in parts:
            part = moved(part, device)
            said = self._student.look(part)
            taught.append((*self._student.losses(said, part, heat, dense), part["weights"]))
        kept = []
        for part in replayed:
            part = moved(part, device)
            with self._as_before() as before:
                old = before.look(part)
            said = self._student.look(part)
            kept.append((*self._student.keeps(said, old, part, heat), part["weights"]))
        task, old_task = _mean(taught, device), _mean(kept, device)
        return task + self._settings.keep * old_task, task.detach(), old_task.detach()

    @contextlib.contextmanager
    def _as_before(self) -> Iterator[Student]:
        import torch

        before = self._before[0]
        with torch.no_grad():
            if before is not None:
                yield before
            else:
                with self.learner.disable_adapter():  # type: ignore[operator]
                    yield self._student


def _mean(found: Sequence[tuple[Tensor, Tensor, Tensor]], device: Any) -> Tensor:
    """The quotient of the weighted sums of losses and sizes."""
    import torch

    if not found:
        return torch.zeros((), device=device)
    values = torch.stack([(value * weight).sum() for value, _, weight in found]).sum()
    sizes = torch.stack([(size * weight).sum() for _, size, weight in found]).sum()
    return values / sizes.clamp(min=1e-9)
