"""Settings that every training has."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vprog.errors import InputError

Method = Literal["lora", "full"]
Optimizer = Literal["adamw", "muon"]


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How weights are trained. Plan steps, not seconds.

    Attributes:
        method: ``lora`` trains low-rank additions to every linear layer; ``full`` trains all
            weights, which is right for models of a few million.
        rank: Of LoRA.
        alpha: Of LoRA: its additions are scaled by alpha / rank.
        optimizer: ``muon`` makes the steps of matrices of hidden layers orthogonal (see
            ``vprog.training.muon``) and leaves the rest to AdamW; of all weights only, not of LoRA.
        steps: Of the optimizer.
        learning_rate: At its peak; None is what suits the method.
        warmup: Share of the steps in which the rate rises; then it falls as a cosine.
        weight_decay: AdamW's.
        betas: AdamW's, of the averages of the gradient and of its square.
        clip: Largest norm of the gradient.
        ema: Decay of the average of the weights that is validated and saved; 0 keeps none.
        validate_every: Steps between validations; the best of them is saved. 0 saves the last.
        save_every: Steps between states from which a killed training goes on.
        precision: ``auto`` is bf16 where the device has it.
        sharded: Of many processes each keeps a part of weights, gradients and optimizer states
            (FSDP), in place of all of them (DDP): for students that fit no device with these. The
            same is learned. Validation holds all weights on a device.
        checkpointing: Layers are computed again for their gradients in place of being kept: less
            memory, more time, the same result (see ``vprog.training.checkpointing``).
        workers: Processes that prepare batches beside the training.
        seed: Of order and initial adapters.
    """

    method: Method = "lora"
    rank: int = 16
    alpha: float = 32.0
    optimizer: Optimizer = "adamw"
    steps: int = 1000
    learning_rate: float | None = None
    warmup: float = 0.05
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 1.0
    ema: float = 0.0
    validate_every: int = 100
    save_every: int = 100
    precision: Literal["auto", "no", "bf16"] = "auto"
    sharded: bool = False
    checkpointing: bool = False
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses values of a wrong type or out of range.

        Raises:
            InputError: Names the setting, its value and what is allowed.
        """
        self._check_types()
        for name in ("rank", "steps", "save_every"):
            self._at_least(name, 1)
        for name in ("validate_every", "workers", "weight_decay"):
            self._at_least(name, 0)
        for name in ("warmup", "ema"):
            self._share(name)
        for name in ("alpha", "clip", "learning_rate"):
            self._above_0(name)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas must be two numbers from 0 to below 1, got {self.betas!r}")
        if self.optimizer == "muon" and self.method == "lora":
            raise InputError("optimizer = muon trains whole matrices: it needs method = full")
        if self.optimizer == "muon" and self.sharded:
            raise InputError("optimizer = muon needs whole matrices: sharded = true needs adamw")

    def _check_types(self) -> None:
        """Refuses what its setting's annotation does not allow, in subclasses as well."""
        for name, kind in get_type_hints(type(self)).items():
            value, args = getattr(self, name), get_args(kind)
            if get_origin(kind) is Literal:
                if value not in args:
                    allowed = f"{', '.join(args[:-1])} or {args[-1]}"
                    raise InputError(f"{name} must be {allowed}, got {value!r}")
            elif get_origin(kind) is tuple:
                listed = isinstance(value, tuple | list) and len(value) == len(args)
                if not listed or not all(_fits(one, float) for one in value):
                    raise InputError(f"{name} must be two numbers, got {value!r}")
            elif value is not None or NoneType not in args:
                kind = args[0] if args else kind
                if not _fits(value, kind):
                    raise InputError(f"{name} must be {_TOLD[kind]}, got {value!r}")

    def _at_least(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if value < least:
            raise InputError(f"{name} must be {least} or more, got {value:g}")

    def _share(self, name: str) -> None:
        if not 0 <= getattr(self, name) <= 1:
            raise InputError(f"{name} must be 0 to 1, got {getattr(self, name):g}")

    def _above_0(self, name: str) -> None:
        value = getattr(self, name)
        if value is not None and value <= 0:
            raise InputError(f"{name} must be above 0, got {value:g}")

    @property
    def validations(self) -> int:
        """How often a training validates: before the first step, when it is due, and last."""
        if not self.validate_every:
            return 2
        return 1 + -(-self.steps // self.validate_every)

    @property
    def peak(self) -> float:
        """The learning rate at its peak."""
        return self.learning_rate or (2e-4 if self.method == "lora" else 1e-4)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        import math

        rising = max(1, round(self.warmup * self.steps))
        if step < rising:
            return self.peak * (step + 1) / rising
        done = (step - rising) / max(1, self.steps - rising)
        return self.peak * 0.5 * (1 + math.cos(math.pi * done))


_TOLD = {bool: "true or false", int: "a whole number", float: "a number"}


def _fits(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    if kind is float:
        return isinstance(value, int | float) and value == value  # NaN is within every range
    return isinstance(value, kind)
