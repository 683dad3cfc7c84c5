"""Multiple choice: which of the choices a free answer means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vprog.benchmarks.vqa_answers import plain_text
from vprog.example import Example, choice_letter
from vprog.trace import Value
from vprog.verify import answer_text

_LETTER = re.compile(r"[(（]?([A-Za-z]+)[)）]?(?:[.:)。．：）、]\s*(\S.*)?)?", re.DOTALL)
"""A letter, or letters, alone or before a choice: ``b``, ``(B)``, ``B.``, ``AB: a red car``."""

_FULL_WIDTH = "。．，、：；！？“”‘’（）"
"""Punctuation of Chinese and Japanese, which ``answer_text`` leaves around an answer."""
_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Characters of scripts without blanks between words: kana and Han."""
_OTHER_WORD = rf"[^\W{_UNSPACED}]"
"""A character that makes another word of one that it stands beside."""


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
    said = _form(value)
    text = plain_text(value)
    if said is None or text is None:
        return None
    forms = [_form(choice) or "" for choice in choices]
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


def _form(value: Value) -> str | None:
    text = answer_text(value)
    return text if text is None else text.strip(_FULL_WIDTH) or text


def _has_words(text: str, words: str) -> bool:
    """Whether whole words of a text are these; parts of a number (2.5, -5, 1,000) are none.

    Beside Han and kana every place is a border of words, but not behind a Chinese "not": 不是 (no)
    does not say 是 (yes).
    """
    before, after = rf"(?<!{_OTHER_WORD})", rf"(?!{_OTHER_WORD})"
    if words[0].isdigit():
        before += r"(?<!\d[,:/：])(?<![.．\-−–])"
    if words[-1].isdigit():
        after += r"(?![.,:/．：\-−–]\d)"
    if re.match(rf"[{_UNSPACED}]", words):
        before = "(?<![不没沒非无無未])"
    if re.match(rf"[{_UNSPACED}]", words[-1]):
        after = ""
    return re.search(before + re.escape(words) + after, text) is not None


def credit(value: Value, example: Example) -> float:
    """1 where an answer means the choice at ``extra["right_choice"]`` of ``extra["choices"]``."""
    return float(pick(value, example.extra["choices"]) == example.extra["right_choice"])
