"""The order of training: an endless shuffled stream in which any place is found again.

Every batch is a function of the seed and its number alone, so that a training that was killed goes
on with the batch that comes next, and each of many processes finds its own.
"""

from __future__ import annotations

import random


class Shuffled:
    """Numbers from 0 below a count, every one once an epoch, shuffled anew in each."""

    def __init__(self, count: int, seed: str) -> None:
        """Starts anywhere.

        Args:
            count: At least 1.
            seed: Of the order.
        """
        assert count > 0, "nothing to learn from"
        self._count, self._seed = count, seed
        self._order: tuple[int, list[int]] = (-1, [])

    def at(self, place: int) -> int:
        """The number at a place of the stream."""
        epoch, index = divmod(place, self._count)
        if self._order[0] != epoch:
            order = list(range(self._count))
            random.Random(f"{self._seed}/epoch {epoch}").shuffle(order)
            self._order = (epoch, order)
        return self._order[1][index]
