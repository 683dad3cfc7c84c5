"""Intervals of figures, and paired tests of two runs."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from vprog.benchmarks.metric import Metric, Missing, Ratio
from vprog.verify import RIGHT

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""

RESAMPLES = 1000
"""Of a bootstrap; a figure that is no ratio of sums gets fewer where there are many examples."""

_WORK = 2_000_000
"""Most examples that a figure that is no ratio of sums is computed over, all resamples together."""


_DRAWN = 1_000_000
"""Clusters that are drawn at a time, those of all resamples together."""

_SAME = 1e-12
"""Ends of an interval that are nearer than this are the same."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval.

    Attributes:
        low: Its lower end.
        high: Its upper end.
        method: How it was found.
    """

    low: float
    high: float
    method: Literal["wilson", "bootstrap"]


def wilson(right: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion (Wilson 1927); honest also at 0 and 1.

    Args:
        right: Successes.
        n: Trials, at least 1.
    """
    p = right / n
    spread = Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    middle = p + Z95**2 / (2 * n)
    scale = 1 + Z95**2 / n
    # At 0 and 1 the ends are p itself, which rounding can miss.
    return min(p, max(0.0, (middle - spread) / scale)), max(p, min(1.0, (middle + spread) / scale))


def interval(metric: Metric, clusters: Sequence[Hashable], seed: int = 0) -> Interval | None:
    """The 95 % interval of a figure.

    A plain proportion, over examples or over whole clusters (sentences that are right for all of
    their pictures), has Wilson's. Everything else has the percentiles of a bootstrap that draws
    clusters, not examples, because those of one cluster are right or wrong together. Where all
    resamples agree (every answer right), the interval of a share is Wilson's over clusters: the
    bootstrap would claim certainty.

    Args:
        metric: The figure.
        clusters: Which examples belong together, one for each.
        seed: Of the bootstrap.

    Returns:
        None where the figure has no value or says that it has no interval, and for what is no
        share where no resample differs.
    """
    value = metric.value()
    if value is None or isinstance(metric, Missing):
        return None
    if not isinstance(metric, Ratio):
        if not metric.has_interval:
            return None
        return _bootstrap_whole(metric, clusters, seed)
    plain = _proportion(metric, range(len(metric.tops))) or _proportion(metric, clusters)
    if plain is not None:
        return Interval(*wilson(*plain), "wilson")
    return _clustered(metric, clusters, seed)


def groups_interval(
    metric: Metric, clusters: Sequence[Hashable], seed: int = 0
) -> tuple[Interval, int] | None:
    """What a proportion's interval is if examples of one cluster count as right or wrong together.

    The six pictures of an NLVR item, or the questions about one picture, tell less than as many
    that have nothing to do with each other, which Wilson's interval takes them for.

    Returns:
        The interval, by a bootstrap over clusters as in ``interval``, and how many clusters take
        part; None where the figure is no proportion of examples, every cluster has one, or one
        cluster has all.
    """
    if not isinstance(metric, Ratio) or _proportion(metric, range(len(metric.tops))) is None:
        return None
    _, bottoms = _sums(metric, clusters)
    taking_part = sum(bottom > 0 for bottom in bottoms)
    if taking_part in (1, round(math.fsum(bottoms))):
        return None
    found = _clustered(metric, clusters, seed)
    return None if found is None else (found, taking_part)


def _clustered(metric: Ratio, clusters: Sequence[Hashable], seed: int) -> Interval | None:
    value = metric.value()
    assert value is not None
    tops, bottoms = _sums(metric, clusters)
    taking_part = sum(bottom > 0 for bottom in bottoms)
    if taking_part > 1:
        low, high = _bootstrap_ratio(tops, bottoms, metric.root, seed)
        if high - low > _SAME:
            return Interval(low, high, "bootstrap")
    if not metric.is_share:
        return None
    return Interval(*wilson(value * taking_part, taking_part), "wilson")


def _sums(metric: Ratio, clusters: Sequence[Hashable]) -> tuple[list[float], list[float]]:
    """What each cluster adds above and below the line."""
    tops: dict[Hashable, float] = {}
    bottoms: dict[Hashable, float] = {}
    for cluster, top, bottom in zip(clusters, metric.tops, metric.bottoms, strict=True):
        tops[cluster] = tops.get(cluster, 0.0) + top
        bottoms[cluster] = bottoms.get(cluster, 0.0) + bottom
    return list(tops.values()), list(bottoms.values())


def _proportion(metric: Ratio, units: Sequence[Hashable]) -> tuple[float, float] | None:
    """Successes and trials, if each unit is one trial or none; else None."""
    if metric.root:
        return None
    tops, bottoms = _sums(metric, units)
    for top, bottom in zip(tops, bottoms, strict=True):
        if min(abs(bottom), abs(bottom - 1)) > 1e-9 or min(abs(top), abs(top - bottom)) > 1e-9:
            return None
    return round(math.fsum(tops)), round(math.fsum(bottoms))


