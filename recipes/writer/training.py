"""The training loop of writers: schedule, moving average, log, checkpoint, resumption."""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from vprog.training.muon import Muon

ROOT = Path(__file__).resolve().parents[2]
IGNORED = -100

Row = tuple[list[int], int]
"""Tokens of prompt and program, and how many of them are the prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how a writer is trained.

    Attributes:
        name: Log and state lie in ``runs/writer/<name>``.
        steps: Of the whole schedule.
        minutes: Wall time after which this process stops and keeps its state; 0 is no limit.
        seed: Of weights, order and wordings.
        rate: Peak learning rate of Muon; Adam's, for embeddings and norms, is a third of it.
        threads: Of torch.
        every: Steps between validations.
        tokens: Of a batch, about.
    """

    name: str
    steps: int
    minutes: float
    seed: int
    rate: float
    threads: int
    every: int
    tokens: int

    @property
    def folder(self) -> Path:
        """Where log and state lie."""
        return ROOT / "runs" / "writer" / self.name


def arguments(name: str, text: str, *, steps: int, rate: float) -> argparse.ArgumentParser:
    """The command line that the recipes share."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--steps", type=int, default=steps, help="steps of the schedule")
    parser.add_argument("--minutes", type=float, default=0, help="stop after; the state is kept")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=rate, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=500, help="steps between validations")
    parser.add_argument("--tokens", type=int, default=3000, help="tokens of a batch, about")
    parser.add_argument("--name", default=name, help="folder under runs/writer")
    parser.add_argument("--out", type=Path, default=None, help="where the checkpoint is saved")
    return parser


def plan(given: argparse.Namespace) -> Plan:
    """The plan of a command line."""
    return Plan(
        name=given.name, steps=given.steps, minutes=given.minutes, seed=given.seed,
        rate=given.rate, threads=given.threads, every=given.every, tokens=given.tokens,
    )  # fmt: skip


def batches(rows: Sequence[Row], tokens: int) -> list[list[Row]]:
    """Rows of like length together, each batch about as large with its blanks."""
    result: list[list[Row]] = []
    current: list[Row] = []
    for row in sorted(rows, key=lambda r: len(r[0])):
        if current and len(row[0]) * (len(current) + 1) > tokens:
            result.append(current)
            current = []
        current.append(row)
    return [*result, current] if current else result


def tensors(rows: Sequence[Row], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels, both [rows, length]; only programs have labels."""
    length = max(len(ids) for ids, _ in rows)
    inputs = torch.tensor([ids + [pad] * (length - len(ids)) for ids, _ in rows])
    labels = torch.tensor(
        [[IGNORED] * n + ids[n:] + [IGNORED] * (length - len(ids)) for ids, n in rows]
    )
    return inputs, labels


def predicted(model: Any, inputs: torch.Tensor, labels: torch.Tensor) -> tuple[Any, Any]:
    """Logits [n, vocabulary] of the tokens that have a label, and the labels [n].

    Blanks stand on the right and attention looks to the left: no mask is needed.
    """
    hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state[:, :-1]
    wanted = labels[:, 1:]
    kept = wanted != IGNORED
    return model.lm_head(hidden[kept]), wanted[kept]


@torch.no_grad()
def exact(model: Any, rows: Sequence[Row], pad: int, tokens: int = 20_000) -> float:
    """Share of rows whose program greedy decoding would write to the letter."""
    right = 0
    for batch in batches(rows, tokens):
        inputs, labels = tensors(batch, pad)
        logits, wanted = predicted(model, inputs, labels)
        wrong = (logits.argmax(-1) != wanted).long()
        counts = (labels[:, 1:] != IGNORED).sum(1)
        owner = torch.repeat_interleave(torch.arange(len(batch)), counts)
        right += int((torch.zeros(len(batch)).long().index_add_(0, owner, wrong) == 0).sum())
    return right / len(rows)


