"""How the recipes train writers: Muon with AdamW, a straight line down, rows batched by length."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from vprog.training.muon import Muon
from vprog.training.scratch import Plan, Trainer, command_line, plan_of

ROOT = Path(__file__).resolve().parents[2]
IGNORED = -100

Row = tuple[list[int], int]
"""Tokens of prompt and program, and how many of them are the prompt."""


def arguments(name: str, text: str, *, steps: int, rate: float) -> argparse.ArgumentParser:
    """The options of these recipes."""
    parser = command_line(name, text, steps=steps, rate=rate, threads=1)
    parser.add_argument("--tokens", type=int, default=3000, help="tokens of a batch, about")
    return parser


def plan(given: argparse.Namespace) -> Plan:
    """The plan of a command line."""
    return plan_of(given, ROOT / "runs" / "writer")


def schedule(step: int, steps: int) -> float:
    """A short warm-up, then a straight line down to 2 % of the peak."""
    warm = min(1.0, (step + 1) / 50)
    return warm * (0.02 + 0.98 * (1 - min(1.0, step / steps)))


def trainer_of(plan: Plan, model: Any) -> Trainer:
    """A trainer that goes on where an earlier process stopped.

    Embeddings and norms learn by Adam at a third of the rate, everything else by Muon.
    """
    inner = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    chosen = {id(p) for p in inner}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    optimizers: list[torch.optim.Optimizer] = [
        Muon(inner, plan.rate, weight_decay=0.05, scale=0.2),
        torch.optim.AdamW(rest, plan.rate / 3, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]
    return Trainer(plan, model, optimizers, schedule, momentum=0.99)


def loss_of(
    model: Any, pad: int, draw: Callable[[int], list[list[Row]]]
) -> Callable[[int], dict[str, torch.Tensor]]:
    """The loss of a step over batches that are drawn in rounds.

    Args:
        model: A causal language model.
        pad: Token of blanks.
        draw: Number of a round -> its batches; all chance must come from the number.
    """
    per_round = len(draw(0))
    current, drawn = -1, []

    def loss(step: int) -> dict[str, torch.Tensor]:
        nonlocal current, drawn
        if step // per_round != current:
            current = step // per_round
            drawn = draw(current)
        batch = drawn[step % per_round % len(drawn)]
        logits, wanted = predicted(model, *tensors(batch, pad))
        return {"program": functional.cross_entropy(logits, wanted)}

    return loss


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
