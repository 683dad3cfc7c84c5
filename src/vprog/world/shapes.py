"""How each kind looks: parts in a unit frame, x to the right, y downward, drawn back to front.

A part is painted in a *role*, which a drawing style turns into ink: ``B`` the object's own colour
(this part carries the pattern), ``S`` a darker and ``L`` a lighter shade of it, ``D`` dark details,
``P`` pale details.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from vprog.world.vocabulary import KINDS

Point = tuple[float, float]
ROLES = "BSLDP"
"""Roles in the order of their codes: ``B`` is 1; 0 is nothing, 6 is the contour."""


@dataclass(frozen=True, slots=True)
class Part:
    """A filled polygon, or an open line where ``width`` is positive (in units of the frame)."""

    role: str
    points: tuple[Point, ...]
    width: float = 0.0


def _area(role: str, *points: Point) -> Part:
    return Part(role, points)


def _line(role: str, width: float, *points: Point) -> Part:
    return Part(role, points, width)


def _oval(
    role: str, x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360
) -> Part:
    """An ellipse, or its sector from ``start`` to ``end`` degrees, clockwise from the right."""
    count = max(8, round(22 * (end - start) / 360))
    steps = count if end - start >= 360 else count + 1
    angles = [math.radians(start + (end - start) * i / count) for i in range(steps)]
    return Part(role, tuple((x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles))


def _arc(
    role: str, width: float, x: float, y: float, rx: float, ry: float, start: float, end: float
) -> Part:
    return Part(role, _oval(role, x, y, rx, ry, start, end).points, width)


def _rect(role: str, left: float, top: float, right: float, bottom: float, r: float = 0) -> Part:
    """A rectangle with corners rounded by ``r``."""
    if not r:
        return _area(role, (left, top), (right, top), (right, bottom), (left, bottom))
    points: list[Point] = []
    for x, y, start in (
        (right - r, top + r, 270),
        (right - r, bottom - r, 0),
        (left + r, bottom - r, 90),
        (left + r, top + r, 180),
    ):
        for step in range(4):
            angle = math.radians(start + 30 * step)
            points.append((x + r * math.cos(angle), y + r * math.sin(angle)))
    return Part(role, tuple(points))


def _cat() -> list[Part]:
    return [
        _line("B", 0.08, (0.66, 0.92), (0.84, 0.88), (0.92, 0.74), (0.86, 0.6), (0.92, 0.5)),
        _oval("B", 0.48, 0.76, 0.25, 0.24),
        _area("B", (0.2, 0.34), (0.2, 0.0), (0.42, 0.14)),
        _area("B", (0.54, 0.14), (0.76, 0.0), (0.76, 0.34)),
        _oval("B", 0.48, 0.33, 0.3, 0.24),
        _oval("D", 0.37, 0.29, 0.045, 0.06),
        _oval("D", 0.59, 0.29, 0.045, 0.06),
        _area("D", (0.43, 0.39), (0.53, 0.39), (0.48, 0.45)),
        _line("D", 0.025, (0.34, 0.41), (0.1, 0.36)),
        _line("D", 0.025, (0.34, 0.45), (0.12, 0.5)),
        _line("D", 0.025, (0.62, 0.41), (0.86, 0.36)),
        _line("D", 0.025, (0.62, 0.45), (0.84, 0.5)),
        _oval("L", 0.39, 0.95, 0.09, 0.05),
        _oval("L", 0.57, 0.95, 0.09, 0.05),
    ]


def _dog() -> list[Part]:
    return [
        _line("B", 0.08, (0.86, 0.48), (0.96, 0.36), (0.99, 0.2)),
        _rect("S", 0.42, 0.64, 0.51, 0.98),
        _rect("S", 0.68, 0.64, 0.77, 0.98),
        _rect("B", 0.3, 0.64, 0.4, 1.0, 0.03),
        _rect("B", 0.8, 0.6, 0.9, 1.0, 0.03),
        _rect("B", 0.28, 0.42, 0.9, 0.74, 0.13),
        _area("B", (0.22, 0.3), (0.46, 0.2), (0.52, 0.56), (0.3, 0.6)),
        _oval("B", 0.3, 0.26, 0.2, 0.17),
        _rect("B", 0.0, 0.24, 0.26, 0.42, 0.06),
        _rect("D", 0.0, 0.22, 0.08, 0.3, 0.03),
        _oval("D", 0.22, 0.2, 0.035, 0.04),
        _oval("S", 0.43, 0.31, 0.085, 0.18),
        _rect("D", 0.31, 0.48, 0.5, 0.54),
    ]


def _fish() -> list[Part]:
    return [
        _area("S", (0.66, 0.4), (1.0, 0.16), (0.93, 0.4), (1.0, 0.66), (0.66, 0.44)),
        _area("S", (0.3, 0.22), (0.5, 0.02), (0.64, 0.24)),
        _area("S", (0.4, 0.62), (0.5, 0.78), (0.58, 0.6)),
        _oval("B", 0.38, 0.41, 0.38, 0.26),
        _arc("D", 0.03, 0.14, 0.41, 0.16, 0.22, -60, 60),
        _oval("P", 0.15, 0.35, 0.06, 0.06),
        _oval("D", 0.14, 0.35, 0.033, 0.033),
        _line("D", 0.025, (0.01, 0.46), (0.09, 0.49)),
        _area("L", (0.4, 0.42), (0.58, 0.36), (0.56, 0.54)),
    ]


def _bird() -> list[Part]:
    return [
        _line("D", 0.035, (0.44, 0.76), (0.42, 0.98), (0.32, 0.98)),
        _line("D", 0.035, (0.56, 0.76), (0.56, 0.98), (0.46, 0.98)),
        _area("S", (0.7, 0.5), (1.0, 0.36), (1.0, 0.56), (0.74, 0.7)),
        _oval("B", 0.52, 0.56, 0.32, 0.25),
        _oval("B", 0.32, 0.27, 0.19, 0.18),
        _area("D", (0.15, 0.2), (0.15, 0.34), (0.0, 0.29)),
        _oval("D", 0.27, 0.24, 0.035, 0.035),
        _area("S", (0.42, 0.46), (0.7, 0.42), (0.92, 0.5), (0.74, 0.68), (0.52, 0.66)),
    ]


def _car() -> list[Part]:
    return [
        _area("B", (0.2, 0.3), (0.3, 0.04), (0.66, 0.04), (0.82, 0.3)),
        _area("P", (0.27, 0.28), (0.34, 0.1), (0.46, 0.1), (0.46, 0.28)),
        _area("P", (0.51, 0.28), (0.51, 0.1), (0.63, 0.1), (0.73, 0.28)),
        _rect("B", 0.0, 0.27, 1.0, 0.54, 0.09),
        _oval("D", 0.23, 0.54, 0.12, 0.12),
        _oval("D", 0.77, 0.54, 0.12, 0.12),
        _oval("P", 0.23, 0.54, 0.05, 0.05),
        _oval("P", 0.77, 0.54, 0.05, 0.05),
        _rect("P", 0.93, 0.32, 1.0, 0.39),
    ]


def _bus() -> list[Part]:
    windows = [_rect("P", 0.07 + 0.21 * i, 0.1, 0.23 + 0.21 * i, 0.34) for i in range(3)]
    return [
        _rect("B", 0.0, 0.0, 1.0, 0.7, 0.07),
        *windows,
        _rect("P", 0.74, 0.1, 0.95, 0.62),
        _line("D", 0.025, (0.845, 0.1), (0.845, 0.62)),
        _rect("S", 0.0, 0.58, 0.7, 0.7),
        _oval("D", 0.2, 0.72, 0.11, 0.11),
        _oval("D", 0.6, 0.72, 0.11, 0.11),
        _oval("P", 0.2, 0.72, 0.045, 0.045),
        _oval("P", 0.6, 0.72, 0.045, 0.045),
    ]


def _boat() -> list[Part]:
    return [
        _line("D", 0.04, (0.5, 0.0), (0.5, 0.76)),
        _area("B", (0.55, 0.04), (0.94, 0.62), (0.55, 0.62)),
        _area("L", (0.45, 0.14), (0.45, 0.62), (0.12, 0.62)),
        _area("B", (0.0, 0.7), (1.0, 0.7), (0.82, 0.98), (0.2, 0.98)),
        _line("S", 0.05, (0.03, 0.74), (0.97, 0.74)),
    ]


def _airplane() -> list[Part]:
    return [
        _area("S", (0.46, 0.3), (0.66, 0.02), (0.76, 0.02), (0.66, 0.3)),
        _area("B", (0.8, 0.34), (0.92, 0.04), (1.0, 0.04), (0.97, 0.4)),
        _area(
            "B",
            (0.0, 0.42),
            (0.05, 0.33),
            (0.16, 0.27),
            (0.8, 0.27),
            (1.0, 0.34),
            (0.96, 0.42),
            (0.76, 0.5),
            (0.1, 0.51),
        ),
        _area("P", (0.05, 0.36), (0.14, 0.3), (0.16, 0.38)),
        *[_oval("P", 0.28 + 0.11 * i, 0.35, 0.032, 0.032) for i in range(5)],
        _area("S", (0.36, 0.44), (0.58, 0.44), (0.78, 0.76), (0.66, 0.76)),
    ]


def _chair() -> list[Part]:
    return [
        _rect("S", 0.24, 0.6, 0.31, 0.92),
        _rect("S", 0.83, 0.6, 0.9, 0.92),
        _rect("B", 0.1, 0.0, 0.2, 0.6),
        _rect("B", 0.1, 0.04, 0.2, 1.0),
        _rect("B", 0.7, 0.56, 0.78, 1.0),
        _area("B", (0.1, 0.0), (0.36, 0.04), (0.36, 0.5), (0.1, 0.54)),
        _area("B", (0.1, 0.52), (0.34, 0.44), (0.92, 0.46), (0.78, 0.6), (0.1, 0.62)),
        _line("S", 0.03, (0.1, 0.62), (0.78, 0.6), (0.92, 0.46)),
    ]


def _table() -> list[Part]:
    return [
        _rect("S", 0.2, 0.22, 0.26, 0.6),
        _rect("S", 0.74, 0.22, 0.8, 0.6),
        _rect("B", 0.05, 0.26, 0.13, 0.76),
        _rect("B", 0.87, 0.26, 0.95, 0.76),
        _area("B", (0.16, 0.04), (0.84, 0.04), (1.0, 0.24), (0.0, 0.24)),
        _rect("S", 0.0, 0.24, 1.0, 0.32),
    ]


def _bed() -> list[Part]:
    return [
        _rect("S", 0.0, 0.0, 0.09, 0.7, 0.03),
        _rect("S", 0.91, 0.24, 1.0, 0.7, 0.03),
        _rect("L", 0.09, 0.34, 0.91, 0.46),
        _oval("P", 0.23, 0.27, 0.14, 0.09),
        _area(
            "B", (0.34, 0.3), (0.4, 0.22), (0.86, 0.24), (0.91, 0.34), (0.91, 0.56), (0.34, 0.56)
        ),
        _rect("S", 0.09, 0.5, 0.91, 0.6),
    ]


def _lamp() -> list[Part]:
    return [
        _line("D", 0.05, (0.35, 0.4), (0.35, 0.9)),
        _oval("S", 0.35, 0.94, 0.2, 0.06),
        _area("B", (0.2, 0.0), (0.5, 0.0), (0.7, 0.44), (0.0, 0.44)),
        _line("D", 0.025, (0.55, 0.44), (0.55, 0.6)),
        _oval("D", 0.55, 0.62, 0.03, 0.03),
    ]


def _cup() -> list[Part]:
    return [
        _arc("B", 0.1, 0.72, 0.44, 0.2, 0.2, -100, 100),
        _area("B", (0.0, 0.1), (0.74, 0.1), (0.68, 0.74), (0.6, 0.82), (0.14, 0.82), (0.06, 0.74)),
        _oval("L", 0.37, 0.11, 0.37, 0.1),
        _oval("D", 0.37, 0.13, 0.29, 0.065),
    ]


def _bottle() -> list[Part]:
    return [
        _rect("D", 0.14, 0.0, 0.32, 0.1, 0.02),
        _area(
            "B",
            (0.16, 0.1),
            (0.3, 0.1),
            (0.31, 0.3),
            (0.42, 0.4),
            (0.46, 0.48),
            (0.46, 0.95),
            (0.42, 1.0),
            (0.04, 1.0),
            (0.0, 0.95),
            (0.0, 0.48),
            (0.04, 0.4),
            (0.15, 0.3),
        ),
        _rect("P", 0.0, 0.58, 0.46, 0.8),
        _line("S", 0.05, (0.1, 0.69), (0.36, 0.69)),
    ]


def _bag() -> list[Part]:
    return [
        _arc("S", 0.07, 0.45, 0.36, 0.22, 0.32, 180, 360),
        _area("B", (0.08, 0.34), (0.82, 0.34), (0.9, 0.88), (0.0, 0.88)),
        _area("S", (0.08, 0.34), (0.82, 0.34), (0.72, 0.54), (0.18, 0.54)),
        _rect("P", 0.39, 0.48, 0.51, 0.62, 0.03),
    ]


def _tree() -> list[Part]:
    return [
        _area("D", (0.4, 0.55), (0.54, 0.55), (0.58, 1.0), (0.34, 1.0)),
        _oval("B", 0.25, 0.46, 0.25, 0.22),
        _oval("B", 0.68, 0.46, 0.25, 0.22),
        _oval("B", 0.46, 0.26, 0.28, 0.26),
        _oval("B", 0.46, 0.5, 0.26, 0.19),
    ]


def _flower() -> list[Part]:
    petals = [
        _oval("B", 0.4 + 0.22 * math.cos(a), 0.32 + 0.22 * math.sin(a), 0.15, 0.15)
        for a in (math.radians(60 * i + 30) for i in range(6))
    ]
    return [
        _line("D", 0.05, (0.4, 0.4), (0.4, 1.0)),
        _area("D", (0.4, 0.88), (0.58, 0.66), (0.74, 0.68), (0.62, 0.84)),
        _area("D", (0.4, 0.94), (0.22, 0.72), (0.06, 0.74), (0.18, 0.9)),
        *petals,
        _oval("P", 0.4, 0.32, 0.12, 0.12),
    ]


def _cactus() -> list[Part]:
    return [
        _line("B", 0.14, (0.38, 0.56), (0.1, 0.56), (0.1, 0.3)),
        _line("B", 0.14, (0.38, 0.46), (0.7, 0.46), (0.7, 0.16)),
        _oval("B", 0.1, 0.3, 0.07, 0.07),
        _oval("B", 0.1, 0.56, 0.07, 0.07),
        _oval("B", 0.7, 0.16, 0.07, 0.07),
        _oval("B", 0.7, 0.46, 0.07, 0.07),
        _rect("B", 0.28, 0.0, 0.52, 0.82, 0.11),
        _line("S", 0.025, (0.36, 0.1), (0.36, 0.74)),
        _line("S", 0.025, (0.44, 0.1), (0.44, 0.74)),
        _area("D", (0.16, 0.76), (0.64, 0.76), (0.58, 1.0), (0.22, 1.0)),
    ]


def _apple() -> list[Part]:
    return [
        _area(
            "B",
            (0.42, 0.28),
            (0.32, 0.22),
            (0.18, 0.22),
            (0.05, 0.34),
            (0.01, 0.52),
            (0.06, 0.74),
            (0.18, 0.92),
            (0.3, 0.98),
            (0.42, 0.94),
            (0.54, 0.98),
            (0.66, 0.92),
            (0.78, 0.74),
            (0.83, 0.52),
            (0.79, 0.34),
            (0.66, 0.22),
            (0.52, 0.22),
        ),
        _line("D", 0.06, (0.42, 0.3), (0.44, 0.14), (0.5, 0.02)),
        _area("S", (0.47, 0.14), (0.58, 0.02), (0.8, 0.02), (0.7, 0.14)),
        _oval("L", 0.22, 0.44, 0.07, 0.1),
    ]


def _cake() -> list[Part]:
    candles = []
    for x in (0.27, 0.47, 0.67):
        candles += [_line("D", 0.04, (x, 0.14), (x, 0.34)), _oval("P", x, 0.09, 0.04, 0.07)]
    return [
        *candles,
        _rect("D", 0.0, 0.86, 0.94, 0.93, 0.03),
        _rect("B", 0.07, 0.32, 0.87, 0.87, 0.04),
        _area(
            "L",
            (0.07, 0.32),
            (0.87, 0.32),
            (0.87, 0.52),
            (0.81, 0.56),
            (0.75, 0.5),
            (0.68, 0.46),
            (0.61, 0.52),
            (0.55, 0.58),
            (0.48, 0.5),
            (0.4, 0.46),
            (0.33, 0.54),
            (0.26, 0.58),
            (0.2, 0.5),
            (0.13, 0.46),
            (0.07, 0.52),
        ),
    ]


def _carrot() -> list[Part]:
    return [
        _area("D", (0.7, 0.3), (0.62, 0.04), (0.72, 0.0), (0.78, 0.22)),
        _area("D", (0.72, 0.28), (0.86, 0.0), (0.97, 0.08), (0.8, 0.28)),
        _area("D", (0.72, 0.3), (0.98, 0.2), (1.0, 0.32), (0.78, 0.36)),
        _area("B", (0.0, 0.98), (0.5, 0.26), (0.62, 0.2), (0.74, 0.24), (0.79, 0.36), (0.74, 0.48)),
        _line("S", 0.03, (0.48, 0.32), (0.58, 0.42)),
        _line("S", 0.03, (0.58, 0.58), (0.48, 0.5)),
        _line("S", 0.03, (0.28, 0.6), (0.36, 0.68)),
    ]


def _hat() -> list[Part]:
    return [
        _oval("S", 0.5, 0.66, 0.5, 0.12),
        _area(
            "B",
            (0.22, 0.03),
            (0.36, 0.0),
            (0.64, 0.0),
            (0.78, 0.03),
            (0.76, 0.64),
            (0.62, 0.69),
            (0.38, 0.69),
            (0.24, 0.64),
        ),
        _area("D", (0.24, 0.46), (0.5, 0.5), (0.76, 0.46), (0.76, 0.62), (0.5, 0.67), (0.24, 0.62)),
    ]


def _shirt() -> list[Part]:
    return [
        _area(
            "B",
            (0.34, 0.02),
            (0.66, 0.02),
            (0.78, 0.06),
            (1.0, 0.32),
            (0.84, 0.46),
            (0.76, 0.38),
            (0.76, 0.94),
            (0.24, 0.94),
            (0.24, 0.38),
            (0.16, 0.46),
            (0.0, 0.32),
            (0.22, 0.06),
        ),
        _area("D", (0.36, 0.02), (0.64, 0.02), (0.58, 0.13), (0.5, 0.16), (0.42, 0.13)),
        _line("S", 0.03, (0.76, 0.38), (0.76, 0.26)),
        _line("S", 0.03, (0.24, 0.38), (0.24, 0.26)),
    ]


def _shoe() -> list[Part]:
    return [
        _area(
            "B",
            (0.04, 0.06),
            (0.34, 0.0),
            (0.42, 0.18),
            (0.62, 0.3),
            (0.9, 0.36),
            (1.0, 0.48),
            (1.0, 0.56),
            (0.02, 0.56),
        ),
        _rect("P", 0.0, 0.52, 1.0, 0.64, 0.04),
        _line("P", 0.035, (0.38, 0.24), (0.5, 0.12)),
        _line("P", 0.035, (0.47, 0.3), (0.59, 0.18)),
        _line("P", 0.035, (0.57, 0.35), (0.68, 0.23)),
        _area("S", (0.02, 0.3), (0.16, 0.28), (0.18, 0.53), (0.02, 0.53)),
    ]


_DRAWINGS: dict[str, Callable[[], list[Part]]] = {
    "cat": _cat, "dog": _dog, "fish": _fish, "bird": _bird,
    "car": _car, "bus": _bus, "boat": _boat, "airplane": _airplane,
    "chair": _chair, "table": _table, "bed": _bed, "lamp": _lamp,
    "cup": _cup, "bottle": _bottle, "bag": _bag,
    "tree": _tree, "flower": _flower, "cactus": _cactus,
    "apple": _apple, "cake": _cake, "carrot": _carrot,
    "hat": _hat, "shirt": _shirt, "shoe": _shoe,
}  # fmt: skip
assert tuple(_DRAWINGS) == KINDS


@cache
def parts(kind: str) -> tuple[Part, ...]:
    """The parts of a kind, back to front, scaled so that the longer side of their hull is 1."""
    drawn = _DRAWINGS[kind]()
    xs = [x for part in drawn for x, _ in part.points]
    ys = [y for part in drawn for _, y in part.points]
    left, top = min(xs), min(ys)
    scale = 1 / max(max(xs) - left, max(ys) - top)
    return tuple(
        Part(p.role, tuple(((x - left) * scale, (y - top) * scale) for x, y in p.points),
             p.width * scale)
        for p in drawn
    )  # fmt: skip
