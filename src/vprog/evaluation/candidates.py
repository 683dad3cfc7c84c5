"""The candidate programs of an example: equal ones merged, and the vote on its answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from vprog.errors import ProgramError
from vprog.program.canonical import canonical
from vprog.program.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A program that stands for all programs of its example that mean the same.

    Attributes:
        program: The first of them, with the log-probability that any of their texts is written.
        count: How many were written; 0 where it stands for nothing that was written.
        original: Its text before it was repaired; None where it was not.
        complaint: What was wrong with ``original``.
    """

    program: Program
    count: int = 1
    original: str | None = None
    complaint: str = ""


def merge(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Merges candidates of one example that mean the same; see ``canonical``.

    Returns:
        One for each meaning, in the order of their first members, counts added up. Where every
        member has a log-probability they are summed as probabilities of different texts: a text
        that was drawn twice is as probable as if it was drawn once.
    """
    if len(candidates) < 2:
        return list(candidates)
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(canonical(candidate.program), []).append(candidate)
    return [_one_of(members) for members in groups.values()]


def _one_of(members: Sequence[Candidate]) -> Candidate:
    first = members[0]
    if len(members) == 1:
        return first
    texts: dict[str, float | None] = {}
    for member in members:
        texts.setdefault(member.program.text, member.program.logprob)
    program = replace(first.program, logprob=_summed(list(texts.values())))
    return replace(first, program=program, count=sum(m.count for m in members))


def _summed(logprobs: Sequence[float | None]) -> float | None:
    """The logarithm of the sum of probabilities; None where one is unknown."""
    known = [p for p in logprobs if p is not None]
    if len(known) < len(logprobs):
        return None
    highest = max(known)
    if math.isinf(highest):
        return highest
    return highest + math.log(sum(math.exp(p - highest) for p in known))


def mended(broken: Candidate, error: ProgramError, program: Program | None) -> Candidate:
    """A candidate after its repair.

    Args:
        broken: As it was.
        error: Why it failed its check.
        program: What its writer made of it; None leaves it as it was. Its log-probability is given
            the broken text, so both are added.
    """
    if program is None:
        return broken
    both = (broken.program.logprob, program.logprob)
    logprob = None if None in both else sum(p for p in both if p is not None)
    return replace(
        broken,
        program=replace(program, logprob=logprob),
        original=broken.program.text,
        complaint=str(error),
    )


class Weight(NamedTuple):
    """What supports an answer; compared in this order.

    Attributes:
        written: How many programs.
        probability: Of them, relative to the example's most probable candidate.
    """

    written: int = 0
    probability: float = 0.0

    def plus(self, other: Weight) -> Weight:
        """Both together."""
        return Weight(self.written + other.written, self.probability + other.probability)


class Ballot:
    """The vote of an example's candidates on its answer.

    The answer that most of the written programs give wins (self-consistency, Wang et al. 2023,
    which found counts as good as probabilities and better than unnormalised ones); where counts are
    equal, the more probable one. Candidates that failed have no vote.

    Attributes:
        running: Candidates that were let run and have not voted yet.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        """Opens the vote; nobody has voted."""
        logprobs = [c.program.logprob for c in candidates]
        highest = max((p for p in logprobs if p is not None), default=0.0)
        self._weights = [
            Weight(c.count, 0.0 if p is None or math.isinf(p) else math.exp(p - highest))
            for c, p in zip(candidates, logprobs, strict=True)
        ]
        order = sorted(range(len(candidates)), key=lambda n: self._weights[n], reverse=True)
        self._waiting = order
        self.running: set[int] = set()
        self._answers: dict[int, str | None] = {}

    def cast(self, candidate: int, answer: str | None) -> None:
        """Counts a candidate's answer in normal form; None where it gave none."""
        self.running.remove(candidate)
        self._answers[candidate] = answer

    @property
    def decided(self) -> bool:
        """Whether candidates that have not voted cannot change the winner."""
        open_ = [*self._waiting, *self.running]
        if not open_:
            return True
        first, second = self._leaders()
        return first > second.plus(self._sum(open_))

    def next(self) -> list[int]:
        """The fewest further candidates that could decide the vote; they now count as running.

        Call it while none is running and the vote is open.
        """
        assert not self.running
        first, second = self._leaders()
        wave: list[int] = []
        while self._waiting:
            wave.append(self._waiting.pop(0))
            if first.plus(self._sum(wave)) > second.plus(self._sum(self._waiting)):
                break
        self.running.update(wave)
        return wave

    @property
    def winner(self) -> int:
        """The most probable of the candidates with the winning answer, 0 where nobody has one."""
        totals = self._totals()
        if not totals:
            return 0
        answer = max(totals, key=lambda a: totals[a])
        voters = [n for n in sorted(self._answers) if self._answers[n] == answer]
        return max(voters, key=lambda n: self._weights[n].probability)

    def _sum(self, candidates: Sequence[int]) -> Weight:
        total = Weight()
        for n in candidates:
            total = total.plus(self._weights[n])
        return total

    def _totals(self) -> dict[str, Weight]:
        totals: dict[str, Weight] = {}
        for n in sorted(self._answers):
            answer = self._answers[n]
            if answer is not None:
                totals[answer] = totals.get(answer, Weight()).plus(self._weights[n])
        return totals

    def _leaders(self) -> tuple[Weight, Weight]:
        """The heaviest answer and the next one; zero where there is none."""
        first, second, *_ = [*sorted(self._totals().values(), reverse=True), Weight(), Weight()]
        return first, second
