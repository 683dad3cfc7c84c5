"""The figures of a run as plain data: value, 95 % interval, by question type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vprog.benchmarks.benchmark import Answered, Answers, Benchmark
from vprog.benchmarks.metric import Metric, Missing, Ratio, Whole, mean
from vprog.evaluation.statistics import groups_interval, interval
from vprog.example import Example, Picture
from vprog.runs.record import Record


def make_answers(settings: Mapping[str, Any], records: Sequence[Record]) -> Answers:
    """Records as official metrics take them.

    Args:
        settings: Of the run.
        records: Of labelled examples.
    """
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
    return Answers(items=items, data=Path(settings["data"]), split=settings["split"])


def official_metrics(benchmark: Benchmark, answers: Answers) -> dict[str, Metric]:
    """Accuracy first (the mean credit, unless the benchmark defines it), then the others."""
    accuracy = mean(a.credit for a in answers.items)
    return {"accuracy": accuracy, **benchmark.metrics(answers)}


def clusters_of(answers: Answers) -> list[Hashable]:
    """Of each answer's example its cluster, see ``cluster_of``."""
    return [cluster_of(a.example) for a in answers.items]


def cluster_of(example: Example) -> str:
    """Which examples are right or wrong together: those of a group, else of a picture."""
    return example.group or (example.pictures[0].id if example.pictures else example.id)


def describe(metric: Metric, clusters: Sequence[Hashable]) -> dict[str, Any]:
    """A figure as ``vprog score --json`` prints it.

    Returns:
        ``value``, ``ci95`` with ``interval`` (its method), ``n`` (what the mean is over: examples,
        or groups of them) and ``unit`` (``share`` or ``number``); with ``groups``, their number,
        and ``ci95_groups`` where a proportion's examples belong together; or ``value`` null and
        ``missing``, the reason.
    """
    value = metric.value()
    if value is None:
        why = metric.why if isinstance(metric, Missing) else "no example takes part"
        return {"value": None, "missing": why}
    assert not isinstance(metric, Missing)
    found = interval(metric, clusters)
    grouped = groups_interval(metric, clusters)
    more: dict[str, Any] = {}
    if grouped is not None:
        over, groups = grouped
        more = {"groups": groups, "ci95_groups": [round(over.low, 6), round(over.high, 6)]}
    return {
        "value": round(value, 6),
        "ci95": [round(found.low, 6), round(found.high, 6)] if found else None,
        "n": count(metric),
        "interval": found.method if found else None,
        "unit": "share" if metric.is_share else "number",
        **more,
    }


def count(metric: Ratio | Whole) -> int:
    """What a figure is over: the examples or groups that take part; of an RMSE all examples."""
    if isinstance(metric, Whole):
        return sum(metric.counts) if metric.counts else metric.n
    return round(sum(metric.bottoms)) if max(metric.bottoms, default=0) <= 1 else len(metric.tops)


def part(metric: Metric, indices: Sequence[int]) -> Metric:
    """The same figure over some of the examples."""
    if isinstance(metric, Ratio):
        return Ratio(
            [metric.tops[i] for i in indices], [metric.bottoms[i] for i in indices], metric.root
        )
    if isinstance(metric, Whole):
        of = metric.of
        return replace(
            metric,
            of=lambda chosen: of([indices[i] for i in chosen]),
            n=len(indices),
            counts=[metric.counts[i] for i in indices] if metric.counts else (),
        )
    return metric


def by_type(
    metrics: Mapping[str, Metric], answers: Answers, clusters: Sequence[Hashable]
) -> dict[str, Any]:
    """Figures by kind and value of question type.

    Returns:
        Kind -> value -> accuracy as ``describe`` gives it, with the values of the other figures
        under ``metrics`` where the type has any.
    """
    groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, a in enumerate(answers.items):
        for kind, value in a.example.types.items():
            groups[kind][value].append(index)
    return {
        kind: {
            value: _of_type(metrics, indices, clusters)
            for value, indices in sorted(values.items(), key=lambda item: _in_order(item[0]))
        }
        for kind, values in sorted(groups.items())
    }


def _in_order(value: str) -> tuple[int, str]:
    """Sorts numbers as numbers, before words."""
    return (int(value), "") if value.isdecimal() else (2**31, value)


def _of_type(
    metrics: Mapping[str, Metric], indices: Sequence[int], clusters: Sequence[Hashable]
) -> dict[str, Any]:
    own = [clusters[i] for i in indices]
    figure = describe(part(metrics["accuracy"], indices), own)
    others = {name: metric.value(indices) for name, metric in metrics.items() if name != "accuracy"}
    figure["metrics"] = {name: round(v, 6) for name, v in others.items() if v is not None}
    return figure
