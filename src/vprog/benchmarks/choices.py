"""Multiple choice: which of the choices a free answer means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vprog.benchmarks.vqa_answers import plain_text
from vprog.example import Example, choice_letter
from vprog.trace import Value
from vprog.verify import answer_text

_LETTER = re.compile(r"\(?([A-Za-z]+)\)?(?:[.:)]\s*(\S.*)?)?", re.DOTALL)
"""A letter, or letters, alone or before a choice: ``b``, ``(B)``, ``B.``, ``AB: a red car``."""


def pick(value: Value, choices: Sequence[str]) -> int | None:
    """Which choice an answer means, by three rules of which the first that fits decides.

    1. Its normal form (``verify.answer_text``) is that of exactly one choice.
    2. It is the letter of a choice, alone or before any text: ``B``, ``(b)``, ``B. a red car``.
    3. As whole words it contains the normal form of exactly one choice.

    Nothing is guessed: an answer that means no choice by these rules is wrong. (A-OKVQA's authors
    take the nearest choice by word vectors; that credits answers for what they do not say.)

    Returns:
        Its index, or None.
    """
    said = answer_text(value)
    text = plain_text(value)
    if said is None or text is None:
        return None
    forms = [answer_text(choice) or "" for choice in choices]
    equal = [index for index, form in enumerate(forms) if form == said]
    if len(equal) == 1:
        return equal[0]
    letter = _LETTER.fullmatch(text)
    if letter is not None:
        name = letter[1].upper()
        names = [choice_letter(index) for index in range(len(choices))]
        if name in names or len(name) == 1:
            return names.index(name) if name in names else None
    held = [index for index, form in enumerate(forms) if form and _has_words(said, form)]
    return held[0] if len(held) == 1 else None


def _has_words(text: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def credit(value: Value, example: Example) -> float:
    """1 where an answer means the choice at ``extra["right_choice"]`` of ``extra["choices"]``."""
    return float(pick(value, example.extra["choices"]) == example.extra["right_choice"])
