"""Quoted arguments with the same quotes inside."""

from __future__ import annotations

import ast
import warnings

import pytest

from vprog.program.quotes import open_brackets, parsed, requoted

MENDED = [
    (
        "A=VQA(image=IMAGE,question='What color is the dog's collar?')",
        'A=VQA(image=IMAGE,question="What color is the dog\'s collar?")',
    ),
    (
        "L=LIST(query='main characters in Disney's Frozen',max=7)  # it's",
        "L=LIST(query=\"main characters in Disney's Frozen\",max=7)  # it's",
    ),
    ("A=LOC(image=IMAGE,object='man's shirt',)", 'A=LOC(image=IMAGE,object="man\'s shirt",)'),
    (
        "  A=EVAL(expr=''yes' if {ANSWER0} > 1 else 'no'')",
        "  A=EVAL(expr=\"'yes' if {ANSWER0} > 1 else 'no'\")",
    ),
    ("A=EVAL(expr='{B} == 'red'')", "A=EVAL(expr=\"{B} == 'red'\")"),
    (
        "A=CLASSIFY(image=IMAGE,object=B,categories=['man's', 'woman's hat'])",
        'A=CLASSIFY(image=IMAGE,object=B,categories=["man\'s", "woman\'s hat"])',
    ),
    ("A=VQA(IMAGE, 'dog's')", 'A=VQA(IMAGE, "dog\'s")'),
    ('A=VQA(question="Is it "GO"?", image=IMAGE)', "A=VQA(question='Is it \"GO\"?', image=IMAGE)"),
    ("A=VQA(image=IMAGE,question='a\\'s dog's')", "A=VQA(image=IMAGE,question=\"a's dog's\")"),
    ("   object='dog's',", '   object="dog\'s",'),
]


@pytest.mark.parametrize(("line", "mended"), MENDED)
def test_a_quote_closes_only_where_its_argument_can_end(line: str, mended: str) -> None:
    assert parsed(line.strip()) is None
    assert requoted(line) == mended
    assert requoted(mended) == mended
    assert open_brackets(line) == 0


KEPT = [
    "A=LOC(image=IMAGE,object='x')", "A=LOC(image=IMAGE,object='it\\'s')", "", "# it's", "A=LOC(",
    "  object='x',", "A=LOC(image=IMAGE,object='x', # it's", "S=SELECT(IMAGE,B,'dog's','x')",
    "A=VQA(image=IMAGE,question='What is", "It's what's here.", "A=F(x='a' 'b',", "\0",
    "A=F('x\\'s)",
]  # fmt: skip


@pytest.mark.parametrize("line", KEPT)
def test_what_is_right_or_cannot_be_told_stays(line: str) -> None:
    assert requoted(line) == line


def test_brackets_in_text_and_comments_are_none() -> None:
    assert open_brackets("A=LOC(image=IMAGE, # (") == 1
    assert open_brackets("A=CLASSIFY(categories=['(', \"[\",") == 2
    assert open_brackets("])") == -2
    assert open_brackets("A=VQA(question='What is (") == 1


def test_nothing_is_warned_about_and_nothing_raised() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(parsed("'\\d' is 1"), ast.Module)
        for text in ("\0", "\ud800", "(" * 50_000, "x=" + "-" * 50_000 + "1", "'\\d"):
            assert parsed(text) is None
            assert requoted(f"A=F(x='{text}'')") is not None
