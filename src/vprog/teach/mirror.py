"""Mirrored views: other pixels with the same answers, where nobody speaks of left and right.

Detectors are commonly trained on pictures of which half are mirrored (Girshick, Fast R-CNN, ICCV
2015, section 2.3).
"""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Mapping, Sequence

from vprog.example import Picture, Region
from vprog.teach.supervision import Supervised

_SIDES = re.compile(r"\b(left|right)(most|ward|wards|hand)?\b", re.IGNORECASE)
_MARK = " mirrored"


def mirrored(
    rows: Sequence[Supervised], pictures: Mapping[str, Picture], share: float, seed: str
) -> tuple[list[Supervised], dict[str, Picture]]:
    """Rows of a batch, some of its views as in a mirror.

    Rows about one view are mirrored together, and not at all if one of them, or its answer, says
    left or right.

    Args:
        rows: Of the batch.
        pictures: By id.
        share: Of the views.
        seed: Of the choice.

    Returns:
        The rows in their order, and the pictures that they are about by their ids.
    """
    views: dict[tuple[object, ...], bool] = {}
    draw = random.Random(seed)
    for row in rows:
        view = (row.region.picture, row.region.box_xyxy)
        if view not in views:
            views[view] = draw.random() < share
        views[view] &= not _speaks_of_sides(row)
    shown: list[Supervised] = []
    seen: dict[str, Picture] = {}
    for row in rows:
        name = row.region.picture
        picture = pictures[name]
        if views[name, row.region.box_xyxy]:
            row = _turned(row, picture.size[0])
            picture = _mirrored(picture)
        shown.append(row)
        seen[row.region.picture] = picture
    return shown, seen


def _speaks_of_sides(row: Supervised) -> bool:
    asked = (row.argument,) if isinstance(row.argument, str) else row.argument
    return any(_SIDES.search(text) for text in (*asked, *(row.distribution or ())))


def _mirrored(picture: Picture) -> Picture:
    from PIL import ImageOps

    return Picture(
        picture.id + _MARK,
        render=lambda: ImageOps.mirror(picture.load()),
        size=picture.size,
        digest=picture.digest + _MARK,
    )


def _turned(row: Supervised, width: int) -> Supervised:
    def turn(region: Region) -> Region:
        return region._replace(
            picture=region.picture + _MARK, left=width - region.right, right=width - region.left
        )

    boxes = None if row.boxes is None else tuple(map(turn, row.boxes))
    return dataclasses.replace(row, region=turn(row.region), boxes=boxes)
