"""Trains a tiny model from nothing: schedule, moving average, log, state to go on from.

The loop of the recipes that make the zoo. What is learned, and from which data, is the recipe's;
all chance must come from the number of the step, so that a stopped training goes on as if it had
not been stopped.
"""

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

LOGGED = 50
"""Steps between lines about losses in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how a model is trained.

    Attributes:
        folder: Where log and state lie, named like the checkpoint.
        steps: Optimiser steps of the whole schedule.
        minutes: Wall time after which this process stops and keeps its state; 0 is no limit.
        seed: Of weights, order and phrases.
        rate: Peak learning rate.
        threads: Of torch.
        every: Steps between validations.
    """

    folder: Path
    steps: int
    minutes: float
    seed: int
    rate: float
    threads: int
    every: int


def command_line(
    name: str,
    text: str,
    *,
    steps: int,
    rate: float,
    threads: int,
    parents: Sequence[argparse.ArgumentParser] = (),
) -> argparse.ArgumentParser:
    """The options that every recipe has.

    Args:
        name: Of the checkpoint.
        text: What the recipe does.
        steps: Of the schedule, if nothing is said.
        rate: Peak learning rate, if nothing is said.
        threads: Of torch, if nothing is said.
        parents: Further options.
    """
    parser = argparse.ArgumentParser(description=text, parents=list(parents))
    parser.add_argument("--steps", type=int, default=steps, help="steps of the schedule")
    parser.add_argument("--minutes", type=float, default=0, help="stop after; the state is kept")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=rate, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=threads)
    parser.add_argument("--every", type=int, default=500, help="steps between validations")
    parser.add_argument("--name", default=name, help="folder of log and state below runs/")
    parser.add_argument("--out", type=Path, default=None, help="where the checkpoint is saved")
    return parser


def plan_of(given: argparse.Namespace, below: Path) -> Plan:
    """The plan of a command line.

    Args:
        given: Of a parser that ``command_line`` made.
        below: Folder in which that of the training lies.
    """
    return Plan(
        folder=below / given.name, steps=given.steps, minutes=given.minutes, seed=given.seed,
        rate=given.rate, threads=given.threads, every=given.every,
    )  # fmt: skip


class Trainer:
    """Trains ``model``, and what is only there for training, with a loss given by the recipe."""

    def __init__(
        self,
        plan: Plan,
        model: Any,
        optimizers: Sequence[torch.optim.Optimizer],
        schedule: Callable[[int, int], float],
        *,
        extra: torch.nn.Module | None = None,
        momentum: float,
    ) -> None:
        """Takes up the state of an earlier process, if there is one.

        Args:
            plan: Of the training.
            model: That is trained.
            optimizers: Of its parameters; the rate of each group is its peak.
            schedule: Step and steps -> share of the peak.
            extra: What is only there for training.
            momentum: Of the moving average that is validated and saved.
        """
        torch.set_num_threads(plan.threads)
        self.plan, self.model = plan, model
        self._parts = torch.nn.ModuleList([model, extra or torch.nn.Module()])
        self._optimizers, self._schedule, self._momentum = optimizers, schedule, momentum
        self._peaks = [group["lr"] for one in optimizers for group in one.param_groups]
        self.average: Any = copy.deepcopy(model).eval().requires_grad_(False)
        self.step, self._seconds = 0, 0.0
        plan.folder.mkdir(parents=True, exist_ok=True)
        self._state = plan.folder / "state.pt"
        if self._state.exists():
            self._resume()

    def _resume(self) -> None:
        kept = torch.load(self._state, weights_only=True)
        self._parts.load_state_dict(kept["parts"])
        self.average.load_state_dict(kept["average"])
        for optimizer, state in zip(self._optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step, self._seconds = kept["step"], kept["seconds"]
        self.log({"resumed": self.step})

    def _keep(self) -> None:
        """Writes the state, all or nothing."""
        new = self._state.with_suffix(".new")
        kept = {
            "parts": self._parts.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "step": self.step,
            "seconds": self._seconds,
        }
        torch.save(kept, new)
        new.replace(self._state)

    def log(self, entry: dict[str, Any]) -> None:
        """Appends a line to the log and prints it."""
        line = json.dumps({"step": self.step, "seconds": round(self._seconds), **entry})
        with (self.plan.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def train(
        self,
        loss: Callable[[int], dict[str, torch.Tensor]],
        validate: Callable[[Any], dict[str, float]],
        enough: Callable[[dict[str, float]], bool] = lambda figures: False,
    ) -> bool:
        """Trains to the end of the schedule, or until the minutes are over.

        Args:
            loss: Step -> named losses, summed for the gradient.
            validate: Averaged model -> figures for the log.
            enough: Figures of a validation -> whether the training ends there.

        Returns:
            Whether the training is done.
        """
        began, before = time.monotonic(), self._seconds
        sums: dict[str, float] = {}
        summed, done, late = 0, False, False
        while self.step < self.plan.steps and not done and not late:
            self._set_rates()
            losses = loss(self.step)
            self._parts.zero_grad(set_to_none=True)
            torch.stack(list(losses.values())).sum().backward()
            torch.nn.utils.clip_grad_norm_(self._parts.parameters(), 1.0)
            for optimizer in self._optimizers:
                optimizer.step()
            self.step += 1
            self._move_average()
            for key, value in losses.items():
                sums[key] = sums.get(key, 0.0) + float(value.detach())
            summed += 1
            self._seconds = before + time.monotonic() - began
            late = 0 < self.plan.minutes * 60 <= time.monotonic() - began
            if self.step % LOGGED == 0:
                self.log({f"loss_{key}": round(v / summed, 4) for key, v in sums.items()})
                sums, summed = {}, 0
            if self.step % self.plan.every == 0 or self.step == self.plan.steps or late:
                with torch.no_grad():
                    figures = validate(self.average)
                self.log({"val": {key: round(v, 4) for key, v in figures.items()}})
                self._keep()
                done = enough(figures)
        return done or self.step >= self.plan.steps

    def _set_rates(self) -> None:
        share = self._schedule(self.step, self.plan.steps)
        groups = [group for one in self._optimizers for group in one.param_groups]
        for group, peak in zip(groups, self._peaks, strict=True):
            group["lr"] = peak * share

    def _move_average(self) -> None:
        momentum = min(self._momentum, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()),
                [p.detach() for p in self.model.parameters()],
                1 - momentum,
            )
