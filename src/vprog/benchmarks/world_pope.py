"""world-pope: questions for absent objects in drawn scenes (``vprog world draw --task pope``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from vprog.benchmarks.benchmark import Answers, Benchmark
from vprog.benchmarks.gqa_files import open_album, read_jsonl, require
from vprog.benchmarks.metric import Metric, Ratio, mean
from vprog.benchmarks.world_programs import statement_programs
from vprog.errors import InputError
from vprog.example import Example
from vprog.trace import Value
from vprog.verify import answer_text

SETTINGS = ("random", "popular", "adversarial")
"""How absent objects were chosen; one file each."""

_COLUMNS = ("question_id", "image", "text", "label", "semantic")


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the questions of the three settings one after the other.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    files = [(setting, data / f"{split}_pope_{setting}.jsonl") for setting in SETTINGS]
    tables = [(setting, path, read_jsonl(path)) for setting, path in files]
    album = open_album(data, split)
    for setting, path, rows in tables:
        for number, row in enumerate(rows, 1):
            where = f"{path}, line {number}"
            require(row, _COLUMNS, where)
            if row["label"] not in ("yes", "no"):
                raise InputError(f"{where}: label must be 'yes' or 'no', found {row['label']!r}")
            yield Example(
                id=f"{setting}-{row['question_id']}",
                pictures=(album.picture(Path(row["image"]).stem, where),),
                question=row["text"],
                answers=(row["label"],),
                types={"setting": setting},
                programs=statement_programs(row["semantic"], where),
                extra={"semantic": row["semantic"]},
            )


def normalise(value: Value) -> str | None:
    """Reads "yes" or "no" from an answer in free text, as the official script does.

    It is cut at the first full stop; one that says "no" or "not" means no, every other means yes.
    """
    text = answer_text(value)
    if text is None:
        return None
    words = text.split(".")[0].replace(",", " ").split()
    return "no" if {"no", "not"} & set(words) else "yes"


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """Precision, recall and F1 of "yes", and the share of "yes" (Li et al. 2023, section 4).

    A failed program answered neither: it is wrong, and counts as a missed "yes" where "yes" was
    right.
    """
    said = [float(a.text == "yes") for a in answers.items]
    true = [float(a.example.answers[0] == "yes") for a in answers.items]
    both = [s * t for s, t in zip(said, true, strict=True)]
    return {
        "precision": Ratio(both, said),
        "recall": Ratio(both, true),
        "f1": Ratio([2 * b for b in both], [s + t for s, t in zip(said, true, strict=True)]),
        "yes_ratio": mean(said),
    }


BENCHMARK = Benchmark(
    name="world-pope",
    doc="POPE-style questions for absent objects in drawn scenes (vprog world draw --task pope)",
    splits=("val", "train", "test"),
    load=load,
    normalise=normalise,
    metrics=metrics,
    binary=True,
)
