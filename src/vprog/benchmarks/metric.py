"""Figures of a benchmark in a form that also gives them by type and with intervals.

Nearly every official figure is a ratio of two sums over the examples. Kept as such, the same figure
over some of the examples (a question type) or over a resample (a bootstrap) costs nothing more.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two sums over the examples: a mean, a share, a precision, an RMSE.

    Attributes:
        tops: What each example adds above the line.
        bottoms: What each adds below the line; 0 for examples that take no part.
        root: Whether the figure is the square root of the ratio.
    """

    tops: Sequence[float]
    bottoms: Sequence[float]
    root: bool = False

    @property
    def is_share(self) -> bool:
        """Whether it lies in [0, 1] by its form."""
        return not self.root and all(
            0 <= top <= bottom + 1e-9 for top, bottom in zip(self.tops, self.bottoms, strict=True)
        )

    def value(self, indices: Iterable[int] | None = None) -> float | None:
        """The figure over all examples, or over those at ``indices`` (which may repeat).

        None where no example takes part.
        """
        chosen = range(len(self.tops)) if indices is None else list(indices)
        bottom = math.fsum(self.bottoms[i] for i in chosen)
        if not bottom:
            return None
        ratio = math.fsum(self.tops[i] for i in chosen) / bottom
        return math.sqrt(ratio) if self.root else ratio


@dataclass(frozen=True, slots=True)
class Whole:
    """A figure that is no ratio of sums, such as an AUROC.

    Attributes:
        of: The figure over the examples at these indices, which may repeat; None where they do not
            define it (an AUROC of one class).
        n: Number of examples.
        is_share: Whether it lies in [0, 1] and is shown in percent.
        counts: Which examples take part; empty where all do.
        has_interval: Whether resamples show how far it may be off. Those of a figure that measures
            a distance between counts lie beside it: drawing again adds noise to both.
    """

    of: Callable[[Sequence[int]], float | None]
    n: int
    is_share: bool = True
    counts: Sequence[bool] = ()
    has_interval: bool = True

    def value(self, indices: Iterable[int] | None = None) -> float | None:
        """As ``Ratio.value``."""
        return self.of(range(self.n) if indices is None else list(indices))


@dataclass(frozen=True, slots=True)
class Missing:
    """A figure that cannot be given.

    Attributes:
        why: What is missing and where it was looked for.
    """

    why: str

    def value(self, indices: Iterable[int] | None = None) -> float | None:
        """None."""
        del indices
        return None


Metric: TypeAlias = Ratio | Whole | Missing
"""A figure of a benchmark."""


def mean(values: Iterable[float | None]) -> Ratio:
    """The mean over the examples, one value each; None for an example that takes no part."""
    kept = list(values)
    return Ratio(
        [0.0 if value is None else float(value) for value in kept],
        [float(value is not None) for value in kept],
    )


def mean_of_groups(
    groups: Sequence[Hashable],
    values: Sequence[float],
    whole: Callable[[Iterable[float]], float] = min,
) -> Ratio:
    """The mean over groups of examples of what ``whole`` makes of a group's values.

    By default a group counts as its worst member: with right and wrong that is the consistency of
    NLVR and NLVR2, and the circular evaluation of MMBench.

    Args:
        groups: The group of each example.
        values: Its value, in the same order.
        whole: What the members' values come to.
    """
    members: dict[Hashable, list[float]] = {}
    for group, value in zip(groups, values, strict=True):
        members.setdefault(group, []).append(value)
    worth = {group: float(whole(found)) for group, found in members.items()}
    sizes = Counter(groups)
    return Ratio([worth[g] / sizes[g] for g in groups], [1 / sizes[g] for g in groups])


def mean_of_whole_groups(
    groups: Sequence[Hashable], values: Sequence[float], sizes: Sequence[int | None], of: str
) -> Ratio | Missing:
    """``mean_of_groups`` over the groups that are there with all of their examples.

    A group of which some are missing takes no part: its worst member may be one of these.

    Args:
        groups: The group of each example.
        values: Its value.
        sizes: How many examples its group has in the split; None where that is not known.
        of: What these are, for the reason that is given where no group is complete: ``pairs of a
            statement``.
    """
    there = Counter(groups)
    kept = [there[group] == size for group, size in zip(groups, sizes, strict=True)]
    if any(kept):
        every = mean_of_groups(groups, values)
        return Ratio(
            [top * whole for top, whole in zip(every.tops, kept, strict=True)],
            [bottom * whole for bottom, whole in zip(every.bottoms, kept, strict=True)],
        )
    unknown = " into another --out: these traces do not say how many there are"
    return Missing(
        f"needs all {of}; run without --limit, --ids and --types"
        + (unknown if None in sizes else "")
    )
