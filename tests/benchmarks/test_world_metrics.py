"""Metrics of the drawn benchmarks against figures worked out by hand."""

from __future__ import annotations

import math

import pytest
from scored import figures_of

from vprog.benchmarks import load_benchmark, world_pope
from vprog.example import Example, Picture
from vprog.trace import Value

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
    figures = figures_of(load_benchmark("world-gqa"), examples, ["red", "yes", "yes", None])
    assert figures == {
        "accuracy": 0.5,
        "consistency": 0.75,
        "accuracy_binary": 0.5,
        "accuracy_open": 0.5,
    }
    assert figures_of(load_benchmark("world-gqa"), examples, [None] * 4)["consistency"] is None


def test_nlvr2_consistency() -> None:
    examples = [example(str(i), "yes", group=g) for i, g in enumerate("aabbc")]
    answers = ["yes", "yes", "yes", "no", "no"]
    assert figures_of(load_benchmark("world-nlvr2"), examples, answers)[
        "consistency"
    ] == pytest.approx(1 / 3)
    assert figures_of(load_benchmark("world-nlvr2"), [], [])["consistency"] is None


def test_tally_accuracy_and_rmse() -> None:
    kinds = ["simple", "simple", "complex", "complex"]
    examples = [
        example(str(i), answer, types={"complexity": kind})
        for i, (answer, kind) in enumerate(zip(["2", "3", "0", "4"], kinds, strict=True))
    ]
    figures = figures_of(load_benchmark("world-tally"), examples, ["2", "1", "0", None])
    assert figures["accuracy_simple"] == 0.5
    assert figures["accuracy_complex"] == 0.5
    assert figures["rmse"] == pytest.approx(math.sqrt((0 + 4 + 0 + 16) / 4))
    words = figures_of(load_benchmark("world-tally"), examples, ["two", "nan", "inf", "4"])
    assert words["rmse"] == pytest.approx(math.sqrt((0 + 9 + 0 + 0) / 4))


def test_pope_precision_recall_f1_and_yes_ratio() -> None:
    examples = [example(str(i), answer) for i, answer in enumerate(["yes"] * 3 + ["no"] * 3)]
    # Said yes: 2 of 3 that are there, 1 that is not; one program failed.
    figures = figures_of(
        load_benchmark("world-pope"), examples, ["yes", "yes", None, "no", "yes", "no"]
    )
    assert figures == {
        "accuracy": pytest.approx(2 / 3),
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "yes_ratio": 0.5,
    }
    assert figures_of(load_benchmark("world-pope"), examples, ["no"] * 6)["f1"] == 0.0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Yes, there is.", "yes"),
        ("No. Yes.", "no"),
        ("There is not a cat", "no"),
        ("nothing", "yes"),
        (False, "no"),
        (None, None),
    ],
)
def test_pope_reads_free_text(answer: Value, said: str | None) -> None:
    assert world_pope.normalise(answer) == said


def test_the_registry_knows_them() -> None:
    for task in ("gqa", "nlvr2", "tally", "pope"):
        assert load_benchmark(f"world-{task}").name == f"world-{task}"
