"""The oracle: phrases, regions, forms of questions, and what it refuses."""

from __future__ import annotations

import pytest

from vprog.errors import ToolError
from vprog.example import Picture, Region, Scene, SceneObject
from vprog.tools.backend import Backend
from vprog.tools.backends.oracle import Oracle
from vprog.tools.backends.oracle_words import holds, tokens
from vprog.trace import Call, Result, Value


def thing(
    id: str, name: str, box: tuple[float, float, float, float], *attributes: str, kind: str = ""
) -> SceneObject:
    return SceneObject(
        id=id, name=name, box_xyxy=box, attributes=attributes, names=(kind,) if kind else (),
        depth=float(id),
    )  # fmt: skip


SCENE = Scene(
    width=100,
    height=100,
    objects=(
        thing("1", "cat", (10, 10, 30, 30), "red", "large", "striped", kind="animal"),
        thing("2", "dog", (60, 12, 80, 32), "blue", "small", "plain", kind="animal"),
        thing("3", "cat", (12, 60, 32, 90), "blue", "large", "plain", kind="animal"),
        thing("4", "traffic light", (70, 60, 90, 90), "light blue", kind="device"),
        thing("5", "bus", (45, 45, 55, 55), "yellow", "small", "dotted", kind="vehicle"),
    ),
    setting={"background": "dark", "location": "outdoors"},
)
PICTURES = {
    "p": Picture("p", path="p.png", scene=SCENE),
    "bare": Picture("bare", path="bare.png"),
}
WHOLE = Region("p", 0, 0, 100, 100)
LEFT_CAT, DOG = Region("p", 10, 10, 30, 30), Region("p", 60, 12, 80, 32)


def ask(tool: str, region: Region, **args: Value) -> Result | ToolError:
    (answer,) = Oracle().answer([Call(tool, {"image": region, **args})], PICTURES)
    return answer


def value(tool: str, region: Region, **args: Value) -> Value:
    answer = ask(tool, region, **args)
    assert isinstance(answer, Result), answer
    return answer.value


def found(phrase: str, region: Region = WHOLE) -> list[Region]:
    boxes = value("detect", region, phrase=phrase)
    assert isinstance(boxes, list)
    return boxes


def ids(phrase: str, region: Region = WHOLE) -> str:
    boxes = {o.box_xyxy: o.id for o in SCENE.objects}
    return "".join(boxes[box.box_xyxy] for box in found(phrase, region))


def test_it_is_a_backend() -> None:
    assert isinstance(Oracle(), Backend)
    assert Oracle().fingerprint == Oracle(batch_size=3).fingerprint
    assert Oracle(batch_size=3).batch_size == 3


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("cat", "13"),
        ("cats", "13"),
        ("the red cats", "1"),
        ("animal", "123"),
        ("large animals", "13"),
        ("striped red large animal", "1"),
        ("object", "12345"),
        ("things", "12345"),
        ("blue thing", "23"),
        ("buses", "5"),
        ("traffic lights", "4"),
        ("light blue traffic light", "4"),
        ("traffic", ""),
        ("animal that is striped", "1"),
        ("animal that is not red", "23"),
        ("big cat", "13"),
        ("a photo of a dog", "2"),
        ("pieces of animal", "123"),
        ("unicorn", ""),
        ("purple cat", ""),
        ("", "12345"),
    ],
)
def test_detect_reads_phrases(phrase: str, expected: str) -> None:
    assert ids(phrase) == expected


def test_detect_hands_back_whole_boxes_with_the_phrase() -> None:
    (box,) = found("red cat")
    assert box == Region("p", 10, 10, 30, 30, "red cat", 1.0)


