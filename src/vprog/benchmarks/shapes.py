"""SHAPES (Andreas et al., CVPR 2016): yes/no questions about a 3 x 3 grid of coloured figures.

Official files of a split, all in one folder: ``X.input.npy`` (pictures, uint8 [n, 30, 30, 3],
**BGR**), ``X.query`` (one expression a line, the gold program), ``X.query_str.txt`` (the question),
``X.output`` (true or false) and, where present, ``X.query_layout_symbols.json`` (the gold module
layout in reverse Polish order, checked against the expressions).

Meaning of an expression: a word is the set of cells that hold such a figure; ``(above A)`` is the
set of cells *right next to* a cell of A on that side; ``(is A B)`` asks whether a cell is in both.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.benchmarks.benchmark import Benchmark
from vprog.errors import InputError, ProgramError, known_names
from vprog.example import Example, Picture, Region
from vprog.tools.tool import Boxes, Image, tool

if TYPE_CHECKING:
    import numpy as np

GRID = 3
"""Cells a side."""

SIDES = {"above": (0, -1), "below": (0, 1), "left": (-1, 0), "right": (1, 0)}
"""Side -> step in columns and rows, y downward."""

ANSWERS = {"true": "yes", "false": "no"}
RELATIONS = {"above": "above", "below": "below", "left_of": "left", "right_of": "right"}
"""Relation of an expression -> side."""

WORDS = ("circle", "square", "triangle", "red", "green", "blue", "shape")
"""What an expression may look for."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One node of a query.

    Attributes:
        head: ``is``, a relation, or a word to look for.
        operands: Two for ``is``, one for a relation, none for a word.
    """

    head: str
    operands: tuple[Expression, ...] = ()


def _cell(image: Region, box: Region) -> tuple[int, int]:
    """Column and row of the cell that holds the centre of ``box``."""
    x, y = box.center_xy
    column = int((x - image.left) * GRID / (image.right - image.left))
    row = int((y - image.top) * GRID / (image.bottom - image.top))
    return (min(max(column, 0), GRID - 1), min(max(row, 0), GRID - 1))


def _cell_region(image: Region, column: int, row: int) -> Region:
    width = (image.right - image.left) / GRID
    height = (image.bottom - image.top) / GRID
    left, top = image.left + column * width, image.top + row * height
    return Region(image.picture, left, top, left + width, top + height, "cell")


@tool(sentence="{side} of {boxes} : {value}")
def adjacent(image: Image, boxes: Boxes, side: str) -> Boxes:
    """The cells of the image's 3 x 3 grid right next to a box.

    `side` says where the cells lie, seen from the box: above, below, left or right.
    """
    if side not in SIDES:
        raise ProgramError("type", f"adjacent has no side {side!r}. {known_names(side, SIDES)}")
    step_x, step_y = SIDES[side]
    cells = dict.fromkeys(_cell(image, box) for box in boxes)
    beside = [(column + step_x, row + step_y) for column, row in cells]
    return [
        _cell_region(image, column, row)
        for column, row in beside
        if 0 <= column < GRID and 0 <= row < GRID
    ]


@tool(sentence="{boxes} also in {others} : {value}")
def both(image: Image, boxes: Boxes, others: Boxes) -> Boxes:
    """The cells of the image's 3 x 3 grid that hold one of `boxes` and one of `others`."""
    theirs = {_cell(image, box) for box in others}
    cells = dict.fromkeys(_cell(image, box) for box in boxes)
    return [_cell_region(image, *cell) for cell in cells if cell in theirs]


def parse_expression(text: str) -> Expression:
    """Reads one line of an ``X.query`` file.

    Raises:
        InputError: Brackets that do not match, an unknown operator or word, or a wrong number of
            operands.
    """
    tokens = re.findall(r"[()]|[^\s()]+", text)

    def read(at: int) -> tuple[Expression, int]:
        if at >= len(tokens):
            raise InputError(f"the expression {text!r} ends too early")
        if tokens[at] != "(":
            if tokens[at] not in WORDS:
                raise InputError(
                    f"unknown word {tokens[at]!r} in the expression {text!r}. "
                    f"{known_names(tokens[at], WORDS)}"
                )
            return Expression(tokens[at]), at + 1
        if at + 1 >= len(tokens):
            raise InputError(f"the expression {text!r} ends too early")
        operator = tokens[at + 1]
        arity = 2 if operator == "is" else 1
        if operator != "is" and operator not in RELATIONS:
            raise InputError(
                f"unknown operator {operator!r} in the expression {text!r}. "
                f"{known_names(operator, ('is', *RELATIONS))}"
            )
        operands: list[Expression] = []
        at += 2
        for _ in range(arity):
            operand, at = read(at)
            operands.append(operand)
        if at >= len(tokens) or tokens[at] != ")":
            raise InputError(f"{operator!r} takes {arity} operand(s) in the expression {text!r}")
        return Expression(operator, tuple(operands)), at + 1

    expression, end = read(0)
    if end != len(tokens) or expression.head != "is":
        raise InputError(f"an expression is one (is A B), found {text!r}")
    return expression


def layout(expression: Expression) -> list[str]:
    """The module layout of an expression, as ``X.query_layout_symbols.json`` writes it."""
    inner = [module for operand in expression.operands for module in layout(operand)]
    if expression.head == "is":
        return [*inner, "_And", "_Answer"]
    return [*inner, "_Transform" if expression.operands else "_Find"]


