"""Answers as text, and the verdict on a trace."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vprog.example import Example, Region
from vprog.trace import Trace, Value

Judgement = Literal["right", "wrong", "failed", "unlabelled", "skipped"]
"""``failed``: the program ended in an error. ``unlabelled``: the example has no accepted answer.
``skipped``: the program never ran, because the vote among its example's candidates was decided."""

_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty",
)  # fmt: skip
_WORDS = {
    "true": "yes",
    "false": "no",
    **{word: str(number) for number, word in enumerate(_NUMBERS)},
}

_START = re.compile(r"(?:[\s,;:!?\"'“”‘’]|\.(?!\d))+")
"""Blanks and punctuation before an answer, but for the point of ``.5``."""
_END = " .,;:!?\"'“”‘’"
"""And behind it. Stripped, for an expression would look at every run of them, however long."""


def answer_text(value: Value) -> str | None:
    """The answer of a program in the normal form that labels have.

    Lower case, without surrounding blanks and punctuation and without a leading article; booleans
    are "yes" and "no", number words up to twenty are digits, 3.0 is "3", and 0.1 + 0.2 is "0.3".

    Args:
        value: What the program returned.

    Returns:
        The text, or None where the value is no answer in words (an image, nothing).
    """
    if value is None or isinstance(value, Region | dict):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.12g}"
    if isinstance(value, list):
        parts = [answer_text(item) for item in value]
        return None if None in parts else ", ".join(p for p in parts if p is not None)
    text = re.sub(r"\s+", " ", str(value)).lower().rstrip(_END)
    if start := _START.match(text):
        text = text[start.end() :]
    text = re.sub(r"^(a|an|the) (?=\S)", "", text)
    text = re.sub(r"^(-?\d+)\.0+$", r"\1", text)
    return _WORDS.get(text, text)


RIGHT = 0.5
"""The credit from which an answer counts as right where something must be right or wrong."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification says of a trace.

    Attributes:
        judgement: See ``Judgement``; right from a credit of ``RIGHT``.
        answer: The answer in normal form; None where there is none.
        why: One short sentence.
        credit: What the answer is worth in [0, 1]; 0 for a failed or unlabelled one.
    """

    judgement: Judgement
    answer: str | None
    why: str
    credit: float = 0.0


def verify(
    trace: Trace,
    example: Example,
    *,
    normalise: Callable[[Value], str | None] = answer_text,
    credit: Callable[[Value, Example], float] | None = None,
) -> Verdict:
    """Judges a trace by the accepted answers of its example.

    Args:
        trace: The trace.
        example: Its example.
        normalise: The normal form of answers.
        credit: What an answer is worth; None: 1 where its normal form is an accepted one's.
    """
    if trace.failure is not None:
        return Verdict("failed", None, f"{trace.failure.kind} error")
    answer = normalise(trace.answer)
    if not example.answers:
        return Verdict("unlabelled", answer, "the example has no label")
    if credit is not None:
        worth = credit(trace.answer, example)
        judgement: Judgement = "right" if worth >= RIGHT else "wrong"
        return Verdict(judgement, answer, f"{answer!r} is worth {worth:.3g}", worth)
    accepted = [normalise(a) for a in example.answers]
    if answer is not None and answer in accepted:
        return Verdict("right", answer, f"{answer!r} is accepted", 1.0)
    return Verdict("wrong", answer, f"{answer!r} is none of {accepted}")
