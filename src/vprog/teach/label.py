"""Labelling: steps and a teacher's answers to them become supervision."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vprog.engine.calls import Answer, Calls
from vprog.engine.memo import Memo
from vprog.errors import PictureError, ToolError, VprogError
from vprog.example import Picture, Region
from vprog.teach.agreement import agree, confidence_of
from vprog.teach.steps import LearnableStep, Steps
from vprog.teach.supervision import Supervised
from vprog.teach.teachers.teacher import Teacher
from vprog.tools.backend import Toolbox
from vprog.tools.catalogue import TOOLS
from vprog.trace import Call, Result, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What a teacher said of steps.

    Attributes:
        teacher: Its name.
        steps: What it was asked.
        answers: For every step its result, or why there is none.
        agreed: Calls, by tool, in which student and teacher say the same, and calls in which the
            teacher answered.
        unanswered: Steps without an answer, counted by reason.
    """

    teacher: str
    steps: Sequence[LearnableStep]
    answers: Sequence[Answer]
    agreed: Mapping[str, tuple[int, int]]
    unanswered: Mapping[str, int]

    def supervised(self, least_confidence: float = 0.0) -> list[Supervised]:
        """What students learn from, in the order of the steps.

        Args:
            least_confidence: Answers that are less sure are left out.
        """
        found = []
        for step, answer in zip(self.steps, self.answers, strict=True):
            if isinstance(answer, Result):
                one = supervise(step, answer)
                if one.confidence >= least_confidence:
                    found.append(one)
        return found


def label(
    steps: Steps,
    teacher: Teacher,
    memo: Path | None = None,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> Labels:
    """Asks a teacher about steps, in batches.

    Killed and started again it asks only what it has not answered: answers are kept in ``memo``
    before they are used. Refusals are not kept.

    Args:
        steps: The steps and their pictures.
        teacher: The teacher.
        memo: File that keeps its answers, such as the ``memo.sqlite`` of a run; None keeps none.
        show: Is called now and then with the steps that are done and all of them.

    Raises:
        InputError: The teacher cannot be loaded, or the memo not be written.
    """
    answers = ask(teacher, [step.call for step in steps.steps], steps.pictures, memo, show)
    agreed: dict[str, tuple[int, int]] = {}
    unanswered: Counter[str] = Counter()
    for step, answer in zip(steps.steps, answers, strict=True):
        if isinstance(answer, Result):
            same, all_ = agreed.get(step.tool, (0, 0))
            same += step.weight * (not step.error and agree(step.tool, step.value, answer.value))
            agreed[step.tool] = (same, all_ + step.weight)
        else:
            unanswered[f"{step.tool}: {reason(answer)}"] += 1
    return Labels(
        teacher=teacher.name,
        steps=steps.steps,
        answers=answers,
        agreed=agreed,
        unanswered=dict(unanswered.most_common()),
    )


def ask(
    teacher: Teacher,
    calls: Sequence[Call],
    pictures: Mapping[str, Picture],
    memo: Path | None = None,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> list[Answer]:
    """A teacher's answers to calls, in order; equal calls are asked once.

    Args:
        teacher: The teacher.
        calls: Of learnable tools.
        pictures: By id; a call about another picture is answered by an error.
        memo: File that keeps answers.
        show: Is called with the calls that are done and all of them.

    Raises:
        InputError: The teacher cannot be loaded, or the memo not be written.
    """
    answers: list[Answer | None] = [None] * len(calls)
    done = 0

    def take(n: int) -> Callable[[Answer, Source, float], None]:
        def deliver(answer: Answer, source: Source, ms: float) -> None:
            del source, ms
            nonlocal done
            answers[n] = answer
            done += 1

        return deliver

    kept = Memo(memo)
    try:
        open_calls = Calls(Toolbox(name=teacher.name, tools=TOOLS, backends=teacher.backends), kept)
        for n, call in enumerate(calls):
            try:
                if call.tool not in teacher.backends:
                    raise ToolError(f"{teacher.name} does not teach {call.tool}")
                image = call.args["image"]
                if not (isinstance(image, Region) and image.picture in pictures):
                    raise PictureError("the program had edited the picture")
                open_calls.request(call, pictures, take(n))
            except (ToolError, PictureError) as error:
                take(n)(error, "computed", 0.0)
            show(done, len(calls))
        while open_calls.run_fullest():
            show(done, len(calls))
    finally:
        kept.close()
    given = [answer for answer in answers if answer is not None]
    assert len(given) == len(calls), "a call was not answered"
    return given


def supervise(step: LearnableStep, answer: Result) -> Supervised:
    """A teacher's answer to a step as supervision of the student.

    The distribution of ``vqa`` is the teacher's, or all on its answer where it only names one; that
    of ``match`` holds the belief in each option.
    """
    boxes = None
    distribution: Mapping[str, float] | None = None
    if step.tool == "detect":
        assert isinstance(answer.value, list)
        boxes = tuple(box for box in answer.value if isinstance(box, Region))
    elif step.tool == "vqa":
        said = answer.info.get("distribution")
        distribution = dict(said) if isinstance(said, Mapping) else {str(answer.value): 1.0}
    else:
        assert isinstance(answer.value, list)
        distribution = dict(zip(step.argument, map(float, answer.value), strict=True))
    return Supervised(
        tool=step.tool,
        region=step.region,
        argument=step.argument,
        boxes=boxes,
        distribution=distribution,
        confidence=confidence_of(step.tool, answer),
        weight=step.weight,
    )


_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”")


def reason(error: VprogError) -> str:
    """Why a call is not answered, without what is particular to it, for counting."""
    text = _QUOTED.sub("…", str(error)).splitlines()[0]
    first = re.split(r"(?<=[a-z…])[.;] ", text)[0]
    return first if len(first) <= 120 else first[:117] + "..."
