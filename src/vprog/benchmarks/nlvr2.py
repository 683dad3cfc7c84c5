"""NLVR2: statements about pairs of photographs (Suhr et al., ACL 2019).

Files are taken as they are published (github.com/lil-lab/nlvr): ``<split>.json`` with one JSON
object a line, and the pictures ``<split>-<set>-<pair>-img0.png`` (left) and ``img1.png``, in
``images/`` or in a folder of the split, train in numbered folders below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.benchmarks.gqa_files import read_rows, require
from vprog.benchmarks.metric import Metric, mean_of_whole_groups
from vprog.benchmarks.official_files import Photographs, find_file, scenes_beside
from vprog.benchmarks.world_programs import statement_programs
from vprog.errors import InputError
from vprog.example import Example

SOURCE = "NLVR2's files are at https://github.com/lil-lab/nlvr"

_LABELS = {"true": "yes", "false": "no"}


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the statements of a split, pictures left then right, in the order of the file.

    The group is the statement: the identifier without its pair, as in the official script.
    ``extra["group_size"]`` is the number of its pairs in the split.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    path = find_file(data, (f"{split}.json", f"{split}.jsonl"), SOURCE)
    rows = read_rows(path)
    scenes = scenes_beside(data, split)
    labelled = any("label" in row for _, row in rows)
    columns = ("sentence", "identifier", *(("label",) if labelled else ()))
    albums: dict[str, Photographs] = {}
    identified = [_parts(require(row, columns, where), where) for where, row in rows]
    sizes = Counter(map(_group, identified))
    for (where, row), parts in zip(rows, identified, strict=True):
        label = str(row["label"]) if labelled else ""
        if labelled and label.lower() not in _LABELS:
            raise InputError(f"{where}: label must be 'True' or 'False', found {row['label']!r}")
        part, stem = parts[0], "-".join(parts[:3])
        album = albums.setdefault(
            part,
            Photographs(data, ("images", f"images/{part}", part), scenes, SOURCE),
        )
        folder = f"{row['directory']}/" if part == "train" and "directory" in row else ""
        yield Example(
            id=row["identifier"],
            pictures=tuple(
                album.picture(f"{folder}{stem}-img{side}.png", where) for side in (0, 1)
            ),
            question=row["sentence"],
            answers=(_LABELS[label.lower()],) if labelled else (),
            types={"phenomenon": row["phenomenon"]} if "phenomenon" in row else {},
            group=_group(parts),
            programs=statement_programs(row["semantic"], where) if "semantic" in row else {},
            extra={
                **({"semantic": row["semantic"]} if "semantic" in row else {}),
                "group_size": sizes[_group(parts)],
            },
        )


def _parts(row: Mapping[str, Any], where: str) -> Sequence[str]:
    """Split, set, pair and sentence of an identifier."""
    parts = str(row["identifier"]).split("-")
    if len(parts) != 4:
        raise InputError(
            f"{where}: identifier must be split-set-pair-sentence, found {row['identifier']!r}"
        )
    return parts


def _group(parts: Sequence[str]) -> str:
    return "-".join((parts[0], parts[1], parts[3]))


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """Consistency: the share of statements that are right for all of their pairs.

    A statement takes part if all of its pairs are there.
    """
    groups = [a.example.group for a in answers.items]
    credits = [a.credit for a in answers.items]
    sizes = [a.example.extra.get("group_size") for a in answers.items]
    return {"consistency": mean_of_whole_groups(groups, credits, sizes, "pairs of a statement")}


def submission(answered: Sequence[Answered]) -> str:
    """The predictions file of the official script: ``identifier,True`` a line.

    A program that failed says False: the script takes no other word.
    """
    return "".join(f"{a.example.id},{a.text == 'yes'}\n" for a in answered)


BENCHMARK = Benchmark(
    name="nlvr2",
    doc="True or false statements about pairs of photographs (Suhr et al. 2019, lil-lab/nlvr)",
    splits=("dev", "test1", "test2", "train"),
    load=load,
    metrics=metrics,
    binary=True,
    submission=submission,
    submission_file="predictions.csv",
)
