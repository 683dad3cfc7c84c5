"""Regions as programs cut them, scaled back to whole pictures, for a batch at once."""

from __future__ import annotations

import numpy as np
import torch

from vprog.evaluation.zoo.scenes import SIZE

INSIDE = 2.5
"""Pixels by which a centre must lie inside a region: what is cut at its centre is not there."""


def sample_regions(
    rng: np.random.Generator, boxes_xyxy: np.ndarray, there: np.ndarray, share: float
) -> np.ndarray:
    """One region a picture: mostly the whole, else a side of an object, a half, any rectangle.

    Args:
        rng: Source of chance.
        boxes_xyxy: [B, slots, 4] in pixels.
        there: bool [B, slots].
        share: Of pictures that are cut.

    Returns:
        int [B, 4]: left, top, right, bottom, at least 16 pixels a side.
    """
    regions = np.tile(np.array([0, 0, SIZE, SIZE]), (len(boxes_xyxy), 1))
    for index in np.flatnonzero(rng.random(len(boxes_xyxy)) < share):
        box = boxes_xyxy[index, rng.choice(np.flatnonzero(there[index]))]
        manner = rng.random()
        if manner < 0.55:
            side = rng.integers(4)
            middle = (box[side % 2] + box[side % 2 + 2]) / 2 if rng.random() < 0.8 else SIZE / 2
            regions[index, side] = int(np.clip(round(middle), 16, SIZE - 16))
        elif manner < 0.8:
            extent = rng.integers(40, SIZE + 1, 2)
            start = rng.integers(0, SIZE + 1 - extent)
            regions[index] = (*start, *(start + extent))
        else:
            regions[index] = enlarged(box, 1 + 2 * rng.random())
    return regions


def enlarged(box: np.ndarray, factor: float) -> np.ndarray:
    """A box scaled about its centre, clipped to the picture, at least 8 pixels a side."""
    center, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * factor
    start = np.clip(np.round(center - half), 0, SIZE - 8).astype(int)
    end = np.clip(np.round(center + half), start + 8, SIZE).astype(int)
    return np.concatenate([start, end])


def cut(pixels: np.ndarray, regions: np.ndarray, side: int = SIZE) -> torch.Tensor:
    """Regions of pictures, scaled with bilinear interpolation as the processors do.

    Args:
        pixels: uint8 [B, 96, 96, 3].
        regions: [B, 4] in pixels.
        side: Of the result.

    Returns:
        float [B, 3, side, side] in [-1, 1].
    """
    batch = torch.tensor(pixels).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    changed = np.flatnonzero((regions != (0, 0, SIZE, SIZE)).any(1))
    if side == SIZE and len(changed) == 0:
        return batch.contiguous()
    rows = np.arange(len(regions)) if side != SIZE else changed
    spot = torch.from_numpy(regions[rows].astype(np.float32))
    scaled = sample(batch[rows], spot, side)
    if side != SIZE:
        return scaled
    batch = batch.contiguous()
    batch[rows] = scaled
    return batch


def sample(batch: torch.Tensor, regions: torch.Tensor, side: int) -> torch.Tensor:
    """Bilinear samples of ``regions``; nothing outside a region is looked at."""
    steps = (torch.arange(side) + 0.5) / side
    grids = []
    for axis in (0, 1):
        low, high = regions[:, axis, None], regions[:, axis + 2, None]
        at = (low + steps * (high - low)).clamp(low + 0.5, high - 0.5)
        grids.append(at / SIZE * 2 - 1)
    grid = torch.stack(
        [grids[0][:, None].expand(-1, side, -1), grids[1][:, :, None].expand(-1, -1, side)], -1
    )
    return torch.nn.functional.grid_sample(batch, grid, align_corners=False)


def boxes_in(regions: np.ndarray, boxes_xyxy: np.ndarray, there: np.ndarray) -> tuple:
    """Boxes as shares of their regions, and which of them are there.

    Returns:
        float32 [B, slots, 4] clipped to [0, 1], and bool [B, slots].
    """
    origin = np.tile(regions[:, None, :2], (1, 1, 2))
    extent = np.tile(regions[:, None, 2:] - regions[:, None, :2], (1, 1, 2))
    center = (boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / 2
    cutting = (regions != (0, 0, SIZE, SIZE)).any(1)[:, None]
    low, high = regions[:, None, :2] + INSIDE, regions[:, None, 2:] - INSIDE
    inside = ((center > low) & (center < high)).all(-1) | ~cutting
    shares = np.clip((boxes_xyxy - origin) / extent, 0, 1).astype(np.float32)
    return shares, there & inside
