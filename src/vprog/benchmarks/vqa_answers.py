"""Answers as the VQA evaluation reads them, and its soft accuracy (Antol et al. 2015, section 3).

Ten people answered every question of VQAv2 and OK-VQA. An answer is fully right if three of the
others gave it. The rules of normalisation are those of the authors' evaluation
(github.com/GT-Vision-Lab/VQA), oddities included: figures must be comparable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from vprog.example import Region
from vprog.trace import Value
from vprog.verify import answer_text

ENOUGH = 3
"""So many equal answers of other people make an answer fully right."""

_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_PERIOD = re.compile(r"\.(?!\d)")
_THOUSANDS = re.compile(r"\d,\d")
_ARTICLES = frozenset(("a", "an", "the"))
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"none": "0"}

# Words with apostrophes: what is left when the marked ones (|) are forgotten becomes the word.
_CONTRACTIONS = """
ain|t aren|t can|t could|ve couldn|t didn|t doesn|t don|t hadn|t hasn|t haven|t he|d he|s how|d
how|ll how|s isn|t it|d it|ll ma|am mightn|t might|ve mustn|t must|ve needn|t not|ve o|clock
oughtn|t shan|t should|ve shouldn|t somebody|ll somebody|s someone|d someone|ll someone|s
something|d something|ll that|s there|d there|re there|s they|d they|ll they|re they|ve |twas wasn|t
we|ve weren|t what|ll what|re what|s what|ve when|s where|d where|s where|ve who|d who|ll who|s
who|ve why|ll why|re why|s won|t would|ve wouldn|t y|all you|d you|ll you|re you|ve
couldn't|ve couldn|t've hadn|t've hadn't|ve he|d've he'd|ve it|d've it'd|ve mightn|t've mightn't|ve
|ow's'at 'ow|s'at 'ow's|at she|d've she'd|ve shouldn|t've shouldn't|ve somebody|d've somebody'd|ve
someone|d've someone'd|ve something|d've something'd|ve there|d've there'd|ve they|d've they'd|ve
we|d've we'd|ve who|d've who'd|ve wouldn|t've wouldn't|ve y|all'll y'all|ll y|all'd've y'all|d've
y'all'd|ve you|d've you'd|ve
"""


@cache
def _contractions() -> dict[str, str]:
    words = {word.replace("|", ""): word.replace("|", "'") for word in _CONTRACTIONS.split()}
    return words | {"somebody'd": "somebodyd"}  # the evaluation has this one the other way round


def plain_text(value: Value) -> str | None:
    """What a program answered as a person would write it down, before any rules of a benchmark.

    Booleans are "yes" and "no", whole numbers have no point, lists have commas; in lower case.

    Returns:
        The text, or None where the value is no answer in words (an image, nothing).
    """
    if isinstance(value, str):
        return value.strip().lower()
    if isinstance(value, list):
        parts = [plain_text(item) for item in value]
        return None if None in parts else ", ".join(part for part in parts if part is not None)
    if value is None or isinstance(value, Region | dict):
        return None
    return answer_text(value)


def official_form(text: str) -> str:
    """An answer without articles, punctuation and number words, as the evaluation compares it."""
    shown = _on_one_line(text)
    has_thousands = _THOUSANDS.search(shown) is not None
    kept = shown
    for mark in _MARKS:
        at_an_edge = f"{mark} " in shown or f" {mark}" in shown
        kept = kept.replace(mark, "" if at_an_edge or has_thousands else " ")
    words = _PERIOD.sub("", kept).lower().split()
    counted = (_NUMBERS.get(word, word) for word in words)
    known = _contractions()
    return " ".join(known.get(word, word) for word in counted if word not in _ARTICLES)


def _on_one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").strip()


def normalise(value: Value) -> str | None:
    """The normal form of a program's answer; None where it is no answer in words."""
    text = plain_text(value)
    return None if text is None else official_form(text)


def soft_accuracy(answer: str, human: Sequence[str]) -> float:
    """What an answer is worth beside those of people.

    Each person is left out once; the answer's worth is then a third for every other person who
    gave it, at most one, and the mean of these. Nothing is normalised where all people wrote the
    very same: then the answer must be that.

    Args:
        answer: In any form.
        human: Every person's answer, ten in VQAv2 and OK-VQA.

    Returns:
        In [0, 1]: with ten people 0, .3, .6, .9 and 1 for none, one, two, three and more.
    """
    answer, people = _on_one_line(answer), [_on_one_line(a) for a in human]
    if len(set(people)) > 1:
        answer, people = official_form(answer), [official_form(a) for a in people]
    agrees = [person == answer for person in people]
    worths = [min(1.0, (sum(agrees) - left_out) / ENOUGH) for left_out in agrees]
    return sum(worths) / len(worths)


def accepted(human: Sequence[str]) -> tuple[str, ...]:
    """The different answers of people in normal form, the most frequent first.

    Where no normal form is left of any (the letter "a" is an article), they are as written.
    """
    counted = Counter(official_form(a) for a in human)
    found = tuple(answer for answer, _ in counted.most_common() if answer)
    return found or tuple(answer for answer in dict.fromkeys(human) if answer.strip())
