"""Regions of the oracle: which objects a region holds, and which one it shows."""

from __future__ import annotations

from collections.abc import Sequence

from vprog.example import Region, Scene, SceneObject

ENLARGED = 1.5
"""CROP hands over boxes enlarged by this factor (VisProg); see ``Oracle``."""


def objects_in(scene: Scene, region: Region) -> list[SceneObject]:
    """The objects whose centre lies inside the region, not on its edges."""
    across = min(0.5, (region.right - region.left) / 4)
    down = min(0.5, (region.bottom - region.top) / 4)
    found = []
    for thing in scene.objects:
        left, top, right, bottom = thing.box_xyxy
        x, y = (left + right) / 2, (top + bottom) / 2
        if (
            region.left + across < x < region.right - across
            and region.top + down < y < region.bottom - down
        ):
            found.append(thing)
    return found


def main_object(things: Sequence[SceneObject], region: Region) -> SceneObject | None:
    """The object that a region shows; see ``Oracle``."""
    if len(things) < 2:
        return things[0] if things else None
    x, y = region.center_xy
    width = (region.right - region.left) / ENLARGED / 2
    height = (region.bottom - region.top) / ENLARGED / 2
    shrunk = (x - width, y - height, x + width, y + height)
    return max(
        things, key=lambda o: max(_iou(o.box_xyxy, region.box_xyxy), _iou(o.box_xyxy, shrunk))
    )


def _iou(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> float:
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = (one[2] - one[0]) * (one[3] - one[1]) + (two[2] - two[0]) * (two[3] - two[1])
    return width * height / (area - width * height)
