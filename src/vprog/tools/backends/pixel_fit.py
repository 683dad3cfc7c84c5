"""Figures that are seen only in part: which shape, laid under what hides it, explains what is seen.

A few poses of each shape are improved by damped least squares (Levenberg, 1944; Marquardt, 1963)
on the coverage of the pixels whose content is known: the figure's own and the plain background.
Pixels of other figures and beyond the picture's frame are unknown and count for nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vprog.tools.backends.pixel_geometry import (
    ASPECTS,
    STRETCH,
    UNIT_AREAS,
    Figures,
    Floats,
    Ints,
    signed_distance,
)

MAX_FITS = 12
"""Pictures with more figures to fit are left as they are: a fit takes some 35 milliseconds."""

GOOD_ERROR = 0.1
"""Squared error of coverage, a pixel of the outline, up to which a fit is a good one."""

_POOR_FIT = 0.08
_EVEN = 0.01
_MIN_AREA = 12.0
_REACH = 8
_STARTS = {
    "circle": (1, 360),
    "square": (2, 90),
    "cross": (2, 90),
    "pentagon": (2, 72),
    "ellipse": (3, 180),
    "rectangle": (4, 180),
    "triangle": (6, 360),
    "semicircle": (6, 360),
}
"""Number of first poses, and the turn in degrees after which the shape looks the same."""

_FIRST_ROUNDS = 4
_LAST_ROUNDS = 10
_KEPT = 8
_SETTLED = 0.01
_STEPS = np.array([0.05, 0.05, 0.02, 0.01, 0.01])
_MAX_ASPECT = 1.25
_ARMS = (0.28, 0.45)
_CENTROIDS = {"semicircle": -4 / (3 * np.pi), "triangle": 1 / 3}
"""Where along v a shape of size 1 has its centroid, for those that have it off the origin."""


def fit_hidden(
    labels: Ints, coverage: Floats, figures: Figures, distances: Floats
) -> dict[int, tuple[str, float]]:
    """Fits the figures that are no good instance of any shape and touch a figure or the frame.

    Args:
        labels: [height, width], 0 for background, else 1-based number of the figure.
        coverage: [height, width], the share of the pixel that its figure fills.
        figures: Their measurements.
        distances: How far from any shape, as ``pixel_geometry.classify`` tells.

    Returns:
        Shape and certainty by 0-based number of the figure; figures that are not fitted are left
        out.
    """
    found: dict[int, tuple[str, float]] = {}
    poor = np.flatnonzero((distances > _POOR_FIT) & (figures.areas >= _MIN_AREA))
    if not len(poor) or len(poor) > MAX_FITS:
        return found
    beyond = np.pad(labels, _REACH + 1, constant_values=-1)
    filled = np.pad(coverage, _REACH + 1)
    for number in poor:
        left, top, right, bottom = figures.boxes_xyxy[number]
        window = (slice(top, bottom + 2 * _REACH + 2), slice(left, right + 2 * _REACH + 2))
        part = beyond[window]
        own = part == number + 1
        other = (part != 0) & ~own
        near = _grown(other)
        if not (near & own).any():
            continue
        share = np.where(own, filled[window], 0.0)
        known = ~other & ~(near & (share < 1))
        y, x = np.nonzero(known)
        found[int(number)] = fit_shape(x.astype(np.float64), y.astype(np.float64), share[known])
    return found


def _grown(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The mask and the eight neighbours of each of its pixels."""
    height, width = mask.shape
    padded = np.pad(mask, 1)
    grown = np.zeros_like(mask)
    for y in range(3):
        for x in range(3):
            grown |= padded[y : y + height, x : x + width]
    return grown


