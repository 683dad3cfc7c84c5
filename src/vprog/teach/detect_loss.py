"""The set loss of detection: which prediction stands for which box, and what it should say.

One-to-one matching, L1 and generalised IoU are DETR's (Carion et al., ECCV 2020, section 3.1; its
weights, section 4). The class loss takes the teacher's confidence as a soft target: quality focal
loss (Li et al., Generalized Focal Loss, 2020, section 3.2). Scores of teacher and student mean
different things: a student finds a box whose score is above its own threshold, so no box that the
teacher found has a target below that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

CLASS, L1, GIOU = 2.0, 5.0, 2.0
"""Weights of the three parts, in the costs of matching and in the loss."""


class Target(NamedTuple):
    """What a teacher found for one phrase.

    Attributes:
        boxes: [n, 4], centre and size relative to what the student sees.
        scores: [n], the teacher's confidence in each, in [0, 1].
    """

    boxes: Tensor
    scores: Tensor


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a student says of a batch of phrases.

    Attributes:
        logits: [rows, tokens].
        boxes: [rows, tokens, 4], centre and size relative to what it sees.
    """

    logits: Tensor
    boxes: Tensor


def corners(boxes: Tensor) -> Tensor:
    """Centre and size -> left, top, right, bottom, [..., 4]."""
    import torch

    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], -1)


def giou(one: Tensor, two: Tensor) -> Tensor:
    """Generalised IoU of boxes given by corners, [..., 4] -> [...], broadcast."""
    import torch

    low, high = torch.maximum(one[..., :2], two[..., :2]), torch.minimum(one[..., 2:], two[..., 2:])
    inside = (high - low).clamp(min=0).prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (two[..., 2:] - two[..., :2]).prod(-1) - inside
    low, high = torch.minimum(one[..., :2], two[..., :2]), torch.maximum(one[..., 2:], two[..., 2:])
    hull = (high - low).prod(-1)
    return inside / union.clamp(min=1e-9) - (hull - union) / hull.clamp(min=1e-9)


