"""Canonical forms: what is equal, and above all what is not."""

from __future__ import annotations

import pytest

from vprog.program import Program
from vprog.program.canonical import canonical

STEPS = """\
BOX0=LOC(image=IMAGE,object='cup')
IMAGE0=CROP(image=IMAGE,box=BOX0)
N=COUNT(box=BOX0)
ANSWER0=VQA(image=IMAGE0,question='what is it')
ANSWER1=EVAL(expr="{N} > 1 and {ANSWER0} == 'N'")
FINAL=RESULT(var=ANSWER1)
"""

PYTHON = """\
def execute_command(image):
    cups = image.find('cup')
    names = [cup.simple_query('what is it') for cup in cups]
    return 'yes' if len(names) > 1 else 'no'
"""


def same(first: str, second: str, language: str = "steps") -> bool:
    return canonical(Program(first, language)) == canonical(Program(second, language))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        STEPS.replace("BOX0", "B").replace("ANSWER0", "A7"),
        STEPS.replace("N=", "K=").replace("{N}", "{K}"),
        "# a remark\n\n" + STEPS.replace("image=", " image = ").replace("'cup'", '"cup"'),
        # the order of independent steps
        STEPS.replace("N=COUNT(box=BOX0)\n", "").replace(
            "ANSWER1=", "N=COUNT(box=BOX0)\nANSWER1="
        ),
        # the same step once more
        STEPS.replace("IMAGE0=", "B=LOC(image=IMAGE,object='cup')\nIMAGE0=").replace(
            "COUNT(box=BOX0)", "COUNT(box=B)"
        ),
        STEPS.replace("image=IMAGE,box=BOX0", "box=BOX0,image=IMAGE"),
        STEPS.replace("{N} > 1 and", "{N}>1  and "),
    ],
)  # fmt: skip
def test_steps_that_are_the_same(other: str) -> None:
    assert other != STEPS
    assert same(STEPS, other)


@pytest.mark.parametrize(
    "other",
    [
        STEPS.replace("'cup'", "'cups'"),
        STEPS.replace("{N} > 1", "{N} > 2"),
        STEPS.replace("== 'N'", "== 'K'"),  # text that looks like a variable
        STEPS.replace("image=IMAGE0,question", "image=IMAGE,question"),
        STEPS.replace("var=ANSWER1", "var=ANSWER0"),  # ANSWER1 is left over and can fail
        STEPS.replace("N=COUNT", "X=LOC(image=IMAGE,object='hat')\nN=COUNT"),
        STEPS.replace("IMAGE", "LEFT").replace("LEFT0", "IMAGE0"),
        STEPS.replace("COUNT(box=BOX0)", "COUNT(BOX0)"),
    ],
)
def test_steps_that_differ(other: str) -> None:
    assert other != STEPS
    assert not same(STEPS, other)


def test_names_inside_of_text_are_text() -> None:
    first = "A=VQA(image=IMAGE,question='?')\nB=EVAL(expr=\"'say A' if {A} else ''\")\n"
    other = first.replace("A", "C").replace("EVCL", "EVAL").replace("VQC", "VQA")
    other = other.replace("IMCGE", "IMAGE")
    assert not same(first + "R=RESULT(var=B)", other + "R=RESULT(var=B)")


def test_text_that_names_a_variable_is_no_variable() -> None:
    first = "A=VQA(image=IMAGE,question='A')\nR=RESULT(var=A)"
    other = "B=VQA(image=IMAGE,question='B')\nR=RESULT(var=B)"
    assert not same(first, other)


@pytest.mark.parametrize(
    "other",
    [
        PYTHON.replace("cups", "found").replace("names", "texts").replace("cup.", "c.").replace(
            "for cup in", "for c in"
        ),
        PYTHON.replace("(image)", "(picture)").replace("image.", "picture."),
        PYTHON.replace("(image)", "(image: 'ImagePatch') -> str"),
        PYTHON.replace("    cups = ", "    # look\n    '''Looks.'''\n\n    cups  =  "),
        PYTHON.replace("cups = ", "cups: list = "),
        PYTHON.replace("'cup'", '"cup"'),
    ],
)  # fmt: skip
def test_python_that_is_the_same(other: str) -> None:
    assert other != PYTHON
    assert same(PYTHON, other, "python")


@pytest.mark.parametrize(
    "other",
    [
        PYTHON.replace("'cup'", "'cups'"),
        PYTHON.replace("> 1", ">= 1"),
        PYTHON.replace("in cups", "in image.find('hat')"),
        PYTHON.replace("return", "image.find('hat')\n    return"),
        PYTHON.replace("(image)", "(question, image)"),
        PYTHON.replace("len(names)", "len(cups)"),
        PYTHON.replace("'yes'", "'names'"),
        PYTHON.replace("simple_query", "compute_depth"),
    ],
)
def test_python_that_differs(other: str) -> None:
    assert other != PYTHON
    assert not same(PYTHON, other, "python")


def test_inputs_that_come_by_name_keep_it() -> None:
    body = "def execute_command(image, {0}):\n    return image.simple_query({0})\n"
    assert not same(body.format("question"), body.format("query"), "python")


def test_a_built_in_that_is_bound_elsewhere() -> None:
    first = (
        "def f():\n    len = 3\n    return len\n"
        "def execute_command(image):\n    return len([f()])\n"
    )
    other = first.replace("len = 3\n    return len", "x = 3\n    return x")
    assert not same(first, other.replace("len([", "x(["), "python")


def test_a_tool_that_is_bound_elsewhere() -> None:
    first = (
        "def f():\n    distance = 3\n    return distance\n"
        "def execute_command(image):\n    return distance(image, image)\n"
    )
    assert not same(first, first.replace("distance", "overlap"), "python")


def test_keywords_are_not_renamed() -> None:
    first = (
        "def f(a):\n    return a\n"
        "def execute_command(image):\n    return f(a=1)\n"
    )  # fmt: skip
    assert not same(first, first.replace("f(a)", "f(b)").replace("return a", "return b"), "python")
    assert same(first, first.replace("f(a", "g(a"), "python")


def test_swapped_variables_differ() -> None:
    text = (
        "def execute_command(image):\n    a = image.find('x')\n    b = image.find('y')\n"
        "    return len(a) - len(b)\n"
    )
    assert not same(text, text.replace("len(a) - len(b)", "len(b) - len(a)"), "python")
    assert not same(text, text.replace("    b =", "    a ="), "python")


@pytest.mark.parametrize("language", ["steps", "python"])
@pytest.mark.parametrize("text", ["(", "A=B(\x00)", "x = 1 +", "for i in", "A=(" + "(" * 5000])
def test_text_that_is_no_program_is_its_own_form(text: str, language: str) -> None:
    assert same(text, text, language)
    assert not same(text, text + " ", language)


def test_lone_surrogates() -> None:
    text = "A=VQA(image=IMAGE,question='\\ud800')\nR=RESULT(var=A)"
    assert same(text, text.replace("A=", "B=").replace("var=A", "var=B"))
    assert canonical(Program("x\ud800", "python")) == canonical(Program("x\ud800", "python"))


def test_expressions_of_a_module_in_any_case_are_expressions() -> None:
    text = "A=COUNT(box=B)\nC=DEPTH(image=IMAGE)\nX=Eval(expr='{A}')\nR=RESULT(var=X)"
    assert not same(text, text.replace("{A}", "{C}"))
    swapped = text.replace("A=", "Z=").replace("{A}", "{Z}")
    assert same(text, swapped)
