"""Boxes of detectors: from a model's frame to pixels of the whole picture, and suppression."""

from __future__ import annotations

from typing import Any

import numpy as np

from vprog.example import Region
from vprog.tools.backends.hf.views import SMALLEST, View

Array = np.ndarray[Any, Any]


def to_picture(boxes_cxcywh: Array, view: View, *, square: bool) -> Array:
    """Relative boxes of a model as pixels of the whole picture, clipped to the view.

    Args:
        boxes_cxcywh: [n, 4], centre and size relative to what the model saw.
        view: What it saw.
        square: Whether the model's frame is the view padded right or below to a square (OWLv2), not
            the view itself.

    Returns:
        [n, 4] float64, ``left, top, right, bottom``, y downward.
    """
    boxes = boxes_cxcywh.astype(np.float64)
    corners = np.empty_like(boxes)
    half = boxes[:, 2:] / 2
    np.subtract(boxes[:, :2], half, out=corners[:, :2])
    np.add(boxes[:, :2], half, out=corners[:, 2:])
    corners *= _scale(view, square)
    width, height = float(view.width), float(view.height)
    np.minimum(np.maximum(corners, 0.0, out=corners), (width, height) * 2, out=corners)
    corners += (float(view.left), float(view.top)) * 2
    return corners


def to_frame(boxes_xyxy: Array, view: View, *, square: bool) -> Array:
    """The inverse of ``to_picture``: boxes in pixels of the whole picture as a model says them.

    Boxes are clipped to the view first; what lies outside of it has no width or no height.

    Returns:
        [n, 4] float64, centre and size relative to what the model sees.
    """
    boxes = boxes_xyxy.astype(np.float64).reshape(-1, 4) - (view.left, view.top) * 2
    np.clip(boxes, 0, (view.width, view.height) * 2, out=boxes)
    boxes /= _scale(view, square)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def _scale(view: View, square: bool) -> tuple[float, ...]:
    """Pixels of the picture for what a model calls 1, for each of four sides."""
    seen = max(view.width, SMALLEST), max(view.height, SMALLEST)
    frame = (max(seen),) * 2 if square else seen
    # A view that was enlarged to SMALLEST is shrunk back.
    x, y = (f * own / s for f, own, s in zip(frame, (view.width, view.height), seen, strict=True))
    return x, y, x, y


def suppress(boxes_xyxy: Array, scores: Array, iou: float) -> list[int]:
    """Greedy non-maximum suppression.

    Args:
        boxes_xyxy: [n, 4].
        scores: [n].
        iou: Boxes that overlap a better one by more than this intersection over union go.

    Returns:
        Indexes that stay, best first; equal scores in their given order.
    """
    order = np.argsort(-scores, kind="stable")
    boxes = boxes_xyxy[order]
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    width_height = np.maximum(high - low, 0)
    both = width_height[..., 0] * width_height[..., 1]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    apart = both <= iou * (area[:, None] + area - both)
    alive = np.ones(len(boxes), bool)
    kept = []
    for i, index in enumerate(order.tolist()):
        if alive[i]:
            kept.append(index)
            alive &= apart[i]
    return kept


def regions(
    boxes_xyxy: Array, scores: Array, picture: str, phrase: str, within: Region | None
) -> list[Region]:
    """Boxes as regions, without empty ones and, if given, those not centred inside ``within``.

    A centre on the edge is outside: what is cut at its centre belongs to neither side.
    """
    found = []
    for (left, top, right, bottom), score in zip(
        boxes_xyxy.round(2).tolist(), scores.tolist(), strict=True
    ):
        if right - left < 0.5 or bottom - top < 0.5:
            continue
        region = Region(picture, left, top, right, bottom, phrase, round(score, 4))
        x, y = region.center_xy
        if within is None or (within.left < x < within.right and within.top < y < within.bottom):
            found.append(region)
    return found
