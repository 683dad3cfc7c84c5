"""The steps of teaching a student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vprog.errors import InputError
from vprog.teach.lessons import Lessons, all_of, in_turn
from vprog.teach.mirror import mirrored
from vprog.teach.replay import Objective
from vprog.teach.settings import TeachSettings
from vprog.teach.state import Taught, read_outcome, toolbox_model, write_outcome
from vprog.teach.student import Part, open_student, toolbox_name
from vprog.teach.supervision import Supervised
from vprog.tools.backends.hf.runtime import quiet
from vprog.tools.backends.hf.views import Views
from vprog.training import loop as training
from vprog.training.devices import moved
from vprog.training.folder import Folder
from vprog.training.lora import add_lora, save_lora
from vprog.training.save import save_model, write_settings

if TYPE_CHECKING:
    from vprog.teach.train import Material, Validate

Pass = tuple[list[Part], list[Part]]
"""Supervised and replayed parts of a forward pass."""


class Loop(training.Loop[TeachSettings, Taught]):
    """A training in progress.

    Attributes:
        numbers: How many the student has.
        together: Most rows about one view in a group; see ``Lessons``.
    """

    once = False  # as many times as its rows fall into groups

    def __init__(
        self,
        material: Material,
        settings: TeachSettings,
        folder: Folder | None,
        validate: Validate | None,
    ) -> None:
        """Sets up model, optimizer and order.

        Args:
            material: What is learned from.
            settings: Of the training.
            folder: Of the result; None writes nothing.
            validate: See ``train``.
        """
        self._material, self._validate = material, validate
        self._student = material.student
        self._backend = self._student.backend
        self.name = self._backend.tool
        model = self._student.model
        self.numbers = sum(p.numel() for p in model.parameters())
        before = None
        if settings.method == "lora":
            name = toolbox_name(material.settings)
            learner = add_lora(model, name, settings.rank, settings.alpha, settings.seed)
        else:
            learner = model.requires_grad_(True)
        if material.replay and (settings.method == "full" or material.before is not None):
            before = open_student(self._backend.tool, material.before or material.settings)
        self._learner = learner
        super().__init__(settings, folder, self._backend.device)
        if settings.accumulate % self.processes:
            raise InputError(
                f"{self.processes} processes share the forward passes of a step: accumulate must "
                f"be a multiple of {self.processes}, got {settings.accumulate}"
            )
        self.begin(Objective(self._student, learner, settings, before))
        self.together = settings.per_view if self._student.shares else 1
        seed = str(settings.seed)
        self._task = Lessons(material.task, together=self.together, seed=f"{seed}/task")
        self._replay = {
            name: Lessons(rows, together=self.together, seed=f"{seed}/{name}")
            for name, rows in material.replay.items()
        }

    def prepared(self, step: int) -> list[Pass]:
        """See ``training.Loop``."""
        passes, own = self.settings.accumulate, self.accelerator.process_index
        return [self._pass(step * passes + n) for n in range(own, passes, self.processes)]

    def _pass(self, place: int) -> Pass:
        """Parts of a forward pass, by its number among those of all processes."""
        size = self.settings.batch_size
        parts = self._parts(self._task.batch(place, size), f"task {place}")
        if not self._replay:
            return parts, []
        return parts, self._parts(in_turn(self._replay, place, size), f"replay {place}")

    def _parts(self, rows: Sequence[Supervised], seed: str) -> list[Part]:
        settings, pictures = self.settings, self._material.pictures
        if settings.mirror:
            seed = f"{settings.seed}/mirror {seed}"
            rows, pictures = mirrored(rows, pictures, settings.mirror, seed)
        return self._student.prepare(rows, Views(pictures))

    def forward(self, step: int, item: Pass) -> tuple[Any, Mapping[str, Any]]:
        """See ``training.Loop``."""
        settings = self.settings
        dense = step < settings.dense * settings.steps
        loss, task, kept = self.objective(*item, dense)
        passes = settings.accumulate / self.processes
        return loss / passes, {"task": task / passes, "kept": kept / passes}

    def score(self) -> float | None:
        """See ``training.Loop``."""
        self._backend.forget()
        if self._validate is not None:
            return float(self._validate(self._backend))
        if not self._material.val:
            return None
        return -self._loss(self._material.val)

    def _loss(self, rows: Sequence[Supervised]) -> float:
        import torch

        values = sizes = 0.0
        views = Views(self._material.pictures)
        settings, device = self.settings, self.accelerator.device
        with torch.no_grad(), quiet(), self.accelerator.autocast():
            for some in all_of(rows, settings.batch_size, self.together):
                for part in self._student.prepare(some, views):
                    part = moved(part, device)
                    said = self._student.look(part)
                    loss, size = self._student.losses(said, part, settings.temperature, False)
                    values += float((loss * part["weights"]).sum())
                    sizes += float((size * part["weights"]).sum())
        return values / max(sizes, 1e-9)

    def announce(self) -> str:
        """See ``training.Loop``."""
        sets = ", ".join(f"{n:,} {name}" for name, n in self._material.rows.items())
        return (
            f"teaching {self.name} ({self.settings.method}, {self.trained:,} of "
            f"{self.numbers:,} numbers) from {sets}"
        )

    def remedy(self) -> str:
        """See ``training.Loop``."""
        settings = self.settings
        smaller = f"lower batch_size (now {settings.batch_size}) and raise accumulate as much"
        if settings.checkpointing:
            return f"{smaller}, in another folder"
        return (
            "set checkpointing = true, and the same command goes on where it was; or "
            f"{smaller}, in another folder"
        )

    def outcome(self) -> Taught | None:
        """See ``training.Loop``."""
        assert self._folder is not None
        return read_outcome(self._folder)

    def save_best(
        self, best_step: int, scores: Mapping[int, float | None], seconds: float
    ) -> Taught:
        """See ``training.Loop``."""
        folder, settings, backend = self._folder, self.settings, self._backend
        assert folder is not None
        backend.forget()
        if settings.method == "lora":
            save_lora(self._learner, folder.path)
        else:
            save_model(self._learner, backend.source.folder, folder.path)
        write_settings(backend, folder.path, adapter=settings.method == "lora")
        student = toolbox_name(self._material.settings)
        said = {"student": student, "method": settings.method}
        taught = Taught(
            tool=backend.tool,
            student=student,
            folder=str(folder.path),
            model=toolbox_model(said, folder.path),
            method=settings.method,
            steps=settings.steps,
            best_step=best_step,
            score=scores[best_step],
            before=scores.get(0),
            trained=self.trained,
            rows=self._material.rows,
            left_out=self._material.left_out,
            seconds=seconds,
            distributed=self.distributed,
            processes=self.processes,
        )
        write_outcome(folder, taught)
        return taught
