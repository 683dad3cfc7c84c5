"""The training loop of the recipes: schedule, moving average, log, checkpoint, resumption."""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pictures import ROOT

from vprog.training.muon import Muon

SLOW = 0.1
"""Share of the learning rate at which parts learn that know something already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how a model is trained.

    Attributes:
        name: Of the checkpoint; its files lie in ``runs/zoo/<name>``.
        steps: Optimiser steps of the whole schedule.
        minutes: Wall time after which this process stops and keeps its state; 0 is no limit.
        seed: Of weights, order and phrases.
        rate: Peak learning rate.
        threads: Of torch.
        every: Steps between validations.
        muon: Size of Muon's steps on matrices of hidden layers; all else is trained by AdamW, and
            these too if 0.
    """

    name: str
    steps: int
    minutes: float
    seed: int
    rate: float
    threads: int
    every: int
    muon: float = 1.2

    @property
    def folder(self) -> Path:
        """Where log and state lie."""
        return ROOT / "runs" / "zoo" / self.name


def arguments(
    name: str,
    text: str,
    *,
    steps: int,
    rate: float,
    muon: float = 1.2,
    batch: int = 32,
    parents: Sequence[argparse.ArgumentParser] = (),
) -> argparse.Namespace:
    """The command line that every recipe has, and what ``parents`` add."""
    parser = argparse.ArgumentParser(description=text, parents=list(parents))
    parser.add_argument("--steps", type=int, default=steps, help="steps of the schedule")
    parser.add_argument("--minutes", type=float, default=0, help="stop after; the state is kept")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=rate, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--every", type=int, default=500, help="steps between validations")
    parser.add_argument("--pictures", type=int, default=64_000, help="drawn for training")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--muon", type=float, default=muon, help="size of Muon's steps; 0: AdamW")
    parser.add_argument("--name", default=name, help="folder under runs/zoo")
    parser.add_argument("--out", type=Path, default=None, help="where the checkpoint is saved")
    return parser.parse_args()


def plan(given: argparse.Namespace) -> Plan:
    """The plan of a command line."""
    return Plan(
        name=given.name,
        steps=given.steps,
        minutes=given.minutes,
        seed=given.seed,
        rate=given.rate,
        threads=given.threads,
        every=given.every,
        muon=given.muon,
    )


class Trainer:
    """Trains ``model`` (and what is only there for training) with a loss given by the recipe."""

    def __init__(
        self,
        plan: Plan,
        model: torch.nn.Module,
        extra: torch.nn.Module,
        slow: Iterable[torch.nn.Module] = (),
    ) -> None:
        """Builds the optimisers and takes up the state of an earlier process, if there is one.

        Args:
            plan: Of the training.
            model: That is trained.
            extra: What is only there for training.
            slow: Parts of the model that learn at ``SLOW`` of the rate.
        """
        torch.set_num_threads(plan.threads)
        self.plan, self.model, self.extra = plan, model, extra
        self.parts = torch.nn.ModuleList([model, extra])
        hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layer" in n]
        taken = {id(p) for p in hidden} if plan.muon else set()
        slowly = {id(p) for part in slow for p in part.parameters()}
        groups: list[dict[str, Any]] = []
        matrices: list[dict[str, Any]] = []
        for share in (1.0, SLOW):
            chosen = [p for p in self.parts.parameters() if (id(p) in slowly) == (share == SLOW)]
            others = [p for p in chosen if id(p) not in taken]
            for many, decay in ((True, 0.02), (False, 0.0)):
                some = [p for p in others if (p.ndim > 1) == many]
                groups += [{"params": some, "weight_decay": decay, "share": share}] if some else []
            some = [p for p in chosen if id(p) in taken]
            matrices += [{"params": some, "share": share}] if some else []
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98), fused=True)
        ]
        if matrices:
            self.optimizers.append(Muon(matrices, scale=plan.muon))
        self.average = copy.deepcopy(model).eval().requires_grad_(False)
        self.step = 0
        self.seconds = 0.0
        plan.folder.mkdir(parents=True, exist_ok=True)
        self.state = plan.folder / "state.pt"
        if self.state.exists():
            self._resume()

    def _resume(self) -> None:
        kept = torch.load(self.state, weights_only=True)
        self.parts.load_state_dict(kept["parts"])
        self.average.load_state_dict(kept["average"])
        for optimizer, state in zip(self.optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step, self.seconds = kept["step"], kept["seconds"]
        self.log({"resumed": self.step})

    def keep(self) -> None:
        """Writes the state, all or nothing."""
        new = self.state.with_suffix(".new")
        kept = {
            "parts": self.parts.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
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

    def rate(self) -> float:
        """200 steps of warm-up, then half a cosine over the steps."""
        warm = min(1.0, (self.step + 1) / 200)
        done = min(1.0, self.step / self.plan.steps)
        return self.plan.rate * warm * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * done)))

    def train(
        self,
        loss: Callable[[int], dict[str, torch.Tensor]],
        validate: Callable[[torch.nn.Module], dict[str, float]],
    ) -> bool:
        """Trains to the end of the schedule, or until the minutes are over.

        Args:
            loss: Step -> named losses, summed for the gradient. All chance must come from the step.
            validate: Averaged model -> figures for the log.

        Returns:
            Whether the schedule is done.
        """
        began, before = time.monotonic(), self.seconds
        sums: dict[str, float] = {}
        summed = 0
        while self.step < self.plan.steps:
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = self.rate() * group["share"]
            losses = loss(self.step)
            total = torch.stack(list(losses.values())).sum()
            self.parts.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.parts.parameters(), 1.0)
            for optimizer in self.optimizers:
                optimizer.step()
            self.step += 1
            self._move_average()
            for key, value in losses.items():
                sums[key] = sums.get(key, 0.0) + float(value.detach())
            summed += 1
            self.seconds = before + time.monotonic() - began
            late = 0 < self.plan.minutes * 60 <= time.monotonic() - began
            if self.step % 100 == 0:
                self.log({f"loss_{k}": round(v / summed, 4) for k, v in sums.items()})
                sums, summed = {}, 0
            if self.step % self.plan.every == 0 or self.step == self.plan.steps or late:
                with torch.no_grad():
                    figures = validate(self.average)
                self.log({"val": {k: round(v, 4) for k, v in figures.items()}})
                self.keep()
            if late:
                break
        return self.step >= self.plan.steps

    def _move_average(self) -> None:
        decay = min(0.998, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()),
                [p.detach() for p in self.model.parameters()],
                1 - decay,
            )
