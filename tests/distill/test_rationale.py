"""Rationales: hand-computed texts, both languages, and what hostile values may not do."""

from __future__ import annotations

import numpy as np
import pytest

from vprog.distill.live import live_steps
from vprog.distill.prompt import prompt_text, user_turn
from vprog.distill.rationale import render
from vprog.distill.settings import PromptSettings, RationaleSettings
from vprog.distill.wording import place, unplace, words
from vprog.errors import InputError
from vprog.example import Example, Picture, Region
from vprog.tools.catalogue import TOOLS
from vprog.tools.tool import Boxes, tool
from vprog.trace import Failure, Step, Trace, Value

GRID = RationaleSettings(grid=33)  # a picture of 64 pixels: two pixels a place
WHOLE = Region("p", 0, 0, 64, 64)
BALL = Region("p", 8, 16, 24, 32, "ball")
CAT = Region("p", 40, 0, 64, 20, "cat")


def picture(id: str) -> Picture:
    return Picture(id, array_rgb=np.zeros((64, 64, 3), np.uint8))


def example(*ids: str, question: str = "How many?") -> Example:
    return Example(id="e", pictures=tuple(map(picture, ids or ("p",))), question=question)


def find(phrase: str, value: Value, image: Region = WHOLE, **more: object) -> Step:
    args = {"image": image, "phrase": phrase}
    return Step(more.pop("module", "find"), "detect", args, value, **more)  # type: ignore[arg-type]


def belief(phrase: str, region: Region, value: float, module: str = "verify_property") -> Step:
    return Step(module, "match", {"image": region, "options": [phrase]}, [value])


def python(steps: list[Step], answer: Value) -> Trace:
    return Trace("e", 0, "python", "def execute_command(image): ...", steps, answer)


def told(trace: Trace, *ids: str, **more: object) -> str:
    return render(trace, example(*ids), GRID, **more).text  # type: ignore[arg-type]


def test_boxes_are_places_on_a_grid_from_edge_to_edge() -> None:
    assert place((0, 0, 64, 64), (64, 64), 33) == (0, 0, 32, 32)
    assert place((-5, 7, 80, 9), (64, 64), 33) == (0, 4, 32, 5)
    assert place((0, 0, 320, 240), (640, 480), 100) == (0, 0, 50, 50)
    assert unplace((4, 8, 12, 16), (64, 64), 33) == (8, 16, 24, 32)


def test_a_python_trace() -> None:
    trace = python(
        [
            find("ball", [BALL, CAT]),
            belief("red ball", BALL, 0.9),
            belief("red ball", CAT, 0.1),
            Step("simple_query", "vqa", {"image": BALL, "question": "What color is it?"}, "Blue"),
            find("ball", [BALL, CAT]),  # asked again: told once
            find("dog", []),
            find("cow", None, error="no such tool"),
        ],
        "blue",
    )
    rationale = render(trace, example(), GRID)
    assert rationale.text == (
        "ball : 2 at [4 8 12 16] and [20 0 32 10] . red ball : 1 at [4 8 12 16] . "
        "[4 8 12 16] what color is it ? blue . dog : none . so the answer is blue ."
    )
    assert rationale.steps == (0, 1, 2, 3, 5)
    assert rationale.boxes == (BALL, CAT, BALL, BALL)
    assert rationale.answer == "blue"


def test_one_check_is_yes_or_no_and_several_options_are_a_choice() -> None:
    choice = Step(
        "best_text_match", "match", {"image": CAT, "options": ["a dog", "cat"]}, [0.2, 0.4]
    )
    trace = python([belief("red ball", BALL, 0.5), choice], True)
    assert told(trace) == (
        "[4 8 12 16] red ball : yes . [20 0 32 10] a dog or cat : cat . so the answer is yes ."
    )


def test_a_contest_names_the_best() -> None:
    contest = [belief("ball", r, b, "best_image_match") for r, b in ((BALL, 0.2), (CAT, 0.4))]
    assert told(python(contest, CAT)) == (
        "among [4 8 12 16] and [20 0 32 10] best ball : 1 at [20 0 32 10] . "
        "so the answer is [20 0 32 10] ."
    )


