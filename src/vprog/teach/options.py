"""Options of ``vprog teach`` as settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError
from vprog.program.program import to_language
from vprog.teach.stage import StageSettings, Task, read_kept, read_task, read_training
from vprog.teach.steps import ARGUMENTS


def stage_settings(given: Mapping[str, Any]) -> StageSettings:
    """Settings of a stage from the command line's options by name.

    Raises:
        InputError: An option that cannot be read.
    """
    load_benchmark(given["benchmark"])
    if given["writer"] == "chat":
        raise InputError(
            "a stage asks no endpoint: write its programs first, each split and language (`vprog "
            "run BENCHMARK --data FOLDER --split train --language steps --writer chat --model NAME "
            "--base-url URL --record programs.jsonl --out runs/train`), then teach with "
            "--writer replay:programs.jsonl"
        )
    target = Task(
        benchmark=given["benchmark"],
        data=given["data"],
        train=tuple(given["train"] or ("train",)),
        val=given["val"],
        test=given["test"],
    )
    training = {} if given["training"] is None else read_training(given["training"])
    for option, key in (("steps", "steps"), ("keep_weight", "keep")):
        if given[option] is not None:
            for table in {"all", *training}:
                training.setdefault(table, {})[key] = given[option]
    return StageSettings(
        target=target,
        toolbox=given["toolbox"],
        teacher=given["teacher"],
        upper=given["upper"],
        languages=tuple(to_language(one) for one in given["language"] or ("steps", "python")),
        tools=tuple(given["tool"] or ARGUMENTS),
        rounds=given["rounds"],
        demonstrate=given["demonstrate"],
        limits=read_limits(given["limit"] or ()),
        keep=tuple(read_kept(text) for text in given["keep"] or ()),
        unseen=tuple(read_task(text) for text in given["unseen"] or ()),
        after=given["after"],
        writer=given["writer"],
        phrases=tuple(given["phrase"] or ()),
        per_picture=given["per_picture"],
        thresholds=tuple(given["threshold"] or ()),
        training=training,
        least_confidence=given["sure"],
        jobs=given["jobs"],
        seed=given["seed"],
    )


def read_limits(texts: Sequence[str]) -> dict[str, int]:
    """``PART=N`` options as limits.

    Raises:
        InputError: Not of that form.
    """
    limits = {}
    for text in texts:
        part, equals, number = text.partition("=")
        if not equals or not number.strip().isdecimal():
            raise InputError(f"--limit wants PART=N, such as train=2000, got {text!r}")
        limits[part.strip()] = int(number)
    return limits
