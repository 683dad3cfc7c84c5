"""world-tally: counting questions about drawn scenes (``vprog world draw --task tally``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from vprog.benchmarks.benchmark import Answers, Benchmark
from vprog.benchmarks.gqa_files import open_album, read_json, require, typed
from vprog.benchmarks.metric import Metric, Ratio, mean
from vprog.benchmarks.world_programs import statement_programs
from vprog.example import Example

_COLUMNS = ("answer", "image", "issimple", "question", "question_id", "semantic")


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the questions of a split in the order of the file.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    path = data / f"{split}.json"
    rows = typed(read_json(path), list, "(the whole file)", str(path))
    album = open_album(data, split)
    for number, row in enumerate(rows):
        where = f"{path}, row {number}"
        require(row, _COLUMNS, where)
        simple = typed(row["issimple"], bool, "issimple", where)
        yield Example(
            id=str(row["question_id"]),
            pictures=(album.picture(Path(row["image"]).stem, where),),
            question=row["question"],
            answers=(str(typed(row["answer"], int, "answer", where)),),
            types={"complexity": "simple" if simple else "complex"},
            programs=statement_programs(row["semantic"], where),
            extra={"semantic": row["semantic"]},
        )


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """Accuracy on simple and complex questions, and RMSE (Acharya et al. 2019, section 5).

    An answer that is no number counts as 0 for the RMSE.
    """
    simple = [a.example.types["complexity"] == "simple" for a in answers.items]
    pairs = list(zip(answers.items, simple, strict=True))
    squares = [(_number(a.text) - int(a.example.answers[0])) ** 2 for a in answers.items]
    return {
        "accuracy_simple": mean(a.credit if s else None for a, s in pairs),
        "accuracy_complex": mean(None if s else a.credit for a, s in pairs),
        "rmse": Ratio(squares, [1.0] * len(squares), root=True),
    }


def _number(answer: str | None) -> float:
    try:
        number = float(answer or 0)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0


BENCHMARK = Benchmark(
    name="world-tally",
    doc="TallyQA-style counting questions about drawn scenes (vprog world draw --task tally)",
    splits=("val", "train", "test"),
    load=load,
    metrics=metrics,
)