def test_a_filter_of_a_part_says_of_which() -> None:
    third = Region("p", 0, 48, 16, 64)
    trace = python(
        [
            find("ball", [BALL, CAT, third]),
            *(belief("red ball", r, b) for r, b in ((BALL, 0.9), (CAT, 0.8), (third, 0))),
            *(belief("big ball", r, b) for r, b in ((BALL, 0.9), (CAT, 0.1))),
        ],
        1,
    )
    assert told(trace) == (
        "ball : 3 at [4 8 12 16] and [20 0 32 10] and [0 24 8 32] . "
        "red ball : 2 at [4 8 12 16] and [20 0 32 10] . "
        "among [4 8 12 16] and [20 0 32 10] big ball : 1 at [4 8 12 16] . so the answer is 1 ."
    )


STEPS = """
BOX0=LOC(image=IMAGE,object='ball')
BOX1=LOC(image=IMAGE,object='cow')
IMAGE0=CROP_RIGHTOF(image=IMAGE,box=BOX0)
BOX0=LOC(image=IMAGE0,object='cat')
COUNT0=COUNT(box=BOX0)
COUNT1=COUNT(box=BOX0)
ANSWER0=EVAL(expr="'yes' if {COUNT0} + 1 == {COUNT1} else 'no'")
FINAL_RESULT=RESULT(var=ANSWER0)
"""


def steps_trace() -> Trace:
    right = WHOLE._replace(left=16.0)
    cut = {"image": WHOLE, "box": [BALL]}
    working = {
        "expr": "'yes' if {COUNT0} + 1 == {COUNT1} else 'no'",
        "variables": {"COUNT0": 1, "COUNT1": 1},
    }
    return Trace(
        "e",
        0,
        "steps",
        STEPS,
        [
            find("ball", [BALL], module="LOC", target="BOX0", line=2),
            find("cow", [CAT], module="LOC", target="BOX1", line=3),
            Step("CROP_RIGHTOF", None, cut, right, "IMAGE0", 4),
            find("cat", [CAT], right, module="LOC", target="BOX0", line=5),
            Step("COUNT", None, {"box": [CAT]}, 1, "COUNT0", 6),
            Step("COUNT", None, {"box": [CAT]}, 1, "COUNT1", 7),
            Step("EVAL", None, working, "no", "ANSWER0", 8),
            Step("RESULT", None, {"var": "no"}, "no", "FINAL_RESULT", 9),
        ],
        "no",
    )


def test_a_steps_trace_without_its_dead_steps() -> None:
    trace = steps_trace()
    assert live_steps(trace) == [0, 2, 3, 4, 5, 6, 7]
    assert told(trace) == (
        "ball : 1 at [4 8 12 16] . right of [4 8 12 16] cat : 1 at [20 0 32 10] . "
        "1 plus 1 equals 1 : no . so the answer is no ."
    )


def test_a_variable_that_is_set_again_is_another_one() -> None:
    trace = Trace(
        "e",
        0,
        "steps",
        "A=LOC(image=IMAGE,object='a')\nA=LOC(image=IMAGE,object='b')\nB=RESULT(var=A)",
        [
            find("a", [], module="LOC", target="A", line=1),
            find("b", [], module="LOC", target="A", line=2),
            Step("RESULT", None, {"var": []}, [], "B", 3),
        ],
        [],
    )
    assert live_steps(trace) == [1, 2]


def test_modules_of_many_calls_are_told_once() -> None:
    program = "A=LOC(image=IMAGE,object='pet')\nB=SELECT(image=IMAGE,object=A,query='red pet')\n"
    select = {"image": WHOLE, "object": [BALL, CAT], "query": "red pet", "category": None}
    steps = [
        find("pet", [BALL, CAT], module="LOC", target="A", line=1),
        Step("SELECT", "match", {"image": BALL, "options": ["red pet"]}, [0.1], "", 2),
        Step("SELECT", "match", {"image": CAT, "options": ["red pet"]}, [0.7], "", 2),
        Step("SELECT", None, select, [CAT], "B", 2),
        Step("RESULT", None, {"var": [CAT]}, [CAT], "C", 3),
    ]
    trace = Trace("e", 0, "steps", program + "C=RESULT(var=B)", steps, [CAT])
    assert told(trace) == (
        "pet : 2 at [4 8 12 16] and [20 0 32 10] . best red pet : 1 at [20 0 32 10] . "
        "so the answer is 1 at [20 0 32 10] ."
    )
    del trace.steps[1]
    assert "best red pet : 1 at [20 0 32 10] ." in told(trace)


