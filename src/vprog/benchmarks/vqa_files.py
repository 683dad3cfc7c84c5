"""Questions and annotations in the files of the VQA challenge: VQAv2 and OK-VQA."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vprog.benchmarks.benchmark import Answered
from vprog.benchmarks.drawn import drawn_programs
from vprog.benchmarks.gqa_files import read_json, require, typed
from vprog.benchmarks.official_files import Photographs
from vprog.benchmarks.vqa_answers import accepted, plain_text, soft_accuracy
from vprog.errors import InputError
from vprog.example import Example
from vprog.trace import Value


def read_questions(
    path: Path, annotations: Path | None, pictures: Photographs, picture_name: str
) -> Iterator[Example]:
    """Yields the questions of a split in the order of their file.

    Args:
        path: The questions file.
        annotations: The annotations file; None for a split whose answers are not published.
        pictures: Where the photographs are.
        picture_name: Name of a photograph with ``{}`` for its number.

    Raises:
        InputError: A file, column, annotation or picture is missing or wrong.
    """
    rows = _list(read_json(path), path, "questions")
    given, kinds = ({}, {}) if annotations is None else _annotations(annotations)
    for number, row in enumerate(rows):
        where = f"{path}, question {number}"
        require(row, ("question_id", "image_id", "question"), where)
        id = typed(row["question_id"], int, "question_id", where)
        image = typed(row["image_id"], int, "image_id", where)
        types: dict[str, str] = {}
        extra: dict[str, Any] = {}
        answers: tuple[str, ...] = ()
        if annotations is not None:
            if id not in given:
                raise InputError(f"{where}: {annotations} has no annotation of question {id}")
            human, types = _read_annotation(given[id], kinds, f"{annotations}, question {id}")
            answers = accepted(human)
            extra = {"human_answers": human}
        yield Example(
            id=str(id),
            pictures=(pictures.picture(picture_name.format(f"{image:012d}"), where),),
            question=typed(row["question"], str, "question", where),
            answers=answers,
            types=types,
            programs=drawn_programs(row, where),
            extra=extra,
        )


def _list(content: Any, path: Path, column: str) -> list[Any]:
    rows: list[Any] = typed(require(content, (column,), str(path))[column], list, column, str(path))
    return rows


def _annotations(path: Path) -> tuple[dict[int, Mapping[str, Any]], Mapping[str, str]]:
    """Annotations by question, and names of question types where the file has them apart.

    OK-VQA's does.
    """
    content = read_json(path)
    found = {}
    for number, row in enumerate(_list(content, path, "annotations")):
        require(row, ("question_id", "answers"), f"{path}, annotation {number}")
        found[row["question_id"]] = row
    named = content.get("question_types")
    return found, named if isinstance(named, dict) else {}


def _read_annotation(
    row: Mapping[str, Any], kinds: Mapping[str, str], where: str
) -> tuple[list[str], dict[str, str]]:
    """The answers of all people, and the question's types."""
    human = []
    for given in typed(row["answers"], list, "answers", where):
        require(given, ("answer",), f"{where}, answers")
        human.append(typed(given["answer"], str, "answer", where))
    if not human:
        raise InputError(f"{where}: column 'answers' is empty")
    types = {}
    for kind in ("answer_type", "question_type"):
        if isinstance(row.get(kind), str):
            types[kind] = kinds.get(row[kind], row[kind])
    return human, types


def credit(value: Value, example: Example) -> float:
    """The soft accuracy of an answer."""
    text = plain_text(value)
    return 0.0 if text is None else soft_accuracy(text, example.extra["human_answers"])


def submission(answers: Sequence[Answered]) -> str:
    """The results file of the challenge: ``[{"question_id": 1, "answer": "two"}, ...]``."""
    rows = [
        {"question_id": int(a.example.id), "answer": plain_text(a.trace.answer) or ""}
        for a in answers
    ]
    return json.dumps(rows)
