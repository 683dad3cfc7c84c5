"""The vqa writer: the program that hands the question to the bare ``vqa`` tool.

Not a way to write programs but what programs are compared with: with modules that know little of
the task, most of a program's right answers are those of its vqa module alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vprog.example import Example
from vprog.program.program import Language, Program
from vprog.writers.writer import Repair, Sampling, Usage

_ASKING = (
    "what", "which", "who", "whose", "whom", "where", "when", "why", "how", "is", "are", "was",
    "were", "am", "do", "does", "did", "has", "have", "had", "can", "could", "will", "would",
    "should", "may", "might",
)  # fmt: skip
"""Words that begin questions which people wrote without a question mark."""


class BareVqa:
    """Writes a program that asks ``vqa`` the question about the whole picture and nothing else.

    A statement is asked as "Is it true that ...?". Of two pictures both are asked, and the answer
    is yes where it is yes for both: the tool sees one picture at a time. There is no program for
    more pictures. Choices stand below the question with their letters.
    """

    name = "vqa"
    fingerprint = "vqa 1"

    def __init__(self) -> None:
        """Has used nothing."""
        self.usage = Usage()

    def write(
        self, examples: Sequence[Example], language: Language, sampling: Sampling
    ) -> Iterator[Sequence[Program]]:
        """One program for each example of one or two pictures."""
        del sampling
        for example in examples:
            count = len(example.pictures)
            question = example.with_choices(as_question(example.question))
            text = _TEXTS[language, count](question) if count in (1, 2) else ""
            yield [Program(text, language)] if text else []

    def repair(
        self, broken: Sequence[Repair], language: Language, sampling: Sampling
    ) -> Iterator[Program | None]:
        """Nothing: there is only one such program."""
        del language, sampling
        for _ in broken:
            yield None


def as_question(text: str) -> str:
    """A question as it stands; a statement as "Is it true that ...?"."""
    text = " ".join(text.split())
    first = text.partition(" ")[0].lower().rstrip(",")
    if text.endswith("?") or first in _ASKING:
        return text
    said = text[:1].lower() + text[1:].rstrip(". ")
    return f"Is it true that {said}?"


_TEXTS = {
    ("steps", 1): lambda q: f"ANSWER0=VQA(image=IMAGE,question={q!r})\nFINAL=RESULT(var=ANSWER0)",
    ("steps", 2): lambda q: (
        f"ANSWER0=VQA(image=LEFT,question={q!r})\n"
        f"ANSWER1=VQA(image=RIGHT,question={q!r})\n"
        "ANSWER2=EVAL(expr='{ANSWER0} == yes and {ANSWER1} == yes')\n"
        "FINAL=RESULT(var=ANSWER2)"
    ),
    ("python", 1): lambda q: f"def execute_command(image):\n    return image.simple_query({q!r})",
    ("python", 2): lambda q: (
        "def execute_command(left, right):\n"
        f"    answers = [image.simple_query({q!r}) for image in (left, right)]\n"
        '    return bool_to_yesno(all(a.strip().lower() == "yes" for a in answers))'
    ),
}
