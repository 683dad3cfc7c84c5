"""A model that writes nonsense writes programs of the language when a grammar holds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from little import tokenizer
from test_local import EXAMPLES, local

from vprog.errors import InputError, ProgramError
from vprog.program.check import Checker
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import Sampling
from vprog.writers.grammar import Grammar, steps_grammar
from vprog.writers.reference import usable_modules, usable_tools
from vprog.writers.shots import fitting_shots

llguidance = pytest.importorskip("llguidance")
TOOLS = usable_tools(load_toolbox("oracle"))


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar(TOOLS, "steps", tokenizer())


def taken(grammar: Grammar, text: str) -> tuple[int, bool]:
    """How many bytes of a text the grammar takes, and whether it may end there."""
    matcher = llguidance.LLMatcher(grammar._tokenizer, grammar._text)
    count = matcher.try_consume_tokens(tokenizer()(text)["input_ids"])
    return count, matcher.is_accepting()


def test_every_worked_example_is_in_the_language(grammar: Grammar) -> None:
    for pictures in (1, 2):
        for shot in fitting_shots(TOOLS, "steps", pictures):
            text = shot.programs["steps"]
            assert taken(grammar, text) == (len(text.encode()), True), shot.question


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("BOX0=LOCK(", "BOX0=LOC"),
        ("BOX0=LOC(picture=", "BOX0=LOC("),
        ("BOX0=LOC(image=IMAGE,object='x')\nA=SEG(", "BOX0=LOC(image=IMAGE,object='x')\nA=SE"),
        ("import os", ""),
        ("A=EVAL(expr=B", "A=EVAL(expr="),
    ],
)
def test_what_is_not_cannot_be_written(grammar: Grammar, text: str, good: str) -> None:
    assert taken(grammar, text) == (len(good), False)


def test_a_model_of_nonsense_writes_programs_without_syntax_errors(little: Path) -> None:
    writer = local(little, grammar=True, max_tokens=300)
    sampling = Sampling(k=4, temperature=1.0, seed=1)
    programs = [p for found in writer.write(EXAMPLES[:2], "steps", sampling) for p in found]
    checker = Checker(load_toolbox("oracle").tools)
    kinds = []
    for program in programs:
        try:
            checker.check(program, 1)
        except ProgramError as error:
            kinds.append(error.kind)
    ended = [p for p in programs if "RESULT(var=" in p.text.splitlines()[-1]]
    assert ended
    assert kinds.count("syntax") <= len(programs) - len(ended)


def test_python_has_no_grammar(little: Path) -> None:
    with pytest.raises(InputError, match="knows the steps language alone"):
        next(iter(local(little, grammar=True).write(EXAMPLES, "python", Sampling())))


def test_the_grammar_names_the_modules_of_the_run() -> None:
    text = steps_grammar(usable_modules(TOOLS))
    assert '"LOC(" "image=" NAME ",object=" (TEXT | NAME) ")"' in text
    assert '(",category=" (TEXT | NUMBER | BOOL | texts | numbers | NAME))? ")"' in text
    assert "SEG(" not in text
