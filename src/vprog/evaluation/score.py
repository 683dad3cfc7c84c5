"""Scores runs: official metrics with intervals, by type, errors, baselines, paired comparison."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.metric import Ratio, mean
from vprog.console import note
from vprog.errors import InputError
from vprog.evaluation.baselines import bare_vqa, majority
from vprog.evaluation.failures import count_failures
from vprog.evaluation.figures import (
    by_type,
    clusters_of,
    describe,
    make_answers,
    official_metrics,
)
from vprog.evaluation.selection import ids_hash
from vprog.evaluation.statistics import grouped_difference, paired_difference
from vprog.runs.folder import read_settings, read_traces, write_atomically
from vprog.runs.record import Record


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """A run and its figures.

    Attributes:
        path: The folder.
        records: The record of the answer that the run gave to every example, by example id.
        figures: The object that ``vprog score --json`` prints.
        clusters: Of every example that counts in the accuracy, by its id, what it belongs to; see
            ``clusters_of``. Those of GQA that are not balanced do not count.
    """

    path: Path
    records: Mapping[str, Record]
    figures: dict[str, Any]
    clusters: Mapping[str, Hashable]


def score_run(path: Path, given: Sequence[Path] = ()) -> ScoredRun:
    """Scores a finished or unfinished run and keeps the figures there as ``metrics.json``.

    A failed program counts as a wrong answer. The majority is the most frequent label of the run's
    own examples, given to all of them.

    Args:
        path: The run.
        given: Other runs among which the one of the bare vqa tool may be; those in the same folder
            are looked through as well.

    Raises:
        InputError: No run, damaged, or without a finished trace.
    """
    settings = read_settings(path)
    records: dict[str, Record] = {}
    candidates: list[tuple[str, str | None]] = []
    best: dict[str, float] = {}
    for record in read_traces(path):
        id = record.trace.example_id
        candidates.append(_ended(record))
        best[id] = max(best.get(id, 0.0), record.verdict.credit)
        if record.chosen:
            records[id] = record
    if not records:
        raise InputError(f"{path} has no finished trace; start its command again")
    labelled = {id: r for id, r in records.items() if r.answers}
    if not labelled:
        raise InputError(f"{path}: no example of {settings['split']!r} has a label to score by")
    benchmark = load_benchmark(settings["benchmark"])
    answers = make_answers(settings, list(labelled.values()))
    metrics, clusters = official_metrics(benchmark, answers), clusters_of(answers)
    accuracy = metrics["accuracy"]
    assert isinstance(accuracy, Ratio)
    if accuracy.value() is None:
        raise InputError(f"{path}: no example of {settings['split']!r} counts in the accuracy")
    of = zip(labelled, clusters, accuracy.bottoms, strict=True)
    counted = {id: cluster for id, cluster, bottom in of if bottom}
    figures: dict[str, Any] = {
        "run": str(path),
        "benchmark": settings["benchmark"],
        "split": settings["split"],
        "language": settings["language"],
        "toolbox": settings["toolbox"],
        "writer": settings["writer"],
        "n": len(records),
        "finished": len(records) >= settings["n"],
        "ids_sha256": ids_hash(list(records)),
        "seed": settings["seed"],
        "commit": settings.get("facts", {}).get("commit", ""),
        "metrics": {name: describe(metric, clusters) for name, metric in metrics.items()},
        "by_type": by_type(metrics, answers, clusters),
        "errors": count_failures(map(_ended, labelled.values())),
        "candidate_errors": count_failures(candidates),
        "majority": majority(benchmark, answers, accuracy),
        "vqa": bare_vqa(path, settings, benchmark, {id: labelled[id] for id in counted}, given),
    }
    all_ran = all(judgement != "skipped" for judgement, _ in candidates)
    if all_ran and len(candidates) > len(records):  # what a perfect choice among them would reach
        credits = mean(best[id] if id in counted else None for id in labelled)
        figures["metrics"]["best_candidate"] = describe(credits, clusters)
    try:
        write_atomically(path / "metrics.json", json.dumps(figures, indent=1).encode())
    except InputError as error:  # a full disk or somebody else's run: the figures stand anyway
        note(f"metrics.json is not kept: {error}")
    return ScoredRun(path, records, figures, counted)


def _ended(record: Record) -> tuple[str, str | None]:
    failure = record.trace.failure
    return record.verdict.judgement, None if failure is None else failure.kind


def score_runs(paths: Sequence[Path]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The figures of each run, and the comparison where there are two.

    Raises:
        InputError: See ``score_run`` and ``compare_runs``.
    """
    scored = [score_run(path, paths) for path in paths]
    comparison = compare_runs(scored[0], scored[1]) if len(scored) == 2 else None
    return [s.figures for s in scored], comparison


def compare_runs(first: ScoredRun, second: ScoredRun) -> dict[str, Any]:
    """The paired comparison of two runs over the examples that count in the accuracy of both.

    Raises:
        InputError: They have no such example in common, or are of different benchmarks or data.
    """
    one, two = (run.figures["benchmark"] for run in (first, second))
    if one != two:
        raise InputError(f"cannot compare {first.path} of {one} with {second.path} of {two}")
    common = [id for id in first.clusters if id in second.clusters]
    if not common:
        raise InputError(f"{first.path} and {second.path} have no labelled example in common")
    for id in common:
        if not first.records[id].is_of(second.records[id]):
            raise InputError(
                f"cannot compare {first.path} with {second.path}: {id!r} has another question or "
                "other labels there, so they are of different data. Run both on the same files"
            )
    a = [first.records[id].verdict for id in common]
    b = [second.records[id].verdict for id in common]
    paired = paired_difference([v.credit for v in a], [v.credit for v in b])
    clusters = [first.clusters[id] for id in common]
    grouped = grouped_difference([v.credit for v in a], [v.credit for v in b], clusters)
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
        "gained": int(paired["gained"]),
        "lost": int(paired["lost"]),
        "p_value": float(f"{paired['p_value']:.6g}"),
        "same_answers": same,
        **over_groups(grouped),
    }


def over_groups(grouped: Mapping[str, float] | None) -> dict[str, Any]:
    """What ``grouped_difference`` found, as it stands in JSON; nothing where it found nothing."""
    if grouped is None:
        return {}
    return {
        "groups": int(grouped["groups"]),
        "ci95_groups": [round(grouped["ci_low"], 6), round(grouped["ci_high"], 6)],
        "p_value_groups": float(f"{grouped['p_value']:.6g}"),
    }
