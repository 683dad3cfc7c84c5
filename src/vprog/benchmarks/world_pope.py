"""world-pope: questions for absent objects in drawn scenes (``vprog world draw --task pope``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vprog.benchmarks.benchmark import Benchmark
from vprog.benchmarks.gqa_files import open_album, read_jsonl, require, share
from vprog.benchmarks.world_programs import statement_programs
from vprog.errors import InputError
from vprog.example import Example

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


def metrics(examples: Sequence[Example], answers: Sequence[str | None]) -> Mapping[str, float]:
    """Precision, recall and F1 of "yes", and the share of "yes" (Li et al. 2023, section 4).

    As in the official script the answer is cut at the first full stop, and one that says "no" or
    "not" means no; every other means yes. A failed program answered neither: it is wrong, and
    counts as a missed "yes" where "yes" was right.
    """
    said = [says_yes(answer) for answer in answers]
    gold = [example.answers[0] == "yes" for example in examples]
    both = sum(s is True and g for s, g in zip(said, gold, strict=True))
    claimed, true = sum(s is True for s in said), sum(gold)
    precision = both / claimed if claimed else 0.0
    recall = both / true if true else 0.0
    total = precision + recall
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / total if total else 0.0,
        "yes_ratio": share([s is True for s in said]),
    }


def says_yes(answer: str | None) -> bool | None:
    """What an answer in free text says; None for no answer."""
    if answer is None:
        return None
    words = answer.split(".")[0].replace(",", " ").lower().split()
    return not {"no", "not"} & set(words)


BENCHMARK = Benchmark(
    name="world-pope",
    doc="POPE-style questions for absent objects in drawn scenes (vprog world draw --task pope)",
    splits=("val", "train", "test"),
    load=load,
    metrics=metrics,
    binary=True,
)
