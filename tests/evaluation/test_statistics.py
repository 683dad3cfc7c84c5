"""Intervals and tests against scipy and against figures worked out by hand."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from vprog.benchmarks.metric import Missing, Ratio, Whole, mean, mean_of_groups
from vprog.evaluation.figures import count, part
from vprog.evaluation.statistics import (
    Interval,
    grouped_difference,
    groups_interval,
    interval,
    paired_difference,
    wilson,
)

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=300)


def test_wilson_by_hand() -> None:
    # 8 of 10: p = .8, z^2 = 3.8415; middle (.8 + .19207) / 1.38415, spread / 1.38415
    low, high = wilson(8, 10)
    z2 = 3.841458820694124
    middle = (0.8 + z2 / 20) / (1 + z2 / 10)
    half = math.sqrt(z2 * (0.8 * 0.2 / 10 + z2 / 400)) / (1 + z2 / 10)
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-12)
    assert (low, high) == pytest.approx((0.490162, 0.943318), abs=1e-6)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(case: tuple[int, int]) -> None:
    right, n = case
    interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson(right, n) == pytest.approx((interval.low, interval.high), abs=1e-9)


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 400), (400, 400)])
def test_wilson_at_the_ends(right: int, n: int) -> None:
    low, high = wilson(right, n)
    assert 0 <= low <= right / n <= high <= 1
    assert low < high


def test_paired_difference_by_hand() -> None:
    # 20 pairs: 5 gained, 2 lost; d = .15, var = (7/20 - .0225) / 20
    first = [False] * 5 + [True] * 2 + [True] * 9 + [False] * 4
    second = [True] * 5 + [False] * 2 + [True] * 9 + [False] * 4
    found = paired_difference(first, second)
    spread = 1.959963984540054 * math.sqrt((7 / 20 - 0.15**2) / 20)
    assert found["difference"] == pytest.approx(0.15)
    assert found["ci_low"] == pytest.approx(0.15 - spread)
    assert found["ci_high"] == pytest.approx(0.15 + spread)
    # (C(7,0) + C(7,1) + C(7,2)) * 2 / 2^7
    assert found["p_value"] == pytest.approx(2 * (1 + 7 + 21) / 128)


@given(PAIRS)
def test_mcnemar_is_scipys_exact_test(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    found = paired_difference(first, second)
    gained = sum(b and not a for a, b in pairs)
    lost = sum(a and not b for a, b in pairs)
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert found["p_value"] == pytest.approx(expected, rel=1e-8)
    assert found["difference"] == pytest.approx((sum(second) - sum(first)) / len(pairs))
    assert -1 <= found["ci_low"] <= found["difference"] <= found["ci_high"] <= 1
    back = paired_difference(second, first)
    assert back["difference"] == pytest.approx(-found["difference"])
    assert back["p_value"] == pytest.approx(found["p_value"])


def test_mcnemar_far_out_is_small_and_no_zero() -> None:
    found = paired_difference([False] * 900 + [True], [True] * 900 + [False])
    assert 0 < found["p_value"] == pytest.approx(binomtest(1, 901).pvalue, rel=1e-6)


def test_unequal_lengths_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_difference([True, False], [True])


def test_equal_differences_do_not_claim_certainty() -> None:
    found = paired_difference([0.0] * 5, [1.0] * 5)
    # Five gained and two pairs more, half gained and half lost: 5 / 7 and its deviation.
    deviation = math.sqrt((6 / 7 - (5 / 7) ** 2) / 7)
    assert found["difference"] == 1.0
    assert found["ci_low"] == pytest.approx(5 / 7 - 1.959964 * deviation)
    assert found["ci_high"] == 1.0
    same = paired_difference([1.0] * 3, [1.0] * 3)
    assert same["ci_low"] == pytest.approx(-1.959964 * math.sqrt(1 / 5 / 5))
    groups = grouped_difference([0.0] * 6, [1.0] * 6, "aabbcc")
    assert groups is not None
    three = paired_difference([0.0] * 3, [1.0] * 3)
    assert (groups["ci_low"], groups["ci_high"]) == (three["ci_low"], three["ci_high"])


def test_paired_difference_of_soft_credits_by_hand() -> None:
    first, second = [0.0, 0.3, 1.0, 0.6], [0.6, 0.9, 1.0, 0.0]
    found = paired_difference(first, second)
    assert found["difference"] == pytest.approx((0.6 + 0.6 + 0 - 0.6) / 4)
    spread = 1.959963984540054 * math.sqrt((3 * 0.36 / 4 - 0.15**2) / 4)
    assert found["ci_high"] == pytest.approx(0.15 + spread)
    assert (found["gained"], found["lost"]) == (2, 1)
    assert found["p_value"] == 1.0


def test_a_proportion_has_wilsons_interval() -> None:
    found = interval(mean([1, 0, None, 1, 1]), "aabbb")
    assert found == Interval(*wilson(3, 4), "wilson")


def test_a_proportion_of_groups_has_wilsons_interval_over_groups() -> None:
    groups = "aaabbcd"
    metric = mean_of_groups(groups, [1, 1, 1, 1, 0, 1, 0])
    assert metric.value() == pytest.approx(0.5)
    assert interval(metric, groups) == Interval(*wilson(2, 4), "wilson")


def test_the_bootstrap_of_a_mean_is_near_the_normal_interval() -> None:
    rng = random.Random(3)
    values = [rng.choice((0, 0.3, 0.6, 0.9, 1)) for _ in range(800)]
    found = interval(mean(values), range(800))
    half = 1.959963984540054 * statistics.pstdev(values) / math.sqrt(800)
    assert found is not None
    assert found.method == "bootstrap"
    assert found.low == pytest.approx(statistics.mean(values) - half, abs=0.004)
    assert found.high == pytest.approx(statistics.mean(values) + half, abs=0.004)
    assert found == interval(mean(values), range(800))  # the seed decides


def test_clusters_are_drawn_whole() -> None:
    rng = random.Random(4)
    values = [rng.choice((0, 0.3, 1)) for _ in range(60)]
    alone = interval(mean(values), range(60))
    fourfold = interval(mean(v for v in values for _ in range(4)), [n // 4 for n in range(240)])
    assert alone is not None
    assert fourfold is not None
    assert (fourfold.low, fourfold.high) == pytest.approx((alone.low, alone.high))
    apart = interval(mean(v for v in values for _ in range(4)), range(240))
    assert apart is not None
    assert apart.high - apart.low < 0.7 * (alone.high - alone.low)


def test_a_share_that_never_varies_is_not_certain() -> None:
    found = interval(mean([0.9] * 20), range(20))
    assert found == Interval(*wilson(18, 20), "wilson")
    assert interval(mean([0.3]), "a") == Interval(*wilson(0.3, 1), "wilson")


def test_figures_that_are_no_share() -> None:
    squares = [0.0, 4.0, 1.0, 0.0, 9.0, 0.0, 1.0, 1.0]
    root = Ratio(squares, [1.0] * 8, root=True)
    assert root.value() == pytest.approx(math.sqrt(2))
    found = interval(root, range(8))
    assert found is not None
    assert 0 < found.low < math.sqrt(2) < found.high <= 3
    assert interval(Ratio([4.0], [1.0], root=True), "a") is None
    assert interval(Ratio([0.0] * 3, [1.0] * 3, root=True), "abc") is None

    def median(indices: Sequence[int]) -> float:
        return statistics.median(squares[i] for i in indices)

    whole = interval(Whole(median, 8), range(8))
    assert whole is not None
    assert 0 <= whole.low <= 1 <= whole.high <= 9
    assert interval(Whole(median, 8), "a" * 8) is None
    assert interval(Whole(lambda _: None, 8), range(8)) is None
    assert interval(Whole(lambda _: 0.0, 8), range(8)) is None
    assert interval(Whole(median, 8, has_interval=False), range(8)) is None
    assert interval(Missing("no file"), range(8)) is None
    assert interval(mean([None, None]), "ab") is None


def test_a_part_of_a_figure_keeps_who_takes_part() -> None:
    metric = Whole(lambda indices: float(sum(indices)), 4, counts=[True, False, True, True])
    assert count(metric) == 3
    some = part(metric, [1, 3])
    assert isinstance(some, Whole)
    assert (count(some), some.n, some.value()) == (1, 2, 4.0)
    assert count(Whole(lambda _: 0.0, 4)) == 4


def test_copies_of_an_example_tell_no_more_than_one() -> None:
    """Six equal rows an item: the interval over items is that of one row each, not of six."""
    once = [1.0] * 90 + [0.0] * 10
    items = [item for item in range(100) for _ in range(6)]
    found = groups_interval(mean([once[item] for item in items]), items)
    assert found is not None
    over, groups = found
    assert groups == 100
    alone = math.sqrt(0.9 * 0.1 / 100) * 1.96
    assert (over.low, over.high) == pytest.approx((0.9 - alone, 0.9 + alone), abs=0.012)
    low, high = wilson(540, 600)
    assert over.high - over.low > 2 * (high - low)


def test_an_interval_over_groups_needs_groups_and_a_proportion() -> None:
    assert groups_interval(mean([1.0, 0.0]), ["a", "b"]) is None
    assert groups_interval(mean([0.5, 0.0]), ["a", "a"]) is None
    assert groups_interval(mean([1.0, None]), ["a", "a"]) is None
    perfect = groups_interval(mean([1.0] * 4), ["a", "a", "b", "b"])
    assert perfect is not None
    assert perfect[0] == Interval(*wilson(2, 2), "wilson")


def test_differences_of_groups() -> None:
    first, second = [0.0] * 12 + [1.0] * 588, [1.0] * 600
    items = [index // 6 for index in range(600)]
    alone = paired_difference(first, second)
    found = grouped_difference(first, second, items)
    assert found is not None
    # Two items gained: one in two that both go the same way by chance, each side counted.
    assert (found["groups"], found["p_value"]) == (100, 0.5)
    assert alone["p_value"] < 0.001
    assert found["ci_low"] <= 0.0 < alone["ci_low"]
    assert grouped_difference(first, second, range(600)) is None


@given(PAIRS.filter(lambda pairs: len(pairs) > 1))
def test_the_test_of_many_groups_is_nearly_that_of_few(pairs: list[tuple[bool, bool]]) -> None:
    """With pairs of equal rows the exact test is McNemar's on single rows."""
    first = [float(a) for a, _ in pairs for _ in range(2)]
    second = [float(b) for _, b in pairs for _ in range(2)]
    found = grouped_difference(first, second, [index // 2 for index in range(len(first))])
    assert found is not None
    exact = paired_difference([a for a, _ in pairs], [b for _, b in pairs])["p_value"]
    assert found["p_value"] == pytest.approx(exact, abs=0.025)
