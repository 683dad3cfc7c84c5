"""The candidates of a run, and how many questions k of them are enough for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.benchmarks.metric import mean
from vprog.errors import InputError
from vprog.evaluation.figures import cluster_of, describe
from vprog.example import Example
from vprog.runs.folder import read_traces
from vprog.runs.record import Record
from vprog.teach.steps import example_of, load_examples

KS = (1, 3, 5, 10)
"""The k of a yield curve, as far as so many programs were written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What was written for one example and what became of it.

    Attributes:
        example: The example, with pictures and gold scenes.
        records: One for each meaning; equal programs are one, with the number of them as ``count``.
    """

    example: Example
    records: tuple[Record, ...]

    @property
    def written(self) -> int:
        """Programs that were drawn, equal ones counted apart."""
        return sum(record.count for record in self.records)

    @property
    def right(self) -> int:
        """Those of them whose answer is a label's."""
        return sum(r.count for r in self.records if r.verdict.judgement == "right")


def read_candidates(run: Path) -> list[Candidates]:
    """The candidates of every finished example, in the order of the benchmark.

    Raises:
        InputError: No run, nothing finished, files that are gone, or candidates that never ran.
    """
    examples = load_examples(run)
    records: dict[str, list[Record]] = {}
    for record in read_traces(run):
        if record.verdict.judgement == "skipped":
            raise InputError(
                f"{run} was made with --vote, so not all of its candidates ran; run it again "
                "without, into another --out"
            )
        example = example_of(record, examples, run)
        records.setdefault(example.id, []).append(record)
    if not records:
        raise InputError(f"{run} has no finished trace; start its command again")
    return [
        Candidates(
            example=example,
            records=tuple(sorted(records[id], key=lambda r: r.trace.candidate)),
        )
        for id, example in examples.items()
        if id in records
    ]


def at_least_one(written: int, right: int, k: int) -> float:
    """The chance that k of ``written`` programs, drawn without return, hold a right one.

    The unbiased estimate of Chen et al. (arXiv 2107.03374, equation 1): with fewer than k programs
    all of them are drawn.
    """
    k = min(k, written)
    if k == 0:
        return 0.0
    if written - right < k:
        return 1.0
    return 1.0 - math.comb(written - right, k) / math.comb(written, k)


def yield_curve(
    candidates: Sequence[Candidates], ks: Sequence[int] | None = None
) -> dict[str, dict[str, Any]]:
    """The share of labelled questions with a verified program against k.

    Args:
        candidates: Of one run.
        ks: None is ``KS`` as far as every question has so many programs, and the most written.

    Returns:
        k (as text) -> ``value``, ``ci95``, ``n`` and more, as ``vprog score`` gives figures;
        questions about one picture are drawn together for the interval.

    Raises:
        InputError: No example has a label.
    """
    labelled = [c for c in candidates if c.example.answers]
    if not labelled:
        raise InputError("no example has a label, so no program can be verified")
    most = max(c.written for c in labelled)
    if ks is None:
        ks = sorted({k for k in KS if k <= most} | {max(most, 1)})
    clusters = [cluster_of(c.example) for c in labelled]
    return {
        str(k): describe(mean(at_least_one(c.written, c.right, k) for c in labelled), clusters)
        for k in ks
    }
