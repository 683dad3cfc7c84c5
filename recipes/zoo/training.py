"""How the recipes train what sees: AdamW with Muon for hidden layers, half a cosine."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from pictures import ROOT

from vprog.training.muon import Muon
from vprog.training.scratch import Plan, Trainer, command_line, plan_of

SLOW = 0.1
"""Share of the learning rate at which parts learn that know something already."""


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
    """The command line of these recipes, and what ``parents`` add."""
    parser = command_line(name, text, steps=steps, rate=rate, threads=2, parents=parents)
    parser.add_argument("--pictures", type=int, default=64_000, help="drawn for training")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--muon", type=float, default=muon, help="size of Muon's steps; 0: AdamW")
    return parser.parse_args()


def plan(given: argparse.Namespace) -> Plan:
    """The plan of a command line."""
    return plan_of(given, ROOT / "runs" / "zoo")


def schedule(step: int, steps: int) -> float:
    """200 steps of warm-up, then half a cosine over the steps down to 2 %."""
    warm = min(1.0, (step + 1) / 200)
    return warm * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps))))


def trainer_of(
    plan: Plan,
    model: torch.nn.Module,
    extra: torch.nn.Module,
    slow: Iterable[torch.nn.Module] = (),
    *,
    muon: float,
) -> Trainer:
    """A trainer that goes on where an earlier process stopped.

    Args:
        plan: Of the training.
        model: That is trained.
        extra: What is only there for training.
        slow: Parts of the model that learn at ``SLOW`` of the rate.
        muon: Size of Muon's steps on matrices of hidden layers; all else is trained by AdamW, and
            these too if 0.
    """
    hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layer" in n]
    taken = {id(p) for p in hidden} if muon else set()
    slowly = {id(p) for part in slow for p in part.parameters()}
    learned = list(torch.nn.ModuleList([model, extra]).parameters())
    groups: list[dict[str, Any]] = []
    matrices: list[dict[str, Any]] = []
    for share in (1.0, SLOW):
        rate = plan.rate * share
        chosen = [p for p in learned if (id(p) in slowly) == (share == SLOW)]
        others = [p for p in chosen if id(p) not in taken]
        for many, decay in ((True, 0.02), (False, 0.0)):
            some = [p for p in others if (p.ndim > 1) == many]
            groups += [{"params": some, "weight_decay": decay, "lr": rate}] if some else []
        some = [p for p in chosen if id(p) in taken]
        matrices += [{"params": some, "lr": rate}] if some else []
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    ]
    if matrices:
        optimizers.append(Muon(matrices, scale=muon))
    return Trainer(plan, model, optimizers, schedule, extra=extra, momentum=0.998)
