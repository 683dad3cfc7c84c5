"""Teachers by name, adapters, frames, and end-to-end models asked the sub-question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprog.errors import InputError, ToolError
from vprog.example import Picture, Region
from vprog.teach.adapters import Adapted, AdapterSettings, Framed, read_adapter
from vprog.teach.frames import LAYOUTS, SQUARES, UNITS, VIEWS, Frame
from vprog.teach.teachers.end_to_end import CANNOT_SAY_WHERE, EndToEnd, is_there, is_this
from vprog.teach.teachers.load import load_teacher
from vprog.teach.teachers.teacher import Teacher
from vprog.tools.backend import Toolbox
from vprog.tools.catalogue import TOOLS
from vprog.trace import Call, Result

PICTURE = Picture("p", array_rgb=np.zeros((60, 100, 3), np.uint8))
WHOLE = PICTURE.region
PICTURES = {"p": PICTURE}


class Told:
    """A backend with fixed answers by what is asked; anything else is refused."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[Any] = []
        self.fingerprint = "told"
        self.batch_size = 4

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        del pictures
        assert len(calls) <= self.batch_size
        answers: list[Result | ToolError] = []
        for call in calls:
            said = next(v for k, v in call.args.items() if k != "image")
            self.asked.append(said)
            key = said[0] if isinstance(said, list) else said
            known = self.answers.get(str(key).replace(" ", "_"))
            answers.append(known if known is not None else ToolError(f"no {key!r}"))
        return answers


def detect(phrase: str, region: Region = WHOLE) -> Call:
    return Call("detect", {"image": region, "phrase": phrase})


def box(left: float, score: float = 1.0) -> Region:
    return Region("p", left, 0, left + 10, 10, "theirs", score)


def test_phrases_are_put_into_the_teachers_words() -> None:
    told = Told(person=Result([box(0)]), red_person=Result([box(5)]), zebra=Result([box(9)]))
    adapted = Adapted(told, AdapterSettings(names={"man": "person", "old man": "person"}))
    phrases = ["man", "the men", "an old man", "red man", "zebra"]
    answers = adapted.answer([detect(p) for p in phrases], PICTURES)
    assert told.asked == ["person", "red person", "zebra"]  # what became equal is asked once
    values = [a.value for a in answers if isinstance(a, Result)]
    assert [v[0].left for v in values] == [0, 0, 0, 5, 9]
    assert [v[0].label for v in values] == phrases


def test_a_closed_label_set_refuses_other_phrases() -> None:
    told = Told(person=Result([box(0)]))
    closed = Adapted(told, AdapterSettings(names={"man": "person"}, closed=True))
    answers = closed.answer([detect("cat"), detect("man")], PICTURES)
    assert isinstance(answers[0], ToolError)
    assert "no name for 'cat'" in str(answers[0])
    assert isinstance(answers[1], Result)
    options: list[Any] = ["man", "cat"]
    match = closed.answer([Call("match", {"image": WHOLE, "options": options})], PICTURES)
    assert isinstance(match[0], ToolError)


def test_attributes_are_refused_or_checked_by_the_teachers_own_match() -> None:
    told = Told(person=Result([box(0, 0.8), box(20, 0.9)]), red_person=Result([0.75]))
    names = {"man": "person"}
    refusing = Adapted(told, AdapterSettings(names=names, attributes="refuse"))
    refused = refusing.answer([detect("red man")], PICTURES)[0]
    assert "no attributes such as 'red'" in str(refused)

    class OnlyTheSecond(Told):
        def answer(
            self, calls: Sequence[Call], pictures: Mapping[str, Picture]
        ) -> list[Result | ToolError]:
            assert all(c.args["options"] == ["red person"] for c in calls)
            lefts = [c.args["image"].left for c in calls]  # type: ignore[union-attr]
            return [Result([0.75 if left == 20 else 0.2]) for left in lefts]

    checking = Adapted(
        told, AdapterSettings(names=names, attributes="match"), match=OnlyTheSecond()
    )
    answer = checking.answer([detect("red man")], PICTURES)[0]
    assert isinstance(answer, Result)
    assert answer.value == [Region("p", 20, 0, 30, 10, "red man", 0.9 * 0.75)]
    with pytest.raises(InputError, match="needs a teacher that answers match"):
        Adapted(told, AdapterSettings(attributes="match"))