def _bootstrap_ratio(
    tops: Sequence[float], bottoms: Sequence[float], root: bool, seed: int
) -> tuple[float, float]:
    import numpy as np

    rng = np.random.default_rng(seed)
    above, below = np.asarray(tops), np.asarray(bottoms)
    values: list[float] = []
    at_once = max(1, _DRAWN // len(above))
    for start in range(0, RESAMPLES, at_once):
        drawn = rng.integers(0, len(above), (min(at_once, RESAMPLES - start), len(above)))
        total = below[drawn].sum(axis=1)
        some = total > 0
        values += (above[drawn].sum(axis=1)[some] / total[some]).tolist()
    low, high = np.percentile(np.sqrt(values) if root else values, (2.5, 97.5))
    return float(low), float(high)


def _bootstrap_whole(metric: Metric, clusters: Sequence[Hashable], seed: int) -> Interval | None:
    import numpy as np

    members: dict[Hashable, list[int]] = {}
    for index, cluster in enumerate(clusters):
        members.setdefault(cluster, []).append(index)
    groups = list(members.values())
    if len(groups) < 2:
        return None
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(max(100, min(RESAMPLES, _WORK // len(clusters)))):
        drawn = rng.integers(0, len(groups), len(groups))
        value = metric.value([index for number in drawn for index in groups[number]])
        if value is not None:
            values.append(value)
    low, high = np.percentile(values or [0.0], (2.5, 97.5))
    return Interval(float(low), float(high), "bootstrap") if high - low > _SAME else None


FLIPS = 10_000
"""Random signs of a test over groups; all there are where few groups differ."""


def parts_of(rows: int, columns: int) -> list[int]:
    """Rows of a table in parts of a million entries or fewer."""
    most = max(1, 1_000_000 // max(columns, 1))
    return [min(most, rows - start) for start in range(0, rows, most)]


def grouped_difference(
    first: Sequence[float], second: Sequence[float], clusters: Sequence[Hashable], seed: int = 0
) -> dict[str, float] | None:
    """What ``paired_difference`` says if examples of one cluster change together.

    Returns:
        ``groups``, ``ci_low`` and ``ci_high`` of a bootstrap that draws clusters, and ``p_value``
        of the test that every cluster's sum of differences might as well have the other sign; None
        where every cluster has one example, or one has all.
    """
    import numpy as np

    pairs = zip(first, second, strict=True)
    tops, bottoms = _sums(Ratio([b - a for a, b in pairs], [1.0] * len(first)), clusters)
    if len(tops) in (1, len(first)):
        return None
    low, high = _bootstrap_ratio(tops, bottoms, root=False, seed=seed)
    if high - low <= _SAME:  # drawing again what is equal says nothing
        low, high = _difference_interval([t / b for t, b in zip(tops, bottoms, strict=True)])
    changed = np.array([top for top in tops if abs(top) > _SAME])
    if len(changed) <= math.log2(FLIPS):
        bits = np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed)) & 1
        sums = (1 - 2 * bits) @ changed
    else:
        rng = np.random.default_rng(seed)
        # In parts: all of them at once take 80 kB a group.
        parts = [
            (rng.integers(0, 2, (rows, len(changed))) * 2 - 1) @ changed
            for rows in parts_of(FLIPS, len(changed))
        ]
        # The signs that were found are one of those that were possible.
        sums = np.array([*np.concatenate(parts), changed.sum()])
    p_value = float((np.abs(sums) >= abs(changed.sum()) - 1e-9).mean())
    return {"groups": len(tops), "ci_low": low, "ci_high": high, "p_value": p_value}


def paired_difference(first: Sequence[float], second: Sequence[float]) -> dict[str, float]:
    """Compares two runs over the same examples.

    Args:
        first: What each answer of the first run is worth, in [0, 1].
        second: The same for the second run, in the same order.

    Returns:
        ``difference`` (mean of second - first), its 95 % interval ``ci_low`` / ``ci_high`` (normal
        approximation over pairs; where all of them differ equally, with two pairs more: Agresti
        and Min, "Simple improved confidence intervals for comparing matched proportions",
        Statistics in Medicine 2005), ``gained`` and ``lost`` (answers that are right in one run
        alone, right being worth at least ``RIGHT``), and ``p_value`` of McNemar's exact test on
        these.
    """
    n = len(first)
    pairs = list(zip(first, second, strict=True))
    gained = sum(b >= RIGHT > a for a, b in pairs)
    lost = sum(a >= RIGHT > b for a, b in pairs)
    low, high = _difference_interval([b - a for a, b in pairs])
    return {
        "difference": math.fsum(b - a for a, b in pairs) / n,
        "ci_low": low,
        "ci_high": high,
        "gained": gained,
        "lost": lost,
        "p_value": _mcnemar(gained, lost),
    }


def _difference_interval(differences: Sequence[float]) -> tuple[float, float]:
    """See ``paired_difference``."""
    n = len(differences)
    mean = math.fsum(differences) / n
    variance = (math.fsum(d * d for d in differences) / n - mean**2) / n
    if variance <= _SAME:
        # Half a pair that gained, half a one that lost, and one that did neither.
        n, mean = n + 2, mean * n / (n + 2)
        variance = ((math.fsum(d * d for d in differences) + 1) / n - mean**2) / n
    spread = Z95 * math.sqrt(variance)
    return max(-1.0, mean - spread), min(1.0, mean + spread)


def _mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided binomial test that gains and losses are equally likely."""
    n = gained + lost
    if n == 0:
        return 1.0
    log_half = n * math.log(0.5)
    tail = sum(
        math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + log_half)
        for k in range(min(gained, lost) + 1)
    )
    return min(1.0, 2 * tail)
