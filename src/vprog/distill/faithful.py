"""Whether rewritten rationales say what the trace says, and nothing else."""

from __future__ import annotations

import re

from vprog.distill.rationale import CLOSING, Rationale, closing
from vprog.distill.wording import words
from vprog.example import Example

_BOX = re.compile(r"\[\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(\d+)\s*\]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
)  # fmt: skip
_PLAIN = frozenset(
    """
    a an the this that these those it its they them their there here he she his her we i you
    one is are was were be been being am has have had do does did can could will would may
    might must and or but nor so then because since as if when while where which who whom
    whose what how why not no none nothing any some all both each every either neither only
    also too very just more less most least same other another than of in on at to from by
    with without for about into onto between within around near next inside outside through
    out off along across first second third last final finally now picture image photo scene
    area region part half box boxes place located location position look looking looks
    looked see seen sees shows show showing shown find found finding finds contain contains
    containing detect detected detects identify identified locate visible appear appears
    present exist exists object objects thing things item items question answer answered
    step steps start starting begin check checking checked examine examining count counting
    counted number total many much asked ask asks asking say says said tell tells therefore
    thus hence means mean meaning given based according know conclude conclusion yes true
    false there's it's that's let let's us our my like such even still however yet focus
    focusing whether determine determined compare comparing compared confirm confirmed
    confirms equal equals
    """.split()  # noqa: SIM905
)
"""Words that name nothing in a picture, and no place; every other one must come from the trace."""


def rewritten(text: str) -> str:
    """What a chat model wrote in the form of rationales: words, boxes, `` .`` after sentences."""
    sentences = []
    for sentence in _SENTENCE.split(text.strip()):
        parts = _BOX.split(sentence)
        told = [words(parts[0])]
        for n in range(1, len(parts), 5):
            told += [f"[{' '.join(str(int(v)) for v in parts[n : n + 4])}]", words(parts[n + 4])]
        line = " ".join(filter(None, told)).lstrip("-*• ").strip()
        if line:
            sentences.append(f"{line} .")
    if sentences and CLOSING in sentences[-1]:
        before, _, after = sentences[-1].rpartition(CLOSING)
        before = before.strip(" ,;:-")
        answer = words(after.strip("* .:")).strip("* \"'")
        sentences[-1:] = [*([f"{before} ."] if before else []), closing(answer)]
    return " ".join(sentences)


def unfaithful(text: str, rationale: Rationale, example: Example) -> str:
    """Why a rewritten rationale may not stand for the rendered one; "" if it may.

    Every box, every number (digits or words) and every word that names something must occur in the
    rendered rationale or in the question, and the end must be the same.

    Args:
        text: In the form of ``rewritten``.
        rationale: Rendered from the trace.
        example: Whose question it explains.
    """
    if not text.endswith(closing(rationale.answer)):
        return "it does not end in the answer"
    boxes = _boxes(text)
    if not boxes <= _boxes(rationale.text):
        return "a box is not the trace's"
    source = f"{_BOX.sub(' ', rationale.text)} {words(example.question)}"
    known = {form for word in source.split() for form in _forms(word)}
    for word in _BOX.sub(" ", text).split():
        number = str(_NUMBERS.index(word)) if word in _NUMBERS[2:] else word
        if number.isdecimal():
            if not {number, _spelled(number)} & known:
                return "a number is not the trace's"
        elif any(c.isalnum() for c in word) and word not in _PLAIN and not _forms(word) & known:
            return "a word names something that is not in the trace"
    return ""


def _boxes(text: str) -> set[tuple[str, ...]]:
    return set(_BOX.findall(text))


def _spelled(number: str) -> str:
    return _NUMBERS[int(number)] if len(number) < 3 and int(number) < len(_NUMBERS) else number


def _forms(word: str) -> set[str]:
    """A word and its likely singular and stem."""
    forms = {word}
    for ending, instead in (
        ("ies", "y"), ("es", ""), ("s", ""), ("ing", ""), ("ed", ""), ("ly", ""), ("'s", ""),
        ("ves", "f"), ("colour", "color"),
    ):  # fmt: skip
        if word.endswith(ending) and len(word) > len(ending) + 1:
            forms.add(word.removesuffix(ending) + instead)
    if word in ("colour", "colours", "grey"):
        forms |= {"color", "gray"}
    return forms
