"""Pictures with the words that are true of their things: drawn scenes, and grids like SHAPES'.

Grids are drawn from the description of SHAPES (Andreas et al., Neural Module Networks, CVPR 2016):
nine cells, each empty or a red, green or blue circle, square or triangle of some size and shade.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from phrases import CATEGORIES, CATEGORY_OF
from pictures import Pictures
from PIL import Image, ImageDraw

from vprog.example import SceneObject
from vprog.world.vocabulary import CATEGORY, COLORS, KINDS, PATTERNS, SIZES

SIDE = 96
GRID = 32
"""Places are whole numbers below this, in both directions."""
SHAPES = ("circle", "square", "triangle")
SHADES = {"red": 0, "green": 1, "blue": 2}


def place(box_xyxy: Sequence[float]) -> str:
    """``[3 4 9 12]``: a box on the grid."""
    return "[" + " ".join(str(round(v / SIDE * (GRID - 1))) for v in box_xyxy) + "]"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something on a picture.

    Attributes:
        noun: Its own name.
        broad: A wider name: a category or ``shape``.
        adjectives: What is said before the noun, in the order of English.
        box_xyxy: In pixels of a picture of 96.
        facts: Indices of kind, colour, size, pattern; of shape and colour on grids.
    """

    noun: str
    broad: str
    adjectives: tuple[str, ...]
    box_xyxy: tuple[float, float, float, float]
    facts: tuple[int, ...]

    @property
    def place(self) -> str:
        """Its box on the grid."""
        return place(self.box_xyxy)

    @property
    def center(self) -> tuple[float, float]:
        """Of the box, in pixels."""
        left, top, right, bottom = self.box_xyxy
        return (left + right) / 2, (top + bottom) / 2

    def said(self) -> str:
        """All that is true of it: ``small red dotted cat``."""
        return " ".join((*self.adjectives, self.noun))

    def gold(self) -> SceneObject:
        """As an object of a gold scene; for drawn scenes alone."""
        kind, color, size, pattern = self.facts
        return SceneObject(
            id=self.place, name=KINDS[kind], box_xyxy=self.box_xyxy, names=(CATEGORY[KINDS[kind]],),
            attributes=(COLORS[color], SIZES[size], PATTERNS[pattern]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """A picture and its things, the leftmost first.

    Attributes:
        pixels: uint8 [96, 96, 3].
        things: What is there.
        dark: Whether the background is dark.
        grid: Whether it is a grid of shapes.
    """

    pixels: np.ndarray
    things: tuple[Thing, ...]
    dark: bool
    grid: bool = False


def drawn(pictures: Pictures, row: int, mirrored: bool = False) -> View:
    """A drawn scene, mirrored if wanted."""
    pixels = np.asarray(pictures.pixels[row])
    if mirrored:
        pixels = pixels[:, ::-1]
    things = []
    for box, facts in zip(
        pictures.boxes_xyxy[row].tolist(), pictures.facts[row].tolist(), strict=True
    ):
        kind, color, size, pattern = facts
        if kind < 0:
            continue
        left, top, right, bottom = box
        if mirrored:
            left, right = SIDE - right, SIDE - left
        adjectives = (SIZES[size], COLORS[color], PATTERNS[pattern])
        broad = CATEGORIES[CATEGORY_OF[kind]]
        things.append(
            Thing(KINDS[kind], broad, adjectives, (left, top, right, bottom), tuple(facts))
        )
    return View(pixels, _ordered(things), bool(pictures.dark[row]))


def grid(rng: random.Random) -> View:
    """A grid of shapes, 30 pixels a side, scaled to 96 as the processor does."""
    large = Image.new("RGB", (240, 240))
    pen = ImageDraw.Draw(large)
    things = []
    empty = rng.uniform(0.1, 0.6)
    for cell in range(9):
        if rng.random() < empty:
            continue
        shape, color = rng.randrange(3), rng.choice(list(SHADES))
        x, y = cell % 3 * 10 + 5, cell // 3 * 10 + 5
        half = rng.uniform(2.0, 4.1)
        paint = [0, 0, 0]
        paint[SHADES[color]] = rng.randint(200, 255)
        paint[(SHADES[color] + rng.choice((1, 2))) % 3] = rng.randint(0, 60)
        if rng.random() < 0.15:
            paint = [min(255, value + rng.randint(10, 50)) for value in paint]
        left, top, right, bottom = (8 * v for v in (x - half, y - half, x + half, y + half))
        fill = tuple(paint)
        if SHAPES[shape] == "circle":
            pen.ellipse((left, top, right, bottom), fill=fill)
        elif SHAPES[shape] == "square":
            pen.rectangle((left, top, right, bottom), fill=fill)
        else:
            pen.polygon(((8 * x, top), (left, bottom), (right, bottom)), fill=fill)
        box = tuple(v / 240 * SIDE for v in (left, top, right, bottom))
        facts = (shape, list(SHADES).index(color))
        things.append(Thing(SHAPES[shape], "shape", (color,), box, facts))  # type: ignore[arg-type]
    small = large.resize((30, 30), Image.Resampling.BOX)
    pixels = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    return View(pixels, _ordered(things), True, True)


def _ordered(things: list[Thing]) -> tuple[Thing, ...]:
    """From left to right, then from top to bottom, as their places say it."""
    return tuple(sorted(things, key=lambda t: tuple(int(n) for n in t.place[1:-1].split()[:2])))
