"""Grids of SHAPES to train on: real cells in new places, and what sentences denote on them.

Nothing is drawn anew: the nine cells of a new picture are cut out of the pictures of train.small
and train.tiny, half of them mirrored, so that sizes, shades and edges are the real ones; but
colours may be in disguise, so that sentences speak of more of them. What is in a cell is read by
``pixels``; answers follow from the gold layouts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from vprog.benchmarks.shapes import GRID, RELATIONS, SIDES, Expression, parse_expression
from vprog.distill.wording import box_text, place
from vprog.tools.backends.pixel_shapes import find_figures

CELL = 10
"""Pixels a side."""
NUMBERS = 32
"""Places are whole numbers below this."""
COLORS, FIGURES = ("red", "green", "blue"), ("circle", "square", "triangle")
WORDS = (*COLORS, *FIGURES)
PAINTS = {
    "red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0),
    "yellow": (1.0, 1.0, 0.0), "cyan": (0.0, 1.0, 1.0), "purple": (1.0, 0.0, 1.0),
    "white": (1.0, 1.0, 1.0), "orange": (1.0, 0.5, 0.0),
}  # fmt: skip
"""Colours, five of which SHAPES does not have, as shares of a colour's own light in red, green and
blue."""
CELLS = GRID * GRID
LOPSIDED = 0.1
"""See ``disguised``."""


@dataclass(frozen=True, slots=True)
class Cells:
    """What stands in cells; the first one is empty.

    Attributes:
        pixels: uint8 [n, 10, 10, 3].
        colors: Index of the colour, -1 of the empty cell, [n].
        figures: Index of the figure, likewise.
        boxes_xyxy: In pixels of the cell, [n, 4].
    """

    pixels: np.ndarray
    colors: np.ndarray
    figures: np.ndarray
    boxes_xyxy: np.ndarray

    def masks(self, grids: np.ndarray) -> dict[str, np.ndarray]:
        """Word -> which cells of grids [B, 9] it is true of, bool [B, 9]."""
        color, figure = self.colors[grids], self.figures[grids]
        return {word: color == index for index, word in enumerate(COLORS)} | {
            word: figure == index for index, word in enumerate(FIGURES)
        }

    def draw(
        self, grids: np.ndarray, side: int, disguises: Sequence[Mapping[str, str]] = ()
    ) -> np.ndarray:
        """Pictures of grids [B, 9], scaled as the processor scales: uint8 [B, side, side, 3].

        Args:
            grids: Of cells.
            side: Pixels a side.
            disguises: For each picture colour -> the one that takes its place.
        """
        painted = self.pixels[grids]
        for row, disguise in enumerate(disguises):
            for color, other in disguise.items():
                channel = COLORS.index(color)
                here = self.colors[grids[row]] == channel
                cells = painted[row, here].astype(float)
                light = cells[..., channel, None] * np.array(PAINTS[other])
                cells[..., channel] = 0
                painted[row, here] = np.maximum(light, cells).round().astype(np.uint8)
        parts = painted.reshape(-1, GRID, GRID, CELL, CELL, 3)
        small = parts.transpose(0, 1, 3, 2, 4, 5).reshape(-1, GRID * CELL, GRID * CELL, 3)
        scaled = (
            Image.fromarray(one).resize((side, side), Image.Resampling.BILINEAR) for one in small
        )
        return np.stack([np.asarray(one) for one in scaled])

    def places(self, grid: np.ndarray) -> list[tuple[int, tuple[int, ...]]]:
        """Cells that are not empty with their boxes in places, as ``pixels`` lists its figures."""
        found = []
        for cell in np.flatnonzero(self.colors[grid] >= 0).tolist():
            corner = np.array([cell % GRID, cell // GRID] * 2) * CELL
            box = tuple((self.boxes_xyxy[grid[cell]] + corner).tolist())
            found.append((box, cell))
        size = (GRID * CELL, GRID * CELL)
        return [(cell, place(box, size, NUMBERS)) for box, cell in sorted(found)]


def read(pictures_rgb: np.ndarray, *, mirrored: bool) -> tuple[Cells, np.ndarray]:
    """Cuts pictures into cells.

    Args:
        pictures_rgb: uint8 [N, 30, 30, 3].
        mirrored: Whether every cell is held mirrored as well.

    Returns:
        The cells, and the pictures as grids of them, [N, 9].
    """
    parts = pictures_rgb.reshape(-1, GRID, CELL, GRID, CELL, 3).transpose(0, 1, 3, 2, 4, 5)
    cells = parts.reshape(-1, CELLS, CELL, CELL, 3)
    pixels, facts = [np.zeros((CELL, CELL, 3), np.uint8)], [(-1, -1, 0, 0, 0, 0)]
    grids = np.zeros((len(cells), CELLS), int)
    for row, picture in enumerate(np.ascontiguousarray(pictures_rgb)):
        for figure in find_figures(picture):
            column, line = (int(v // CELL) for v in figure.center_xy)
            box = np.array(figure.box_xyxy) - np.array([column, line] * 2) * CELL
            color, shape = COLORS.index(figure.colours[0]), FIGURES.index(figure.shape)
            grids[row, line * GRID + column] = len(pixels)
            pixels.append(cells[row, line * GRID + column])
            facts.append((color, shape, *box.tolist()))
    table, drawn = np.array(facts), np.stack(pixels)
    if mirrored:
        other = table[1:].copy()
        other[:, 2], other[:, 4] = CELL - table[1:, 4], CELL - table[1:, 2]
        table, drawn = np.concatenate([table, other]), np.concatenate([drawn, drawn[1:, :, ::-1]])
    return Cells(drawn, table[:, 0], table[:, 1], table[:, 2:]), grids


def load(data: Path, splits: Sequence[str]) -> np.ndarray:
    """The distinct pictures of splits, RGB."""
    bgr = np.concatenate([np.load(data / f"{split}.input.npy") for split in splits])
    _, first = np.unique(bgr.reshape(len(bgr), -1), axis=0, return_index=True)
    return bgr[np.sort(first)][..., ::-1]


def sentences(data: Path, splits: Sequence[str]) -> dict[str, Expression]:
    """The distinct sentences of splits in lower case, with their gold expressions, sorted."""
    found = {}
    for split in splits:
        asked = (data / f"{split}.query_str.txt").read_text(encoding="utf-8").splitlines()
        queries = (data / f"{split}.query").read_text(encoding="utf-8").splitlines()
        for text, query in zip(asked, queries, strict=True):
            found[text.strip()] = query
    return {text: parse_expression(query) for text, query in sorted(found.items())}


def exchanged(found: Iterable[str]) -> dict[str, Expression]:
    """Sentences with each of their words exchanged for all others of its kind.

    Args:
        found: Sentences such as ``is a red shape left of a circle``.

    Returns:
        These and all that become of them, with their expressions, sorted.
    """
    sides = [relation.replace("_", " ") for relation in RELATIONS]
    kinds = (COLORS, FIGURES, sides)
    slot = re.compile(rf"\b({'|'.join([*WORDS, *sides])})\b")
    made = {}
    for text in found:
        between, words = slot.split(text)[::2], slot.findall(text)
        choices = [next(kind for kind in kinds if word in kind) for word in words]
        for chosen in product(*choices):
            parts = zip(between, [*chosen, ""], strict=True)
            head, *sides_, last = (word.replace(" ", "_") for word in chosen)
            beside = "".join(f"({side} " for side in sides_) + last + ")" * len(sides_)
            made["".join(a + b for a, b in parts)] = f"(is {head} {beside})"
    return {text: parse_expression(query) for text, query in sorted(made.items())}


def disguised(rng: random.Random, asked: Sequence[str], never: Set[str]) -> dict[str, str]:
    """Colour -> another in its place; each of SHAPES' colours is left as often as not.

    So sentences of two colours become many more than there are. Lopsided ones are left as they
    become in ``LOPSIDED`` of the cases: what is always false teaches to say no to its colour.

    Args:
        rng: Draws.
        asked: Sentences about a picture.
        never: Sentences that must not come of them.
    """
    for _ in range(20):
        worn = [old for old in COLORS if rng.random() < 0.5]
        free = [color for color in PAINTS if color not in COLORS or color in worn]
        others = dict(zip(worn, rng.sample(free, len(worn)), strict=True))
        said = {" ".join(others.get(word, word) for word in text.split()) for text in asked}
        odd = any(lopsided(text, never) for text in said) and rng.random() >= LOPSIDED
        if not odd and not said & never:
            return others
    return {}


def lopsided(text: str, never: Set[str]) -> bool:
    """Whether a sentence of two colours cannot be true, nor may those of either colour twice be.

    So is ``is a green shape red`` where ``is a red shape red`` must not be learned.
    """
    match text.split():
        case ["is", "a", one, "shape", other] if one != other:
            return any(f"is a {color} shape {color}" in never for color in (one, other))
    return False


def denoted(expression: Expression, masks: dict[str, np.ndarray]) -> np.ndarray:
    """The cells that an expression denotes, bool [B, 9]."""
    if not expression.operands:
        return masks[expression.head]
    inner = [denoted(operand, masks) for operand in expression.operands]
    if expression.head == "is":
        both: np.ndarray = inner[0] & inner[1]
        return both
    step_x, step_y = SIDES[RELATIONS[expression.head]]
    around = np.zeros((len(inner[0]), GRID + 2, GRID + 2), bool)
    around[:, 1 + step_y : 1 + step_y + GRID, 1 + step_x : 1 + step_x + GRID] = inner[0].reshape(
        -1, GRID, GRID
    )
    return around[:, 1:-1, 1:-1].reshape(-1, CELLS)


def relations(expression: Expression) -> int:
    """How many relations a sentence has."""
    inner = sum(map(relations, expression.operands))
    return inner + (expression.head in RELATIONS)


def last_noun(expression: Expression) -> Expression:
    """The word that a sentence ends in, without its relations."""
    part = expression.operands[1]
    while part.operands:
        part = part.operands[0]
    return part


Said = tuple[str, tuple[int, ...] | None]
"""A word of a rationale, and the cells that it is about; None where it is about none."""


def rationale(expression: Expression, cells: Cells, grid: np.ndarray) -> list[Said]:
    """The trace of the gold program in the sentences of its tools, word by word."""
    masks = {word: mask[0] for word, mask in cells.masks(grid[None]).items()}
    placed = cells.places(grid)
    told: dict[str, list[Said]] = {}

    def boxes(found: Sequence[tuple[int, tuple[int, ...]]]) -> list[Said]:
        parts: list[Said] = []
        for cell, numbers in found:
            parts += [("and", (cell,))] if parts else []
            parts += [(word, (cell,)) for word in spaced(box_text(numbers)).split()]
        return parts

    def tell(start: list[Said], found: list[tuple[int, tuple[int, ...]]]) -> None:
        about = tuple(cell for cell, _ in found)
        value = [(str(len(found)), about), ("at", about), *boxes(found)]
        sentence = [*start, (":", None), *(value if found else [("none", ())]), (".", None)]
        told.setdefault(" ".join(word for word, _ in sentence), sentence)

    def whole(numbers: list[int]) -> list[tuple[int, tuple[int, ...]]]:
        size, listed = (GRID, GRID), []
        for cell in numbers:
            x, y = cell % GRID, cell // GRID
            listed.append((cell, place((x, y, x + 1, y + 1), size, NUMBERS)))
        return listed

    def find(part: Expression) -> list[tuple[int, tuple[int, ...]]]:
        inner = [find(operand) for operand in part.operands]
        if not inner:
            found = [(cell, numbers) for cell, numbers in placed if masks[part.head][cell]]
            tell([(part.head, None)], found)
            return found
        first: list[Said] = boxes(inner[0]) or [("nothing", ())]
        if part.head == "is":
            theirs = {cell for cell, _ in inner[1]}
            found = whole([cell for cell, _ in inner[0] if cell in theirs])
            tell(
                [*first, ("also", None), ("in", None), *(boxes(inner[1]) or [("nothing", ())])],
                found,
            )
            return found
        side = RELATIONS[part.head]
        step_x, step_y = SIDES[side]
        beside = [(cell % GRID + step_x, cell // GRID + step_y) for cell, _ in inner[0]]
        found = whole([y * GRID + x for x, y in beside if 0 <= x < GRID and 0 <= y < GRID])
        tell([(side, None), ("of", None), *first], found)
        return found

    all_found = find(expression)
    answer = ("yes" if all_found else "no", tuple(cell for cell, _ in all_found))
    end: list[Said] = [*((w, None) for w in ["so", "the", "answer", "is"]), answer, (".", None)]
    return [*(said for sentence in told.values() for said in sentence), *end]


def spaced(box: str) -> str:
    """``[3 4 9 12]`` as its tokens, ``[ 3 4 9 12 ]``."""
    return box.replace("[", "[ ").replace("]", " ]")