def test_answers_are_renamed_and_weak_boxes_dropped() -> None:
    told = Told(
        q=Result("grey", {"distribution": {"grey": 0.5, "gray": 0.3, "red": 0.2}}),
        cup=Result([box(0, 0.9), box(20, 0.2)]),
    )
    adapted = Adapted(told, AdapterSettings(answers={"grey": "gray"}, floor=0.3))
    answer = adapted.answer([Call("vqa", {"image": WHOLE, "question": "q"})], PICTURES)[0]
    assert isinstance(answer, Result)
    assert answer.value == "gray"
    assert answer.info["distribution"] == {"gray": 0.8, "red": 0.2}
    boxes = adapted.answer([detect("cup")], PICTURES)[0]
    assert isinstance(boxes, Result)
    assert [b.score for b in boxes.value] == [0.9]  # type: ignore[union-attr]


def test_an_adapter_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "coco.toml"
    file.write_text('teacher = "pixels"\nfloor = 0.2\n[names]\n"round thing" = "circle"\n')
    assert read_adapter(file)[0] == "pixels"
    teacher = load_teacher(f"adapter:{file}")
    pixels = np.full((60, 100, 3), 255, np.uint8)
    pixels[20:40, 30:50] = (255, 0, 0)
    picture = Picture("square", array_rgb=pixels)
    names = "the red round things"
    answer = teacher.backends["detect"].answer(
        [detect(names, picture.region), detect("red square", picture.region)], {"square": picture}
    )
    assert isinstance(answer[0], Result)
    assert answer[0].value == []
    assert isinstance(answer[1], Result)
    assert [b.box_xyxy for b in answer[1].value] == [(30, 20, 50, 40)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("floor = 0.1", "teacher: must name a teacher"),
        ('teacher = "pixels"\nflor = 0.1', "unknown key 'flor'.*Did you mean 'floor'"),
        ('teacher = "pixels"\nfloor = 2', "floor: must be a number from 0 to 1"),
        ('teacher = "pixels"\nnames = 3', "names: must be a table of texts"),
        ('teacher = "pixels"\nclosed = 1', "closed: must be true or false"),
        ('teacher = "pixels"\nattributes = "x"', "attributes: must be one of keep, match, refuse"),
        ("teacher", "is no TOML"),
    ],
)
def test_a_wrong_adapter_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        load_teacher(f"adapter:{tmp_path / 'a.toml'}")


FRAMES = st.builds(
    Frame,
    view=st.sampled_from(VIEWS),
    square=st.sampled_from(SQUARES),
    side=st.none() | st.integers(8, 300),
    unit=st.sampled_from(UNITS),
    layout=st.sampled_from(LAYOUTS),
)


@given(FRAMES, st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_boxes_come_back_from_every_frame(frame: Frame, shares: list[float]) -> None:
    region = Region("p", 10, 20, 70, 50)
    left, top, right, bottom = frame.seen(region, PICTURE)
    xs = sorted(left + share * (right - left) for share in shares[:2])
    ys = sorted(top + share * (bottom - top) for share in shares[2:])
    box_xyxy = (xs[0], ys[0], xs[1], ys[1])
    theirs = frame.from_picture(box_xyxy, region, PICTURE)
    assert frame.to_picture(theirs, region, PICTURE) == pytest.approx(box_xyxy, abs=1e-6)


@pytest.mark.parametrize("square", SQUARES)
@pytest.mark.parametrize("side", [None, 48])
def test_a_detector_in_its_own_frame_finds_what_is_there(square: Any, side: int | None) -> None:
    """A toy detector: relative centre boxes of the white pixels that it is shown."""
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[20:40, 50:70] = 255
    picture = Picture("p", array_rgb=pixels)

    def toy(images: Sequence[Any], phrases: Sequence[str]) -> list[list[tuple[list[float], float]]]:
        assert phrases == ["white", "white"]
        found = []
        for image in images:
            seen = np.asarray(image)[..., 0] > 127
            rows, columns = np.nonzero(seen.any(1))[0], np.nonzero(seen.any(0))[0]
            x0, x1 = columns[0] / image.width, (columns[-1] + 1) / image.width
            y0, y1 = rows[0] / image.height, (rows[-1] + 1) / image.height
            found.append([([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], 0.9)])
        return found

    frame = Frame(square=square, side=side, unit="relative", layout="cxcywh")
    framed = Framed(toy, frame, "toy")
    regions = [picture.region, Region("p", 40, 10, 90, 50)]
    answers = framed.answer([detect("white", region) for region in regions], {"p": picture})
    for answer in answers:
        assert isinstance(answer, Result)
        assert isinstance(answer.value, list)
        assert answer.value[0].box_xyxy == pytest.approx((50, 20, 70, 40), abs=2.2)
    with pytest.raises(InputError, match="unit: 'inches' is none of pixels, relative"):
        Frame(unit="inches")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phrase", "question"),
    [("cup", "Is there a cup?"), ("the apple", "Is there an apple?"),
     ("red cups", "Are there any red cups?"), ("glass", "Is there a glass?")],
)  # fmt: skip
def test_the_sub_question_of_detect(phrase: str, question: str) -> None:
    assert is_there(phrase) == question


