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


@pytest.mark.parametrize(
    ("answer", "choices", "picked"),
    [
        ("2.5", ["2", "3", "4"], None),
        (2.5, ["2", "3", "4"], None),
        (".5 m", ["5 m", "15 m"], None),
        ("-5", ["5", "0"], None),
        ("\u22125 degrees", ["5 degrees", "0"], None),
        ("it is -5", ["-5", "5"], 0),
        ("1,000", ["1", "10"], None),
        ("$1,500", ["500", "5000"], None),
        ("12:30", ["12", "6"], None),
        ("1/2", ["1", "4"], None),
        ("3-5 dogs", ["3", "4"], None),
        ("size 2.5", ["size 2", "size 3"], None),
        ("2.5 meters, I think", ["5 meters", "2.5 meters"], 1),
        ("There are 2.", ["1", "2"], 1),
        ("There are 2, I think", ["1", "2"], 1),
        ("answer: 2", ["1", "2"], 1),
        ("answer:2", ["1", "2"], 1),
        ("2-door", ["2", "4"], 0),
        ("50%", ["50", "5"], 0),
    ],
)
def test_parts_of_numbers_are_no_words(answer: Value, choices: list[str], picked: int) -> None:
    assert pick(answer, choices) == picked


@pytest.mark.parametrize(
    ("answer", "choices", "picked"),
    [
        ("B。", ["红色", "蓝色"], 1),
        ("（B）", ["红色", "蓝色"], 1),
        ("B：蓝色", ["红色", "蓝色"], 1),
        ("A、蓝色", ["红色", "蓝色"], 0),  # the letter goes before the text
        ("B．", ["红色", "蓝色"], 1),
        ("E。", ["红色", "蓝色"], None),
        ("红色。", ["红色", "红色车"], 0),
        ("答案是红色", ["红色", "蓝色"], 0),
        ("答案是红色和蓝色", ["红色", "蓝色"], None),
        ("图中有3只猫", ["3", "13"], 0),
        ("图中有13只猫", ["3", "4"], None),
        ("2.5米", ["5米", "6米"], None),
        ("时间是12：30", ["12", "6"], None),
        ("猫cat", ["cat", "dog"], 0),
        ("是的", ["是", "否"], 0),
        ("不是", ["是", "否"], None),  # another word
        ("答案是ＡＢＣ", ["ab", "c"], None),
    ],
)
def test_scripts_without_blanks(answer: Value, choices: list[str], picked: int) -> None:
    assert pick(answer, choices) == picked