def quality_focal(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy with a soft target, times the squared distance from it; elementwise."""
    from torch.nn import functional

    error = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return error * (target - logits.sigmoid()).square()


def one_to_one(
    found: Found, targets: Sequence[Target], least: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """The cheapest assignment of one token to each box of a row (Hungarian method).

    Args:
        found: What the student says, [rows, tokens].
        targets: One a row.
        least: See ``set_loss``.

    Returns:
        Indexes of rows, of tokens, and of the boxes that they stand for among those of all rows,
        each [assigned]; a row has min(its boxes, tokens).
    """
    import numpy as np
    import torch
    from scipy.optimize import linear_sum_assignment

    counts = [len(target.boxes) for target in targets]
    device = found.logits.device
    with torch.no_grad():
        row = torch.repeat_interleave(torch.tensor(counts)).to(device)
        wanted, sure = _all(targets)
        logits, boxes = found.logits[row].float(), found.boxes[row].float()
        label = sure.clamp(min=least)[:, None].expand_as(logits)
        # What the class loss would be if the token stood for the box, less what it is if not.
        cost = CLASS * (quality_focal(logits, label) - quality_focal(logits, label * 0))
        cost += L1 * (boxes - wanted[:, None]).abs().sum(-1)
        cost -= GIOU * giou(corners(boxes), corners(wanted)[:, None])
        cost = torch.nan_to_num(cost, nan=1e6, posinf=1e6, neginf=-1e6)
    each = np.split(cost.cpu().double().numpy(), np.cumsum(counts)[:-1])
    rows, tokens, owned = [], [], []
    for number, (costs, start) in enumerate(zip(each, np.cumsum([0, *counts]), strict=False)):
        box, token = linear_sum_assignment(costs)
        rows.append(np.full(len(box), number))
        tokens.append(token)
        owned.append(box + start)
    one, two, three = (
        torch.as_tensor(np.concatenate(parts), dtype=torch.long, device=device)
        for parts in (rows, tokens, owned)
    )
    return one, two, three


def _all(targets: Sequence[Target]) -> tuple[Tensor, Tensor]:
    """Boxes [n, 4] and scores [n] of all targets, one behind the other."""
    import torch

    return torch.cat([t.boxes for t in targets]), torch.cat([t.scores for t in targets])


def by_place(priors: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Every token whose prior point lies in a box, with the smallest such box.

    A box without any such point has the nearest one.

    Args:
        priors: Points of the tokens, relative, [tokens, 2].
        target: n boxes.

    Returns:
        Indexes of tokens and of the boxes that they stand for.
    """
    import torch

    box = corners(target.boxes)
    inside = (priors[:, None] > box[None, :, :2]) & (priors[:, None] <= box[None, :, 2:])
    area = target.boxes[:, 2:].prod(-1).expand(len(priors), -1)
    owner = area.masked_fill(~inside.all(-1), torch.inf).argmin(-1)
    owned = inside.all(-1).any(-1)
    near = torch.cdist(priors, target.boxes[:, :2]).argmin(0)
    numbers = torch.arange(len(box), device=box.device)
    for number in numbers[~torch.isin(numbers, owner[owned])].tolist():
        owner[near[number]], owned[near[number]] = number, True
    tokens = owned.nonzero()[:, 0]
    return tokens, owner[tokens]


def set_loss(
    found: Found,
    targets: Sequence[Target],
    priors: Tensor | None = None,
    counted: Tensor | None = None,
    least: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """The set loss of a batch of phrases.

    Args:
        found: What the student says, [rows, tokens].
        targets: One a row; without boxes where the phrase names nothing.
        priors: [tokens, 2] assigns by place (dense labels); None assigns one to one.
        counted: [rows, tokens], False where the teacher did not look; all count if None.
        least: Lowest class target of a box; its weight stays the teacher's score.

    Returns:
        The loss of each row, summed over its tokens, and how many tokens stand for a box, at least
        1, both [rows]: the loss of a batch is the quotient of their sums.
    """
    import torch

    logits, boxes = found.logits.float(), found.boxes.float()
    wanted, sure = _all(targets)
    if priors is None:
        rows, tokens, owned = one_to_one(found, targets, least)
    else:
        rows, tokens, owned = _by_places(priors, targets)
    wanted, sure = wanted[owned], sure[owned]
    label, placed = torch.zeros_like(logits), torch.zeros_like(logits)
    label[rows, tokens] = sure.clamp(min=least)
    far = (boxes[rows, tokens] - wanted).abs().sum(-1)
    apart = 1 - giou(corners(boxes[rows, tokens]), corners(wanted))
    placed[rows, tokens] = sure * (L1 * far + GIOU * apart)
    error = quality_focal(logits, label)
    if counted is not None:
        error = error * counted
    sizes = torch.bincount(rows, minlength=len(logits)).clamp(min=1)
    return placed.sum(-1) + CLASS * error.sum(-1), sizes.float()


def _by_places(priors: Tensor, targets: Sequence[Target]) -> tuple[Tensor, Tensor, Tensor]:
    """``by_place`` for many rows; see ``one_to_one`` for what it returns."""
    import torch

    rows, tokens, owned = [], [], []
    start = 0
    for number, target in enumerate(targets):
        if len(target.boxes):
            token, box = by_place(priors, target)
            rows.append(torch.full_like(token, number))
            tokens.append(token)
            owned.append(box + start)
            start += len(target.boxes)
    none = [torch.zeros(0, dtype=torch.long, device=priors.device)]
    return torch.cat(rows or none), torch.cat(tokens or none), torch.cat(owned or none)


def tokens_kl(found: Found, before: Found) -> tuple[Tensor, Tensor]:
    """Self-distillation, token by token: for students whose tokens keep their places.

    Beliefs by KL; boxes by L1 and generalised IoU where the student believed in them.

    Args:
        found: What the student says.
        before: What it said before.

    Returns:
        As ``set_loss``; the size is the sum of the beliefs, at least 1.
    """
    from vprog.teach.losses import bernoulli_kl

    belief = before.logits.float().sigmoid()
    kept = bernoulli_kl(found.logits.float(), belief).sum(-1)
    far = (found.boxes.float() - before.boxes.float()).abs().sum(-1)
    apart = 1 - giou(corners(found.boxes.float()), corners(before.boxes.float()))
    return (
        CLASS * kept + (belief * (L1 * far + GIOU * apart)).sum(-1),
        belief.sum(-1).clamp(min=1),
    )