def steps_program(expression: Expression) -> str:
    """The gold program of an expression in the language ``steps``."""
    lines: list[str] = []

    def emit(call: str) -> str:
        name = f"BOX{len(lines)}"
        lines.append(f"{name}={call}")
        return name

    def boxes(part: Expression) -> str:
        inner = [boxes(operand) for operand in part.operands]
        if not inner:
            return emit(f"LOC(image=IMAGE,object='{part.head}')")
        if part.head == "is":
            return emit(f"BOTH(image=IMAGE,boxes={inner[0]},others={inner[1]})")
        return emit(f"ADJACENT(image=IMAGE,boxes={inner[0]},side='{RELATIONS[part.head]}')")

    found = boxes(expression)
    lines.append(f"ANSWER0=COUNT(box={found})")
    lines.append('ANSWER1=EVAL(expr="{ANSWER0} > 0")')
    lines.append("FINAL_RESULT=RESULT(var=ANSWER1)")
    return "\n".join(lines)


def python_program(expression: Expression) -> str:
    """The gold program of an expression in the language ``python``."""
    lines = ["def execute_command(image):"]
    used: Counter[str] = Counter()

    def emit(stem: str, call: str) -> str:
        used[stem] += 1
        name = stem if used[stem] == 1 else f"{stem}_{used[stem]}"
        lines.append(f"    {name} = {call}")
        return name

    def patches(part: Expression) -> str:
        inner = [patches(operand) for operand in part.operands]
        if not inner:
            return emit(f"{part.head}_patches", f'image.find("{part.head}")')
        if part.head == "is":
            return emit("both_patches", f"both(image, {inner[0]}, {inner[1]})")
        side = RELATIONS[part.head]
        return emit(f"{side}_cells", f'adjacent(image, {inner[0]}, side="{side}")')

    found = patches(expression)
    lines.append(f"    return bool_to_yesno(len({found}) > 0)")
    return "\n".join(lines)


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the Examples of a split, in the order of its files.

    Args:
        data: The folder of the official files.
        split: Such as ``val``: the part of the files' names before ``.input.npy``. Without a file
            of answers (``.output``) its Examples have no label.

    Raises:
        InputError: A file is missing, empty, broken, or not as long as the others.
    """
    pictures_bgr = _pictures(data, split)
    count = len(pictures_bgr)
    queries = _lines(data / f"{split}.query", count)
    questions = _lines(data / f"{split}.query_str.txt", count)
    labels = data / f"{split}.output"
    outputs = _lines(labels, count) if labels.exists() else [""] * count
    layouts = _layouts(data / f"{split}.query_layout_symbols.json", count)
    for i, (query, question, output) in enumerate(zip(queries, questions, outputs, strict=True)):
        if labels.exists() and output not in ANSWERS:
            raise InputError(f"{labels}, line {i + 1}: {output!r} is neither true nor false")
        try:
            expression = parse_expression(query)
        except InputError as error:
            raise InputError(f"{data / f'{split}.query'}, line {i + 1}: {error}") from None
        shape = layout(expression)
        if layouts and layouts[i] != shape:
            raise InputError(
                f"{data / f'{split}.query_layout_symbols.json'}, entry {i}: the layout "
                f"{layouts[i]} is not that of the expression {query!r}, {shape}"
            )
        yield Example(
            id=f"{split}-{i}",
            pictures=(Picture(f"{split}/{i}", array_rgb=pictures_bgr[i][:, :, ::-1]),),
            question=question,
            answers=(ANSWERS[output],) if output else (),
            types={"length": str(len(shape)), "relations": str(shape.count("_Transform"))},
            group=query,
            programs={"steps": steps_program(expression), "python": python_program(expression)},
        )


def _pictures(data: Path, split: str) -> np.ndarray[Any, Any]:
    """The pictures of a split, mapped and not read: uint8 [n, height, width, 3], BGR."""
    import numpy as np

    path = data / f"{split}.input.npy"
    if not path.is_file():
        known = sorted(p.name.removesuffix(".input.npy") for p in data.glob("*.input.npy"))
        if (data / f"{split}.query").is_file():
            reason = f"the split {split!r} is text only: there are no pictures for it"
        else:
            reason = f"the split {split!r} is not there"
        held = ", ".join(known) or "none"
        raise InputError(f"{path} is missing: {reason}. Splits with pictures in {data}: {held}")
    try:
        pictures_bgr = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path} is no array file: {error}. Fetch it again") from error
    if not isinstance(pictures_bgr, np.ndarray):
        raise InputError(f"{path} is no array file but an archive of some")
    if pictures_bgr.ndim != 4 or pictures_bgr.shape[3] != 3:
        raise InputError(f"{path} has shape {pictures_bgr.shape}; wanted [n, height, width, 3]")
    if pictures_bgr.dtype != np.uint8:
        raise InputError(f"{path} holds {pictures_bgr.dtype}; wanted uint8")
    if not len(pictures_bgr):
        raise InputError(f"{path} is empty")
    return pictures_bgr


def _lines(path: Path, count: int) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        raise InputError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if len(lines) != count:
        raise InputError(f"{path} has {len(lines)} lines for {count} pictures")
    return lines


def _layouts(path: Path, count: int) -> list[list[str]]:
    """The gold layouts; empty where the split has none."""
    if not path.is_file():
        return []
    try:
        layouts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no JSON file: {error}") from error
    if not isinstance(layouts, list) or len(layouts) != count:
        length = len(layouts) if isinstance(layouts, list) else "no list of"
        raise InputError(f"{path} has {length} layouts for {count} pictures")
    return layouts


BENCHMARK = Benchmark(
    name="shapes",
    doc="SHAPES (Andreas et al. 2016): yes/no questions about a 3 x 3 grid of coloured figures",
    splits=("val", "train.tiny", "train.small", "test", "train.med", "train.large"),
    load=load,
    tools=(adjacent, both),
    binary=True,
)
