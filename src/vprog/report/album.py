"""The pictures of a report: each embedded once, shown whole and in crops wherever it is needed."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vprog.errors import InputError
from vprog.example import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 480
"""Pixels of the longer side of an embedded picture; larger ones are scaled down."""
DRAWN_COLOURS = 20_000
"""Pictures with at most this many colours may be embedded as PNG, others are photographs."""
SMALL_PNG_BYTES = 4_000
"""A PNG up to this size is taken even where a JPEG would be smaller."""
TINY_SIDE = 160
"""Pictures with a longer side below this are enlarged with hard pixels."""


@dataclass(frozen=True, slots=True)
class Print:
    """One embedded picture.

    Attributes:
        ref: Its element's id in the page; "" where the picture could not be read.
        width: Of the whole picture in pixels, before it was scaled down; the frame of regions.
        height: See ``width``.
        problem: Why it could not be read; "" where it could.
    """

    ref: str
    width: int = 0
    height: int = 0
    problem: str = ""

    @property
    def tiny(self) -> bool:
        """Whether it is so small that its pixels should stay visible when enlarged."""
        return max(self.width, self.height) < TINY_SIDE


class Album:
    """Collects pictures while the items of a report are rendered, and embeds each content once."""

    def __init__(self) -> None:
        """Starts empty."""
        self._prints: dict[str, Print] = {}
        self._elements: list[str] = []

    def add(self, picture: Picture) -> Print:
        """Embeds a picture, or finds it where equal content is embedded already.

        A picture that cannot be read becomes a ``Print`` with its problem and is not embedded.
        """
        try:
            digest = picture.digest
            if digest not in self._prints:
                self._prints[digest] = self._embed(picture.load())
        except (InputError, OSError, TypeError, ValueError) as error:
            return Print("", problem=str(error) or type(error).__name__)
        return self._prints[digest]

    def render(self) -> str:
        """The hidden SVG that holds the pictures; figures and crops refer to its elements.

        An element has the size of the whole picture in pixels, so that regions need no conversion.
        """
        return (
            '<svg class="album" width="0" height="0" aria-hidden="true"><defs>\n'
            + "\n".join(self._elements)
            + "\n</defs></svg>"
        )

    def _embed(self, image: Image) -> Print:
        made = Print(f"p{len(self._elements)}", image.width, image.height)
        kind = ' class="tiny"' if made.tiny else ""
        self._elements.append(
            f'<image id="{made.ref}"{kind} width="{made.width}" height="{made.height}" '
            f'preserveAspectRatio="none" href="{data_uri(image)}"/>'
        )
        return made


def data_uri(image: Image) -> str:
    """A picture as a ``data:`` address: scaled down to ``LONGEST_SIDE``, PNG or JPEG.

    Drawn pictures stay without loss (PNG) unless that takes far more space; photographs become
    JPEG.
    """
    image = image.convert("RGB")
    if max(image.size) > LONGEST_SIDE:
        image = image.copy()
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    kind, data = "jpeg", _encoded(image, "JPEG", quality=76, optimize=True)
    if image.getcolors(DRAWN_COLOURS) is not None:
        png = _encoded(image, "PNG", optimize=True)
        if len(png) <= max(2 * len(data), SMALL_PNG_BYTES):
            kind, data = "png", png
    return f"data:image/{kind};base64," + base64.b64encode(data).decode("ascii")


def _encoded(image: Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
