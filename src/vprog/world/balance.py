"""Keeping answers balanced, so that nobody scores by guessing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence


class Balance:
    """Accepts an answer only while it is not ahead of the other answers to the same question.

    Counts are kept under keys: coarse ones (a template) and fine ones (a question's content).
    """

    def __init__(self) -> None:
        """Starts without any answer."""
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def accepts(self, keys: Sequence[tuple[str, float, tuple[str, ...]]], answer: str) -> bool:
        """Whether one more ``answer`` keeps every key balanced; if so, it is counted.

        Args:
            keys: ``(key, slack, space)``: how far ``answer`` may be ahead of the rarest answer
                in ``space``, the answers that are possible under this key.
            answer: The candidate's answer.
        """
        for key, slack, space in keys:
            counts = self._counts[key]
            if counts[answer] > min(counts[possible] for possible in space) + slack:
                return False
        for key, _, _ in keys:
            self._counts[key][answer] += 1
        return True
