"""The steps of a training, through Accelerate: on one device, or DDP over many processes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vprog.console import note
from vprog.errors import InputError
from vprog.teach.lessons import Lessons, all_of, in_turn
from vprog.teach.lora import add_lora, save_lora
from vprog.teach.replay import Objective, moved
from vprog.teach.save import save_model, write_settings
from vprog.teach.settings import TeachSettings
from vprog.teach.state import Folder, Taught
from vprog.teach.student import Part, open_student, toolbox_name
from vprog.teach.supervision import Supervised
from vprog.tools.backends.hf.runtime import quiet
from vprog.tools.backends.hf.views import Views

if TYPE_CHECKING:
    from vprog.teach.train import Material, Validate


class Loop:
    """A training in progress.

    Attributes:
        trained: How many numbers learn.
        numbers: How many the student has.
        processes: That train together.
        together: Most rows about one view in a group; see ``Lessons``.
    """

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
        import torch

        self._material, self._settings = material, settings
        self._folder, self._validate = folder, validate
        self._student = material.student
        self._backend = self._student.backend
        model = self._student.model
        self.numbers = sum(p.numel() for p in model.parameters())
        before = None
        if settings.method == "lora":
            name = toolbox_name(material.settings)
            learner = add_lora(model, name, settings.rank, settings.alpha, settings.seed)
        else:
            learner = model.requires_grad_(True)
            if material.replay:
                before = open_student(self._backend.tool, material.settings)
        self._accelerator = _accelerator(settings, self._backend.device)
        self.processes: int = self._accelerator.num_processes
        objective = Objective(self._student, learner, settings, before)
        self._names = [n for n, p in objective.named_parameters() if p.requires_grad]
        self._learning = [p for p in objective.parameters() if p.requires_grad]
        self.trained = sum(p.numel() for p in self._learning)
        optimizer = torch.optim.AdamW(
            self._learning, lr=settings.peak, weight_decay=settings.weight_decay
        )
        self._learner = learner
        self._objective, self._optimizer = self._accelerator.prepare(objective, optimizer)
        self.together = settings.per_view if self._student.shares else 1
        seed = str(settings.seed)
        self._task = Lessons(material.task, together=self.together, seed=f"{seed}/task")
        self._replay = {
            name: Lessons(rows, together=self.together, seed=f"{seed}/{name}")
            for name, rows in material.replay.items()
        }
        self._average = [p.detach().clone() for p in self._learning] if settings.ema else None
        self._next, self._seconds = 0, 0.0
        self._lines: list[dict[str, Any]] = []

    def run(self) -> Taught:
        """All steps from the newest state on; then the best weights are saved."""
        settings, folder, main = self._settings, self._folder, self._accelerator.is_main_process
        assert folder is not None
        if main:
            folder.begin()
        self._accelerator.wait_for_everyone()
        self._resume()
        if main:
            self._announce()
        if self._next == 0:
            self._note_validation(0, None)
        started = time.monotonic() - self._seconds
        batches = self._batches(self._next)
        for step in range(self._next, settings.steps):
            losses = self._step(step, batches)
            done = step + 1
            due = settings.validate_every and done % settings.validate_every == 0
            if due or done == settings.steps:
                self._note_validation(done, losses)
            if main and done < settings.steps and done % settings.save_every == 0:
                self._save_state(done, time.monotonic() - started)
        taught = self._finish(time.monotonic() - started) if main else None
        self._accelerator.wait_for_everyone()
        outcome = taught or folder.outcome()
        assert outcome is not None
        self.close()
        return outcome

    def step(self, step: int) -> Mapping[str, float]:
        """One step of the optimizer, by its number."""
        return self._step(step, self._batches(step))

    def close(self) -> None:
        """Lets go of what Accelerate keeps for the process, so that another training can begin."""
        from accelerate.state import AcceleratorState

        self._accelerator.free_memory()
        AcceleratorState._reset_state()

    def _step(
        self, step: int, batches: Iterator[tuple[list[Part], list[Part]]]
    ) -> dict[str, float]:
        import torch

        settings, accelerator = self._settings, self._accelerator
        torch.manual_seed(settings.seed * 1_000_003 + step)
        dense = step < settings.dense * settings.steps
        for group in self._optimizer.param_groups:
            group["lr"] = settings.rate(step)
        sums = {"task": 0.0, "kept": 0.0}
        for number in range(settings.accumulate):
            last = number == settings.accumulate - 1
            hold = contextlib.nullcontext() if last else accelerator.no_sync(self._objective)
            with hold, quiet():
                loss, task, kept = self._objective(*next(batches), dense)
                accelerator.backward(loss / settings.accumulate)
            sums["task"] += float(task) / settings.accumulate
            sums["kept"] += float(kept) / settings.accumulate
        if not all(map(_finite, sums.values())):
            raise InputError(
                f"the loss is no number at step {step}; lower learning_rate (now {settings.peak:g})"
            )
        accelerator.clip_grad_norm_(self._learning, settings.clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self._average is not None:
            decay = min(settings.ema, (1 + step) / (10 + step))
            for kept_average, now in zip(self._average, self._learning, strict=True):
                kept_average.lerp_(now.detach(), 1 - decay)
        return sums

    def _batches(self, step: int) -> Iterator[tuple[list[Part], list[Part]]]:
        """Prepared batches of this process from a step on."""
        import torch

        settings = self._settings
        first, end = step * settings.accumulate, settings.steps * settings.accumulate
        numbers = range(first, max(end, first + settings.accumulate))
        loader: Any = torch.utils.data.DataLoader(
            _Prepared(self),  # type: ignore[arg-type]
            batch_size=None,
            sampler=numbers,
            num_workers=settings.workers,
        )
        return iter(loader)

    def prepared(self, number: int) -> tuple[list[Part], list[Part]]:
        """Supervised and replayed parts of a batch, by its number in this process."""
        settings = self._settings
        place = number * self.processes + self._accelerator.process_index
        views = Views(self._material.pictures)
        rows = self._task.batch(place, settings.batch_size)
        parts = self._student.prepare(rows, views)
        if not self._replay:
            return parts, []
        old = in_turn(self._replay, place, settings.batch_size)
        return parts, self._student.prepare(old, views)

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """With the averaged weights in the student's place."""
        if self._average is None:
            yield
            return
        kept = [p.detach().clone() for p in self._learning]
        _put(self._learning, self._average)
        try:
            yield
        finally:
            _put(self._learning, kept)

    def _note_validation(self, step: int, losses: Mapping[str, float] | None) -> None:
        if not self._accelerator.is_main_process:
            return
        folder = self._folder
        assert folder is not None
        with self._averaged():
            score = self._score()
            line: dict[str, Any] = {"step": step, "score": score}
            line |= {name: round(value, 6) for name, value in (losses or {}).items()}
            best = max((o["score"] for o in self._lines if o["score"] is not None), default=None)
            if score is None or best is None or score > best:
                folder.save("best.pt", {"step": step, "weights": self._weights()})
            self._lines.append(line)
        folder.log(self._lines)
        told = [f"{name} loss {value:.4f}" for name, value in (losses or {}).items()]
        told += [] if score is None else [f"score {score:.4f}"]
        note(f"{self._backend.tool}: step {step:,} of {self._settings.steps:,} {', '.join(told)}")

    def _score(self) -> float | None:
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
        settings, device = self._settings, self._accelerator.device
        with torch.no_grad(), quiet(), self._accelerator.autocast():
            for some in all_of(rows, settings.batch_size, self.together):
                for part in self._student.prepare(some, views):
                    part = moved(part, device)
                    said = self._student.look(part)
                    loss, size = self._student.losses(said, part, settings.temperature, False)
                    values += float((loss * part["weights"]).sum())
                    sizes += float((size * part["weights"]).sum())
        return values / max(sizes, 1e-9)

    def _weights(self) -> dict[str, Any]:
        pairs = zip(self._names, self._learning, strict=True)
        return {name: p.detach().cpu().clone() for name, p in pairs}

    def _save_state(self, step: int, seconds: float) -> None:
        folder = self._folder
        assert folder is not None
        average = None if self._average is None else [a.cpu() for a in self._average]
        state = {
            "step": step,
            "seconds": seconds,
            "weights": self._weights(),
            "optimizer": self._optimizer.state_dict(),
            "average": average,
            "lines": self._lines,
        }
        folder.save("state.pt", state)

    def _resume(self) -> None:
        folder = self._folder
        assert folder is not None
        state = folder.load("state.pt")
        if state is None:
            return
        _put(self._learning, [state["weights"][name] for name in self._names])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            _put(self._average, state["average"])
        self._next, self._seconds = state["step"], state["seconds"]
        self._lines = list(state["lines"])

    def _announce(self) -> None:
        accelerator, settings = self._accelerator, self._settings
        sets = ", ".join(f"{n:,} {name}" for name, n in self._material.rows.items())
        kind = accelerator.distributed_type.value
        note(
            f"teaching {self._backend.tool} ({settings.method}, {self.trained:,} of "
            f"{self.numbers:,} numbers) from {sets}; {self.processes} process(es), {kind}, "
            f"{accelerator.device}, {accelerator.mixed_precision} precision"
            + (f"; goes on at step {self._next:,}" if self._next else "")
        )

    def _finish(self, seconds: float) -> Taught:
        folder, settings, backend = self._folder, self._settings, self._backend
        assert folder is not None
        best = folder.load("best.pt")
        assert best is not None
        _put(self._learning, [best["weights"][name] for name in self._names])
        backend.forget()
        if settings.method == "lora":
            save_lora(self._learner, folder.path)
        else:
            save_model(self._learner, backend.source.folder, folder.path)
        write_settings(backend, folder.path, adapter=settings.method == "lora")
        scores = {line["step"]: line["score"] for line in self._lines}
        student = toolbox_name(self._material.settings)
        said = {"student": student, "method": settings.method}
        taught = Taught(
            tool=backend.tool,
            student=student,
            folder=str(folder.path),
            model=folder.named(said),
            method=settings.method,
            steps=settings.steps,
            best_step=int(best["step"]),
            score=scores[best["step"]],
            before=scores.get(0),
            trained=self.trained,
            rows=self._material.rows,
            left_out=self._material.left_out,
            seconds=round(seconds, 1),
            distributed=self._accelerator.distributed_type.value,
            processes=self.processes,
        )
        folder.finish(taught)
        return taught


