"""The order of training: rows about one view together, views shuffled, any step found again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from vprog.teach.supervision import Supervised
from vprog.training.order import Shuffled


class Lessons:
    """An endless, shuffled stream of groups of rows."""

    def __init__(self, rows: Sequence[Supervised], *, together: int, seed: str) -> None:
        """Groups rows.

        Args:
            rows: At least one.
            together: Most rows about one view in a group.
            seed: Of the order.
        """
        assert rows, "nothing to learn from"
        by_view: dict[tuple[object, ...], list[Supervised]] = {}
        for row in rows:
            by_view.setdefault((row.region.picture, *row.region.box_xyxy), []).append(row)
        self._groups: list[list[Supervised]] = []
        for number, members in enumerate(by_view.values()):
            random.Random(f"{seed}/{number}").shuffle(members)
            starts = range(0, len(members), together)
            self._groups += [members[start : start + together] for start in starts]
        self._order = Shuffled(len(self._groups), seed)

    def __len__(self) -> int:
        """How many groups an epoch has."""
        return len(self._groups)

    def batch(self, number: int, size: int) -> list[Supervised]:
        """The rows of batch ``number``; small sets are seen more than once an epoch, not a batch.

        Args:
            number: From 0.
            size: Groups in a batch.
        """
        size = min(size, len(self))
        places = range(number * size, (number + 1) * size)
        return [row for place in places for row in self._groups[self._order.at(place)]]


def in_turn(sets: Mapping[str, Lessons], number: int, size: int) -> list[Supervised]:
    """Batch ``number`` of several streams that take turns, so that small ones are not drowned."""
    streams = list(sets.values())
    turn, which = divmod(number, len(streams))
    return streams[which].batch(turn, size)


def all_of(
    rows: Sequence[Supervised], size: int, together: int
) -> Iterator[list[Supervised]]:  # fmt: skip
    """Every row once, in batches."""
    if rows:
        lessons = Lessons(rows, together=together, seed="val")
        for start in range(0, len(lessons), size):
            groups = lessons._groups[start : start + size]
            yield [row for group in groups for row in group]
