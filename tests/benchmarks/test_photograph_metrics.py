"""Official figures of benchmarks of photographs, by hand and in a second formulation."""

from __future__ import annotations

import csv
import io
import json

import pytest
from answered import answered, answers
from hypothesis import given, settings
from hypothesis import strategies as st

from vprog.benchmarks import aokvqa, mmbench, okvqa, vqav2
from vprog.benchmarks.hateful_memes import BENCHMARK as MEMES
from vprog.benchmarks.hateful_memes import auroc, belief
from vprog.example import Example
from vprog.trace import Step, Trace


def example(id: str, *accepted: str, group: str = "", **extra: object) -> Example:
    return Example(id=id, pictures=(), question="?", answers=accepted, group=group, extra=extra)


def test_vqa_credit_and_submission() -> None:
    asked = example("12", "2", human_answers=["2"] * 2 + ["3"] * 8)
    for benchmark in (vqav2.BENCHMARK, okvqa.BENCHMARK):
        assert answered(benchmark, asked, "Two").credit == pytest.approx(0.6)
        assert answered(benchmark, asked, 3.0).credit == 1.0
        assert answered(benchmark, asked, None, failed=True).credit == 0.0
        assert answered(benchmark, asked, None).credit == 0.0
    submit = vqav2.BENCHMARK.submission
    assert submit is not None
    rows = json.loads(submit([answered(vqav2.BENCHMARK, asked, True)]))
    assert rows == [{"question_id": 12, "answer": "yes"}]


def test_aokvqa_direct_is_a_third_for_each_same_answer() -> None:
    asked = example(
        "q", "red", human_answers=["red"] * 4 + ["dark red", "crimson"] + ["TV"] + ["blue"] * 3
    )
    worth = {"red": 1.0, "Red": 1.0, "crimson": 1 / 3, "the red": 0.0, "green": 0.0, "tv": 1 / 3}
    for answer, credit in worth.items():
        assert answered(aokvqa.DIRECT, asked, answer).credit == pytest.approx(credit)
    submit = aokvqa.DIRECT.submission
    assert submit is not None
    told = json.loads(submit([answered(aokvqa.DIRECT, asked, "Red")]))
    assert told == {"q": {"direct_answer": "red"}}


def test_aokvqa_choice() -> None:
    asked = example("q", "dog", choices=["cat", "dog"], right_choice=1)
    assert answered(aokvqa.CHOICE, asked, "a dog").credit == 1.0
    assert answered(aokvqa.CHOICE, asked, "A").credit == 0.0
    submit = aokvqa.CHOICE.submission
    assert submit is not None
    assert json.loads(submit([answered(aokvqa.CHOICE, asked, "B")])) == {
        "q": {"multiple_choice": "dog"}
    }
    assert json.loads(submit([answered(aokvqa.CHOICE, asked, "bird")])) == {
        "q": {"multiple_choice": "cat"}
    }


def rotations(question: int, right: str, choices: list[str]) -> list[Example]:
    """All rotations of a question, written down without the loader."""
    return [
        example(
            f"{question}-{turn}",
            right,
            group=str(question),
            choices=choices[turn:] + choices[:turn],
            right_choice=(choices[turn:] + choices[:turn]).index(right),
            row=[question, turn],
        )
        for turn in range(len(choices))
    ]


def test_circular_evaluation_by_hand() -> None:
    first = rotations(1, "dog", ["cat", "dog", "cow"])
    second = rotations(2, "no", ["yes", "no"])
    third = rotations(3, "red", ["red", "blue"])
    given = [
        *zip(first, ("dog", "A", "C"), strict=True),  # right in every rotation, two by letter
        *zip(second, ("B", "B"), strict=True),  # always the same letter: right once
        *zip(third, ("red", None), strict=True),  # failed once
    ]
    items = [answered(mmbench.BENCHMARK, e, a, failed=a is None) for e, a in given]
    figures = mmbench.metrics(answers(items))
    assert figures["circular"].value() == pytest.approx(1 / 3)
    assert figures["vanilla"].value() == 1.0
    assert figures["circular"].value([0, 1, 2]) == 1.0
    # A question of which a rotation is missing takes no part.
    assert mmbench.metrics(answers(items[1:]))["circular"].value() == 0.0
    some = mmbench.metrics(answers(items[:2]))["circular"]
    assert some.value() is None
    assert "needs all rotations of a question; run without --limit" in some.why  # type: ignore[union-attr]


