"""Intervals and paired tests for accuracies."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def wilson(right: int, n: int) -> tuple[float, float]:
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


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> dict[str, float]:
    """Compares two runs over the same examples.

    Args:
        first: Whether each answer of the first run is right.
        second: The same for the second run, in the same order.

    Returns:
        ``difference`` (second - first), its 95 % interval ``ci_low`` / ``ci_high`` (normal
        approximation over pairs), and ``p_value`` of McNemar's exact test.
    """
    n = len(first)
    gained = sum(b and not a for a, b in zip(first, second, strict=True))
    lost = sum(a and not b for a, b in zip(first, second, strict=True))
    difference = (gained - lost) / n
    variance = ((gained + lost) / n - difference**2) / n
    spread = Z95 * math.sqrt(max(variance, 0.0))
    return {
        "difference": difference,
        "ci_low": max(-1.0, difference - spread),
        "ci_high": min(1.0, difference + spread),
        "p_value": _mcnemar(gained, lost),
    }


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