def fit_shape(x: Floats, y: Floats, coverage: Floats) -> tuple[str, float]:
    """The shape that explains the known pixels best.

    Args:
        x: Columns of the known pixels [n].
        y: Rows of the known pixels [n].
        coverage: What share of each the figure fills, 0 for background [n].

    Returns:
        One of ``SHAPES``, and how certain it is, in (0, 1]: below 0.5 nothing fits; a rival that
        fits as well halves it.
    """
    area = max(float(coverage.sum()), 1.0)
    center = (float((x * coverage).sum()) / area, float((y * coverage).sum()) / area)
    tried: list[tuple[float, str, Floats]] = []
    for shape, (starts, period) in _STARTS.items():
        poses = np.empty((starts, 5))
        poses[:, :2] = center
        poses[:, 2] = np.radians(np.linspace(0, period, starts, endpoint=False))
        poses[:, 3] = np.log(area / UNIT_AREAS[shape]) / 2
        poses[:, 4] = np.log(ASPECTS.get(shape, 1.0))
        offset = _CENTROIDS.get(shape, 0.0) * np.exp(poses[:, 3])
        poses[:, 0] += np.sin(poses[:, 2]) * offset
        poses[:, 1] -= np.cos(poses[:, 2]) * offset
        better, errors = _improved(shape, poses, x, y, coverage, _FIRST_ROUNDS)
        tried += [(float(e), shape, pose) for e, pose in zip(errors, better, strict=True)]
    tried.sort(key=lambda item: item[0])
    fits = []
    for shape in dict.fromkeys(shape for _, shape, _ in tried[:_KEPT]):
        poses = np.array([pose for _, its, pose in tried[:_KEPT] if its == shape])
        _, errors = _improved(shape, poses, x, y, coverage, _LAST_ROUNDS)
        fits.append((float(errors.min()) / float(np.sqrt(area)), shape))
    fits.sort()
    error, shape = fits[0]
    rival = fits[1][0] if len(fits) > 1 else np.inf
    doubt = (error + _EVEN) / (rival + _EVEN)
    return shape, float(GOOD_ERROR / (GOOD_ERROR + error) * (1 - doubt / 2))


def _covered(shape: str, poses: Floats, x: Floats, y: Floats) -> Floats:
    """Coverage of pixels by a shape in each pose: [poses, n]."""
    center_x, center_y, turn, size, aspect = (poses[:, i, None] for i in range(5))
    u = np.cos(turn) * (x - center_x) + np.sin(turn) * (y - center_y)
    v = np.cos(turn) * (y - center_y) - np.sin(turn) * (x - center_x)
    a = np.exp(size)
    b = a * np.exp(_bounded(shape, aspect))
    return np.clip(0.5 - signed_distance(shape, u, v, a, b), 0, 1)


def _bounded(shape: str, aspect: Floats) -> Floats:
    """The logarithm of b / a, kept where the shape goes by its name."""
    if shape in ("ellipse", "rectangle"):
        bounded: Floats = np.minimum(aspect, -np.log(STRETCH))
        return bounded
    if shape == "triangle":
        return np.clip(aspect, -np.log(_MAX_ASPECT), np.log(_MAX_ASPECT))
    if shape == "cross":
        return np.clip(aspect, np.log(_ARMS[0]), np.log(_ARMS[1]))
    return np.zeros_like(aspect)


def _improved(
    shape: str, poses: Floats, x: Floats, y: Floats, coverage: Floats, rounds: int
) -> tuple[Floats, Floats]:
    """Poses after some rounds of damped least squares, and their summed squared errors [poses]."""
    damping = np.full(len(poses), 1e-2)
    rest = _covered(shape, poses, x, y) - coverage
    error = (rest * rest).sum(axis=1)
    for _ in range(rounds):
        moved = poses[:, None] + np.diag(_STEPS)
        shifted = _covered(shape, moved.reshape(-1, 5), x, y).reshape(len(poses), 5, -1)
        slopes = (shifted - (rest + coverage)[:, None]) / _STEPS[:, None]
        normal = slopes @ slopes.transpose(0, 2, 1)
        scale = np.maximum(np.diagonal(normal, axis1=1, axis2=2), 1e-3)
        damped = normal + np.eye(5) * (scale * damping[:, None])[:, None]
        step = np.linalg.solve(damped, (slopes @ rest[..., None]))[..., 0]
        tried = poses - np.clip(step, -3.0, 3.0)
        tried_rest = _covered(shape, tried, x, y) - coverage
        tried_error = (tried_rest * tried_rest).sum(axis=1)
        better = tried_error < error
        settled = bool((error - tried_error < _SETTLED * error).all())
        poses = np.where(better[:, None], tried, poses)
        rest = np.where(better[:, None], tried_rest, rest)
        error = np.where(better, tried_error, error)
        damping = np.where(better, damping / 3, damping * 5)
        if settled and better.any():
            break
    return poses, error
