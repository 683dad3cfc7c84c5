"""Words of rationales: plain text, boxes on a grid, names of pictures and of their parts.

A rationale is lower-case words with blanks around punctuation. ``[x1 y1 x2 y2]`` is a box, `` .``
ends a sentence; neither can come from text that a model or a person wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vprog.example import Example, Region
from vprog.verify import answer_text

_TOKEN = re.compile(r"\w+(?:['’.,:/-]\w+)*|[^\w\s]")
_RESERVED = {".": ";", "[": "(", "]": ")"}
HALVES = {
    (0, 0, 1, 2): "left half", (1, 0, 2, 2): "right half",
    (0, 0, 2, 1): "top half", (0, 1, 2, 2): "bottom half",
}  # fmt: skip
"""Parts of a picture in halves of its sides, and their names."""
BESIDE: Mapping[str, str] = {
    "CROP_LEFTOF": "left of",
    "CROP_RIGHTOF": "right of",
    "CROP_ABOVE": "above",
    "CROP_BELOW": "below",
}
"""Modules that cut a region beside a box, and how rationales name it."""


def words(text: str) -> str:
    """Any text in the form of rationales: lower case, blanks around punctuation, one line.

    A full stop at the end goes, another becomes ``;``, and brackets become round ones: these are
    the rationale's own.
    """
    tokens = _TOKEN.findall(text.lower())
    while tokens and tokens[-1] == ".":
        tokens.pop()
    return " ".join(_RESERVED.get(t, t) for t in tokens)


def place(box_xyxy: Sequence[float], size: tuple[float, float], grid: int) -> tuple[int, ...]:
    """A box in pixels of a picture as whole numbers of the grid.

    Args:
        box_xyxy: Left, top, right, bottom in pixels of the whole picture, y downward.
        size: Width and height of the picture in pixels.
        grid: Places a side.

    Returns:
        x1, y1, x2, y2 from 0 to ``grid - 1``; 0 is the left (top) edge of the picture, ``grid - 1``
        its right (bottom) edge.
    """
    last = grid - 1
    return tuple(
        min(max(int(edge / max(side, 1e-9) * last + 0.5), 0), last)
        for edge, side in zip(box_xyxy, (*size, *size), strict=True)
    )


def unplace(
    numbers: Sequence[int], size: tuple[float, float], grid: int
) -> tuple[float, float, float, float]:
    """The inverse of ``place``, in pixels, up to half a place."""
    x1, y1, x2, y2 = numbers
    width, height = size
    last = grid - 1
    return (x1 * width / last, y1 * height / last, x2 * width / last, y2 * height / last)


def box_text(numbers: Sequence[int]) -> str:
    """``[x1 y1 x2 y2]``."""
    return f"[{' '.join(map(str, numbers))}]"


def picture_names(count: int) -> tuple[str, ...]:
    """How rationales name the pictures of an example: a single one not at all."""
    if count < 2:
        return ("",) * count
    if count == 2:
        return ("left picture", "right picture")
    return tuple(f"picture {n + 1}" for n in range(count))


@dataclass(slots=True)
class Speaker:
    """Words for the values of one trace.

    Attributes:
        grid: Places a side.
        most_boxes: Of one list.
        names: Of pictures, by id.
        sizes: Of pictures in pixels, by id.
        made: Names of regions that a module has cut, by picture and edges.
        said: Every box that got into the text, in order.
    """

    grid: int
    most_boxes: int
    names: dict[str, str]
    sizes: dict[str, tuple[float, float]]
    made: dict[tuple[str, float, float, float, float], str] = field(default_factory=dict)
    said: list[Region] = field(default_factory=list)

    @classmethod
    def of(cls, example: Example, grid: int, most_boxes: int) -> Speaker:
        """For an example's pictures.

        Raises:
            PictureError: A picture cannot be read.
        """
        names = picture_names(len(example.pictures))
        return cls(
            grid,
            most_boxes,
            {p.id: name for p, name in zip(example.pictures, names, strict=True)},
            {p.id: p.size for p in example.pictures},
        )

    def box(self, region: Region) -> str:
        """A region as its box."""
        self.said.append(region)
        return box_text(place(region.box_xyxy, self._size(region), self.grid))

    def image(self, region: Region) -> str:
        """What a step looks at: "" for all of a single picture."""
        return f"{self.name(region.picture)} {self.part(region)}".strip()

    def name(self, picture: str) -> str:
        """The name of a picture."""
        return self.names.get(picture, "edited picture")

    def part(self, region: Region) -> str:
        """Which part of its picture a region is: "" for all of it."""
        width, height = self._size(region)
        halves = (
            2 * region.left / width, 2 * region.top / height,
            2 * region.right / width, 2 * region.bottom / height,
        )  # fmt: skip
        if halves == (0, 0, 2, 2):
            return ""
        if halves in HALVES:
            return HALVES[halves]  # type: ignore[index]
        return self.made.get(region[:5]) or self.box(region)

    def cut(self, module: str, image: Region, boxes: Sequence[Region], region: Region) -> None:
        """Remembers that a module has cut ``region`` out of ``image`` by the first of ``boxes``."""
        if not boxes:
            return
        count = len(self.said)
        box = self.box(boxes[0])
        del self.said[count:]  # it is said when the region is
        if module in BESIDE:
            box = f"{self.made.get(image[:5], '')} {BESIDE[module]} {box}".strip()
        self.made[region[:5]] = box

    def boxes(self, regions: Sequence[Region], here: str, *, labelled: bool = False) -> str:
        """A list of regions: how many, and where.

        Args:
            regions: The regions.
            here: Id of the picture that the sentence speaks of.
            labelled: Whether each is named by its label.
        """
        if not regions:
            return "none"
        placed = []
        for region in regions[: self.most_boxes]:
            named = "" if region.picture == here else self.name(region.picture)
            label = words(region.label) if labelled else ""
            placed.append(" ".join(filter(None, (label, named, self.box(region)))))
        left = len(regions) - len(placed)
        more = [f"{left} more"] if left else []
        return f"{len(regions)} at {' and '.join([*placed, *more])}"

    def _size(self, region: Region) -> tuple[float, float]:
        return self.sizes.get(region.picture) or (max(region.right, 1), max(region.bottom, 1))


def plain(value: object) -> str:
    """A value that is no region in words."""
    if isinstance(value, list):
        return " , ".join(map(plain, value)) or "nothing"
    if isinstance(value, dict):
        return " , ".join(f"{plain(k)} {plain(v)}" for k, v in value.items()) or "nothing"
    if isinstance(value, str):
        return words(value) or "nothing"
    text = answer_text(value) if isinstance(value, bool | int | float) else None
    return text or "nothing"
