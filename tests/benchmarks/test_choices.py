"""Which choice an answer means."""

from __future__ import annotations

import pytest

from vprog.benchmarks.choices import credit, pick
from vprog.example import Example
from vprog.trace import Value

CHOICES = ["red car", "a bus", "Two", "blue"]


@pytest.mark.parametrize(
    ("answer", "picked"),
    [
        ("bus", 1),
        ("The bus.", 1),
        (2, 2),
        ("two", 2),
        ("B", 1),
        ("(d)", 3),
        ("c.", 2),
        ("A: it is red", 0),
        ("(B) a bus", 1),
        ("E", None),
        ("it is a red car, I think", 0),
        ("a red car beside a bus", None),  # two of them
        ("carbus", None),
        ("redcar", None),
        ("green", None),
        (None, None),
        (["blue"], 3),
    ],
)
def test_pick(answer: Value, picked: int | None) -> None:
    assert pick(answer, CHOICES) == picked


def test_the_text_of_a_choice_goes_before_letters() -> None:
    assert pick("b", ["c", "b", "a"]) == 1
    assert pick("a", ["c", "b"]) == 0  # no choice is called a: the letter of the first


def test_letters_go_on_after_z() -> None:
    many = [f"class {n}" for n in range(30)]
    assert [pick(answer, many) for answer in ("Z", "aa", "(AD)", "AB: it", "AE")] == [
        25, 26, 29, 27, None,
    ]  # fmt: skip
    assert pick("no: the cat", ["cat", "dog"]) == 0  # words are no letters


def test_equal_choices_cannot_be_told_apart_by_text() -> None:
    assert pick("cat", ["cat", "a cat", "dog"]) is None
    assert pick("A", ["cat", "a cat", "dog"]) == 0


def test_yes_and_no() -> None:
    assert pick(True, ["no", "yes"]) == 1
    assert pick("false", ["no", "yes"]) == 0


def test_credit() -> None:
    example = Example(
        id="1", pictures=(), question="?", extra={"choices": CHOICES, "right_choice": 1}
    )
    assert credit("bus", example) == 1.0
    assert credit("a", example) == 0.0
    assert credit("green", example) == 0.0
