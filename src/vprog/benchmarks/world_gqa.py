"""world-gqa: questions in GQA's schema about drawn scenes (``vprog world draw --task gqa``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.benchmarks.gqa_files import open_album, read_json, require, typed
from vprog.benchmarks.gqa_programs import gqa_programs
from vprog.benchmarks.metric import Metric, mean
from vprog.errors import InputError
from vprog.example import Example

FAMILIES = ("color", "size", "pattern")
"""Attribute families of the drawn world, in the order in which programs compare them."""

_COLUMNS = ("question", "imageId", "answer", "semantic", "types", "groups", "entailed")


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the questions of a split in the order of the file.

    ``extra`` holds ``entailed`` (ids), ``groups``, ``full_answer`` and ``semantic``.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    path = data / f"{split}_balanced_questions.json"
    questions = require(read_json(path), (), str(path))
    album = open_album(data, split)
    for id, row in questions.items():
        where = f"{path}, question {id!r}"
        require(row, _COLUMNS, where)
        try:
            programs = gqa_programs(typed(row["semantic"], list, "semantic", where), FAMILIES)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        yield Example(
            id=id,
            pictures=(album.picture(row["imageId"], where),),
            question=row["question"],
            answers=(typed(row["answer"], str, "answer", where).lower(),),
            types=dict(typed(row["types"], dict, "types", where)),
            programs=programs,
            extra={
                "entailed": tuple(row["entailed"]),
                "groups": row["groups"],
                "full_answer": row.get("fullAnswer", ""),
                "semantic": row["semantic"],
            },
        )


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """GQA's consistency, and its accuracy on binary and open questions.

    Consistency (Hudson and Manning 2019, section 4.4): for every question that was answered right
    and entails others of the set, the share of those that were answered right; the mean over such
    questions.
    """
    credit = {a.example.id: a.credit for a in answers.items}

    def consistent(answered: Answered) -> float | None:
        own = answered.example.id
        entailed = [
            credit[id] for id in answered.example.extra["entailed"] if id in credit and id != own
        ]
        return sum(entailed) / len(entailed) if entailed and credit[own] == 1 else None

    binary = [a.example.answers[0] in ("yes", "no") for a in answers.items]
    pairs = list(zip(answers.items, binary, strict=True))
    return {
        "consistency": mean(consistent(a) for a in answers.items),
        "accuracy_binary": mean(a.credit if b else None for a, b in pairs),
        "accuracy_open": mean(None if b else a.credit for a, b in pairs),
    }


BENCHMARK = Benchmark(
    name="world-gqa",
    doc="GQA-style questions about drawn scenes (vprog world draw --task gqa)",
    splits=("val", "train", "test"),
    load=load,
    metrics=metrics,
)
