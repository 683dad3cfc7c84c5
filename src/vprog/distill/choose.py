"""Verification and choice: which candidate explains an example, what became of the others.

VPD (Hu et al., CVPR 2024, section 3.1, step 3): candidates whose answer matches the label, of
several the one that the language model scored highest; where none passes, the label alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from vprog.distill.candidates import Candidates
from vprog.distill.settings import ChoiceSettings
from vprog.example import Example
from vprog.runs.record import Record

Outcome = Literal["verified", "unverified", "label_only", "left_out"]
"""``verified``: a program gives the label. ``unverified``: a program that was not checked against a
label. ``label_only``: a label and no such program. ``left_out``: neither."""

Refuse = Callable[[Candidates, Record], str]
"""A filter: why a candidate may not explain its example, "" if it may."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A candidate that does not explain its example.

    Attributes:
        record: The candidate.
        kind: ``failed`` (an error), ``wrong`` (another answer than the label's), ``unanswered`` (an
            answer that is none in words), or the name of the filter that refused it.
        why: In a few words.
    """

    record: Record
    kind: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is known of an example after its candidates were judged.

    Attributes:
        example: The example.
        outcome: See ``Outcome``.
        record: The candidate that explains it; None where nobody does.
        judged: Whether it passed by the word of a judge, and not by the label's words.
        rejects: Candidates that may not explain it; right ones that were merely less probable are
            none.
    """

    example: Example
    outcome: Outcome
    record: Record | None = None
    judged: bool = False
    rejects: tuple[Reject, ...] = ()


Named = tuple[str, int]
"""A candidate: example id and index."""


def name_of(record: Record) -> Named:
    """Which candidate a record is about."""
    return record.trace.example_id, record.trace.candidate


def score_of(record: Record) -> tuple[float, int, int]:
    """By what candidates are ranked: log-probability, then how often it was written, then first."""
    logprob = record.trace.logprob
    return (-math.inf if logprob is None else logprob, record.count, -record.trace.candidate)


def choose(
    candidates: Candidates,
    settings: ChoiceSettings,
    filters: Sequence[tuple[str, Refuse]] = (),
    accepted: Collection[Named] = (),
) -> Choice:
    """Judges the candidates of an example and chooses one.

    Args:
        candidates: The candidates.
        settings: Mode and pick.
        filters: Name and function of each filter, in order.
        accepted: Candidates that a judge accepts though their words are no label's.
    """
    example = candidates.example
    labelled = bool(example.answers) and settings.mode != "unlabelled"
    rejects: list[Reject] = []
    passing: list[Record] = []
    for record in candidates.records:
        reject = unfit(candidates, record, settings, accepted)
        reject = reject or _refused(candidates, record, filters)
        if reject is None:
            passing.append(record)
        else:
            rejects.append(reject)
    if not passing:
        outcome: Outcome = "label_only" if labelled else "left_out"
        return Choice(example=example, outcome=outcome, rejects=tuple(rejects))
    chosen = _pick(passing, settings)
    checked = labelled and settings.mode == "verified"
    return Choice(
        example=example,
        outcome="verified" if checked else "unverified",
        record=chosen,
        judged=checked and chosen.verdict.judgement != "right",
        rejects=tuple(rejects),
    )


def unfit(
    candidates: Candidates,
    record: Record,
    settings: ChoiceSettings,
    accepted: Collection[Named] = (),
) -> Reject | None:
    """Why a candidate is none that a filter looks at; None where it is. See ``choose``."""
    verdict, failure = record.verdict, record.trace.failure
    if failure is not None:
        return Reject(record, "failed", f"{failure.kind} error: {failure.message}")
    checked = settings.mode == "verified" and bool(candidates.example.answers)
    if checked and verdict.judgement != "right" and name_of(record) not in accepted:
        return Reject(record, "wrong", verdict.why)
    if verdict.answer is None and not checked:
        return Reject(record, "unanswered", "its answer is none in words")
    return None


def _refused(
    candidates: Candidates, record: Record, filters: Sequence[tuple[str, Refuse]]
) -> Reject | None:
    for name, refuse in filters:
        why = refuse(candidates, record)
        if why:
            return Reject(record, name, why)
    return None


def _pick(passing: Sequence[Record], settings: ChoiceSettings) -> Record:
    if settings.pick == "vote":
        votes: Counter[str | None] = Counter()
        for record in passing:
            votes[record.verdict.answer] += record.count
        most = max(votes.values())
        passing = [r for r in passing if votes[r.verdict.answer] == most]
    return max(passing, key=score_of)
