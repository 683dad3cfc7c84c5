"""The steps of tuning a student."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from vprog.distill.answerer import Answerer
from vprog.distill.batches import Batch, Batches, can_pack
from vprog.distill.loss import Objective
from vprog.distill.saving import Distilled, read_outcome, room, save_student
from vprog.distill.settings import PromptSettings
from vprog.distill.sft import Records
from vprog.distill.sft_settings import SftSettings
from vprog.errors import InputError
from vprog.tools.backends.hf.generated import short_answer
from vprog.tools.backends.hf.runtime import quiet
from vprog.training import loop as training
from vprog.training.folder import Folder
from vprog.training.lora import add_lora, linear_layers
from vprog.training.order import Shuffled

Validate = Callable[[Answerer], float]
"""Scores a student that answers; higher is better."""
_VISION = frozenset({"vision_model", "vision_tower", "visual", "vision_encoder"})
"""Names that transformers gives to the part of a model that reads pixels."""


class Pass(NamedTuple):
    """Records of one forward pass.

    Attributes:
        batch: As it was stacked.
        shares: Of each record in the loss of the step, [records]; all of a step, over all passes
            and processes, sum up to 1.
        kind_shares: The same among the records of a kind, by kind; 0 for other records.
    """

    batch: Batch
    shares: Any
    kind_shares: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Material:
    """A student and what it learns from."""

    student: str
    backend: Answerer
    records: Records
    val: Records | None
    prompts: PromptSettings
    grid: int | None = None


class SftLoop(training.Loop[SftSettings, Distilled]):
    """A tuning in progress.

    Attributes:
        numbers: How many the student has.
        examples: Numbers of the records of each example.
    """

    name = "student"
    once = True

    def __init__(
        self,
        material: Material,
        settings: SftSettings,
        folder: Folder | None,
        validate: Validate | None,
    ) -> None:
        """Sets up model, optimizer and order.

        Args:
            material: What is learned from.
            settings: Of the training.
            folder: Of the result; None writes nothing.
            validate: See ``train``.

        Raises:
            InputError: Nothing to learn from, or fewer examples in a step than processes.
        """
        self._material, self._validate = material, validate
        self._backend = material.backend
        model = self._backend.answerer.model
        self.numbers = sum(p.numel() for p in model.parameters())
        self.weights = {kind: settings.weight(kind) for kind in ("answer", "rationale")}
        self.examples = material.records.by_example(self.weights)
        if not self.examples:
            raise InputError("no record of the data set has a weight; there is nothing to learn")
        self.learner = _learner(model, settings, material.student)
        super().__init__(settings, folder, self._backend.device)
        self.size = min(settings.batch_size, len(self.examples))
        if self.size < self.processes:
            raise InputError(
                f"{self.size} examples a step cannot be spread over {self.processes} processes"
            )
        objective = Objective(self.learner, model)
        chat = self._backend.answerer
        self.batches = Batches(chat, material.records, settings.cache_mb)
        if settings.packing:  # tried before Accelerate makes passes half precise
            self.batches.packed = can_pack(
                model, lambda batch: self._nll(batch, objective), self.batches, self.examples
            )
        self.begin(objective)
        self._order = Shuffled(len(self.examples), f"{settings.seed}/sft")
        self._val = None
        if material.val is not None:
            self._val = Batches(chat, material.val, 0, self.batches.packed)

    def _examples_of(self, step: int) -> list[list[int]]:
        places = range(step * self.size, (step + 1) * self.size)
        return [self.examples[self._order.at(place)] for place in places]

    def prepared(self, step: int) -> list[Pass]:
        """See ``training.Loop``."""
        examples = self._examples_of(step)
        numbers = [n for some in examples for n in some]
        own = examples[self.accelerator.process_index :: self.processes]
        mine = [n for some in own for n in some]
        return self._passes(self._material.records, self.batches, numbers, mine)

    def _passes(
        self, records: Records, batches: Batches, numbers: list[int], mine: list[int]
    ) -> list[Pass]:
        """Passes over some of the numbers that share a loss."""
        import torch

        def weight(number: int, kind: str = "") -> float:
            if kind and records.kinds[number] != kind:
                return 0.0
            return records.weights[number] * self.weights[records.kinds[number]]

        total = sum(map(weight, numbers))
        of_kind = {kind: sum(weight(n, kind) for n in numbers) for kind in self.weights}
        return [
            Pass(
                batch,
                torch.tensor([weight(n) / total for n in batch.numbers]),
                {
                    kind: torch.tensor([weight(n, kind) / whole for n in batch.numbers])
                    for kind, whole in of_kind.items()
                    if whole > 0
                },
            )
            for batch in batches.stack(mine, self.settings.micro_batch)
        ]

    def forward(self, step: int, item: Pass) -> tuple[Any, Mapping[str, Any]]:
        """See ``training.Loop``."""
        del step
        nll = self._nll(item.batch)
        # Gradients and figures are averaged over the processes, and should be summed.
        loss = (nll * item.shares.to(nll.device)).sum() * self.processes
        figures = {
            kind: (nll.detach() * shares.to(nll.device)).sum() * self.processes
            for kind, shares in item.kind_shares.items()
        }
        return loss, {"total": loss.detach(), **figures}

    def _nll(self, batch: Batch, objective: Any = None) -> Any:
        """Losses of the records of a batch, [records]."""
        dtype, device = self._backend.answerer.model.dtype, self.accelerator.device
        inputs = {
            key: value.to(device, dtype) if value.is_floating_point() else value.to(device)
            for key, value in batch.inputs.items()
        }
        labels, owners = batch.labels.to(device), batch.owners.to(device)
        return (objective or self.objective)(inputs, labels, owners, len(batch.numbers))

    def score(self) -> float | None:
        """See ``training.Loop``."""
        if self._validate is not None:
            return float(self._validate(self._backend))
        val = self._material.val
        if val is None:
            return None
        if self.settings.choose == "loss" or not val.by_example({"answer": 1, "rationale": 0}):
            return -self.val_loss()
        accuracy = self.accuracy(val)
        if accuracy or not val.by_example(self.weights):
            return accuracy
        return -self.val_loss()  # none is right yet; any accuracy is above

    def accuracy(self, val: Records) -> float:
        """The share of answer records whose target the student writes, both as short answers."""
        import torch

        chat = self._backend.answerer
        numbers = [n for n, kind in enumerate(val.kinds) if kind == "answer"]
        longest = self.batches.longest_target("answer")
        most = room(longest) if longest else self._backend.settings.max_new_tokens or 16

        def row(number: int) -> dict[str, Any]:
            return chat.prepare(val.texts(number)[0], val.images(number))

        with torch.inference_mode(), quiet(), self.accelerator.autocast():
            said = chat.write(numbers, row, most, scored=False)
        right = sum(
            short_answer(text) == short_answer(val.texts(number)[1])
            for number, (text, _) in zip(numbers, said, strict=True)
        )
        return right / len(numbers)

    def val_loss(self) -> float:
        """The loss on the validation records with a weight, as if they were one step."""
        import torch

        val, batches = self._material.val, self._val
        assert val is not None
        assert batches is not None
        numbers = [n for some in val.by_example(self.weights) for n in some]
        if not numbers:
            raise InputError("no validation record has a weight; leave val out, or give others")
        objective = self.accelerator.unwrap_model(self.objective)
        total = 0.0
        with torch.no_grad(), quiet(), self.accelerator.autocast():
            for item in self._passes(val, batches, numbers, numbers):
                nll = self._nll(item.batch, objective)
                total += float((nll * item.shares.to(nll.device)).sum())
        return total

    def counts(self) -> dict[str, int]:
        """Records that are learned from, by kind, and examples; validation records."""
        records, val = self._material.records, self._material.val
        kinds = [records.kinds[n] for numbers in self.examples for n in numbers]
        found = {kind: kinds.count(kind) for kind in self.weights if kind in kinds}
        return {"examples": len(self.examples), **found} | (
            {} if val is None else {"val": len(val)}
        )

    def announce(self) -> str:
        """See ``training.Loop``."""
        sets = ", ".join(f"{n:,} {name}" for name, n in self.counts().items())
        return (
            f"tuning {self._material.student} ({self.settings.method}, {self.trained:,} of "
            f"{self.numbers:,} numbers) on {sets}"
        )

    def remedy(self) -> str:
        """See ``training.Loop``."""
        settings = self.settings
        ways = [] if settings.checkpointing else ["set checkpointing = true"]
        ways += [f"lower micro_batch (now {settings.micro_batch})"]
        return f"{' or '.join(ways)}, and the same command goes on where it was"

    def outcome(self) -> Distilled | None:
        """See ``training.Loop``."""
        assert self._folder is not None
        return read_outcome(self._folder)

    def save_best(
        self, best_step: int, scores: Mapping[int, float | None], seconds: float
    ) -> Distilled:
        """See ``training.Loop``."""
        folder, settings = self._folder, self.settings
        assert folder is not None
        distilled = Distilled(
            student=self._material.student,
            folder=str(folder.path),
            method=settings.method,
            steps=settings.steps,
            best_step=best_step,
            score=scores[best_step],
            before=scores.get(0),
            trained=self.trained,
            rows=self.counts(),
            seconds=seconds,
            distributed=self.distributed,
            processes=self.processes,
        )
        longest = {kind: self.batches.longest_target(kind) for kind in self.weights}
        learner = self.accelerator.unwrap_model(self.objective).learner
        prompts, grid = self._material.prompts, self._material.grid
        save_student(learner, self._backend, prompts, grid, longest, settings, distilled)
        folder.finish(distilled.to_json())
        return distilled


def _learner(model: Any, settings: SftSettings, name: str) -> Any:
    """What learns: PEFT's wrapper with LoRA, or the model with all or some of its weights free."""
    if settings.method == "full":
        model.requires_grad_(True)
        for weight_name, weight in model.named_parameters():
            if not settings.vision and _is_vision(weight_name):
                weight.requires_grad_(False)
        return model
    head = model.get_output_embeddings()
    layers = [
        layer
        for layer in linear_layers(model)
        if model.get_submodule(layer) is not head and (settings.vision or not _is_vision(layer))
    ]
    return add_lora(model, name, settings.rank, settings.alpha, settings.seed, layers)


def _is_vision(name: str) -> bool:
    return not _VISION.isdisjoint(name.split("."))
