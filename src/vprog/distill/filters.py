"""Filters beyond the label: signs that a right answer came from a program that means it.

A right answer is weak evidence for its program: ViUniT found that a third of right answers have a
wrong one. Each filter is off by default, as in VPD; what it refuses is kept with its name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from vprog.distill.candidates import Candidates
from vprog.distill.choose import Named, Refuse, unfit
from vprog.distill.live import live_steps
from vprog.distill.settings import ChoiceSettings
from vprog.example import Picture, Region
from vprog.runs.record import Record
from vprog.teach.agreement import agree
from vprog.teach.label import ask
from vprog.teach.steps import asked
from vprog.teach.teachers.load import load_teacher
from vprog.teach.teachers.teacher import Teacher
from vprog.trace import Call, Result, Step, Trace


def load_filters(
    settings: ChoiceSettings,
    candidates: Sequence[Candidates],
    memo: Path | None = None,
    accepted: Collection[Named] = (),
) -> list[tuple[str, Refuse]]:
    """The filters that the settings switch on, cheap ones first.

    Args:
        settings: Which, and how strict.
        candidates: All that will be filtered; a teacher is asked about them in batches.
        memo: Keeps the teacher's answers.
        accepted: Candidates that a judge accepts.

    Raises:
        InputError: The teacher cannot be loaded.
    """
    filters: list[tuple[str, Refuse]] = []
    if settings.evidence:
        filters.append(("no_evidence", without_evidence))
    if settings.least_agreement > 0:
        filters.append(("disagreed", disagreed(settings.least_agreement)))
    if settings.step_teacher is not None:
        right = [
            (c, r) for c in candidates for r in c.records
            if unfit(c, r, settings, accepted) is None
        ]  # fmt: skip
        teacher = load_teacher(settings.step_teacher)
        filters.append(
            ("steps_refused", steps_refused(right, teacher, settings.least_step_agreement, memo))
        )
    return filters


def without_evidence(candidates: Candidates, record: Record) -> str:
    """Refuses a program whose answer depends on no tool that looked at a picture."""
    del candidates
    steps = record.trace.steps
    live = (steps[n] for n in live_steps(record.trace))
    if any(step.tool is not None and _looks(step.args) for step in live):
        return ""
    return "its answer depends on no tool that looks at a picture"


def _looks(args: Mapping[str, object]) -> bool:
    return any(type(value) is Region for value in args.values())


def disagreed(least: float) -> Refuse:
    """Refuses a program with whose answer fewer than a share of the written programs agree.

    Args:
        least: The share, of all programs that were written for the example.
    """

    def refuse(candidates: Candidates, record: Record) -> str:
        answer = record.verdict.answer
        same = sum(r.count for r in candidates.records if r.verdict.answer == answer)
        share = same / max(candidates.written, 1)
        if share >= least:
            return ""
        return f"{same} of {candidates.written} programs give its answer, {least:.0%} are wanted"

    return refuse


def steps_refused(
    pairs: Sequence[tuple[Candidates, Record]],
    teacher: Teacher,
    least: float,
    memo: Path | None = None,
) -> Refuse:
    """Refuses a program with too few of whose live steps a teacher agrees.

    Steps that the teacher does not answer do not count.

    Args:
        pairs: Every candidate that may be asked about.
        teacher: Who checks.
        least: Share of the steps that it answers.
        memo: Keeps its answers.
    """
    pictures: dict[str, Picture] = {}
    calls: dict[str, Call] = {}
    for candidates, record in pairs:
        pictures |= {p.id: p for p in candidates.example.pictures}
        calls |= {_key(step): _call(step) for step in _checked(record.trace)}
    answers = dict(zip(calls, ask(teacher, list(calls.values()), pictures, memo), strict=True))

    def refuse(candidates: Candidates, record: Record) -> str:
        del candidates
        same = total = 0
        for step in _checked(record.trace):
            answer = answers.get(_key(step))
            if isinstance(answer, Result) and step.tool is not None:
                total += 1
                same += agree(step.tool, step.value, answer.value)
        if not total or same / total >= least:
            return ""
        return f"{teacher.name} agrees with {same} of {total} steps, {least:.0%} are wanted"

    return refuse


def _checked(trace: Trace) -> Iterable[Step]:
    """Live steps that are calls of learnable tools."""
    steps = (trace.steps[number] for number in live_steps(trace))
    return (step for step in steps if asked(step) is not None)


def _key(step: Step) -> str:
    found = asked(step)
    assert found is not None
    region, argument = found
    return repr((step.tool, region[:5], argument))


def _call(step: Step) -> Call:
    assert step.tool is not None
    return Call(step.tool, step.args)