class Trainer:
    """Trains a causal writer on rows that a recipe draws."""

    def __init__(self, plan: Plan, model: Any, pad: int) -> None:
        """Builds the optimisers and takes up the state of an earlier process, if there is one."""
        torch.set_num_threads(plan.threads)
        self.plan, self.model, self.pad = plan, model, pad
        inner = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
        chosen = {id(p) for p in inner}
        rest = [p for p in model.parameters() if id(p) not in chosen]
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(inner, plan.rate, weight_decay=0.05, scale=0.2),
            torch.optim.AdamW(rest, plan.rate / 3, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
        ]
        self.bases = [group["lr"] for o in self.optimizers for group in o.param_groups]
        self.average = copy.deepcopy(model).eval().requires_grad_(False)
        self.step, self.seconds = 0, 0.0
        plan.folder.mkdir(parents=True, exist_ok=True)
        self.state = plan.folder / "state.pt"
        if self.state.exists():
            self._resume()

    def _resume(self) -> None:
        kept = torch.load(self.state, weights_only=True)
        self.model.load_state_dict(kept["model"])
        self.average.load_state_dict(kept["average"])
        for optimizer, state in zip(self.optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step, self.seconds = kept["step"], kept["seconds"]
        self.log({"resumed": self.step})

    def keep(self) -> None:
        """Writes the state, all or nothing."""
        new = self.state.with_suffix(".new")
        kept = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(kept, new)
        new.replace(self.state)

    def log(self, entry: dict[str, Any]) -> None:
        """Appends a line to the log and prints it."""
        line = json.dumps({"step": self.step, "seconds": round(self.seconds), **entry})
        with (self.plan.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def _set_rate(self) -> None:
        """A short warm-up, then a straight line down to 2 % of the peak."""
        warm = min(1.0, (self.step + 1) / 50)
        share = warm * (0.02 + 0.98 * (1 - min(1.0, self.step / self.plan.steps)))
        groups = [group for o in self.optimizers for group in o.param_groups]
        for group, base in zip(groups, self.bases, strict=True):
            group["lr"] = base * share

    def train(
        self,
        draw: Callable[[int], list[list[Row]]],
        validate: Callable[[Any], dict[str, float]],
        early: Callable[[int], bool] = lambda step: False,
    ) -> bool:
        """Trains to the end of the schedule, or until the minutes are over.

        Args:
            draw: Number of a round -> its batches; all chance must come from the number.
            validate: Averaged model -> figures for the log.
            early: Called after a validation; True ends the training there.

        Returns:
            Whether the training is done.
        """
        began, before = time.monotonic(), self.seconds
        per_round = len(draw(0))
        done = False
        losses: list[float] = []
        current, drawn = -1, []
        while not done and self.step < self.plan.steps:
            if self.step // per_round != current:
                current = self.step // per_round
                drawn = draw(current)
            self._set_rate()
            batch = drawn[self.step % per_round % len(drawn)]
            logits, wanted = predicted(self.model, *tensors(batch, self.pad))
            loss = functional.cross_entropy(logits, wanted)
            self.model.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for optimizer in self.optimizers:
                optimizer.step()
            self.step += 1
            self._move_average()
            losses.append(loss.item())
            self.seconds = before + time.monotonic() - began
            late = 0 < self.plan.minutes * 60 <= time.monotonic() - began
            if self.step % 50 == 0:
                self.log({"loss": round(sum(losses) / len(losses), 4)})
                losses = []
            if self.step % self.plan.every == 0 or self.step == self.plan.steps or late:
                figures = validate(self.average)
                self.log({"val": {k: round(v, 4) for k, v in figures.items()}})
                self.keep()
                done = early(self.step)
            if late:
                break
        return done or self.step >= self.plan.steps

    def _move_average(self) -> None:
        decay = min(0.99, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()),
                [p.detach() for p in self.model.parameters()],
                1 - decay,
            )
