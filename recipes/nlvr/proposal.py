"""A program that a writer proposes for a statement, and the vote of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proposal:
    """A program for a statement.

    Attributes:
        text: The program.
        logprob: Of the whole program under the writer, at temperature 1.
        greedy: Whether it is the writer's first choice.
    """

    text: str
    logprob: float
    greedy: bool


def vote(candidates: Sequence[Proposal], given: Sequence[str | None]) -> str:
    """The answer with more probability behind it; the majority label where no program runs."""
    weights = {"yes": 0.0, "no": 0.0}
    for candidate, answer in zip(candidates, given, strict=True):
        if answer is not None:
            weights[answer] += math.exp(candidate.logprob)
    return "no" if weights["no"] > weights["yes"] else "yes"
