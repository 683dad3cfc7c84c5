"""Scores runs: accuracy with intervals, official metrics, by type, errors, paired comparison."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.benchmark import Answered, Answers
from vprog.benchmarks.metric import Missing
from vprog.console import note
from vprog.errors import InputError
from vprog.evaluation.run import ids_hash
from vprog.evaluation.statistics import paired_difference, wilson
from vprog.example import Example, Picture
from vprog.runs.folder import read_settings, read_traces, write_atomically
from vprog.runs.record import Record
from vprog.verify import answer_text


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A run and its figures.

    Attributes:
        path: The folder.
        records: The record of the answer that the run gave to every example, by example id.
        figures: The object that ``vprog score --json`` prints.
    """

    path: Path
    records: Mapping[str, Record]
    figures: dict[str, Any]


def score_run(path: Path) -> ScoredRun:
    """Scores a finished or unfinished run and keeps the figures there as ``metrics.json``.

    A failed program counts as a wrong answer. The majority is the most frequent label of the run's
    own examples, given to all of them.

    Raises:
        InputError: No run, damaged, or without a finished trace.
    """
    settings = read_settings(path)
    records: dict[str, Record] = {}
    traces = 0
    for record in read_traces(path):
        traces += 1
        if record.chosen:
            records[record.trace.example_id] = record
    if not records:
        raise InputError(f"{path} has no finished trace; start its command again")
    labelled = [r for r in records.values() if r.answers]
    if not labelled:
        raise InputError(f"{path}: no example of {settings['split']!r} has a label to score by")
    figures: dict[str, Any] = {
        "run": str(path),
        "benchmark": settings["benchmark"],
        "split": settings["split"],
        "language": settings["language"],
        "toolbox": settings["toolbox"],
        "writer": settings["writer"],
        "n": len(records),
        "finished": traces >= settings["n"],
        "ids_sha256": ids_hash(list(records)),
        "seed": settings["seed"],
        "commit": settings.get("facts", {}).get("commit", ""),
        "metrics": {"accuracy": _accuracy(labelled)},
        "by_type": _by_type(labelled),
        "errors": dict(
            Counter(
                r.trace.failure.kind if r.trace.failure else "wrong answer"
                for r in labelled
                if r.verdict.judgement != "right"
            )
        ),
        "majority": _majority(labelled),
    }
    figures["metrics"] |= _official(settings, labelled)
    try:
        write_atomically(path / "metrics.json", json.dumps(figures, indent=1).encode())
    except InputError as error:  # a full disk or somebody else's run: the figures stand anyway
        note(f"metrics.json is not kept: {error}")
    return ScoredRun(path, records, figures)


def _accuracy(records: Sequence[Record]) -> dict[str, Any]:
    right = sum(r.verdict.judgement == "right" for r in records)
    low, high = wilson(right, len(records))
    return {
        "value": round(right / len(records), 6),
        "ci95": [round(low, 6), round(high, 6)],
        "n": len(records),
    }


def _by_type(records: Sequence[Record]) -> dict[str, Any]:
    groups: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        for kind, value in record.types.items():
            groups[kind][value].append(record)
    return {
        kind: {value: _accuracy(members) for value, members in sorted(values.items())}
        for kind, values in sorted(groups.items())
    }


def _majority(records: Sequence[Record]) -> dict[str, Any]:
    """The most frequent label in normal form, and the share of examples that accept it."""
    accepted = [[answer_text(label) for label in r.answers] for r in records]
    answer, _ = Counter(labels[0] for labels in accepted).most_common(1)[0]
    count = sum(answer in labels for labels in accepted)
    return {"answer": answer, "value": round(count / len(records), 6)}


def _official(settings: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """The benchmark's own figures; what they need of the examples is kept in the records."""
    items = [
        Answered(
            example=Example(
                id=r.trace.example_id,
                pictures=tuple(Picture(id, path=where) for id, where in r.pictures.items()),
                question=r.question,
                answers=r.answers,
                types=r.types,
                group=r.group,
                extra=r.extra,
            ),
            trace=r.trace,
            text=r.verdict.answer,
            credit=r.verdict.credit,
        )
        for r in records
    ]
    answers = Answers(items=items, data=Path(settings["data"]), split=settings["split"])
    figures: dict[str, Any] = {}
    for name, metric in load_benchmark(settings["benchmark"]).metrics(answers).items():
        value = metric.value()
        if value is None:
            why = metric.why if isinstance(metric, Missing) else "no example takes part"
            figures[name] = {"value": None, "missing": why}
        else:
            figures[name] = {"value": round(value, 6)}
    return figures


def compare_runs(first: ScoredRun, second: ScoredRun) -> dict[str, Any]:
    """The paired comparison of two runs over the examples that both have.

    Raises:
        InputError: They have no example in common.
    """
    common = [id for id in first.records if id in second.records]
    if not common:
        raise InputError(f"{first.path} and {second.path} have no example in common")
    a = [first.records[id].verdict for id in common]
    b = [second.records[id].verdict for id in common]
    paired = paired_difference(
        [v.judgement == "right" for v in a], [v.judgement == "right" for v in b]
    )
    same = sum(
        x.answer == y.answer and (x.judgement == "failed") == (y.judgement == "failed")
        for x, y in zip(a, b, strict=True)
    )
    return {
        "first": str(first.path),
        "second": str(second.path),
        "n": len(common),
        "ids_sha256": ids_hash(common),
        "difference": round(paired["difference"], 6),
        "ci95": [round(paired["ci_low"], 6), round(paired["ci_high"], 6)],
        "p_value": float(f"{paired['p_value']:.6g}"),
        "same_answers": same,
    }