@settings(max_examples=40)
@given(st.lists(st.lists(st.booleans(), min_size=2, max_size=4), min_size=1, max_size=5))
def test_circular_evaluation_against_grouping(rights: list[list[bool]]) -> None:
    items, expected = [], 0
    for question, turns in enumerate(rights):
        choices = [f"c{n}" for n in range(len(turns))]
        for asked, right in zip(rotations(question, "c0", choices), turns, strict=True):
            items.append(answered(mmbench.BENCHMARK, asked, "c0" if right else "c1"))
        expected += min(turns)
    value = mmbench.metrics(answers(items))["circular"].value()
    assert value == pytest.approx(expected / len(rights))


def test_mmbench_submission() -> None:
    submit = mmbench.BENCHMARK.submission
    assert submit is not None
    second = rotations(2, "no", ["yes", "no"])
    items = [answered(mmbench.BENCHMARK, e, a) for e, a in zip(second, ("no", "?"), strict=True)]
    rows = list(csv.DictReader(io.StringIO(submit(items))))
    assert [(row["index"], row["A"], row["prediction"]) for row in rows] == [
        ("2", "yes", "B"),
        ("1000002", "no", ""),
    ]


def test_auroc_by_hand() -> None:
    assert auroc([0.9, 0.8, 0.2, 0.1], [True, True, False, False]) == 1.0
    assert auroc([0.9, 0.8, 0.2, 0.1], [False, False, True, True]) == 0.0
    assert auroc([0.5] * 4, [True, False, True, False]) == 0.5
    # Pairs: .9 > .5, .9 > .1, .5 = .5 (half), .5 > .1: 3.5 of 4.
    assert auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == pytest.approx(3.5 / 4)
    assert auroc([0.3, 0.4], [True, True]) is None
    assert auroc([], []) is None


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0)), st.booleans()), max_size=30))
def test_auroc_against_all_pairs(pairs: list[tuple[float, bool]]) -> None:
    true = [score for score, label in pairs if label]
    false = [score for score, label in pairs if not label]
    got = auroc([score for score, _ in pairs], [label for _, label in pairs])
    if not true or not false:
        assert got is None
        return
    wins = sum((t > f) + (t == f) / 2 for t in true for f in false)
    assert got == pytest.approx(wins / (len(true) * len(false)))


def said(value: str, **info: object) -> Step:
    return Step("VQA", "vqa", {}, value, info=info)


@pytest.mark.parametrize(
    ("answer", "steps", "sure"),
    [
        ("yes", [], 1.0),
        (False, [], 0.0),
        ("yes", [said("yes", score=0.7)], 0.7),
        ("no", [said("no", score=0.7)], 0.3),
        ("yes", [said("yes", distribution={"yes": 0.6, "no": 0.2, "cat": 0.2})], 0.75),
        ("no", [said("no", distribution={"no": 0.5, "yes": 0.3}, score=0.5)], 0.375),
        ("no", [said("no", distribution={"no": 0.9})], 0.0),
        ("yes", [said("no", score=0.9)], 1.0),  # the program said otherwise than the model
        ("no", [said("yes", score=0.9), said("no", score=0.6)], 0.4),  # the last call counts
        ("perhaps", [said("perhaps", score=0.9)], 0.5),
    ],
)
def test_belief(answer: str | bool, steps: list[Step], sure: float) -> None:
    assert belief(Trace("1", 0, "steps", "", steps, answer)) == pytest.approx(sure)


def test_memes_are_ranked_by_belief() -> None:
    items = [
        answered(MEMES, example("1", "yes"), "yes", [said("yes", score=0.9)]),
        answered(MEMES, example("2", "no"), "yes", [said("yes", score=0.6)]),
        answered(MEMES, example("3", "yes"), "no", [said("no", score=0.55)]),
        answered(MEMES, example("4", "no"), None, failed=True),  # 0.5
    ]
    # Of the pairs (1,2) (1,4) are right; 3 at .45 is below both.
    assert MEMES.metrics(answers(items))["auroc"].value() == 0.5
    assert MEMES.submission is not None
    assert MEMES.submission(items).splitlines() == [
        "id,proba,label", "1,0.9,1", "2,0.6,1", "3,0.45,0", "4,0.5,0",
    ]  # fmt: skip
