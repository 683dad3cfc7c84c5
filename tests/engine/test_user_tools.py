"""Tools of users in both languages: images, boxes, defaults, errors."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import ANSWERS, Instant, answer, python, run, run_all, toolbox
from vprog import Boxes, Image, InputError, ProgramError, Region, tool
from vprog.program import Checker, Program
from vprog.tools.catalogue import TOOLS
from vprog.tools.tool import tool_from_function


@tool
def widest(boxes: Boxes, least: float = 0.0) -> Image:
    """The widest box that is at least so wide."""
    wide = [b for b in boxes if b.right - b.left >= least]
    if not wide:
        raise ProgramError("tool", "no box is wide enough")
    return max(wide, key=lambda b: b.right - b.left)


@tool
def halves_of(image: Image, side: str = "both", names: list[str] = ["a", "b"]) -> Boxes:  # noqa: B006
    """The halves of an image."""
    middle = (image.left + image.right) / 2
    both = [image._replace(right=middle), image._replace(left=middle)]
    return [b._replace(label=n) for b, n in zip(both, names, strict=True)][
        : 1 if side == "left" else 2
    ]


@tool
def area(image: Image) -> float:
    """Square pixels."""
    return (image.right - image.left) * (image.bottom - image.top)


@tool
def same_width(boxes: Boxes, strict: bool = True) -> bool:
    """Whether all boxes are of one width."""
    return len({b.right - b.left for b in boxes}) <= 1 or not strict


@tool
def anything(value: Any) -> Any:
    """The value itself."""
    return value


@tool
def breaks(image: Image) -> str:
    """Does not work."""
    raise KeyError("missing")


@tool
def wrong(image: Image) -> str:
    """Returns a number for a text."""
    return 3  # type: ignore[return-value]


@tool
def strange(image: Image) -> Any:
    """Returns what no program can hold."""
    return {"a": object()}


def ask_scale(image: Image, unit: str = "cm") -> float:
    """How large is a pixel?"""
    raise AssertionError


SCALE = tool_from_function(ask_scale, inline=False)
OWN = [widest, halves_of, area, same_width, anything, breaks, wrong, strange, SCALE]
BACKEND = Instant(
    {**ANSWERS, "ask_scale": lambda call, _: 2.0 if call.args["unit"] == "cm" else 20}
)
BOX = toolbox(BACKEND, OWN, [*ANSWERS, "ask_scale"])

BOTH = [
    ("area(image)", "X=AREA(image=IMAGE)", 1200),
    ("area(image=image.crop(0, 0, 40, 15))",
     "C=CROP_ABOVE(image=IMAGE,box=[IMAGE])\nX=AREA(image=C)", 600),
    ("halves_of(image)", "X=HALVES_OF(image=IMAGE)",
     [Region("p", 0, 0, 20, 30), Region("p", 20, 0, 40, 30)]),
    ("len(halves_of(image, 'left', ['x', 'y']))",
     "B=HALVES_OF(image=IMAGE,side='left',names=['x','y'])\nX=COUNT(box=B)", 1),
    ("widest(image.find('cup') + [image])",
     "B=LOC(image=IMAGE,object='cup')\nX=WIDEST(boxes=[IMAGE])", Region("p", 0, 0, 40, 30)),
    ("widest(least=5, boxes=image.find('cup'))",
     "B=LOC(image=IMAGE,object='cup')\nX=WIDEST(least=5,boxes=B)", Region("p", 0, 0, 20, 30)),
    ("same_width(image.find('cup'))",
     "B=LOC(image=IMAGE,object='cup')\nX=SAME_WIDTH(boxes=B)", True),
    ("same_width([image, image.crop(0, 0, 1, 1)], False)",
     "X=SAME_WIDTH(boxes=[],strict=False)", True),
    ("same_width([])", "X=SAME_WIDTH(boxes=[])", True),
    ("ask_scale(image)", "X=ASK_SCALE(image=IMAGE)", 2.0),
    ("ask_scale(image, unit='mm')", "X=ASK_SCALE(image=IMAGE,unit='mm')", 20),
    ("anything(image)", "X=ANYTHING(value=IMAGE)", Region("p", 0, 0, 40, 30)),
    ("anything([1, 'a', None, [True]])",
     "X=ANYTHING(value=[1,'a',None,[True]])", [1, "a", None, [True]]),
    ("anything([image, 2])[0]", "X=ANYTHING(value=IMAGE)", Region("p", 0, 0, 40, 30)),
    ("area(anything(image))", "A=ANYTHING(value=IMAGE)\nX=AREA(image=A)", 1200),
]  # fmt: skip


def plain(value: Any) -> Any:
    """Regions without label and score, which python programs do not see."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value._replace(label="", score=1.0) if isinstance(value, Region) else value


