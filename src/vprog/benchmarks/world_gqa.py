"""world-gqa: questions in GQA's schema about drawn scenes (``vprog world draw --task gqa``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vprog.benchmarks.benchmark import Benchmark
from vprog.benchmarks.gqa_files import open_album, read_json, require, share, typed
from vprog.benchmarks.gqa_programs import gqa_programs
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


def metrics(examples: Sequence[Example], answers: Sequence[str | None]) -> Mapping[str, float]:
    """GQA's consistency, and its accuracy on binary and open questions.

    Consistency (Hudson and Manning 2019, section 4.4): for every question that was answered right
    and entails others of the set, the share of those that were answered right; the mean over such
    questions.
    """
    right = {
        example.id: answer in example.answers
        for example, answer in zip(examples, answers, strict=True)
    }
    scores = []
    for example in examples:
        entailed = [id for id in example.extra["entailed"] if id in right and id != example.id]
        if right[example.id] and entailed:
            scores.append(share([right[id] for id in entailed]))
    figures: dict[str, float] = {}
    if scores:
        figures["consistency"] = sum(scores) / len(scores)
    for name, binary in (("accuracy_binary", True), ("accuracy_open", False)):
        kept = [right[e.id] for e in examples if (e.answers[0] in ("yes", "no")) == binary]
        if kept:
            figures[name] = share(kept)
    return figures


BENCHMARK = Benchmark(
    name="world-gqa",
    doc="GQA-style questions about drawn scenes (vprog world draw --task gqa)",
    splits=("val", "train", "test"),
    load=load,
    metrics=metrics,
)
