"""The steps language: all modules of VisProg, what is lenient, and what the errors say."""

from __future__ import annotations

import pytest

from fakes import answer, example, picture, run, steps, toolbox
from vprog.errors import ProgramError
from vprog.example import Region
from vprog.program import Checker, Program
from vprog.tools.catalogue import MODULES, TOOLS

HEAD = "B=LOC(image=IMAGE,object='cup')\n"
VISPROG = {
    "LOC": "X=LOC(image=IMAGE,object='cup')",
    "FACEDET": "X=FACEDET(image=IMAGE)",
    "SEG": "X=SEG(image=IMAGE)",
    "SELECT": "X=SELECT(image=IMAGE,object=B,query='red',category=None)",
    "CLASSIFY": "X=CLASSIFY(image=IMAGE,object=B,categories=['a','b'])",
    "VQA": "X=VQA(image=IMAGE,question='what?')",
    "REPLACE": "X=REPLACE(image=IMAGE,object=B,prompt='a dog')",
    "COLORPOP": "X=COLORPOP(image=IMAGE,object=B)",
    "BGBLUR": "X=BGBLUR(image=IMAGE,object=B)",
    "TAG": "X=TAG(image=IMAGE,object=B)",
    "EMOJI": "X=EMOJI(image=IMAGE,object=B,emoji='smiling_face')",
    "CROP": "X=CROP(image=IMAGE,box=B)",
    "CROP_LEFTOF": "X=CROP_LEFTOF(image=IMAGE,box=B)",
    "CROP_RIGHTOF": "X=CROP_RIGHTOF(image=IMAGE,box=B)",
    "CROP_ABOVE": "X=CROP_ABOVE(image=IMAGE,box=B)",
    "CROP_BELOW": "X=CROP_BELOW(image=IMAGE,box=B)",
    "LIST": "X=LIST(query='say a, b, c',max=2)",
    "EVAL": "X=EVAL(expr='1 + 1')",
    "COUNT": "X=COUNT(box=B)",
    "RESULT": "X=RESULT(var=B)",
}
UNBOUND = {"SEG": "segment", "REPLACE": "inpaint"}


def test_all_modules_of_visprog_are_here() -> None:
    assert len(VISPROG) == 20
    assert set(VISPROG) <= set(MODULES)


@pytest.mark.parametrize("name", VISPROG)
def test_every_module_checks_and_runs_or_names_the_missing_backend(name: str) -> None:
    text = HEAD + VISPROG[name]
    program = Program(text if name == "RESULT" else text + "\nR=RESULT(var=X)", "steps")
    assert Checker(TOOLS).check(program, 1)
    trace = run(program)
    if name not in UNBOUND:
        assert trace.failure is None, trace.failure
        assert trace.steps[-1].value == trace.answer
        return
    assert trace.failure is not None
    assert trace.failure.kind == "tool"
    assert trace.failure.line == 2
    assert f"no backend bound for {UNBOUND[name]!r}" in trace.failure.message
    assert "Bind a" in trace.failure.message


@pytest.mark.parametrize("name", VISPROG)
def test_every_argument_of_every_module_is_checked(name: str) -> None:
    module = MODULES[name]
    right = {"image": "IMAGE", "images": "B"}
    for param in module.params:
        if param.kind == "any" or name == "EVAL":
            continue
        wrong = "3" if param.kind != "number" else "'three'"
        given = ",".join(
            f"{p.name}={wrong if p is param else right.get(p.kind, repr('x'))}"
            for p in module.params
            if p.required or p is param
        )
        trace = run(Program(f"{HEAD}X={name}({given})\nR=RESULT(var=X)", "steps"))
        assert trace.failure is not None
        assert trace.failure.kind == "type"
        assert f"{name} wants {param.name}: {param.kind}" in trace.failure.message
        assert trace.failure.line == 2
        assert trace.steps == []


LENIENT = {
    "blank lines and comments": "\n\n# first\nA=EVAL(expr='2')  # two\n\n\nR=RESULT(var=A)\n\n  \n",
    "blanks inside": "A = EVAL( expr = '2' )\nR = RESULT( var = A )",
    "indented": "    A=EVAL(expr='2')\n    R=RESULT(var=A)",
    "unevenly indented": "  A=EVAL(expr='2')\n R=RESULT(var=A)",
    "Windows lines": "A=EVAL(expr='2')\r\nR=RESULT(var=A)\r\n",
    "semicolons": "A=EVAL(expr='2');R=RESULT(var=A)",
    "over several lines": "A=EVAL(\n  expr='2',\n)\nR=RESULT(var=A)",
    "by position": "A=EVAL('2')\nR=RESULT(A)",
    "double quotes": 'A=EVAL(expr="2")\nR=RESULT(var=A)',
    "tabs": "A=EVAL(\texpr='2')\nR\t=\tRESULT(var=A)",
    "quotes and indents": "  A=EVAL(expr=''no' if 1 > 2 else 2')\n R=RESULT(var=A)",
    "any case": "A=Eval(expr='2')\nR=result(var=A)",
    "quotes inside": "A=EVAL(expr='2 if 'a' == 'a' else 3')\nR=RESULT(var=A)",
    "a name set twice": "A=EVAL(expr='1')\nA=EVAL(expr='{A} + 1')\nR=RESULT(var=A)",
}


