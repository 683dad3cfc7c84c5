"""Options of ``vprog distill`` as settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.distill.pipeline import DistillSettings, choice_of, dialect
from vprog.distill.settings import DistillData
from vprog.distill.sft_settings import SftSettings
from vprog.errors import InputError, known_names
from vprog.program.program import to_language
from vprog.teach.options import read_limits
from vprog.teach.stage import Task, read_task
from vprog.writers import WriterSettings


def distill_settings(given: Mapping[str, Any]) -> DistillSettings:
    """Settings from the command line's options by name, ``writer_settings`` among them.

    Raises:
        InputError: An option that cannot be read.
    """
    load_benchmark(given["benchmark"])
    train = tuple(given["train"] or ("train",))
    tasks = (
        Task(benchmark=given["benchmark"], data=given["data"], train=train, test=given["test"]),
        *map(read_task, given["also"] or ()),
    )
    table = {} if given["training"] is None else _table(given["training"])
    if given["steps"] is not None:
        table["steps"] = given["steps"]
    rationale, prompt = dialect(given["student"], given["grid"], None)
    return DistillSettings(
        tasks=tasks,
        toolbox=given["toolbox"],
        writer=given["writer"],
        language=to_language(given["language"]),
        k=given["k"],
        temperature=given["temperature"],
        top_p=given["top_p"],
        repair=given["repair"],
        writer_settings=given.get("writer_settings") or WriterSettings(),
        student=given["student"],
        rows=tuple(given["row"] or ("instruct", "vpd", "vpd_unverified")),
        labels=tuple(given["labels"] or ()),
        limits=read_limits(given["limit"] or ()),
        data=DistillData(
            choice=choice_of(given["filter"] or ()),
            rationale=rationale,
            prompt=prompt,
            embed=not given["reference"],
        ),
        training=_training(table),
        jobs=given["jobs"],
        seed=given["seed"],
    )


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no TOML: {error}") from None


def _training(table: Mapping[str, Any]) -> SftSettings:
    import dataclasses

    known = [field.name for field in dataclasses.fields(SftSettings)]
    for key in table:
        if key not in known:
            raise InputError(f"training: unknown setting {key!r}. {known_names(key, known)}")
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return SftSettings(**given)