def test_an_end_to_end_model_answers_every_tool_as_far_as_it_can() -> None:
    told = Told(**{
        "What_is_it?": Result("cup", {"distribution": {"cup": 0.9, "bag": 0.1}}),
        "Is_there_a_cup?": Result("no", {"distribution": {"yes": 0.1, "no": 0.3, "cup": 0.2}}),
        "Is_there_a_dog?": Result("yes"),
        "Is_this_red?": Result("yes", {"score": 0.8}),
        "Is_this_a_bag?": Result("no", {"score": 1.0}),
        "Is_this_a_cat?": Result("maybe"),
    })  # fmt: skip
    options: list[Any] = ["red", "bag"]
    unsure: list[Any] = ["cat"]
    calls = [
        Call("vqa", {"image": WHOLE, "question": "What is it?"}),
        detect("cup"),
        detect("dog"),
        Call("match", {"image": WHOLE, "options": options}),
        Call("match", {"image": WHOLE, "options": unsure}),
    ]
    answers = EndToEnd(told).answer(calls, PICTURES)
    first, none, somewhere, beliefs, other = answers
    assert isinstance(first, Result)
    assert first.value == "cup"
    assert isinstance(none, Result)
    assert none.value == []
    assert none.info["confidence"] == pytest.approx(0.75)
    assert str(somewhere) == CANNOT_SAY_WHERE
    assert isinstance(beliefs, Result)
    assert beliefs.value == pytest.approx([0.9, 0.0])
    assert "something else" in str(other)
    assert is_this("a cat") == "Is this a cat?"


def test_teachers_by_name() -> None:
    assert load_teacher("oracle").tools == ("detect", "vqa", "match")
    assert load_teacher("toolbox:pixels").fingerprint == load_teacher("pixels").fingerprint
    assert load_teacher("end-to-end:oracle").fingerprint != load_teacher("oracle").fingerprint
    for name, message in [
        ("oracl", "unknown toolbox 'oracl'"),
        ("smal:x", "unknown teacher 'smal:x'.*Did you mean 'small'"),
        ("small:", "names nothing behind the colon"),
        ("small:none.safetensors", "cannot read small teacher"),
        ("adapter:none.toml", "cannot read adapter"),
    ]:
        with pytest.raises(InputError, match=message):
            load_teacher(name)


def test_in_place_of_the_student_the_teacher_answers_what_it_can() -> None:
    student = Told(cup=Result([box(1)]), dog=Result([box(2)]))
    teacher = Teacher(name="t", backends={"detect": Told(cup=Result([box(3)]))})
    toolbox = Toolbox(name="s", tools=TOOLS, backends={"detect": student, "vqa": student})
    both = teacher.in_place_of(toolbox)
    assert both.backends["vqa"] is student
    answers = both.backends["detect"].answer([detect("cup"), detect("dog")], PICTURES)
    assert [a.value[0].left for a in answers] == [3, 2]  # type: ignore[union-attr, index]
    assert student.asked == ["dog"]
    with pytest.raises(InputError, match="does not answer match"):
        teacher.in_place_of(toolbox, ["match"])
