"""Equal candidates are one; the vote ends as soon as it is decided, and never too soon."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprog.errors import ProgramError
from vprog.evaluation.candidates import Ballot, Candidate, mended, merge
from vprog.program import Program


def steps(text: str, logprob: float | None = None) -> Candidate:
    return Candidate(program=Program(f"A={text}\nR=RESULT(var=A)", "steps", logprob))


ONE = "VQA(image=IMAGE,question='x')"


def test_equal_programs_are_one_candidate() -> None:
    renamed = Candidate(
        program=Program(f"B={ONE}\nR=RESULT(var=B)", "steps", math.log(0.125)),
    )
    other = steps("VQA(image=IMAGE,question='y')", math.log(0.5))
    twice = [steps(ONE, math.log(0.25)), other, steps(ONE, math.log(0.25)), renamed]
    first, second = merge(twice)
    assert (first.count, second.count) == (3, 1)
    assert first.program.text == twice[0].program.text
    assert second == other
    assert first.program.logprob is not None
    assert math.exp(first.program.logprob) == pytest.approx(0.375), "a text counts once"


def test_a_probability_that_is_not_known_makes_none() -> None:
    (merged,) = merge([steps(ONE, -1.0), steps(ONE.replace(",", " , "), None)])
    assert (merged.count, merged.program.logprob) == (2, None)
    (merged,) = merge([steps(ONE, -math.inf), steps(ONE.replace(",", " , "), -math.inf)])
    assert merged.program.logprob == -math.inf


def test_a_repair_keeps_what_was_and_why() -> None:
    broken = steps("VQAA()", -2.0)
    error = ProgramError("name", "unknown module 'VQAA'", 1, 3)
    after = mended(broken, error, Program("new", "steps", -0.5))
    assert (after.program.text, after.original) == ("new", broken.program.text)
    assert after.complaint == "name error: unknown module 'VQAA' (line 1, column 3)"
    assert after.program.logprob == -2.5
    assert mended(broken, error, None) == broken
    assert mended(broken, error, Program("new", "steps")).program.logprob is None


def candidates(*weights: tuple[int, float | None]) -> list[Candidate]:
    return [
        Candidate(program=Program(f"p{n}", "steps", logprob), count=count)
        for n, (count, logprob) in enumerate(weights)
    ]


def hold(given: list[Candidate], answers: list[str | None]) -> tuple[int, list[int]]:
    """The winner, and which candidates ran in which order."""
    ballot, ran = Ballot(given), []
    while not ballot.decided:
        for n in ballot.next():
            ran.append(n)
            ballot.cast(n, answers[n])
    return ballot.winner, ran


def test_three_of_five_decide() -> None:
    winner, ran = hold(candidates(*[(1, None)] * 5), ["a"] * 5)
    assert (winner, ran) == (0, [0, 1, 2])


def test_one_that_was_written_often_decides_alone() -> None:
    assert hold(candidates((1, -1), (3, -5), (1, -1)), ["a", "b", "a"]) == (1, [1])


def test_disagreement_lets_more_run() -> None:
    winner, ran = hold(candidates(*[(1, None)] * 5), ["a", "b", "a", "a", "c"])
    assert (winner, ran) == (0, [0, 1, 2, 3])


def test_equal_counts_are_settled_by_probability() -> None:
    assert hold(candidates((1, -3.0), (1, -1.0)), ["a", "b"])[0] == 1
    assert hold(candidates((1, -3.0), (1, -2.0), (1, -2.5)), ["a", "b", None])[0] == 1
    assert hold(candidates((1, None), (1, None)), ["a", "b"])[0] == 0


def test_the_winner_is_the_most_probable_with_that_answer() -> None:
    assert hold(candidates((1, -3.0), (1, -1.0), (1, -0.5)), ["a", "a", "b"])[0] == 1


def test_those_without_an_answer_have_no_vote() -> None:
    assert hold(candidates((4, -1.0), (1, -9.0)), [None, "a"]) == (1, [0, 1])
    assert hold(candidates((1, -1.0), (2, -9.0)), [None, None]) == (0, [1, 0])


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4),
            st.none() | st.floats(-30, 0),
            st.none() | st.sampled_from("abc"),
        ),
        min_size=1,
        max_size=9,
    )
)
def test_stopping_early_changes_no_answer(
    votes: list[tuple[int, float | None, str | None]],
) -> None:
    given = candidates(*[(count, logprob) for count, logprob, _ in votes])
    answers = [answer for *_, answer in votes]
    winner, ran = hold(given, answers)
    assert len(set(ran)) == len(ran)
    # An independent count over everybody.
    highest = max((p for _, p, _ in votes if p is not None), default=0.0)
    totals: dict[str, tuple[int, float]] = {}
    for count, logprob, answer in votes:
        if answer is not None:
            old = totals.get(answer, (0, 0.0))
            share = 0.0 if logprob is None else math.exp(logprob - highest)
            totals[answer] = (old[0] + count, old[1] + share)
    if not totals:
        assert (winner, len(ran)) == (0, len(votes))
        return
    best = max(totals.values())
    almost = {a for a, (n, p) in totals.items() if n == best[0] and p == pytest.approx(best[1])}
    assert answers[winner] in almost
