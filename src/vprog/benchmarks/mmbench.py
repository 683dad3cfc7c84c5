"""MMBench: multiple choice over twenty abilities, asked in every rotation (Liu et al., ECCV 2024).

A question counts as right only if it is answered right however its choices are rotated (section
4.1): guesses and a liking for one letter do not pass. Every rotation is an Example of its own, and
rotations of a question share their group.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from string import ascii_uppercase

from vprog.benchmarks import choices
from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.benchmarks.drawn import drawn_programs
from vprog.benchmarks.metric import Metric, mean, mean_of_whole_groups
from vprog.benchmarks.official_files import find_file, read_table, scenes_beside
from vprog.benchmarks.vqa_answers import plain_text
from vprog.errors import InputError, PictureError
from vprog.example import Example, Picture, Scene

SOURCE = "MMBench is published at https://github.com/open-compass/MMBench"
LETTERS = ascii_uppercase[:4]
"""The columns of choices; a question may have fewer."""
ROTATED = 1_000_000
"""In newer releases row 3,000,005 is question 5 with its choices rotated three times."""


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields every rotation of every question of a split; test splits have no answers.

    ``--data`` may be the TSV itself. A release that holds the rotations as rows is taken as it is.
    Pictures are cells of the file, in base64; they stay in memory as they are there.
    ``extra["choices"]`` are the choices as rotated, ``extra["right_choice"]`` the index of the
    right one, ``extra["row"]`` the question's own index and its rotation, ``extra["letters"]`` the
    columns that hold the choices.

    Raises:
        InputError: The file or a column is missing or wrong.
    """
    path = _find(data, split)
    folder = path.parent if data.is_file() else data
    scenes = scenes_beside(folder, split)
    rows = list(read_table(path, ("index", "question", "A", "B", "image"), tabs=True))
    indices = [_index(row, where) for where, row in rows]
    images = {i: row["image"] for i, (_, row) in zip(indices, rows, strict=True)}
    has_rotations = any(index >= ROTATED for index in indices)
    pictures: dict[int, Picture] = {}
    for index, (where, row) in zip(indices, rows, strict=True):
        question, turned = index % ROTATED, index // ROTATED
        if question not in pictures:
            pictures[question] = _picture(question, images, scenes, path, where)
        offered = {letter: row[letter] for letter in LETTERS if _filled(row.get(letter))}
        if len(offered) < 2:
            raise InputError(f"{where}: columns A to D must hold two choices or more")
        right = _right(row, list(offered), where)
        for turn in (turned,) if has_rotations else range(len(offered)):
            shift = 0 if has_rotations else turn
            programs = drawn_programs(row, where)
            yield _example(question, turn, row, pictures[question], offered, right, shift, programs)


def _find(data: Path, split: str) -> Path:
    if data.is_file():
        return data
    kind, _, language = split.partition("_")
    names = [f"MMBench_{kind.upper()}_{language.upper()}{v}.tsv" for v in ("_V11", "")]
    return find_file(data, [*reversed(names), f"mmbench_{split}_20231003.tsv"], SOURCE)


def _index(row: Mapping[str, str], where: str) -> int:
    try:
        return int(row["index"])
    except ValueError:
        raise InputError(
            f"{where}: column 'index' must be a number, found {row['index'][:60]!r}"
        ) from None


def _filled(cell: str | None) -> bool:
    return cell is not None and cell.strip() not in ("", "nan")


def _right(row: Mapping[str, str], letters: Sequence[str], where: str) -> int | None:
    """The place of the right one among the choices that are there."""
    answer = row.get("answer")
    if answer is None or not _filled(answer):
        return None
    if answer not in letters:
        raise InputError(
            f"{where}: column 'answer' must be one of {', '.join(letters)}, found {answer!r}"
        )
    return letters.index(answer)


def _picture(
    question: int, images: Mapping[int, str], scenes: Mapping[str, Scene], path: Path, where: str
) -> Picture:
    """The picture of a question; a cell may name the row that holds the picture instead."""
    cell = images.get(question, "")
    if cell.strip().isdigit():
        cell = images.get(int(cell), "")
    if not cell.strip():
        raise InputError(f"{where}: column 'image' holds no picture")
    encoded = partial(_decode, cell, str(path))
    return Picture(str(question), path=path, encoded=encoded, scene=scenes.get(str(question)))


def _decode(cell: str, where: str) -> bytes:
    try:
        return base64.b64decode(cell, validate=True)
    except binascii.Error as error:
        raise PictureError(f"cannot read a picture of {where}: no base64 ({error})") from None


def _example(
    question: int,
    turn: int,
    row: Mapping[str, str],
    picture: Picture,
    offered: Mapping[str, str],
    right: int | None,
    shift: int,
    programs: Mapping[str, str],
) -> Example:
    texts = list(offered.values())
    extra: dict[str, object] = {
        "choices": [*texts[shift:], *texts[:shift]],
        "row": [question, turn],
        "letters": "".join(offered),
    }
    if right is not None:
        extra["right_choice"] = (right - shift) % len(offered)
    hint = row.get("hint")
    kinds = {"category": row.get("category"), "l2_category": row.get("l2-category")}
    return Example(
        id=f"{question}-{turn}",
        pictures=(picture,),
        question=f"{hint}\n{row['question']}" if hint and _filled(hint) else row["question"],
        answers=() if right is None else (texts[right],),
        types={kind: value for kind, value in kinds.items() if value and _filled(value)},
        group=str(question),
        programs=programs,
        extra=extra,
    )


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """Circular accuracy, and that of the first rotation alone, MMBench's "vanilla" accuracy.

    A question takes part in the circular one if all of its rotations are there.
    """
    groups = [a.example.group for a in answers.items]
    credits = [a.credit for a in answers.items]
    sizes = [len(a.example.extra["choices"]) for a in answers.items]
    first = [a.credit if a.example.extra["row"][1] == 0 else None for a in answers.items]
    return {
        "circular": mean_of_whole_groups(groups, credits, sizes, "rotations of a question"),
        "vanilla": mean(first),
    }


def submission(answers: Sequence[Answered]) -> str:
    """A table with a row for each rotation, the letter as ``prediction``; the server takes XLSX.

    Save it as XLSX in any spreadsheet. An answer that means no choice leaves its cell empty.
    """
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["index", "question", *LETTERS, "prediction"])
    for answered in answers:
        question, turn = answered.example.extra["row"]
        offered = answered.example.extra["choices"]
        picked = choices.pick(answered.trace.answer, offered)
        letters = answered.example.extra.get("letters", LETTERS[: len(offered)])
        said = "" if picked is None else letters[picked]
        texts = dict(zip(letters, offered, strict=True))
        cells = [texts.get(letter, "") for letter in LETTERS]
        index = question + ROTATED * turn
        table.writerow([index, answered.example.question, *cells, said])
    return file.getvalue()


BENCHMARK = Benchmark(
    name="mmbench",
    doc="Multiple choice over twenty abilities, right in every rotation (Liu et al. 2024)",
    splits=("dev_en", "test_en", "dev_cn", "test_cn"),
    load=load,
    normalise=plain_text,
    credit=choices.credit,
    metrics=metrics,
    submission=submission,
    submission_file="submission.csv",
)
