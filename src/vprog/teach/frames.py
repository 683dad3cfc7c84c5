"""Frames: how a teacher sees a region, and where its boxes are in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vprog.errors import InputError
from vprog.example import Picture, Region

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]
"""Four numbers; in which order and unit depends on where they come from."""

VIEWS = ("crop", "picture")
SQUARES = ("no", "corner", "centre")
UNITS = ("pixels", "relative")
LAYOUTS = ("xyxy", "xywh", "cxcywh", "yxyx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The frame in which a teacher sees and speaks.

    Attributes:
        view: ``crop``: it sees the region alone; ``picture``: the whole picture.
        square: Whether what it sees is padded to a square, and where the pixels lie then: in the
            upper left ``corner`` or in the ``centre``.
        side: Pixels of the longer side that it sees; None leaves the size as it is.
        unit: Of its boxes: ``pixels`` of what it sees, or ``relative`` to what it sees.
        layout: Order of a box's numbers; ``xywh`` starts at the left upper corner, ``cxcywh`` at
            the centre, ``yxyx`` is top, left, bottom, right.
    """

    view: Literal["crop", "picture"] = "crop"
    square: Literal["no", "corner", "centre"] = "no"
    side: int | None = None
    unit: Literal["pixels", "relative"] = "pixels"
    layout: Literal["xyxy", "xywh", "cxcywh", "yxyx"] = "xyxy"

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            InputError: One of them is unknown, with the known ones.
        """
        for name, known in (
            ("view", VIEWS), ("square", SQUARES), ("unit", UNITS), ("layout", LAYOUTS),
        ):  # fmt: skip
            value = getattr(self, name)
            if value not in known:
                raise InputError(f"{name}: {value!r} is none of {', '.join(known)}")
        if self.side is not None and not (type(self.side) is int and 1 <= self.side <= 8192):
            raise InputError(f"side: must be 1 to 8192 pixels, got {self.side!r}")

    def seen(self, region: Region, picture: Picture) -> Box:
        """Left, top, right, bottom of what is seen, in whole pixels of the picture."""
        width, height = picture.size
        if self.view == "picture":
            return (0, 0, width, height)
        left = min(max(round(region.left), 0), width - 1)
        top = min(max(round(region.top), 0), height - 1)
        right = max(min(round(region.right), width), left + 1)
        bottom = max(min(round(region.bottom), height), top + 1)
        return (left, top, right, bottom)

    def show(self, region: Region, picture: Picture) -> Image:
        """The pixels that the teacher sees, mode RGB, padded with black."""
        from PIL import Image

        left, top, right, bottom = self.seen(region, picture)
        shown = picture.load().crop((int(left), int(top), int(right), int(bottom)))
        scale, offset_x, offset_y, (width, height) = self._placed(right - left, bottom - top)
        if scale != 1:
            size = (max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
            shown = shown.resize(size)
        if self.square == "no":
            return shown
        padded = Image.new("RGB", (round(width), round(height)))
        padded.paste(shown, (round(offset_x), round(offset_y)))
        return padded

    def to_picture(self, box: Sequence[float], region: Region, picture: Picture) -> Box:
        """A teacher's box as left, top, right, bottom in pixels of the whole picture, clipped."""
        left, top, right, bottom = self.seen(region, picture)
        scale, offset_x, offset_y, (width, height) = self._placed(right - left, bottom - top)
        x0, y0, x1, y1 = _to_xyxy(box, self.layout)
        if self.unit == "relative":
            x0, x1, y0, y1 = x0 * width, x1 * width, y0 * height, y1 * height
        return (
            min(max((x0 - offset_x) / scale + left, left), right),
            min(max((y0 - offset_y) / scale + top, top), bottom),
            min(max((x1 - offset_x) / scale + left, left), right),
            min(max((y1 - offset_y) / scale + top, top), bottom),
        )

    def from_picture(self, box_xyxy: Sequence[float], region: Region, picture: Picture) -> Box:
        """The inverse of ``to_picture`` for a box inside what is seen."""
        left, top, right, bottom = self.seen(region, picture)
        scale, offset_x, offset_y, (width, height) = self._placed(right - left, bottom - top)
        x0, y0, x1, y1 = box_xyxy
        x0, x1 = (x0 - left) * scale + offset_x, (x1 - left) * scale + offset_x
        y0, y1 = (y0 - top) * scale + offset_y, (y1 - top) * scale + offset_y
        if self.unit == "relative":
            x0, x1, y0, y1 = x0 / width, x1 / width, y0 / height, y1 / height
        return _from_xyxy((x0, y0, x1, y1), self.layout)

    def _placed(
        self, width: float, height: float
    ) -> tuple[float, float, float, tuple[float, float]]:
        """Scale, offset of the pixels across and down, and size of what is seen."""
        scale = 1.0 if self.side is None else self.side / max(width, height)
        width, height = width * scale, height * scale
        if self.square == "no":
            return scale, 0.0, 0.0, (width, height)
        side = max(width, height)
        if self.square == "corner":
            return scale, 0.0, 0.0, (side, side)
        return scale, (side - width) / 2, (side - height) / 2, (side, side)


def _to_xyxy(box: Sequence[float], layout: str) -> Box:
    a, b, c, d = (float(v) for v in box)
    if layout == "xywh":
        return (a, b, a + c, b + d)
    if layout == "cxcywh":
        return (a - c / 2, b - d / 2, a + c / 2, b + d / 2)
    if layout == "yxyx":
        return (b, a, d, c)
    return (a, b, c, d)


def _from_xyxy(box: Box, layout: str) -> Box:
    x0, y0, x1, y1 = box
    if layout == "xywh":
        return (x0, y0, x1 - x0, y1 - y0)
    if layout == "cxcywh":
        return ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
    if layout == "yxyx":
        return (y0, x0, y1, x1)
    return box
