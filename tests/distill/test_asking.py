"""A chat model as judge and as writer of rationales, and what of its words is taken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "writers"))

from faulty import Act, completion, serving

from vprog.distill.asking import judge_answers, rewrite_rationales
from vprog.distill.candidates import Candidates
from vprog.distill.faithful import rewritten, unfaithful
from vprog.distill.rationale import Rationale
from vprog.example import Example, Picture
from vprog.runs.record import make_record
from vprog.trace import Trace
from vprog.writers.settings import WriterSettings

pytest.importorskip("openai", reason="needs openai: pip install 'vprog[chat]'")

TEXT = (
    "red ball : 2 at [4 8 12 16] and [20 0 32 10] . [4 8 12 16] what color is it ? blue . "
    "so the answer is blue ."
)
RENDERED = Rationale(text=TEXT, answer="blue")


def example(question: str = "What color is the small ball?", id: str = "e") -> Example:
    shown = Picture("p", array_rgb=np.zeros((8, 8, 3), np.uint8))
    return Example(id=id, pictures=(shown,), question=question, answers=("blue",))


def test_what_is_written_becomes_plain() -> None:
    said = (
        "First, there are two red balls at [4, 8, 12, 16] and [20 0 32 10].\n"
        "- The small ball is blue!  So the answer is **Blue**."
    )
    assert rewritten(said) == (
        "first , there are two red balls at [4 8 12 16] and [20 0 32 10] . "
        "the small ball is blue ! . so the answer is blue ."
    )


def ending(text: str) -> str:
    return f"{text} . so the answer is blue ."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ending("there are two red balls , at [4 8 12 16] and [20 0 32 10] , and it is blue"), ""),
        (ending("the picture shows 2 balls and the small one is blue"), ""),
        (ending("its colour is blue"), ""),
        ("it is blue .", "does not end in the answer"),
        ("so the answer is red .", "does not end in the answer"),
        (ending("a ball is at [4 8 12 17]"), "a box is not"),
        (ending("there are three balls"), "a number is not"),
        (ending("there are 12 balls"), "a number is not"),
        (ending("a dog plays with the ball"), "names something"),
        (ending("the green ball is blue"), "names something"),
        (ending("the ball is left of it"), "names something"),
    ],
)
def test_only_what_the_trace_holds_is_taken(text: str, why: str) -> None:
    said = unfaithful(text, RENDERED, example())
    assert (why in said) if why else not said, said


def test_rewriting_keeps_what_is_faithful_and_is_not_asked_twice(tmp_path: Path) -> None:
    def script(body: dict[str, Any], number: int) -> Act:
        del number
        asked = body["messages"][0]["content"]
        assert TEXT in asked
        if "good" in asked:
            return Act(200, completion("The ball at [4 8 12 16] is blue. So the answer is blue."))
        return Act(200, completion("A cow. So the answer is blue."))

    pairs = [(example(f"{q} ball?", q), RENDERED) for q in ("good", "bad")]
    with serving(script) as server:
        settings = WriterSettings(model="m", base_urls=(server.url,))
        first = rewrite_rationales(pairs, settings, tmp_path / "r.jsonl")
        asked = len(server.bodies)
        again = rewrite_rationales(pairs, settings, tmp_path / "r.jsonl")
        assert len(server.bodies) == asked == 2
    assert first.rationales == again.rationales
    assert first.rationales[0].text == ("the ball at [4 8 12 16] is blue . so the answer is blue .")
    assert first.rationales[1] is RENDERED
    assert (first.kept, list(first.refused.values())) == (1, [1])


def test_a_judge_accepts_answers_of_other_words(tmp_path: Path) -> None:
    def script(body: dict[str, Any], number: int) -> Act:
        del number
        meant = "navy" in body["messages"][0]["content"]
        return Act(200, completion("Yes." if meant else "No, it is not."))

    one = example()
    records = []
    for n, answer in enumerate(("navy blue", "red", "blue", "navy blue", None)):
        records.append(make_record(Trace("e", n, "python", "", [], answer), one))
    with serving(script) as server:
        settings = WriterSettings(model="m", base_urls=(server.url,))
        both = [Candidates(example=one, records=tuple(records))]
        accepted, usage = judge_answers(both, settings, tmp_path / "judge.jsonl")
        assert len(server.bodies) == 2  # once each wording; what is right is not asked about
    assert accepted == {("e", 0), ("e", 3)}
    assert usage.requests == 2


def test_thoughts_are_no_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = example()
    answers = ("navy blue", "red", "azure", "gray")
    records = [make_record(Trace("e", n, "python", "", [], a), one) for n, a in enumerate(answers)]
    both = [Candidates(example=one, records=tuple(records))]
    late: list[str] = []

    def script(body: dict[str, Any], number: int) -> Act:
        del number
        assert body["max_tokens"] == 512
        asked = body["messages"][0]["content"].split("Given answer: ")[1]
        replies = {
            "navy": "<think>\nNo? They mean the same.\n</think>\n\n**Yes**, it does.",
            "red": "Yes or no?\n</think>\nNo.",
            "azure": late[0] if late else "<think>\nYes, azure is a blue, but",
            "gray": "Nobody can say.",
        }
        return Act(200, completion(next(r for name, r in replies.items() if name in asked)))

    with serving(script) as server:
        settings = WriterSettings(model="m", base_urls=(server.url,))
        accepted, _ = judge_answers(both, settings, tmp_path / "judge.jsonl")
        assert accepted == {("e", 0)}
        said = capsys.readouterr().err
        assert "no verdict on 2 of 4 answers" in said
        assert "azure is a blue" in said
        late.append("Yes")
        accepted, usage = judge_answers(both, settings, tmp_path / "judge.jsonl")
        assert accepted == {("e", 0), ("e", 2)}
        assert usage.requests == 2  # verdicts are kept
    assert "no verdict on 1 of 4" in capsys.readouterr().err


def test_a_thought_is_no_rationale(tmp_path: Path) -> None:
    thought = "<think>\nA cow? No.\n</think>\n\nThe ball is blue. So the answer is blue."

    def script(body: dict[str, Any], number: int) -> Act:
        del number
        whole = "whole" in body["messages"][0]["content"]
        return Act(200, completion(thought if whole else "<think>\nSo the answer is blue."))

    pairs = [(example(f"{q} ball?", q), RENDERED) for q in ("whole", "cut")]
    with serving(script) as server:
        settings = WriterSettings(model="m", base_urls=(server.url,))
        new = rewrite_rationales(pairs, settings, tmp_path / "r.jsonl")
    assert new.rationales[0].text == "the ball is blue . so the answer is blue ."
    assert new.rationales[1] is RENDERED
    assert new.refused == {"nothing was written": 1}
