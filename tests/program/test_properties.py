"""Any text, in either language: its check ends in a program or ProgramError, its run in a trace."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from mutants import SEEDS, mutated, noise, written

from fakes import example, picture, run_all, toolbox
from vprog.engine import Engine, EngineSettings, Limits
from vprog.errors import ERROR_KINDS, ProgramError
from vprog.example import Region
from vprog.program import Checker, Language, Program
from vprog.tools.catalogue import TOOLS
from vprog.tools.expression import evaluate, parse_expression

LANGUAGES: tuple[Language, ...] = ("steps", "python")
CHECKED = 7_000
"""Programs of each language that are checked in the test below: half mutants, the rest of both."""
RUN = {"steps": 4_000, "python": 2_500}
"""Programs of each language that are run: those that pass the check, and others to fill up."""
CASES = 2 * CHECKED + sum(RUN.values()) + 600 * 2


def test_the_cases_are_as_many_as_promised() -> None:
    assert CASES >= 20_000


def generated(rng: random.Random, language: Language) -> str:
    make = rng.randrange(8)
    if make < 5:
        return mutated(rng, language)
    return written(rng, language) if make < 7 else noise(rng)


def check(checker: Checker, text: str, language: Language, pictures: int = 1) -> str:
    """The kind of the error of a program, empty if it passes; anything else raises."""
    try:
        assert checker.check(Program(text, language), pictures)
        return ""
    except ProgramError as raised:
        error = raised
    assert error.kind in ("syntax", "name", "type", "limit")
    assert error.message
    assert len(str(error)) < 1000
    lines = text.count("\n") + text.count("\r") + 1
    assert error.line is None or 1 <= error.line <= lines + 1
    return error.kind


@pytest.mark.parametrize("language", LANGUAGES)
def test_seeds_pass_the_check(language: Language) -> None:
    checker = Checker(TOOLS)
    assert [check(checker, text, language) for text in SEEDS[language]] == [""] * 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_check_of_a_mutant_ends_in_a_program_or_a_program_error(language: Language) -> None:
    rng = random.Random(f"check {language}")
    checker = Checker(TOOLS, entries=10)
    kinds = Counter(check(checker, generated(rng, language), language) for _ in range(CHECKED))
    assert kinds.total() == CHECKED
    # The generator is worth something only if it reaches both sides and every kind of error.
    assert kinds[""] > CHECKED // 20
    assert min(kinds[kind] for kind in ("syntax", "name", "type")) > CHECKED // 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_run_ends_in_a_trace(language: Language) -> None:
    rng = random.Random(f"run {language}")
    checker = Checker(TOOLS)
    programs: list[Program] = []
    rejected = 0
    while len(programs) + rejected < RUN[language]:
        text = generated(rng, language)
        if check(checker, text, language):
            rejected += 1
            if rejected % 10:
                continue  # one in ten of those that fail the check is run all the same
            rejected -= 1
        programs.append(Program(text, language))
    limits = Limits(time_s=0.4, memory_mb=24, calls=16)
    with Engine(toolbox(), EngineSettings(limits=limits)) as engine:
        traces = run_all(programs, engine=engine)
    kinds: Counter[str] = Counter()
    for trace, program in zip(traces, programs, strict=True):
        assert trace.program == program.text
        if trace.failure is None:
            kinds["answered"] += 1
            assert is_plain(trace.answer)
        else:
            kinds[trace.failure.kind] += 1
            assert trace.failure.kind in ERROR_KINDS
            assert trace.failure.message
            assert trace.answer is None
        for step in trace.steps:
            assert step.source in ("computed", "shared", "remembered", "inline")
            assert is_plain(step.value)
    assert kinds.total() == len(programs)
    assert kinds["answered"] > len(programs) // 20, kinds
    assert kinds["type"] + kinds["runtime"] > len(programs) // 50, kinds


def is_plain(value: object) -> bool:
    """Whether a value is of the kinds that a trace promises."""
    if isinstance(value, list):
        return all(is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and is_plain(v) for k, v in value.items())
    return value is None or isinstance(value, bool | int | float | str) or type(value) is Region


QUIET = settings(
    derandomize=True,
    max_examples=600,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TEXT = st.text(max_size=200) | st.lists(
    st.sampled_from(["A", "=", "LOC", "(", ")", "image", ",", "'", '"', "{A}", "\n", "EVAL", "expr",
                     "def execute_command(image):\n  ", "return", " ", "[", "]", "RESULT", "var"])
).map("".join)  # fmt: skip


@QUIET
@given(text=TEXT)
@pytest.mark.parametrize("language", LANGUAGES)
def test_any_text_is_checked(language: Language, text: str) -> None:
    for pictures in (1, 2, 3):
        check(Checker(TOOLS), text, language, pictures)


NUMBERS = st.integers(-1000, 1000) | st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
VALUES = st.one_of(
    NUMBERS, st.booleans(), st.text(max_size=12), st.lists(NUMBERS | st.text(max_size=4))
)  # fmt: skip


@QUIET
@seed(0)
@given(value=VALUES, other=VALUES)
def test_values_in_eval_are_never_code(value: object, other: object) -> None:
    variables = {"A": value, "B": other}
    for text in ("{A} and {B}", "{A} < {B}", "{A} + {B}", "{A} xor {B}", "{A}[0]", "{A} in {B}",
                  "sorted({A})", "round({A}, {B})", "str({A})", "{A} * {B} - {B}"):  # fmt: skip
        with suppress(ProgramError):
            assert is_plain(evaluate(parse_expression(text), variables))
    assert evaluate(parse_expression("{A} == {A}"), variables) is True


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_picture_more_or_less_changes_what_a_program_needs(language: Language) -> None:
    text = SEEDS[language][0]
    traces = run_all(
        [Program(text, language)] * 2, on=[example(), example(picture("l"), picture("r"))]
    )
    assert traces[0].failure is None
    assert traces[1].failure is not None
    assert traces[1].failure.kind in ("name", "type")