class _Prepared:
    """Batches by number, for torch's loader."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def __getitem__(self, number: int) -> tuple[list[Part], list[Part]]:
        return self._loop.prepared(number)


def _accelerator(settings: TeachSettings, device: str) -> Any:
    """Accelerate's, with what was asked for engaged.

    Raises:
        InputError: Sharded training was asked for, or engaged; one process or DDP is supported.
    """
    import torch
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.utils import DistributedType

    for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_MEGATRON_LM"):
        if os.environ.get(name, "false").lower() in ("true", "1"):
            raise InputError(f"{name} is set; students train in one process or by DDP. Unset it")
    precision: str = settings.precision
    if precision == "auto":
        has = device == "cuda" and torch.cuda.is_bf16_supported()
        precision = "bf16" if has else "no"
    accelerator = Accelerator(
        cpu=device == "cpu",
        mixed_precision=precision,
        # Heads that a loss does not reach get no gradient.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    kinds = (DistributedType.NO, DistributedType.MULTI_GPU, DistributedType.MULTI_CPU)
    if accelerator.distributed_type not in kinds:
        raise InputError(
            f"Accelerate engaged {accelerator.distributed_type.value}; students train in one "
            "process or by DDP. Change it with `accelerate config`"
        )
    return accelerator


def _put(into: Sequence[Any], values: Sequence[Any]) -> None:
    import torch

    with torch.no_grad():
        for place, value in zip(into, values, strict=True):
            place.copy_(value)


def _finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")