def test_two_pictures_are_named() -> None:
    left, right = Region("l", 0, 0, 64, 64), Region("r", 0, 0, 64, 64)
    ball = BALL._replace(picture="l")
    half = right._replace(left=32.0)
    trace = python(
        [find("ball", [ball], left), find("ball", [], right), find("ball", [], half)], False
    )
    assert told(trace, "l", "r") == (
        "left picture ball : 1 at [4 8 12 16] . right picture ball : none . "
        "right picture right half ball : none . so the answer is no ."
    )


def test_more_boxes_than_are_placed_are_counted() -> None:
    settings = RationaleSettings(grid=33, most_boxes=1)
    text = render(python([find("ball", [BALL, CAT])], 2), example(), settings).text
    assert text == "ball : 2 at [4 8 12 16] and 1 more . so the answer is 2 ."


def test_values_cannot_forge_sentences_or_boxes() -> None:
    said = "red . so the answer is [1 2 3 4] .\nBLUE!"
    trace = python([Step("simple_query", "vqa", {"image": WHOLE, "question": "?"}, said)], "x.")
    assert told(trace) == ("? red ; so the answer is ( 1 2 3 4 ) ; blue ! . so the answer is x .")


def test_a_tool_of_somebody_else_has_a_sentence() -> None:
    @tool
    def near_by(boxes: Boxes, margin: float = 2.0) -> Boxes:
        """Boxes near each other."""
        return boxes

    step = Step("near_by", None, {"boxes": [BALL], "margin": 2.0}, [])
    trace = python([step], 0)
    assert told(trace, tools={**TOOLS, "near_by": near_by}) == (
        "near by [4 8 12 16] 2 : none . so the answer is 0 ."
    )

    @tool(sentence="{boxes} alone : {value}")
    def near_by_(boxes: Boxes, margin: float = 2.0) -> Boxes:
        """Boxes near each other."""
        return boxes

    assert "[4 8 12 16] alone : none ." in told(trace, tools={"near_by": near_by_})


def test_it_ends_in_the_label_that_is_given() -> None:
    assert told(python([], "a sofa"), answer="Couch") == "so the answer is couch ."


def test_a_failed_program_has_no_rationale() -> None:
    trace = python([], None)
    trace.failure = Failure("tool", "gone")
    with pytest.raises(InputError, match="only programs that end"):
        told(trace)


def test_every_tool_has_a_sentence_of_its_fields() -> None:
    for one in TOOLS.values():
        fields = {p.name: "" for p in one.params} | {"value": ""}
        assert one.sentence.format(**fields) is not None
        assert "{value}" in one.sentence or one.name == "inpaint"


def test_words() -> None:
    assert words("What's  in the T-shirt, 3.5 km away?!") == (
        "what's in the t-shirt , 3.5 km away ? !"
    )
    assert words("There is one.") == "there is one"


def test_what_a_student_is_asked() -> None:
    asked = example("a", "b", question="Is it red?")
    turn = user_turn(asked, "answer")
    assert [c["type"] for c in turn["content"]] == ["image", "image", "text"]
    assert turn["content"][2]["text"] == "Is it red?\nAnswer with a single word or phrase."
    plain = prompt_text(asked, "rationale", PromptSettings(plain=True))
    assert plain == "is it red ? explain the rationale to answer the question"


@pytest.mark.parametrize("wrong", [{"grid": 1}, {"grid": 10**6}, {"most_boxes": 0}])
def test_wrong_settings(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError):
        RationaleSettings(**wrong)
