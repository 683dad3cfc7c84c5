"""own: a data set of the user's own; docs/own-data.md.

The name says which columns hold what, where they are not called as usual:
``own:image=file,question=text,answer=label``; ``vprog run own --columns`` writes it.
"""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from vprog.benchmarks import choices as multiple_choice
from vprog.benchmarks.benchmark import Benchmark
from vprog.benchmarks.drawn import drawn_programs
from vprog.benchmarks.official_files import scenes_beside
from vprog.benchmarks.own_files import Cell, find_tables, read_rows
from vprog.errors import InputError, known_names
from vprog.example import Example, Picture, Scene
from vprog.trace import Value
from vprog.verify import answer_text

ROLES: dict[str, tuple[str, ...]] = {
    "image": ("image", "images", "picture", "pictures", "img", "image_path", "file_name", "file"),
    "question": ("question", "text", "prompt", "query", "sentence", "statement"),
    "answer": ("answer", "answers", "label", "labels", "direct_answers", "target"),
    "id": ("id", "question_id", "uid", "qid"),
    "choices": ("choices", "options"),
    "type": ("type", "question_type", "category"),
}
"""What a column may be for, and what it is usually called, the likeliest first."""
NEEDED = ("image", "question")


def own(columns: str) -> Benchmark:
    """The benchmark over a user's own data.

    Args:
        columns: ``role=column`` with commas between; "" where the columns have usual names.

    Raises:
        InputError: A role is unknown, or said twice.
    """
    said = read_columns(columns)
    name = f"own:{columns}" if columns else "own"
    return replace(BENCHMARK, name=name, load=partial(_load, said))


def read_columns(columns: str) -> dict[str, str]:
    """``image=file,answer=label`` as a mapping.

    Raises:
        InputError: A role is unknown or said twice, or a part is not ``role=column``.
    """
    said: dict[str, str] = {}
    for part in columns.split(",") if columns.strip() else ():
        role, sign, column = (text.strip() for text in part.partition("="))
        if not sign or not column:
            raise InputError(f"columns: want role=column, got {part!r}. Roles: {', '.join(ROLES)}")
        if role not in ROLES:
            raise InputError(f"columns: unknown role {role!r}. {known_names(role, ROLES)}")
        if role in said:
            raise InputError(f"columns: {role} is said twice")
        said[role] = column
    return said


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields the rows of a data set whose columns have usual names; see ``own``."""
    return _load({}, data, split)


def _load(said: Mapping[str, str], data: Path, split: str) -> Iterator[Example]:
    """Yields the rows in their order.

    Raises:
        InputError: A file, column or picture is missing, or a row is wrong; the message has its
            place and the columns that are there.
    """
    folder = data.parent if data.is_file() else data
    scenes = scenes_beside(folder, split)
    pictures: dict[str, Picture] = {}
    number = 0
    for path in find_tables(data, split):
        known: tuple[tuple[str, ...], dict[str, str]] | None = None
        for where, row in read_rows(path):
            if known is None or known[0] != tuple(row):
                known = tuple(row), _roles(said, row, where)
            roles = known[1]
            cells = {role: row[column] for role, column in roles.items()}
            programs = drawn_programs(row, where)
            example = _example(number, cells, roles, folder, pictures, scenes, where)
            yield replace(example, programs=programs) if programs else example
            number += 1


def _roles(said: Mapping[str, str], row: Mapping[str, Any], where: str) -> dict[str, str]:
    """Which column is for what."""
    found: dict[str, str] = {}
    for role, usual in ROLES.items():
        if role in said:
            if said[role] not in row:
                raise InputError(
                    f"{where} has no column {said[role]!r}. {known_names(said[role], row)}"
                )
            found[role] = said[role]
            continue
        named = [name for name in usual if name in row and name not in said.values()]
        if named:
            found[role] = named[0]
        elif role in NEEDED:
            raise InputError(
                f"{where} has no column for the {role}: none of {', '.join(usual)}. Columns there: "
                f"{', '.join(row)}. Say which with --columns {role}=NAME"
            )
    return found


def _example(
    number: int,
    cells: Mapping[str, Any],
    roles: Mapping[str, str],
    folder: Path,
    pictures: dict[str, Picture],
    scenes: Mapping[str, Scene],
    where: str,
) -> Example:
    question = cells["question"]
    if not isinstance(question, str) or not question.strip():
        raise InputError(f"{where}: column {roles['question']!r} must be text, found {question!r}")
    lists = {
        role: _listed(cells.get(role), f"{where}: column {roles.get(role)!r}")
        for role in ("image", "choices", "answer")
    }
    if not lists["image"]:
        raise InputError(f"{where}: column {roles['image']!r} names no picture")
    labels = [label for label in lists["answer"] if not _is_missing(label)]
    answers = [_text(label, f"{where}: an answer") for label in labels]
    extra: dict[str, Any] = {}
    if lists["choices"]:
        extra = _choices(lists["choices"], labels, roles["choices"], where)
        if labels:
            answers = [extra["choices"][extra["right_choice"]]]
    id, kind = cells.get("id"), cells.get("type")
    return Example(
        id=str(number) if id is None or not str(id).strip() else str(id),
        pictures=tuple(_picture(f, folder, pictures, scenes, where) for f in lists["image"]),
        question=question,
        answers=tuple(answers),
        types={"type": str(kind)} if kind is not None and str(kind) else {},
        extra=extra,
    )


def _choices(
    given: Sequence[Any], labels: Sequence[Any], column: str, where: str
) -> dict[str, Any]:
    """``choices``, and where there is a label ``right_choice``, its place among them."""
    offered = [_text(choice, f"{where}: a choice") for choice in given]
    if len(offered) < 2:
        raise InputError(
            f"{where}: column {column!r} must hold two choices or more, found {offered}. {_LIST}"
        )
    if len(labels) > 1:
        raise InputError(f"{where}: one of the choices is the answer, found {labels}")
    right = {"right_choice": _right_choice(labels[0], offered, where)} if labels else {}
    return {"choices": offered, **right}


_LIST = 'A list is written as JSON: ["dog", "puppy"]'
_NO_COMMA = re.compile(r"""['"]\s+['"]""")
"""Between two texts, as arrays of numpy are printed: to Python these are one text."""


