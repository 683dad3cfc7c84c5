"""TallyQA: counting questions about photographs (Acharya et al., AAAI 2019).

Files are taken as they are published: ``train.json`` and ``test.json``, lists of rows whose
``image`` names a photograph of COCO or Visual Genome below the folder of pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.benchmarks.gqa_files import read_rows, require, typed
from vprog.benchmarks.metric import Metric, Ratio, mean
from vprog.benchmarks.official_files import Photographs, find_file, scenes_beside
from vprog.benchmarks.world_programs import statement_programs
from vprog.example import Example

SOURCE = "TallyQA's files are at https://github.com/manoja328/TallyQA_dataset"

_COLUMNS = ("image", "question", "question_id")


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the questions of a split in the order of the file.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    rows = read_rows(find_file(data, (f"{split}.json",), SOURCE))
    pictures = Photographs(data, ("images",), scenes_beside(data, split), SOURCE)
    labelled = any("answer" in row for _, row in rows)
    columns = ("answer", *_COLUMNS) if labelled else _COLUMNS
    for where, row in rows:
        require(row, columns, where)
        types = {}
        if row.get("issimple") is not None:
            simple = typed(row["issimple"], bool, "issimple", where)
            types["complexity"] = "simple" if simple else "complex"
        yield Example(
            id=str(row["question_id"]),
            pictures=(pictures.picture(row["image"], where),),
            question=row["question"],
            answers=(str(typed(row["answer"], int, "answer", where)),) if labelled else (),
            types=types,
            programs=statement_programs(row["semantic"], where) if "semantic" in row else {},
            extra={"semantic": row["semantic"]} if "semantic" in row else {},
        )


_MOST = 1e9
"""An answer beyond is no count."""


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """Accuracy on simple and complex questions, and RMSE (section 5); lower RMSE is better.

    An answer that is no number counts as 0 for the RMSE.
    """
    kinds = [a.example.types.get("complexity") for a in answers.items]
    pairs = list(zip(answers.items, kinds, strict=True))
    squares = [(_number(a.text) - int(a.example.answers[0])) ** 2 for a in answers.items]
    return {
        "accuracy_simple": mean(a.credit if kind == "simple" else None for a, kind in pairs),
        "accuracy_complex": mean(a.credit if kind == "complex" else None for a, kind in pairs),
        "rmse": Ratio(squares, [1.0] * len(squares), root=True),
    }


def _number(answer: str | None) -> float:
    try:
        number = float(answer or 0)
    except ValueError:
        return 0.0
    return number if abs(number) <= _MOST else 0.0  # neither are infinity and "nan"


def submission(answered: Sequence[Answered]) -> str:
    """A list of ``question_id`` and ``answer``."""
    rows = [{"question_id": int(a.example.id), "answer": int(_number(a.text))} for a in answered]
    return json.dumps(rows) + "\n"


BENCHMARK = Benchmark(
    name="tallyqa",
    doc="Counting questions about photographs (Acharya et al. 2019)",
    splits=("test", "train"),
    load=load,
    metrics=metrics,
    submission=submission,
)
