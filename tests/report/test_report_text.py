import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from report_examples import HOSTILE

from vprog.example import Region
from vprog.report.text import (
    answer_text,
    coordinates,
    escape,
    number,
    quoted,
    score,
    shorten,
    value_text,
    visible,
)


@given(st.text())
def test_nothing_that_steers_is_left(text: str) -> None:
    shown = visible(text, keep="")
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    shown.encode("utf-8")


@given(st.text())
def test_escaped_text_holds_no_markup(text: str) -> None:
    assert not set(escape(text)) & set("<>\"'")


def test_steering_characters_become_their_escapes() -> None:
    assert visible("a\x1b[31m\u202e\u2028\ud800b\x85") == "a\\x1b[31m\\u202e\\u2028\\ud800b\\x85"
    assert visible("naïve 猫 👍🏽") == "naïve 猫 👍🏽"
    assert visible("a\nb\tc") == "a\nb\tc"
    assert visible("a\nb\tc", keep="") == "a\\nb\\tc"


def test_texts_are_quoted_on_one_line() -> None:
    assert quoted("cup") == "'cup'"
    assert quoted("women's dress") == '"women\'s dress"'
    assert quoted("""a'b"c""") == "'a\\'b\"c'"
    assert quoted("a\nb") == "'a\\nb'"


def test_long_texts_say_how_long_they_were() -> None:
    assert shorten("x" * 5, 5) == "xxxxx"
    assert shorten("x" * 1200, 5) == "xxxxx… (1,200 characters)"


def test_numbers_are_short_and_survive_their_extremes() -> None:
    shown = [number(v) for v in (3, 3.0, 0.91349, 1234.5678, float("nan"), -float("inf"))]
    assert shown == ["3", "3", "0.913", "1234.57", "nan", "-inf"]
    assert number(10**6000) == "about 2^19931"
    assert number(-(2**70)) == "-about 2^70"


def test_scores() -> None:
    assert [score(v) for v in (0.917, 1.0, 0.0, 0.004, 0.999)] == [".92", "1", "0", "0", "1"]
    assert [score(v) for v in (10.5, -0.25)] == ["10.5", "-0.25"]
    assert score(float("nan")) == "nan"


def test_values_as_text() -> None:
    cup = Region("p", 1, 2.25, 3, 4, "red cup", 0.5)
    assert value_text(cup) == "'red cup' (1, 2.2, 3, 4)"
    assert coordinates(Region("p", 0, 0, float("nan"), 4)) == "(0, 0, nan, 4)"
    assert value_text({"a": [1, True, None, "x"]}) == "{'a': [1, True, None, 'x']}"
    assert value_text(list(range(30))).endswith("23, … 6 more]")
    assert answer_text(True) == "yes"
    assert answer_text("women's dress") == "women's dress"


def test_deep_values_end() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert value_text(deep) == "[[[[[…]]]]]"
    assert "\x1b" not in value_text([HOSTILE, {HOSTILE: HOSTILE}])
