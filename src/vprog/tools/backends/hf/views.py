"""The pixels that a model sees of a region, read once a batch, and results that are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from vprog.example import Picture, Region

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

DECODED_MB = 64
"""Memory for decoded pictures that the tools of a toolbox share."""
SMALLEST = 4
"""Views with a shorter side are enlarged to it: image processors take an axis of 1 to 3 pixels for
colour channels."""


class View(NamedTuple):
    """A rectangle of whole pixels of a picture's content; equal views have equal pixels.

    Attributes:
        digest: ``Picture.digest``.
        left: In pixels of the whole picture.
        top: In pixels of the whole picture.
        right: Exclusive.
        bottom: Exclusive.
    """

    digest: str
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """In pixels of the picture."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels of the picture."""
        return self.bottom - self.top


class Views:
    """Reads views of the pictures of one batch; a picture that is still kept is not read again."""

    def __init__(self, pictures: Mapping[str, Picture], kept: Kept[Image] | None = None) -> None:
        """Reads nothing yet.

        Args:
            pictures: By id.
            kept: Decoded pictures by digest, shared with other batches.
        """
        self._pictures = pictures
        self._by_digest: dict[str, Picture] = {}
        self._kept: Kept[Image] = Kept(DECODED_MB) if kept is None else kept
        self._last: tuple[str, Image] | None = None

    def of(self, region: Region) -> View:
        """The pixels of a region: clipped to the picture, at least one a side."""
        picture = self._picture(region)
        width, height = picture.size
        left = min(max(round(region.left), 0), width - 1)
        top = min(max(round(region.top), 0), height - 1)
        right = max(min(round(region.right), width), left + 1)
        bottom = max(min(round(region.bottom), height), top + 1)
        return View(picture.digest, left, top, right, bottom)

    def whole(self, region: Region) -> View:
        """All of the picture that a region lies in."""
        picture = self._picture(region)
        return View(picture.digest, 0, 0, *picture.size)

    def read(self, view: View) -> Image:
        """The pixels in mode RGB, no side shorter than ``SMALLEST``."""
        image = self._decoded(view.digest)
        box = (view.left, view.top, view.right, view.bottom)
        if box != (0, 0, *image.size):
            image = image.crop(box)
        if min(image.size) < SMALLEST:
            image = image.resize((max(image.width, SMALLEST), max(image.height, SMALLEST)))
        return image

    def _decoded(self, digest: str) -> Image:
        if self._last is not None and self._last[0] == digest:
            return self._last[1]
        image = self._kept.get(digest)
        if image is None:
            image = self._by_digest[digest].load()
            self._kept.put(digest, image, 3 * image.width * image.height)
        self._last = (digest, image)  # a picture larger than the room is decoded once, not per view
        return image

    def _picture(self, region: Region) -> Picture:
        picture = self._pictures[region.picture]
        return self._by_digest.setdefault(picture.digest, picture)


class Kept(Generic[T]):
    """The values used last, up to a number of bytes."""

    def __init__(self, megabytes: float) -> None:
        """Starts empty.

        Args:
            megabytes: Of all values together.
        """
        self._room = int(megabytes * 1e6)
        self._items: OrderedDict[Any, tuple[T, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """How many values are kept."""
        return len(self._items)

    @property
    def megabytes(self) -> float:
        """Of all values together."""
        return self._bytes / 1e6

    def clear(self) -> None:
        """Lets go of everything."""
        self._items.clear()
        self._bytes = 0

    def get(self, key: Any) -> T | None:
        """The value, which counts as used, or None."""
        item = self._items.get(key)
        if item is None:
            return None
        self._items.move_to_end(key)
        return item[0]

    def put(self, key: Any, value: T, size: int) -> None:
        """Keeps a value of ``size`` bytes and lets go of the oldest ones beyond the room."""
        if key in self._items:
            self._bytes -= self._items.pop(key)[1]
        self._items[key] = (value, size)
        self._bytes += size
        while self._bytes > self._room and self._items:
            self._bytes -= self._items.popitem(last=False)[1][1]