@pytest.mark.parametrize("text", LENIENT.values(), ids=LENIENT)
def test_forms_of_text_that_mean_the_same(text: str) -> None:
    assert answer(Program(text, "steps")) == 2


ERRORS = [
    ("X=LOK(image=IMAGE,object='a')\nR=RESULT(var=X)", "name", 1, "Did you mean 'LOC'?"),
    ("X=LOC(image=IMAGES,object='a')\nR=RESULT(var=X)", "name", 1, "Did you mean 'IMAGE'?"),
    ("X=LOC(image=IMAGE)\nR=RESULT(var=X)", "type", 1, "needs 'object'"),
    ("X=LOC(image=IMAGE,objekt='a')\nR=RESULT(var=X)", "type", 1, "Did you mean 'object'?"),
    ("X=LOC(image=IMAGE,object='a',image=IMAGE)\nR=RESULT(var=X)", "type", 1, "gets 'image' twice"),
    ("X=LOC(IMAGE,'a',image=IMAGE)\nR=RESULT(var=X)", "type", 1, "gets 'image' twice"),
    ("X=LOC(IMAGE,'a','b')\nR=RESULT(var=X)", "type", 1, "at most 2 arguments"),
    ("X=COUNT(box=IMAGE)\nR=RESULT(var=X)", "type", 1, "LOC finds boxes"),
    ("B=FACEDET(image=IMAGE)\nX=CROP(image=B,box=B)\nR=RESULT(var=X)", "type", 2, "CROP makes"),
    ("X=COUNT(box=2 + 2)\nR=RESULT(var=X)", "syntax", 1, "calculate with EVAL"),
    ("X=COUNT(box=[IMAGE)\nR=RESULT(var=X)", "syntax", 1, "NAME=MODULE(arg=value, ...)"),
    ("X=EVAL(expr='{Y}')\nR=RESULT(var=X)", "name", 1, "'Y' before it is set"),
    ("A=VQA(image=IMAGE,question='1')\nX=EVAL(expr=A)\nR=RESULT(var=X)", "type", 2, "in quotes"),
    ("X=FACEDET(image=IMAGE)", "syntax", 1, "the last step must be RESULT"),
    ("R=RESULT(var=IMAGE)\nX=FACEDET(image=IMAGE)\nR=RESULT(var=X)", "syntax", 1, "more steps"),
    ("", "syntax", None, "has no step"),
    ("# only this", "syntax", None, "has no step"),
    ("for x in y: pass", "syntax", 1, "found for"),
    ("def execute_command(image):\n    return 1", "syntax", 1, "say --language python"),
    ("X=IMAGE\nR=RESULT(var=X)", "syntax", 1, "found assign"),
    ("X=CROP(image=IMAGE,box=CROP(image=IMAGE,box=[]))\nR=RESULT(var=X)", "syntax", 1, "CROP"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "line", "words"), ERRORS)
def test_an_error_names_its_place_and_what_would_be_right(
    text: str, kind: str, line: int | None, words: str
) -> None:
    with pytest.raises(ProgramError) as caught:
        Checker(TOOLS).check(Program(text, "steps"), 1)
    assert caught.value.kind == kind
    assert caught.value.line == line
    assert words in caught.value.message
    trace = run(Program(text, "steps"))
    assert trace.failure is not None
    assert (trace.failure.kind, trace.failure.line) == (kind, line)
    assert trace.failure.step is None


def test_a_run_time_error_names_its_step_and_line() -> None:
    trace = run(
        Program("# one\nA=EVAL(expr='1')\n\nB=EVAL(expr='{A} / 0')\nR=RESULT(var=B)", "steps")
    )
    assert trace.failure is not None
    assert (trace.failure.kind, trace.failure.step, trace.failure.line) == ("runtime", 1, 4)


def test_the_kind_of_a_value_is_checked_when_only_the_run_knows_it() -> None:
    trace = run(steps("A=EVAL(expr='1')\nX=COUNT(box=A)\nR=RESULT(var=X)"))
    assert trace.failure is not None
    assert (trace.failure.kind, trace.failure.line) == ("type", 2)
    assert "COUNT wants box: images, got number 1" in trace.failure.message


def test_names_of_the_inputs_follow_the_number_of_pictures() -> None:
    pair = example(picture("l", shade=1), picture("r", 60, shade=2))
    assert answer(Program("R=RESULT(var=RIGHT)", "steps"), on=pair) == Region("r", 0, 0, 60, 30)
    many = example(*(picture(f"f{n}", shade=n) for n in range(5)))
    assert answer(Program("R=RESULT(var=IMAGE4)", "steps"), on=many) == Region("f3", 0, 0, 40, 30)
    trace = run(Program("R=RESULT(var=IMAGE)", "steps"), on=pair)
    assert trace.failure is not None
    assert trace.failure.kind == "name"
    assert "LEFT, RIGHT" in trace.failure.message