@pytest.mark.parametrize(("expression", "lines", "value"), BOTH)
def test_a_tool_works_in_both_languages(expression: str, lines: str, value: Any) -> None:
    traces = run_all(
        [python(f"return {expression}"), Program(f"{lines}\nR=RESULT(var=X)", "steps")], BOX
    )
    assert [t.failure for t in traces] == [None, None]
    assert plain(traces[0].answer) == plain(traces[1].answer) == value


def test_dictionaries_pass_through_any() -> None:
    body = "return anything({'a': image, 'b': (1, {'c': [image]}), 3: None})"
    region = Region("p", 0, 0, 40, 30)
    assert answer(python(body), box=BOX) == {"a": region, "b": [1, {"c": [region]}], "3": None}
    attribute = python("return anything({'a': [image]})['a'][0].width")
    assert answer(attribute, box=BOX) == 40


FAILING = [
    ("breaks(image)", "X=BREAKS(image=IMAGE)", "tool", "breaks failed: KeyError: 'missing'"),
    ("wrong(image)", "X=WRONG(image=IMAGE)", "tool", "wrong must return text, returned number 3"),
    ("strange(image)", "X=STRANGE(image=IMAGE)", "tool", "strange must return any, returned dict"),
    ("widest([])", "X=WIDEST(boxes=[])", "tool", "no box is wide enough"),
    ("area(image.find('a'))", "B=FACEDET(image=IMAGE)\nX=AREA(image=B)", "type", "image: image"),
    ("widest(image)", "X=WIDEST(boxes=IMAGE)", "type", "boxes: images"),
    ("area()", "X=AREA()", "type", "needs 'image'"),
    ("area(image, 3)", "X=AREA(IMAGE,3)", "type", "at most 1 argument"),
    ("area(picture=image)", "X=AREA(picture=IMAGE)", "type", "no argument 'picture'"),
    ("widest([], least='a')", "X=WIDEST(boxes=[],least='a')", "type", "number, got text 'a'"),
    ("widest([], least=True)", "X=WIDEST(boxes=[],least=True)", "type", "got bool True"),
    ("widest([1])", "X=WIDEST(boxes=[1])", "type", "a list of 1 (number 1)"),
    ("aera(image)", "X=AERA(image=IMAGE)", "name", "Did you mean"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "lines", "kind", "words"), FAILING)
def test_errors_are_those_of_the_tool_in_both_languages(
    expression: str, lines: str, kind: str, words: str
) -> None:
    programs = [python(f"return {expression}"), Program(f"{lines}\nR=RESULT(var=X)", "steps")]
    for trace in run_all(programs, BOX):
        assert trace.failure is not None
        assert trace.failure.kind == kind
        assert words in trace.failure.message


def test_an_inline_tool_is_no_call_of_a_backend() -> None:
    trace = run(python("return [area(image), area(image)]"), box=BOX)
    assert [(s.module, s.tool, s.source, s.value) for s in trace.steps] == (
        [("area", None, "inline", 1200)] * 2
    )


def test_inline_tools_count_against_the_limit_of_calls() -> None:
    trace = run(python("while True:\n    area(image)"), box=BOX, calls=10)
    assert trace.failure is not None
    assert trace.failure.kind == "limit"


def test_tools_are_read_off_their_functions() -> None:
    assert widest.signature == "widest(boxes: images, least: number = 0.0) -> image"
    assert widest.doc == "The widest box that is at least so wide."
    assert widest.inline
    assert not SCALE.inline
    assert "WIDEST" in Checker({**TOOLS, "widest": widest})._modules


def no_doc(image: Image) -> str:
    return ""


def no_annotation(image) -> str:  # type: ignore[no-untyped-def]
    """Doc."""
    return ""


def no_result(image: Image):  # type: ignore[no-untyped-def]
    """Doc."""


def many(*images: Image) -> str:
    """Doc."""
    return ""


def bad_kind(image: set[int]) -> str:
    """Doc."""
    return ""


def unknown_name(image: Missing) -> str:  # type: ignore[name-defined] # noqa: F821
    """Doc."""
    return ""


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (no_doc, "has no docstring"),
        (no_annotation, "'image' has no annotation"),
        (no_result, "what it returns"),
        (many, "have no meaning in programs"),
        (bad_kind, "is not one that programs can hold"),
        (unknown_name, "name 'Missing' is not defined"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused(function: Any, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        tool(function)
    assert repr(function.__name__) in str(caught.value)


def test_two_tools_of_one_name_are_refused() -> None:
    other = tool_from_function(no_doc_but_same_name())
    with pytest.raises(InputError, match="'area' is defined twice"):
        BOX.with_tools([other])
    assert BOX.with_tools([area]).tools["area"] is area


def no_doc_but_same_name() -> Any:
    def area(image: Image) -> float:
        """Another one."""
        return 0.0

    return area
