"""A-OKVQA: questions that ask for world knowledge, with choices or without (Schwenk et al. 2022).

Two benchmarks from the same files: in ``aokvqa-mc`` the question comes with four choices, in
``aokvqa`` it does not, and an answer is worth a third for each of ten people who gave it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vprog.benchmarks import choices
from vprog.benchmarks.benchmark import Answered, Benchmark
from vprog.benchmarks.drawn import drawn_programs
from vprog.benchmarks.gqa_files import read_json, require, typed
from vprog.benchmarks.official_files import Photographs, find_file, scenes_beside
from vprog.benchmarks.vqa_answers import plain_text
from vprog.benchmarks.vqav2 import PHOTOGRAPHS
from vprog.errors import InputError
from vprog.example import Example
from vprog.trace import Value

SOURCE = "A-OKVQA is published at https://github.com/allenai/aokvqa"
ENOUGH = 3
"""So many equal answers of people make an answer fully right."""


def _rows(data: Path, split: str) -> Iterator[tuple[str, Mapping[str, Any], Example]]:
    """The rows of a split, each with its place and what both settings share of its Example."""
    path = find_file(data, [f"aokvqa_v1p0_{split}.json"], SOURCE)
    year = f"{split}2017"
    pictures = Photographs(
        data, (year, f"images/{year}", "images"), scenes_beside(data, split), PHOTOGRAPHS
    )
    for number, row in enumerate(typed(read_json(path), list, "(the whole file)", str(path))):
        where = f"{path}, row {number}"
        require(row, ("question_id", "image_id", "question", "choices"), where)
        image = typed(row["image_id"], int, "image_id", where)
        example = Example(
            id=typed(row["question_id"], str, "question_id", where),
            pictures=(pictures.picture(f"{image:012d}.jpg", where),),
            question=typed(row["question"], str, "question", where),
            programs=drawn_programs(row, where),
        )
        yield where, row, example


def load_direct(data: Path, split: str) -> Iterator[Example]:
    """Yields the questions of a split without their choices, those marked as difficult left out.

    Such questions have no short answer that people agree on; the authors score them with choices
    alone. ``extra["human_answers"]`` holds the answers of all people, the test split has none.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    for where, row, example in _rows(data, split):
        if row.get("difficult_direct_answer"):
            continue
        human = typed(row.get("direct_answers", []), list, "direct_answers", where)
        if not all(isinstance(answer, str) for answer in human):
            raise InputError(f"{where}: column 'direct_answers' must hold texts")
        # The order of most_common is that of the file where answers are equally frequent.
        answers = tuple(answer for answer, _ in Counter(human).most_common())
        extra = {"human_answers": human} if human else {}
        yield _with(example, answers=answers, extra=extra)


def load_choice(data: Path, split: str) -> Iterator[Example]:
    """Yields all questions of a split with their choices: ``extra["choices"]``.

    ``extra["right_choice"]`` is the index of the right one, ``answers`` its text; the test split
    has neither.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    for where, row, example in _rows(data, split):
        offered = typed(row["choices"], list, "choices", where)
        if len(offered) < 2 or not all(isinstance(choice, str) for choice in offered):
            raise InputError(f"{where}: column 'choices' must hold two texts or more")
        extra: dict[str, Any] = {"choices": offered}
        answers: tuple[str, ...] = ()
        right = row.get("correct_choice_idx")
        if right is not None:
            if right not in range(len(offered)):
                raise InputError(
                    f"{where}: column 'correct_choice_idx' must be 0 to {len(offered) - 1}, "
                    f"found {right!r}"
                )
            extra["right_choice"] = right
            answers = (offered[right],)
        yield _with(example, answers=answers, extra=extra)


def _with(example: Example, *, answers: tuple[str, ...], extra: Mapping[str, Any]) -> Example:
    return Example(
        id=example.id,
        pictures=example.pictures,
        question=example.question,
        answers=answers,
        programs=example.programs,
        extra=extra,
    )


def direct_credit(value: Value, example: Example) -> float:
    """A third for each person who gave the same answer but for its case, at most 1."""
    human: Sequence[str] = example.extra["human_answers"]
    text = plain_text(value)
    return min(1.0, sum(plain_text(given) == text for given in human) / ENOUGH)


def direct_submission(answers: Sequence[Answered]) -> str:
    """Predictions by question, without those for the choices: a run of ``aokvqa-mc`` has them."""
    told = {a.example.id: {"direct_answer": plain_text(a.trace.answer) or ""} for a in answers}
    return json.dumps(told)


def choice_submission(answers: Sequence[Answered]) -> str:
    """Predictions by question. The server takes choices alone: for any other answer the first."""
    told = {}
    for answered in answers:
        offered = answered.example.extra["choices"]
        picked = choices.pick(answered.trace.answer, offered)
        told[answered.example.id] = {"multiple_choice": offered[picked or 0]}
    return json.dumps(told)


DIRECT = Benchmark(
    name="aokvqa",
    doc="Questions that ask for world knowledge, answered freely (Schwenk et al. 2022)",
    splits=("val", "train", "test"),
    load=load_direct,
    normalise=plain_text,
    credit=direct_credit,
    submission=direct_submission,
    submission_file="predictions_test.json",
)
CHOICE = Benchmark(
    name="aokvqa-mc",
    doc="Questions that ask for world knowledge, four choices (Schwenk et al. 2022)",
    splits=("val", "train", "test"),
    load=load_choice,
    normalise=plain_text,
    credit=choices.credit,
    submission=choice_submission,
    submission_file="predictions_test.json",
)
