"""Which plane figure a set of pixels is: circle, ellipse, square, rectangle, triangle, and so on.

A figure is described by moments of its pixels' coverage after an affine map that makes its second
moments those of a unit disc. The map takes away place, size, rotation and stretch, so that every
triangle becomes the same triangle and every ellipse the same circle; the axis ratio that it took
away then tells a rectangle from a square. Coverage (how much of a pixel the figure fills) is read
off anti-aliased edges, which is why four pixels across are enough.

Coordinates: x to the right, y downward, pixel centres at integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Ints: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]

FAMILIES = ("circle", "square", "triangle", "pentagon", "semicircle", "cross")
"""Figures that differ after the affine map; a stretched circle is an ellipse, and so on."""

STRETCHED = {"circle": "ellipse", "square": "rectangle"}
"""What a family is called when its axes differ by ``STRETCH`` or more."""

STRETCH = 1.4
"""Ratio of the axes from which a circle counts as an ellipse and a square as a rectangle."""

ARM = 0.37
"""Width of a cross's arms as a share of its extent; 0.33 to 0.4 are recognised."""

SHAPES = (*FAMILIES, *STRETCHED.values())
"""Every shape that this module can name."""

GOOD_FIT = 0.2
"""Distance from the nearest template up to which a figure certainly is that shape."""

_WEIGHTS = np.array([6.0, 0.8, 0.6, 0.6, 2.0, 1.0])
_TEMPLATE_AREAS = (14.0, 30.0, 60.0, 120.0, 400.0)
_TEMPLATE_POSES = (
    (0.0, 0.0),
    (0.0, 0.25),
    (0.0, 0.5),
    (0.3, 0.1),
    (0.6, 0.4),
    (0.9, 0.2),
    (1.3, 0.3),
)
"""Turn in radians and offset in pixels of the figures that templates are measured on."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Measurements of labelled figures; every array has one row a figure.

    Attributes:
        areas: Sum of coverage, in pixels.
        centers_xy: Centroids [n, 2].
        features: Affine-invariant description [n, 6]: filling, magnitudes of the third, fourth and
            fifth angular moments, skew, kurtosis.
        ratios: Longer over shorter axis of the ellipse of equal second moments.
        boxes_xyxy: Extents in pixels [n, 4], right and bottom exclusive.
    """

    areas: Floats
    centers_xy: Floats
    features: Floats
    ratios: Floats
    boxes_xyxy: Ints


def measure(labels: Ints, count: int, coverage: Floats) -> Figures:
    """Measures all figures of a label image at once.

    Args:
        labels: [height, width], 0 for nothing, else 1 to ``count``.
        count: Number of figures; each must have a pixel.
        coverage: [height, width] in [0, 1], the share of the pixel that its figure fills.
    """
    places = np.flatnonzero(labels)
    y, x = np.divmod(places, labels.shape[1])
    which = labels.reshape(-1)[places]
    weight = coverage.reshape(-1)[places].astype(np.float64)

    def total(values: Floats) -> Floats:
        return np.bincount(which, values, count + 1).astype(np.float64)

    areas = np.maximum(total(weight), 1e-9)
    center_x = total(weight * x) / areas
    center_y = total(weight * y) / areas
    u = x - center_x[which]
    v = y - center_y[which]
    # Pixels average over a unit square, which adds 1/12 to each variance.
    uu = np.maximum(total(weight * u * u) / areas - 1 / 12, 0.02)
    vv = np.maximum(total(weight * v * v) / areas - 1 / 12, 0.02)
    uv = total(weight * u * v) / areas
    root = np.sqrt(np.maximum(uu * vv - uv * uv, 1e-3))
    trace = uu + vv
    # The square root of a 2 x 2 matrix M is (M + sqrt(det M) I) / sqrt(trace M + 2 sqrt(det M)).
    scale = np.sqrt(trace + 2 * root)
    a, b, c = (uu + root) / scale, uv / scale, (vv + root) / scale
    det = a * c - b * b
    z_u = (c[which] * u - b[which] * v) / det[which]
    z_v = (a[which] * v - b[which] * u) / det[which]
    z = z_u + 1j * z_v
    radius2 = z_u * z_u + z_v * z_v

    def magnitude(values: np.ndarray[Any, Any]) -> Floats:
        return np.hypot(total(weight * values.real), total(weight * values.imag)) / areas

    z2 = z * z
    features = np.stack(
        [
            areas / (4 * math.pi * root),
            magnitude(z2 * z),
            magnitude(z2 * z2),
            magnitude(z2 * z2 * z),
            magnitude(z * radius2),
            total(weight * radius2 * radius2) / areas,
        ],
        axis=1,
    )
    spread = np.sqrt(np.maximum(trace * trace / 4 - root * root, 0))
    ratios = np.sqrt((trace / 2 + spread) / np.maximum(trace / 2 - spread, 1e-3))
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(1, count + 1))
    ends = [np.minimum.reduceat(edge[order], starts) for edge in (x, y)]
    ends += [np.maximum.reduceat(edge[order], starts) + 1 for edge in (x, y)]
    return Figures(
        areas[1:],
        np.stack([center_x, center_y], axis=1)[1:],
        features[1:],
        ratios[1:],
        np.stack(ends, axis=1).astype(np.int32),
    )


