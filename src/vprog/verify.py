"""Answers as text, and the verdict on a trace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from vprog.example import Example, Region
from vprog.trace import Trace, Value

Judgement = Literal["right", "wrong", "failed", "unlabelled"]
"""``failed``: the program ended in an error. ``unlabelled``: the example has no accepted answer."""

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

_EDGES = re.compile(r"^(?:[\s,;:!?\"'“”‘’]|\.(?!\d))+|[\s.,;:!?\"'“”‘’]+$")
"""Blanks and punctuation around an answer, but for the point of ``.5``."""


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
    text = _EDGES.sub("", re.sub(r"\s+", " ", str(value)).lower())
    text = re.sub(r"^(a|an|the) (?=\S)", "", text)
    text = re.sub(r"^(-?\d+)\.0+$", r"\1", text)
    return _WORDS.get(text, text)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification says of a trace.

    Attributes:
        judgement: See ``Judgement``.
        answer: The answer in normal form; None where there is none.
        why: One short sentence.
    """

    judgement: Judgement
    answer: str | None
    why: str


def verify(trace: Trace, example: Example) -> Verdict:
    """Judges a trace by the accepted answers of its example, all in normal form."""
    if trace.failure is not None:
        return Verdict("failed", None, f"{trace.failure.kind} error")
    answer = answer_text(trace.answer)
    accepted = [answer_text(a) for a in example.answers]
    if not accepted:
        return Verdict("unlabelled", answer, "the example has no label")
    if answer is not None and answer in accepted:
        return Verdict("right", answer, f"{answer!r} is accepted")
    return Verdict("wrong", answer, f"{answer!r} is none of {accepted}")
