"""The VQA evaluation: its normal form, its soft accuracy, and a second way to compute it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vprog.benchmarks.vqa_answers import (
    accepted,
    normalise,
    official_form,
    plain_text,
    soft_accuracy,
)
from vprog.example import Region


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The Cat.", "cat"),
        ("an apple", "apple"),
        ("two", "2"),
        ("None", "0"),
        ("eleven", "eleven"),  # numbers are known up to ten
        ("dont", "don't"),
        ("couldnt've", "couldn't've"),
        ("somebody'd", "somebodyd"),
        ("twas", "'twas"),
        ("black-white", "black white"),  # a mark inside a word parts it
        ("black - white", "black white"),  # one beside a blank goes away
        ("what?", "what"),
        ("1,000 dogs", "1000 dogs"),
        ("1,000-year", "1000year"),  # with thousands, every mark goes away
        ("3.5", "3.5"),
        ("U.S.", "us"),
        ("u.s.a", "usa"),
        ("10:30", "10:30"),
        ("yes, it is", "yes it is"),
        ("a\nb\tc", "b c"),
        ("", ""),
        ("the", ""),
    ],
)
def test_normal_form_by_hand(text: str, form: str) -> None:
    assert official_form(text) == form


@pytest.mark.parametrize("same", [0, 1, 2, 3, 4, 9])
def test_soft_accuracy_by_hand(same: int) -> None:
    human = ["cat"] * same + [
        "dog",
        "bird",
        "fish",
        "cow",
        "pig",
        "hen",
        "bee",
        "ant",
        "fox",
        "owl",
    ]
    worth = {0: 0.0, 1: 0.3, 2: 0.6, 3: 0.9}.get(same, 1.0)
    assert soft_accuracy("Cat", human[:10]) == pytest.approx(worth)


def test_people_who_all_agree_are_compared_as_they_wrote() -> None:
    assert soft_accuracy("two", ["2"] * 10) == 0.0
    assert soft_accuracy("2", ["2"] * 10) == 1.0
    assert soft_accuracy("two", ["2"] * 9 + ["3"]) == 1.0


def by_counting(answer: str, human: list[str]) -> float:
    """The same figure from the number of matches alone: two kinds of people are left out."""
    if len(set(human)) > 1:
        answer, human = official_form(answer), [official_form(a) for a in human]
    n, matches = len(human), Counter(human)[answer]
    of_matching = min(3, max(matches - 1, 0)) / 3
    of_others = min(3, matches) / 3
    return (matches * of_matching + (n - matches) * of_others) / n


ANSWERS = ("cat", "a cat", "Cat.", "dog", "2", "two", "dont", "don't")


@settings(max_examples=60)
@given(st.sampled_from(ANSWERS), st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=12))
def test_soft_accuracy_against_counting(answer: str, human: list[str]) -> None:
    assert soft_accuracy(answer, human) == pytest.approx(by_counting(answer, human))


def test_answers_without_a_normal_form_are_answers() -> None:
    assert accepted(["a"] * 9 + ["the"]) == ("a", "the")
    assert accepted(["a", "A red cup", "cup"]) == ("red cup", "cup")
    assert accepted(["", " "]) == ()


def test_real_rows() -> None:
    shared = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    path = shared / "vqav2_sample.json"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    rows = json.loads(path.read_text())
    cameras = rows["1000004"]["answer_set"]  # six say 0, four say 1
    assert soft_accuracy("0", cameras) == 1.0
    assert soft_accuracy("none", cameras) == 1.0
    assert soft_accuracy("one", cameras) == 1.0
    sport = rows["100081011"]["answer_set"]  # eight say frisbee, two swimming
    assert soft_accuracy("Swimming", sport) == pytest.approx(0.6)
    assert accepted(sport) == ("frisbee", "swimming")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (3.0, "3"),
        (" The Cat ", "the cat"),
        (["a", 2], "a, 2"),
        (None, None),
        (Region("p", 0, 0, 1, 1), None),
    ],
)
def test_what_programs_answer(value: object, text: str | None) -> None:
    assert plain_text(value) == text  # type: ignore[arg-type]
    assert normalise(value) == (None if text is None else official_form(text))  # type: ignore[arg-type]
