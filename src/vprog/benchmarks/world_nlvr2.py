"""world-nlvr2: statements about pairs of drawn pictures (``vprog world draw --task nlvr2``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from vprog.benchmarks.benchmark import Answers, Benchmark
from vprog.benchmarks.gqa_files import open_album, read_jsonl, require
from vprog.benchmarks.metric import Metric, mean_of_groups
from vprog.benchmarks.world_programs import statement_programs
from vprog.errors import InputError
from vprog.example import Example

_COLUMNS = ("sentence", "left_url", "right_url", "label", "identifier", "semantic")
_LABELS = {"True": "yes", "False": "no"}


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the statements of a split, pictures left then right, in the order of the file.

    The pictures are ``images/<split>-<set>-<pair>-img0.png`` and ``img1.png``, as in NLVR2's
    repository; the group is the sentence.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    path = data / f"{split}.jsonl"
    rows = read_jsonl(path)
    album = open_album(data, split)
    for number, row in enumerate(rows, 1):
        where = f"{path}, line {number}"
        require(row, _COLUMNS, where)
        if row["label"] not in _LABELS:
            raise InputError(f"{where}: label must be 'True' or 'False', found {row['label']!r}")
        stem, _, _ = str(row["identifier"]).rpartition("-")
        if stem.count("-") != 2:
            raise InputError(
                f"{where}: identifier must be split-set-pair-index, found {row['identifier']!r}"
            )
        yield Example(
            id=row["identifier"],
            pictures=tuple(album.picture(f"{stem}-img{side}", where) for side in (0, 1)),
            question=row["sentence"],
            answers=(_LABELS[row["label"]],),
            types={"phenomenon": row.get("phenomenon", "")},
            group=row["sentence"],
            programs=statement_programs(row["semantic"], where),
            extra={"semantic": row["semantic"]},
        )


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """Consistency: the share of sentences that are right for all of their pairs (Suhr et al.)."""
    groups = [a.example.group for a in answers.items]
    return {"consistency": mean_of_groups(groups, [a.credit for a in answers.items])}


BENCHMARK = Benchmark(
    name="world-nlvr2",
    doc="NLVR2-style statements about pairs of drawn pictures (vprog world draw --task nlvr2)",
    splits=("val", "train", "test"),
    load=load,
    metrics=metrics,
    binary=True,
)
