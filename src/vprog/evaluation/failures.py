"""What went wrong, counted by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from vprog.errors import ERROR_KINDS

WRONG = "wrong answer"
CLASSES = (*ERROR_KINDS, WRONG)
"""The kinds of errors of a program, and an answer that is not accepted."""


def count_failures(ended: Iterable[tuple[str, str | None]]) -> dict[str, int]:
    """Counts traces by what went wrong with them.

    Args:
        ended: ``(judgement, kind of the failure or None)`` of each trace; what is right, has no
            label to be wrong by, or never ran, is no failure.

    Returns:
        Counts by class in the order of ``CLASSES``; classes that did not occur are left out.
    """
    counts: Counter[str] = Counter()
    for judgement, kind in ended:
        if judgement == "failed":
            assert kind is not None
            counts[kind] += 1
        elif judgement == "wrong":
            counts[WRONG] += 1
    return {name: counts[name] for name in CLASSES if counts[name]}
