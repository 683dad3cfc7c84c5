"""Which examples of a benchmark a run is about."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError, known_names
from vprog.example import Example


def ids_hash(ids: Sequence[str]) -> str:
    """SHA-256 over the sorted ids, one a line: names a selection of examples."""
    return hashlib.sha256("\n".join(sorted(ids)).encode("utf-8", "backslashreplace")).hexdigest()


def examples_hash(examples: Sequence[Example]) -> str:
    """SHA-256 over questions and labels by id: tells data apart whose ids are the same."""
    rows = sorted((e.id, e.question, tuple(e.answers)) for e in examples)
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def select_examples(
    benchmark: str,
    data: Path,
    split: str,
    limit: int | None,
    seed: int,
    ids: Collection[str] | None = None,
    types: Mapping[str, Collection[str]] | None = None,
) -> list[Example]:
    """The examples of a run, in the benchmark's order.

    Args:
        benchmark: Its name.
        data: Folder with its official files.
        split: Which part of it.
        limit: At most this many, drawn from those that ``ids`` and ``types`` leave; None is all.
        seed: For drawing.
        ids: Only these; every one must be there.
        types: Only examples that have, for each kind of type, one of these values.

    Raises:
        InputError: Unknown benchmark, missing or wrong files, unknown ids or types, no example, or
            doubled ids.
    """
    if limit is not None and limit < 1:
        raise InputError(f"--limit must be at least 1, got {limit}")
    known = load_benchmark(benchmark)
    try:
        examples = list(known.examples(data, split))
    except InputError as error:
        if split in known.splits:
            raise
        hint = known_names(split, known.splits)
        raise InputError(f"{error}. {benchmark} has no usual split {split!r}. {hint}") from None
    where = f"{benchmark}: split {split!r} in {data}"
    if not examples:
        raise InputError(f"{where} has no example")
    doubled = [id for id, count in Counter(e.id for e in examples).items() if count > 1]
    if doubled:
        raise InputError(
            f"{where} has {len(doubled)} doubled ids, such as {doubled[0]!r}; ids must be unique"
        )
    if ids is not None:
        examples = _with_ids(examples, ids, where)
    if types:
        examples = _with_types(examples, types, where)
    if limit is not None and limit < len(examples):
        chosen = set(random.Random(seed).sample(range(len(examples)), limit))
        examples = [e for n, e in enumerate(examples) if n in chosen]
    return examples


def _with_ids(examples: Sequence[Example], ids: Collection[str], where: str) -> list[Example]:
    missing = set(ids) - {e.id for e in examples}
    if missing:
        raise InputError(
            f"{where} has no example with {len(missing)} of the {len(ids)} ids, such as "
            f"{min(missing)!r}"
        )
    wanted = set(ids)
    return [e for e in examples if e.id in wanted]


def _with_types(
    examples: Sequence[Example], types: Mapping[str, Collection[str]], where: str
) -> list[Example]:
    kinds = {kind for e in examples for kind in e.types}
    for kind, values in types.items():
        if kind not in kinds:
            raise InputError(f"{where}: no example has a type {kind!r}. {known_names(kind, kinds)}")
        known = {e.types[kind] for e in examples if kind in e.types}
        for value in values:
            if value not in known:
                raise InputError(
                    f"{where}: no example is of {kind}={value!r}. {known_names(value, known)}"
                )
    kept = [e for e in examples if all(e.types.get(kind) in types[kind] for kind in types)]
    if not kept:
        raise InputError(f"{where} has no example of all these types at once")
    return kept


def read_ids(file: Path) -> tuple[str, ...]:
    """Ids of examples from a file: one a line, or a JSON list.

    Raises:
        InputError: It cannot be read, or holds no id.
    """
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read the ids in {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"cannot read the ids in {file}: no text in UTF-8") from None
    listed: list[object] = [line.strip() for line in text.split("\n")]
    if text.lstrip().startswith("["):
        try:
            listed = json.loads(text)
        except ValueError as error:
            raise InputError(f"the ids in {file} are no JSON list: {error}") from None
    ids = tuple(dict.fromkeys(str(id) for id in listed if id != ""))
    if not ids:
        raise InputError(f"{file} holds no id; write one a line, or a JSON list")
    return ids


def parse_types(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """``structural=query,verify`` as ``{"structural": ("query", "verify")}``.

    Args:
        texts: Each ``KIND=VALUE[,VALUE...]``; a further ``KIND=`` may follow a comma.

    Raises:
        InputError: Not of that form.
    """
    types: dict[str, list[str]] = {}
    for text in texts:
        kind = ""
        for part in text.split(","):
            before, equals, value = part.partition("=")
            kind, value = (before.strip(), value) if equals else (kind, part)
            if not kind or not value.strip():
                raise InputError(f"--types wants KIND=VALUE[,VALUE...], got {text!r}")
            types.setdefault(kind, []).append(value.strip())
    return {kind: tuple(values) for kind, values in types.items()}