def test_the_trace_holds_every_step_in_order() -> None:
    trace = run(Program(HEAD + "C=COUNT(box=B)\nE=EVAL(expr='{C} * 2')\nR=RESULT(var=E)", "steps"))
    assert [(s.module, s.tool, s.target, s.line, s.value) for s in trace.steps[1:]] == [
        ("COUNT", None, "C", 2, 2),
        ("EVAL", None, "E", 3, 4),
        ("RESULT", None, "R", 4, 4),
    ]
    first = trace.steps[0]
    assert (first.module, first.tool, first.target, first.line) == ("LOC", "detect", "B", 1)
    assert dict(first.args) == {"image": Region("p", 0, 0, 40, 30), "phrase": "cup"}
    assert first.source == "computed"
    assert trace.answer == 4


def test_a_list_of_names_is_cut_to_its_maximum() -> None:
    text = "L=LIST(query='{}',max={})\nR=RESULT(var=L)"
    from fakes import ANSWERS, Instant

    backend = Instant({**ANSWERS, "knowledge": lambda call, _: " red, green,, blue.\n"})
    for most, found in ((0, []), (2, ["red", "green"]), (20, ["red", "green", "blue"])):
        trace = run(Program(text.format("colours", most), "steps"), box=toolbox(backend))
        assert trace.answer == found


@pytest.mark.parametrize("number", ["0x" + "f" * 4000, "-0b1" + "0" * 64, "1e999", "-1e19"])
def test_numbers_without_bounds_are_refused(number: str) -> None:
    with pytest.raises(ProgramError, match=r"numbers beyond 1e\+18 are not allowed") as caught:
        Checker(TOOLS).check(Program(f"R=RESULT(var={number})", "steps"), 1)
    assert caught.value.kind == "limit"
    trace = run(steps(f"R=RESULT(var={number})"))
    assert trace.failure is not None
    assert trace.failure.kind == "limit"


def test_a_negative_number_is_one() -> None:
    assert answer(steps("R=RESULT(var=-3)")) == -3


QUOTED = {
    "question='What color is the dog's collar?'": "What color is the dog's collar?",
    "question='is it the 'big' one, or the dog's?'": "is it the 'big' one, or the dog's?",
    'question="say "a, b" and it\'s (c)"': 'say "a, b" and it\'s (c)',
    "question='a\\'b's'": "a'b's",
}


@pytest.mark.parametrize("argument", QUOTED)
def test_quotes_inside_of_a_quoted_argument(argument: str) -> None:
    text = f"\nA=VQA(image=IMAGE,{argument})  # it's\nR=RESULT(var=A)"
    trace = run(Program(text, "steps"))
    assert trace.failure is None
    assert trace.steps[0].args["question"] == QUOTED[argument]
    lists = "A=LIST(query='main characters in Disney's Frozen',max=7)\nR=RESULT(var=A)"
    assert Checker(TOOLS).check(Program(lists, "steps"), 1)


def test_quotes_inside_of_quotes_move_no_line_and_hide_no_error() -> None:
    head = "# what?\n\nA=VQA(image=IMAGE,question='What color is the dog's collar?')\n"
    trace = run(Program(head + "R=RESULT(var=A)", "steps"))
    assert [s.line for s in trace.steps] == [3, 4]
    for rest, kind, line, words in (
        ("R=RESULT(var=B)", "name", 4, "'B' is used before it is set"),
        ("R=RESULT(var=A", "syntax", 3, "unterminated string literal"),
    ):
        with pytest.raises(ProgramError) as caught:
            Checker(TOOLS).check(Program(head + rest, "steps"), 1)
        assert (caught.value.kind, caught.value.line) == (kind, line)
        assert words in caught.value.message


def test_a_module_in_another_case_is_called_by_its_name() -> None:
    text = "B=Loc(image=IMAGE,object='cup')\nC=count(box=B)\nR=Result(var=C)"
    assert [s.module for s in run(Program(text, "steps")).steps] == ["LOC", "COUNT", "RESULT"]
    with pytest.raises(ProgramError, match="unknown module 'Lok'"):
        Checker(TOOLS).check(Program("B=Lok(image=IMAGE)", "steps"), 1)
    with pytest.raises(ProgramError, match="more steps follow"):
        Checker(TOOLS).check(Program(f"{text}\nD=COUNT(box=B)", "steps"), 1)


def test_an_error_is_that_of_the_text_as_it_was_written() -> None:
    text = "A=VQA(image=IMAGE,question='the dog's)\nR=RESULT(var=A)"
    with pytest.raises(ProgramError, match="invalid syntax") as caught:
        Checker(TOOLS).check(Program(text, "steps"), 1)
    assert caught.value.line == 1