def _listed(cell: Any, what: str) -> list[Any]:
    """A cell as a list; lists in text are as JSON or Python writes them.

    Raises:
        InputError: Text in brackets is no such list.
    """
    if isinstance(cell, str):
        text = cell.strip()
        if text.startswith("[") and text.endswith("]"):
            return _read_list(text, what)
        return [text] if text else []
    if cell is None:
        return []
    return list(cell) if isinstance(cell, list | tuple) else [cell]


def _read_list(text: str, what: str) -> list[Any]:
    try:
        return list(json.loads(text))
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            found = None if _NO_COMMA.search(text) else ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        found = None
    if isinstance(found, list):
        return found
    raise InputError(
        f"{what} is in brackets and no list, found {text[:60]!r}. {_LIST}; text in brackets: "
        '["[text]"]'
    )


def _is_missing(label: Any) -> bool:
    """Nothing, blanks, or the NaN that tables of Python hold where there is no number."""
    if isinstance(label, float):
        return math.isnan(label)
    return label is None or not str(label).strip()


def _text(value: Any, what: str) -> str:
    """A choice or a label as text: booleans are yes and no.

    Raises:
        InputError: It is no text, number or boolean.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float):
        raise InputError(f"{what} must be text, number or boolean, found {str(value)[:60]!r}")
    return answer_text(value) or ""


def _right_choice(label: Any, offered: list[str], where: str) -> int:
    """Which of the choices a label is: one that says the same, a letter, or an index.

    Raises:
        InputError: None of them.
    """
    for said in (label, str(label)):  # true is "yes", or "True"
        picked = multiple_choice.pick(said, offered)
        if picked is not None:
            return picked
    index = str(label).strip()
    if not isinstance(label, bool) and index.isdecimal() and int(index) < len(offered):
        return int(index)
    raise InputError(f"{where}: the answer {label!r} is none of the choices {offered}")


def _picture(
    file: Any, folder: Path, pictures: dict[str, Picture], scenes: Mapping[str, Scene], where: str
) -> Picture:
    if isinstance(file, Cell):
        scene = scenes.get(Path(file.name).stem)
        return Picture(file.id, path=file.path, encoded=file, scene=scene)
    if not isinstance(file, str):
        raise InputError(f"{where}: a picture must be a file name, found {str(file)[:60]!r}")
    if file not in pictures:
        path = next((p for p in (folder / file, folder / "images" / file) if p.is_file()), None)
        if path is None:
            raise InputError(f"{where}: missing picture {folder / file}")
        pictures[file] = Picture(file, path=path, scene=scenes.get(Path(file).stem))
    return pictures[file]


def credit(value: Value, example: Example) -> float:
    """1 for an accepted answer, or for the right one of choices."""
    if "right_choice" in example.extra:
        return multiple_choice.credit(value, example)
    answer = answer_text(value)
    return float(answer is not None and answer in [answer_text(a) for a in example.answers])


BENCHMARK = Benchmark(
    name="own",
    doc="Your own questions: JSONL, CSV, Parquet or a saved data set (docs/own-data.md)",
    splits=("all", "train", "validation", "val", "dev", "test"),
    load=load,
    credit=credit,
)
