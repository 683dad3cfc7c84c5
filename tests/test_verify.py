"""Answers in normal form, and verdicts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprog.example import Example, Region
from vprog.trace import Failure, Trace, Value
from vprog.verify import answer_text, verify

REGION = Region("p", 0, 0, 1, 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        ("True", "yes"),
        ("false.", "no"),
        (3, "3"),
        (3.0, "3"),
        ("3.0", "3"),
        ("3.50", "3.50"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (2.9999999999999996, "3"),
        (1e20, "100000000000000000000"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (".5", ".5"),
        ("-2", "-2"),
        ("three", "3"),
        ("The Three.", "3"),
        ("zero", "0"),
        ("twenty", "20"),
        ("twenty one", "twenty one"),
        ("  Red \n\t cup ", "red cup"),
        ("a red cup", "red cup"),
        ("An apple!", "apple"),
        ("the", "the"),
        ("A", "a"),
        ("a.", "a"),
        ("theatre", "theatre"),
        ("'red'", "red"),
        ("“red”", "red"),
        ("women's dress", "women's dress"),
        ("...", ""),
        ("", ""),
        ("GRÖSSER 杯", "grösser 杯"),
        (["a cup", 2, True], "cup, 2, yes"),
        ([], ""),
        ([["x"], "y"], "x, y"),
        (None, None),
        (REGION, None),
        ([REGION], None),
        (["a", None], None),
        ({"a": 1}, None),
    ],
)
def test_normal_form(value: Value, text: str | None) -> None:
    assert answer_text(value) == text


@given(st.text() | st.integers() | st.booleans() | st.floats() | st.lists(st.text()))
def test_an_answer_is_lower_case_and_without_edges(value: Value) -> None:
    text = answer_text(value)
    assert text is not None
    assert text == text.lower()
    if not isinstance(value, list):
        assert text.strip(" ,;:!?\"'“”‘’") == text
        assert not text.endswith(".")


def trace(answer: Value = None, failure: Failure | None = None) -> Trace:
    return Trace("e", 0, "steps", "", answer=answer, failure=failure)


def example(*answers: str) -> Example:
    return Example(id="e", pictures=(), question="?", answers=answers)


@pytest.mark.parametrize(
    ("answer", "accepted", "judgement"),
    [
        (True, ("yes",), "right"),
        ("Yes.", ("yes",), "right"),
        ("a cup", ("mug", "The Cup"), "right"),
        (2, ("two",), "right"),
        ("cup", ("mug",), "wrong"),
        (None, ("none",), "wrong"),
        (REGION, ("yes",), "wrong"),
        ("cup", (), "unlabelled"),
    ],
)
def test_verdicts(answer: Value, accepted: tuple[str, ...], judgement: str) -> None:
    verdict = verify(trace(answer), example(*accepted))
    assert verdict.judgement == judgement
    assert verdict.answer == answer_text(answer)
    assert verdict.why


def test_a_failed_program_is_failed_whatever_it_answered() -> None:
    failure = Failure("runtime", "division by zero", 3, 2)
    verdict = verify(trace("yes", failure), example("yes"))
    assert (verdict.judgement, verdict.answer, verdict.why) == ("failed", None, "runtime error")
    assert verify(trace(None, failure), example()).judgement == "failed"
