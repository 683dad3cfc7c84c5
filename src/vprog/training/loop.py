"""The steps of a training, through Accelerate: one process, or many by DDP or FSDP."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from vprog.console import note
from vprog.errors import InputError
from vprog.tools.backends.hf.runtime import is_out_of_memory, quiet
from vprog.training.checkpointing import recompute_layers
from vprog.training.devices import make_accelerator
from vprog.training.folder import Folder
from vprog.training.settings import TrainingSettings
from vprog.training.sharding import gathered, join, let_go, shard, spread, whole

S = TypeVar("S", bound=TrainingSettings)
O = TypeVar("O")  # noqa: E741


class Loop(ABC, Generic[S, O]):
    """A training in progress: its settings are ``S``, what it comes to is an ``O``.

    Attributes:
        name: Begins its messages.
        settings: Of the training.
        accelerator: Accelerate's.
        trained: How many numbers learn.
        processes: That train together.
        distributed: How: Accelerate's kind, or ``FSDP`` over it.
        once: Whether each forward pass calls the model once.
    """

    name: str
    once: bool

    def __init__(self, settings: S, folder: Folder | None, device: str) -> None:
        """Opens Accelerate; a subclass calls ``begin`` once its model stands.

        Args:
            settings: Of the training.
            folder: Of the result; None writes nothing.
            device: That the model is on.
        """
        self.settings = settings
        self.accelerator = make_accelerator(settings.precision, device)
        self.processes: int = self.accelerator.num_processes
        self._sharded = settings.sharded and self.processes > 1
        kind = self.accelerator.distributed_type.value
        self.distributed = f"FSDP over {kind}" if self._sharded else kind
        self._folder = folder
        self._next, self._seconds = 0, 0.0
        self._lines: list[dict[str, Any]] = []
        self._best = 0
        self._losses: list[dict[str, float]] = []

    @abstractmethod
    def prepared(self, step: int) -> Sequence[Any]:
        """What this process learns from in a step, by its number: one item a forward pass."""

    @abstractmethod
    def forward(self, step: int, item: Any) -> tuple[Any, Mapping[str, Any]]:
        """A forward pass through ``objective``.

        Returns:
            What the items of a step sum up to, averaged over the processes, is minimised; and the
            figures to tell, which sum and average in the same way.
        """

    @abstractmethod
    def score(self) -> float | None:
        """Validates the student as it is; higher is better. None where nothing validates."""

    @abstractmethod
    def announce(self) -> str:
        """What is about to be trained, from what."""

    @abstractmethod
    def remedy(self) -> str:
        """What to do where memory runs out."""

    @abstractmethod
    def outcome(self) -> O | None:
        """What the training came to, as its folder says; None where it is not done."""

    @abstractmethod
    def save_best(self, best_step: int, scores: Mapping[int, float | None], seconds: float) -> O:
        """Saves the student, whose weights are the best ones, and says what it came to."""

    def begin(self, objective: Any) -> None:
        """Sets up the optimizers.

        Args:
            objective: The module that computes losses, of a ``learner``; what requires a gradient
                in it learns.

        Raises:
            InputError: The learner cannot be trained in the way that the settings ask for.
        """
        import torch

        settings = self.settings
        if settings.checkpointing:
            recompute_layers(objective.learner, self.name)
        if self._sharded:
            shard(objective, self.accelerator, layers=self.once)
        self._names = [n for n, p in objective.named_parameters() if p.requires_grad]
        self._learning = [p for p in objective.parameters() if p.requires_grad]
        self.trained = sum(p.numel() for p in self._learning)
        hidden: set[int] = set()
        if settings.optimizer == "muon":
            from vprog.training.muon import Muon, hidden_matrices

            hidden = hidden_matrices(objective) & {id(p) for p in self._learning}
        optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                [p for p in self._learning if id(p) not in hidden],
                lr=settings.peak,
                betas=settings.betas,
                weight_decay=settings.weight_decay,
            )
        ]
        if hidden:
            matrices = [p for p in self._learning if id(p) in hidden]
            decay = settings.weight_decay
            optimizers.append(Muon(matrices, lr=settings.peak, weight_decay=decay))
        self.objective, self._optimizers = objective, optimizers
        if not self._sharded:
            self.objective, *self._optimizers = self.accelerator.prepare(objective, *optimizers)
        self._average = [p.detach().clone() for p in self._learning] if settings.ema else None

    def run(self) -> O:
        """All steps from the newest state on; then the best weights are saved."""
        settings, folder, main = self.settings, self._folder, self.accelerator.is_main_process
        assert folder is not None
        if main:
            folder.begin()
        self.accelerator.wait_for_everyone()
        self._resume()
        if main:
            self._announce()
        takes_part = main or self._sharded
        if self._next == 0 and takes_part:
            with self._within_memory(0):
                self._note_validation(0, None)
        started = time.monotonic() - self._seconds
        batches = self._batches(self._next)
        for step in range(self._next, settings.steps):
            with self._within_memory(step):
                losses = self._step(step, batches)
            self._losses.append({name: round(value, 6) for name, value in losses.items()})
            done = step + 1
            due = settings.validate_every and done % settings.validate_every == 0
            if takes_part and (due or done == settings.steps):
                with self._within_memory(done):
                    self._note_validation(done, losses)
            if takes_part and done < settings.steps and done % settings.save_every == 0:
                self._save_state(done, time.monotonic() - started)
        self.accelerator.wait_for_everyone()  # what was best is written
        if self._sharded:
            join(self.objective)
            self._learning = [p for p in self.objective.parameters() if p.requires_grad]
        outcome = self._finish(time.monotonic() - started) if main else None
        self.accelerator.wait_for_everyone()
        outcome = outcome or self.outcome()
        assert outcome is not None
        self.close()
        return outcome

    def step(self, step: int) -> Mapping[str, float]:
        """One step of the optimizer, by its number."""
        with self._within_memory(step):
            return self._step(step, self._batches(step))

    def close(self) -> None:
        """Lets go of what Accelerate keeps for the process, so that another training can begin."""
        from accelerate.state import AcceleratorState

        self.accelerator.free_memory()
        AcceleratorState._reset_state()

    @contextlib.contextmanager
    def _within_memory(self, step: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise InputError(
                f"training {self.name} ran out of memory at step {step:,}: {self.remedy()}"
            ) from error

    def _step(self, step: int, batches: Iterator[Sequence[Any]]) -> dict[str, float]:
        import torch

        settings, accelerator = self.settings, self.accelerator
        torch.manual_seed(settings.seed * 1_000_003 + step)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = settings.rate(step)
        items = next(batches)
        passes = self._passes_of_all(len(items))
        sums: dict[str, float] = {}
        for number in range(passes):
            item, idle = items[min(number, len(items) - 1)], number >= len(items)
            with self._passing(last=number == passes - 1), quiet():
                loss, figures = self.forward(step, item)
                accelerator.backward(0 * loss if idle else loss)
            for name, value in figures.items():
                sums[name] = sums.get(name, 0.0) + (0.0 if idle else float(value))
        sums = self._averaged_over_processes(sums)
        if not all(map(_finite, sums.values())):
            raise InputError(
                f"the loss is no number at step {step}; lower learning_rate (now {settings.peak:g})"
            )
        accelerator.clip_grad_norm_(self._learning, settings.clip)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if self._average is not None:
            decay = min(settings.ema, (1 + step) / (10 + step))
            for kept_average, now in zip(self._average, self._learning, strict=True):
                kept_average.lerp_(now.detach(), 1 - decay)
        return sums

    def _passes_of_all(self, own: int) -> int:
        """How many passes a step takes: sharded weights are gathered by all processes together."""
        import torch

        if not self._sharded:
            return own
        return int(
            self.accelerator.gather(torch.tensor([own], device=self.accelerator.device)).max()
        )

    def _passing(self, *, last: bool) -> contextlib.AbstractContextManager[Any]:
        """Of a forward and a backward pass; gradients of processes meet in a step's last one."""
        if self._sharded:
            self.objective.set_requires_gradient_sync(last)
            return self.accelerator.autocast()  # type: ignore[no-any-return]
        return contextlib.nullcontext() if last else self.accelerator.no_sync(self.objective)

    def _averaged_over_processes(self, sums: Mapping[str, float]) -> dict[str, float]:
        import torch

        if self.processes == 1:
            return dict(sums)
        values = torch.tensor(list(sums.values()), device=self.accelerator.device)
        means = self.accelerator.reduce(values, "mean").tolist()
        return dict(zip(sums, means, strict=True))

    def _batches(self, step: int) -> Iterator[Sequence[Any]]:
        """What this process learns from, from a step on."""
        import torch

        steps = range(step, max(self.settings.steps, step + 1))
        loader: Any = torch.utils.data.DataLoader(
            _Prepared(self),  # type: ignore[arg-type]
            batch_size=None,
            sampler=steps,
            num_workers=self.settings.workers,
        )
        return iter(loader)

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
        main, sharded, folder = self.accelerator.is_main_process, self._sharded, self._folder
        assert folder is not None
        with self._averaged():
            with whole(self.objective) if sharded else contextlib.nullcontext():
                score = self.score() if main else None
            best = max((o["score"] for o in self._lines if o["score"] is not None), default=None)
            last = not self.settings.validate_every  # is saved, whatever it scores
            better = last or score is None or best is None or score > best
            weights = self._weights() if better or sharded else {}
        if not main:
            return
        if better:
            folder.save(f"best-{step}.pt", weights)
            self._best = step
        line: dict[str, Any] = {"step": step, "score": score}
        line |= {name: round(value, 6) for name, value in (losses or {}).items()}
        self._lines.append(line)
        folder.log("log.jsonl", self._lines)
        folder.log("losses.jsonl", self._losses)
        told = [f"{name} loss {value:.4f}" for name, value in (losses or {}).items()]
        told += [] if score is None else [f"score {score:.4f}"]
        note(f"{self.name}: step {step:,} of {self.settings.steps:,} {', '.join(told)}")

    def _weights(self) -> dict[str, Any]:
        pairs = zip(self._names, self._learning, strict=True)
        return {name: gathered(p) for name, p in pairs}

    def _save_state(self, step: int, seconds: float) -> None:
        folder = self._folder
        assert folder is not None
        state = {
            "step": step,
            "seconds": seconds,
            "weights": self._weights(),
            "optimizers": [gathered(optimizer.state_dict()) for optimizer in self._optimizers],
            "average": gathered(self._average),
            "lines": self._lines,
            "losses": self._losses,
            "best": self._best,
        }
        if self.accelerator.is_main_process:
            folder.save("state.pt", state)
            folder.keep_best(self._best)

    def _resume(self) -> None:
        folder = self._folder
        assert folder is not None
        state = folder.load("state.pt")
        if state is None:
            return
        if self._sharded:
            let_go(self.objective)
        _put(self._learning, [state["weights"][name] for name in self._names])
        for optimizer, kept in zip(self._optimizers, state["optimizers"], strict=True):
            matrices = [p for group in optimizer.param_groups for p in group["params"]]
            for number, values in kept["state"].items():
                for name, value in values.items():
                    values[name] = spread(value, matrices[number])
            optimizer.load_state_dict(kept)
        if self._average is not None:
            _put(self._average, state["average"])
        self._next, self._seconds = state["step"], state["seconds"]
        self._lines, self._losses = list(state["lines"]), list(state["losses"])
        self._best = state["best"]

    def _announce(self) -> None:
        accelerator = self.accelerator
        note(
            f"{self.announce()}; {self.processes} process(es), "
            f"{self.distributed}, {accelerator.device}, "
            f"{accelerator.mixed_precision} precision"
            + (f"; goes on at step {self._next:,}" if self._next else "")
        )

    def _finish(self, seconds: float) -> O:
        assert self._folder is not None
        weights = self._folder.load(f"best-{self._best}.pt")
        assert weights is not None
        _put(self._learning, [weights[name] for name in self._names])
        scores = {line["step"]: line["score"] for line in self._lines}
        return self.save_best(self._best, scores, round(seconds, 1))


class _Prepared:
    """Steps by number, for torch's loader."""

    def __init__(self, loop: Loop[Any, Any]) -> None:
        self._loop = loop

    def __getitem__(self, step: int) -> Sequence[Any]:
        return self._loop.prepared(step)


def _put(into: Sequence[Any], values: Sequence[Any]) -> None:
    import torch

    with torch.no_grad():
        for place, value in zip(into, values, strict=True):
            place.copy_(spread(value, place))


def _finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")
