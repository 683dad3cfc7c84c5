"""The writer of the bare vqa tool."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import Instant, picture, run_all, toolbox
from vprog.example import Example
from vprog.program import Program
from vprog.writers.vqa import BareVqa, as_question
from vprog.writers.writer import Repair, Sampling


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("What color is it?", "What color is it?"),
        ("is a red shape above a circle", "is a red shape above a circle"),
        ("There is one\n dog.", "Is it true that there is one dog?"),
        ("In the left image there are dogs.", "Is it true that in the left image there are dogs?"),
        ("", "Is it true that ?"),
    ],
)
def test_statements_become_questions(text: str, question: str) -> None:
    assert as_question(text) == question


def write(count: int, question: str, language: Any) -> list[Program]:
    pictures = tuple(picture(str(n), shade=n) for n in range(count))
    example = Example(id="e", pictures=pictures, question=question)
    (programs,) = BareVqa().write([example], language, Sampling())
    return list(programs)


@pytest.mark.parametrize("language", ["steps", "python"])
@pytest.mark.parametrize("question", ['say "it\'s" red?', "say {x} \\ no?"])
def test_one_picture(language: Any, question: str) -> None:
    (program,) = write(1, question, language)
    (trace,) = run_all([program])
    assert (trace.failure, trace.answer) == (None, question.removeprefix("say "))
    assert [step.tool for step in trace.steps if step.tool] == ["vqa"]


@pytest.mark.parametrize("language", ["steps", "python"])
@pytest.mark.parametrize(
    ("left", "right", "said"),
    [("yes", "yes", True), ("yes", "no", False), ("no", "no", False), ("2", "yes", False)],
)
def test_two_pictures_are_both_asked(language: Any, left: str, right: str, said: bool) -> None:
    (program,) = write(2, "There are two dogs.", language)
    answers = {"vqa": lambda call, _: left if call.args["image"].picture == "0" else right}
    pictures = (picture("0"), picture("1", shade=1))
    on = Example(id="e", pictures=pictures, question="?")
    (trace,) = run_all([program], toolbox(Instant(answers), bound=("vqa",)), on)
    assert trace.failure is None
    assert trace.answer in ((True, "yes") if said else (False, "no"))


def test_no_program_for_a_video_and_no_repair() -> None:
    assert write(3, "What?", "steps") == []
    writer = BareVqa()
    broken = [Repair(Example(id="e", pictures=(), question="?"), Program("x", "steps"), "wrong")]
    assert list(writer.repair(broken, "steps", Sampling())) == [None]
    assert (writer.name, writer.usage.requests) == ("vqa", 0)