def signed_distance(
    shape: str, u: Floats, v: Floats, a: Floats | float, b: Floats | float
) -> Floats:
    """Distance of points to a figure's edge, negative inside; about exact near the edge.

    Args:
        shape: One of ``SHAPES``.
        u: Points in the figure's frame, origin at the middle of its extent (of its circle, for
            pentagon and semicircle).
        v: The other coordinate, broadcast with ``u``.
        a: Half of the extent along u; the radius of circle, pentagon, semicircle.
        b: Half of the extent along v; half of the width of a cross's arms; not used by pentagon
            and semicircle.
    """
    distance: Floats
    if shape in ("circle", "ellipse"):
        level = np.sqrt((u / a) ** 2 + (v / b) ** 2)
        slope = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2)
        distance = np.where(level < 1e-9, -np.minimum(a, b), level * (level - 1) / (slope + 1e-12))
    elif shape in ("square", "rectangle"):
        distance = np.maximum(np.abs(u) - a, np.abs(v) - b)
    elif shape == "triangle":
        side = np.hypot(2 * b, a)
        distance = np.maximum(v - b, (2 * b * np.abs(u) - a * (v + b)) / side)
    elif shape == "pentagon":
        turns = np.pi * (0.5 + 0.4 * np.arange(5))
        sides = [np.cos(turn) * u + np.sin(turn) * v for turn in turns]
        distance = np.max(sides, axis=0) - a * math.cos(math.pi / 5)
    elif shape == "semicircle":
        distance = np.maximum(np.hypot(u, v) - a, v)
    else:
        assert shape == "cross", shape
        wide = np.maximum(np.abs(u) - a, np.abs(v) - b)
        tall = np.maximum(np.abs(u) - b, np.abs(v) - a)
        distance = np.minimum(wide, tall)
    return distance


ASPECTS = {"cross": ARM, "ellipse": 0.45, "rectangle": 0.45}
"""Usual b over a of ``signed_distance``, where it is not 1."""

UNIT_AREAS = {
    "circle": math.pi,
    "square": 4.0,
    "triangle": 2.0,
    "pentagon": 2.5 * math.sin(0.4 * math.pi),
    "semicircle": math.pi / 2,
    "cross": 8 * ARM - 4 * ARM * ARM,
    "ellipse": math.pi * ASPECTS["ellipse"],
    "rectangle": 4.0 * ASPECTS["rectangle"],
}
"""Area of a figure with a = 1 and its usual b."""


@cache
def templates() -> Floats:
    """Features of each family at a few areas, in a few poses: [areas, families, poses, features].

    Small figures need templates of their own: the blur of the pixel grid takes the corners away,
    differently in each pose.
    """
    side, samples = 40, 4
    grid = (np.arange(side * samples) + 0.5) / samples - side // 2
    rows = []
    for area in _TEMPLATE_AREAS:
        row = []
        for family in FAMILIES:
            size = math.sqrt(area / UNIT_AREAS[family])
            described = []
            for turn, offset in _TEMPLATE_POSES:
                x, y = grid[None] - offset, grid[:, None] - offset
                u = math.cos(turn) * x + math.sin(turn) * y
                v = math.cos(turn) * y - math.sin(turn) * x
                distance = signed_distance(family, u, v, size, size * ASPECTS.get(family, 1))
                inside = np.clip(0.5 - samples * distance, 0, 1)
                coverage = inside.reshape(side, samples, side, samples).mean(axis=(1, 3))
                described.append(measure((coverage > 0).astype(np.int32), 1, coverage).features[0])
            row.append(described)
        rows.append(row)
    return np.array(rows)


def classify(figures: Figures) -> tuple[list[str], Floats]:
    """Names the nearest shape of each figure.

    Returns:
        Shapes, and the distance of each figure from its template (see ``GOOD_FIT``).
    """
    known = np.log(_TEMPLATE_AREAS)
    position = np.interp(np.log(figures.areas), known, np.arange(len(known)))
    low = np.minimum(position.astype(int), len(known) - 2)
    part = (position - low)[:, None, None, None]
    near = templates()[low] * (1 - part) + templates()[low + 1] * part
    offsets = _WEIGHTS * (figures.features[:, None, None] - near)
    distances = (offsets * offsets).sum(axis=-1).min(axis=-1)
    best = distances.argmin(axis=1)
    names = []
    for index, ratio in zip(best, figures.ratios, strict=True):
        family = FAMILIES[index]
        names.append(STRETCHED.get(family, family) if ratio >= STRETCH else family)
    return names, distances.min(axis=1)
