"""POPE: questions for objects that are not there (Li et al., EMNLP 2023).

Files are taken as they are published (github.com/AoiDragon/POPE): one a setting, such as
``coco_pope_random.json`` or ``gqa_pope_seem_random.json``, and the photographs that they name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.benchmarks.gqa_files import read_rows, require
from vprog.benchmarks.metric import Metric, Ratio, mean
from vprog.benchmarks.official_files import Photographs, scenes_beside
from vprog.benchmarks.world_programs import statement_programs
from vprog.errors import InputError
from vprog.example import Example
from vprog.trace import Value
from vprog.verify import answer_text

SOURCE = "POPE's files are at https://github.com/AoiDragon/POPE"

SETTINGS = ("random", "popular", "adversarial")
"""How absent objects were chosen; one file each."""

_COLUMNS = ("question_id", "image", "text")
_FOLDERS = ("images", "val2014", "images/val2014")


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the questions of the three settings one after the other.

    Args:
        data: Folder of the official files.
        split: What their names begin with: ``coco``, ``gqa``, ``aokvqa``.

    Raises:
        InputError: A file, picture or column is missing or wrong.
    """
    tables = [(setting, read_rows(_file(data, split, setting))) for setting in SETTINGS]
    pictures = Photographs(data, _FOLDERS, scenes_beside(data, split), SOURCE)
    for setting, rows in tables:
        labelled = any("label" in row for _, row in rows)
        columns = (*_COLUMNS, "label") if labelled else _COLUMNS
        for where, row in rows:
            require(row, columns, where)
            if labelled and row["label"] not in ("yes", "no"):
                raise InputError(f"{where}: label must be 'yes' or 'no', found {row['label']!r}")
            yield Example(
                id=f"{setting}-{row['question_id']}",
                pictures=(pictures.picture(row["image"], where),),
                question=row["text"],
                answers=(row["label"],) if labelled else (),
                types={"setting": setting},
                programs=statement_programs(row["semantic"], where) if "semantic" in row else {},
                extra={"semantic": row["semantic"]} if "semantic" in row else {},
            )


def _file(data: Path, split: str, setting: str) -> Path:
    if not data.is_dir():
        raise InputError(f"data folder {data} does not exist. {SOURCE}")
    pattern = f"{split}_pope*_{setting}*.json*"
    found = sorted((*data.glob(pattern), *data.glob(f"*/{pattern}")))
    if not found:
        raise InputError(f"missing file {data / f'{split}_pope_{setting}.json'}. {SOURCE}")
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(data)) for path in found)
        raise InputError(f"{data} has {len(found)} files of {split}'s {setting} setting: {names}")
    return found[0]


def normalise(value: Value) -> str | None:
    """Reads "yes" or "no" from an answer in free text, as the official script does.

    It is cut at the first full stop; one with the word "no", "No" or "not" means no, every other
    means yes.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else answer_text(value)
    if text is None:
        return None
    words = text.split(".")[0].replace(",", "").split(" ")
    return "no" if {"no", "No", "not"} & set(words) else "yes"


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """Precision, recall and F1 of "yes", and the share of "yes" (section 4).

    A failed program answered neither: it is wrong, and counts as a missed "yes" where "yes" was
    right. For these figures that is the same as "no", which ``submission`` writes.
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


def submission(answered: Sequence[Answered]) -> str:
    """The answers file of the official script: ``question`` and ``answer``, a JSON object a line.

    The script pairs labels and answers by their place, and wants one file a setting: lines are in
    the order of the settings' files, one setting after the other. It reads every answer as yes or
    no; a failed program, which said no yes for ``metrics`` either, says no.
    """
    rows = (
        {"question": a.example.question, "answer": a.text or "no"}
        for a in sorted(answered, key=lambda a: _place(a.example.id))
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def _place(id: str) -> tuple[int, int, str]:
    """Where a question stands in the files: by setting, then by its number there."""
    setting, _, number = id.partition("-")
    place = SETTINGS.index(setting) if setting in SETTINGS else len(SETTINGS)
    return place, int(number) if number.isdecimal() else 0, number


BENCHMARK = Benchmark(
    name="pope",
    doc="Questions for objects that are not there (Li et al. 2023, AoiDragon/POPE)",
    splits=("coco", "aokvqa", "gqa"),
    load=load,
    normalise=normalise,
    metrics=metrics,
    binary=True,
    submission=submission,
    submission_file="answers.jsonl",
)
