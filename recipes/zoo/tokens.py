"""Which token stands for which object, and how boxes are compared."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment


def corners(boxes: torch.Tensor) -> torch.Tensor:
    """Boxes cxcywh as xyxy."""
    center, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([center - half, center + half], -1)


def giou(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """Generalised intersection over union of xyxy boxes, by broadcasting."""
    low, high = torch.maximum(one[..., :2], two[..., :2]), torch.minimum(one[..., 2:], two[..., 2:])
    inside = (high - low).clamp(min=0).prod(-1)
    union = (one[..., 2:] - one[..., :2]).prod(-1) + (two[..., 2:] - two[..., :2]).prod(-1) - inside
    hull = torch.maximum(one[..., 2:], two[..., 2:]) - torch.minimum(one[..., :2], two[..., :2])
    around = hull.prod(-1).clamp(min=1e-6)
    return inside / union.clamp(min=1e-6) - (around - union) / around


def owners(priors: torch.Tensor, boxes: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """For every token the object in whose box its prior point lies, the nearest; else -1."""
    point = priors[None, :, None]
    inside = (point > boxes[:, None, :, :2]) & (point < boxes[:, None, :, 2:])
    center = (boxes[..., :2] + boxes[..., 2:]) / 2
    away = (point - center[:, None]).square().sum(-1)
    away = away.masked_fill(~(inside.all(-1) & there[:, None]), 9.0)
    near, owner = away.min(-1)
    return torch.where(near < 9, owner, -1)


def busiest(
    owner: torch.Tensor,
    priors: torch.Tensor,
    boxes: torch.Tensor,
    there: torch.Tensor,
    seed: int,
    kept: int,
) -> torch.Tensor:
    """Indices of ``kept`` tokens: owners first, then patches that touch a box, then any."""
    low, high = priors[None, :, None] - priors[0], priors[None, :, None]
    touches = ((high > boxes[:, None, :, :2]) & (low < boxes[:, None, :, 2:])).all(-1)
    touches = (touches & there[:, None]).any(-1)
    chance = torch.rand(owner.shape, generator=torch.Generator().manual_seed(seed))
    return (chance + 1.5 * (owner >= 0) + 0.7 * touches).topk(kept, dim=1).indices


def matched(
    score: torch.Tensor, overlap: torch.Tensor, owner: torch.Tensor, there: np.ndarray
) -> torch.Tensor:
    """Keeps one token an object in ``owner``, by score and overlap [B, tokens, slots]."""
    slots = torch.arange(overlap.shape[-1])
    cost = -2 * score - 2 * overlap + 5 * (owner[..., None] != slots)
    single = torch.full_like(owner, -1)
    for index, table in enumerate(cost.numpy()):
        objects = np.flatnonzero(there[index])
        tokens, columns = linear_sum_assignment(table[:, objects])
        single[index, tokens] = torch.from_numpy(objects[columns])
    return single
