"""Metrics of the drawn benchmarks against figures worked out by hand."""

from __future__ import annotations

import math

import pytest

from vprog.benchmarks import load_benchmark, world_gqa, world_nlvr2, world_pope, world_tally
from vprog.example import Example, Picture

PICTURE = Picture("p", path="p.png")


def example(id: str, answer: str, **more: object) -> Example:
    return Example(id=id, pictures=(PICTURE,), question="?", answers=(answer,), **more)  # type: ignore[arg-type]


def test_gqa_consistency() -> None:
    examples = [
        example("a", "red", extra={"entailed": ("b", "c", "elsewhere")}),
        example("b", "yes", extra={"entailed": ("a",)}),
        example("c", "no", extra={"entailed": ()}),
        example("d", "cat", extra={"entailed": ("c",)}),
    ]
    # a is right and entails b (right) and c (wrong): 1/2. b is right, entails a (right): 1.
    # c is wrong and d is wrong: neither counts.
    figures = world_gqa.metrics(examples, ["red", "yes", "yes", None])
    assert figures == {"consistency": 0.75, "accuracy_binary": 0.5, "accuracy_open": 0.5}
    assert "consistency" not in world_gqa.metrics(examples, [None] * 4)


def test_nlvr2_consistency() -> None:
    examples = [example(str(i), "yes", group=g) for i, g in enumerate("aabbc")]
    answers = ["yes", "yes", "yes", "no", "no"]
    assert world_nlvr2.metrics(examples, answers) == {"consistency": pytest.approx(1 / 3)}
    assert world_nlvr2.metrics([], []) == {}


def test_tally_accuracy_and_rmse() -> None:
    kinds = ["simple", "simple", "complex", "complex"]
    examples = [
        example(str(i), answer, types={"complexity": kind})
        for i, (answer, kind) in enumerate(zip(["2", "3", "0", "4"], kinds, strict=True))
    ]
    figures = world_tally.metrics(examples, ["2", "1", "0", None])
    assert figures["accuracy_simple"] == 0.5
    assert figures["accuracy_complex"] == 0.5
    assert figures["rmse"] == pytest.approx(math.sqrt((0 + 4 + 0 + 16) / 4))
    words = world_tally.metrics(examples, ["two", "nan", "inf", "4"])
    assert words["rmse"] == pytest.approx(math.sqrt((4 + 9) / 4))


def test_pope_precision_recall_f1_and_yes_ratio() -> None:
    examples = [example(str(i), answer) for i, answer in enumerate(["yes"] * 3 + ["no"] * 3)]
    # Said yes: 2 of 3 that are there, 1 that is not; one program failed.
    figures = world_pope.metrics(examples, ["yes", "yes", None, "no", "yes", "no"])
    assert figures == {
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "yes_ratio": 0.5,
    }
    assert world_pope.metrics(examples, ["no"] * 6)["f1"] == 0.0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Yes, there is.", True),
        ("No. Yes.", False),
        ("There is not a cat", False),
        ("nothing", True),
        (None, None),
    ],
)
def test_pope_reads_free_text(answer: str | None, said: bool | None) -> None:
    assert world_pope.says_yes(answer) is said


def test_the_registry_knows_them() -> None:
    for task in ("gqa", "nlvr2", "tally", "pope"):
        assert load_benchmark(f"world-{task}").name == f"world-{task}"