def test_a_part_holds_the_objects_whose_centre_lies_inside() -> None:
    assert ids("object", Region("p", 0, 0, 50, 100)) == "13"
    assert ids("object", Region("p", 0, 0, 50.8, 100)) == "135"
    # Cut at the bus: it is on neither side of itself.
    assert ids("object", Region("p", 50, 0, 100, 100)) == "24"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is this?", "cat"),
        ("What color is this?", "red"),
        ("What colour is the cat?", "red"),
        ("What is the color of the cat?", "red"),
        ("Which pattern does the cat have?", "striped"),
        ("What size is the animal?", "large"),
        ("How big is the cat?", "large"),
        ("What kind of animal is this?", "cat"),
        ("Which animal is this?", "cat"),
        ("Is this a cat?", "yes"),
        ("Is this an animal?", "yes"),
        ("Is this a dog?", "no"),
        ("Is this a cat or a dog?", "cat"),
        ("Is the animal a dog or a cat?", "cat"),
        ("Is the cat red?", "yes"),
        ("Is the cat blue?", "no"),
        ("Is this striped?", "yes"),
        ("Is the cat red or blue?", "red"),
        ("Is the cat either blue or red?", "yes"),
        ("Is the cat red and striped?", "yes"),
        ("Is the cat red and small?", "no"),
        ("Does the cat look striped?", "yes"),
        ("Is the cat a red animal?", "yes"),
    ],
)
def test_questions_about_one_object(question: str, expected: str) -> None:
    assert value("vqa", LEFT_CAT, question=question) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Is there a dog?", "yes"),
        ("Are there any red dogs in the picture?", "no"),
        ("Is there a unicorn in the image?", "no"),
        ("Do you see any buses?", "yes"),
        ("How many cats are there?", "2"),
        ("How many animals are in the picture?", "3"),
        ("How many animals are blue?", "2"),
        ("How many blue animals do you see?", "2"),
        ("What color is the dog?", "blue"),
        ("What is the yellow object?", "bus"),
        ("What kind of vehicle is in the picture?", "bus"),
        ("What color is the traffic light?", None),
        ("On which side of the picture is the dog?", "right"),
        ("Is the dog on the left side of the picture?", "no"),
        ("Is the dog on the left or on the right side of the picture?", "right"),
        ("Is the dog in the top or in the bottom of the picture?", "top"),
        ("Are all the cats the same color?", "no"),
        ("Are all the cats the same size?", "yes"),
        ("Are the animals all of the same kind?", "no"),
        ("Is the background dark?", "yes"),
        ("Is the background dark or light?", "dark"),
        ("What is the background?", "dark"),
        ("Is the location indoors?", "no"),
        ("What color is the horse?", None),
        ("Is the dog happy?", None),
        ("Is the dog green or yellow?", None),
        ("What is the cat looking at?", None),
        ("Is there a cat on the bus?", None),
        ("How many cats are to the left of the dog?", None),
        ("Why?", None),
        ("", None),
    ],
)
def test_questions_about_the_picture(question: str, expected: str | None) -> None:
    answer = ask("vqa", WHOLE, question=question)
    if expected is None:
        assert isinstance(answer, ToolError)
        assert repr(question) in str(answer)
    else:
        assert isinstance(answer, Result), answer
        assert answer.value == expected


def test_the_main_object_fits_the_region_even_enlarged() -> None:
    scene = Scene(
        width=100,
        height=100,
        objects=(
            thing("1", "bed", (20, 20, 60, 60), "red"),
            thing("2", "apple", (36, 36, 46, 46), "green"),
        ),
    )
    pictures = {"q": Picture("q", path="q.png", scene=scene)}
    for box in ((20, 20, 60, 60), (10, 10, 70, 70)):
        call = Call("match", {"image": Region("q", *box), "options": ["red bed", "green apple"]})
        (answer,) = Oracle().answer([call], pictures)
        assert isinstance(answer, Result)
        assert answer.value == [1.0, 0.0]


def test_match_grades_by_the_share_of_true_words() -> None:
    options: list[Value] = ["red cat", "blue cat", "blue dog", "striped", "animal"]
    assert value("match", LEFT_CAT, options=options) == [1.0, 0.245, 0.0, 1.0, 1.0]
    assert value("match", Region("p", 0, 0, 5, 5), options=options) == [0.0] * 5


def test_depth_is_the_main_objects() -> None:
    assert value("depth", DOG) == 2.0
    assert isinstance(ask("depth", Region("p", 0, 0, 5, 5)), ToolError)


def test_one_bad_call_fails_alone() -> None:
    calls = [
        Call("vqa", {"image": DOG, "question": "What is this?"}),
        Call("vqa", {"image": Region("bare", 0, 0, 9, 9), "question": "What is this?"}),
        Call("ocr", {"image": DOG}),
        Call("vqa", {"image": DOG, "question": "What color is this?"}),
    ]
    first, bare, unknown, last = Oracle().answer(calls, PICTURES)
    assert isinstance(first, Result)
    assert first.value == "dog"
    assert "'bare' has no gold scene" in str(bare)
    assert "'ocr'" in str(unknown)
    assert isinstance(last, Result)
    assert last.value == "blue"


def test_words() -> None:
    assert tokens("The Grey pieces of furniture!") == ("gray", "furniture")
    person = thing("1", "person", (0, 0, 1, 1), "tall")
    assert holds(person, tokens("tall people"))
    assert not holds(person, tokens("persona"))
    assert not holds(person, tokens("not tall person"))
