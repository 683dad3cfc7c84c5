"""Long views as overlapping squares, for detectors that look at squares.

A detector that resizes what it sees to a square squashes a panorama. Sliced inference (SAHI, Akyon
et al., ICIP 2022) shows it square parts that overlap. Here each place belongs to one slice, the one
in which it lies furthest from a cut, so that a thing is reported once and, if it is no longer than
half of the overlap on each side of its centre, whole.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from vprog.tools.backends.hf.views import View

OVERLAP = 0.25
"""Least overlap of neighbours, as a share of a slice."""


class Slice(NamedTuple):
    """A part of a view, and the part of the picture that it answers for.

    Attributes:
        view: What the model is shown.
        own_xyxy: Boxes centred in it are the slice's, in pixels of the whole picture; infinite
            where the slice has no neighbour.
    """

    view: View
    own_xyxy: tuple[float, float, float, float]


EVERYWHERE = (-math.inf, -math.inf, math.inf, math.inf)
"""What the only slice of a view answers for."""


def slices(view: View, longest: float | None) -> list[Slice]:
    """The squares that a view is shown as, from left to right or from top to bottom.

    Args:
        view: What is looked at.
        longest: Views whose sides have at most this ratio are shown as they are; None shows all so.
    """
    short, long = sorted((view.width, view.height))
    if longest is None or long <= longest * short:
        return [Slice(view, EVERYWHERE)]
    count = max(2, math.ceil((long / short - OVERLAP) / (1 - OVERLAP)))
    starts = [round(n * (long - short) / (count - 1)) for n in range(count)]
    seams = [(start + short + after) / 2 for start, after in itertools.pairwise(starts)]
    found = []
    for n, start in enumerate(starts):
        low = seams[n - 1] if n else -math.inf
        high = seams[n] if n + 1 < count else math.inf
        if view.width == long:
            left = view.left + start
            part = view._replace(left=left, right=left + short)
            own = (view.left + low, -math.inf, view.left + high, math.inf)
        else:
            top = view.top + start
            part = view._replace(top=top, bottom=top + short)
            own = (-math.inf, view.top + low, math.inf, view.top + high)
        found.append(Slice(part, own))
    return found
