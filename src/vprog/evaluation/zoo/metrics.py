"""Step metrics: how detections meet gold boxes, and F1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from vprog.evaluation.statistics import parts_of

Box: TypeAlias = Sequence[float]
Found: TypeAlias = tuple[int, int, int]
"""Detections that are right, all detections, all gold boxes."""


def iou(one: Box, two: Box) -> float:
    """Intersection over union of two boxes, left, top, right, bottom."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    inside = width * height
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (two[2] - two[0]) * (two[3] - two[1])
    return float(inside / (areas - inside))


def found(predicted: Sequence[Box], gold: Sequence[Box], least: float = 0.5) -> Found:
    """Pairs detections with gold boxes, one to one, the best overlap first.

    Args:
        predicted: Boxes, left, top, right, bottom.
        gold: The same.
        least: Intersection over union of a pair.
    """
    pairs = sorted(
        ((iou(p, g), i, j) for i, p in enumerate(predicted) for j, g in enumerate(gold)),
        reverse=True,
    )
    used_predicted: set[int] = set()
    used_gold: set[int] = set()
    for overlap, i, j in pairs:
        if overlap < least:
            break
        if i not in used_predicted and j not in used_gold:
            used_predicted.add(i)
            used_gold.add(j)
    return len(used_gold), len(predicted), len(gold)


def f1(tally: Iterable[Found]) -> float:
    """Harmonic mean of precision and recall over all of ``tally``; 1 where there is nothing."""
    right, predicted, gold = (sum(column) for column in zip(*tally, strict=True))
    return 2 * right / (predicted + gold) if predicted + gold else 1.0


def f1_interval(by_picture: Sequence[Sequence[Found]], seed: int) -> list[float]:
    """95 % interval of F1: 1,000 bootstrap samples of whole pictures.

    Args:
        by_picture: The tallies of every picture.
        seed: Of the samples.
    """
    import numpy as np

    rows = [[sum(column) for column in zip(*tallies, strict=True)] for tallies in by_picture]
    sums = np.array([row for row in rows if row], np.int64).reshape(-1, 3)
    if not len(sums):
        return [1.0, 1.0]
    rng = np.random.default_rng(seed)
    drawn = [
        sums[rng.integers(len(sums), size=(part, len(sums)))].sum(1)
        for part in parts_of(1000, len(sums))
    ]
    right, predicted, gold = np.concatenate(drawn).T
    low, high = np.quantile(2 * right / np.maximum(predicted + gold, 1), (0.025, 0.975))
    return [float(low), float(high)]
