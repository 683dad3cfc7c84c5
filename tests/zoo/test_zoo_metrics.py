"""What the zoo is asked, and how its answers are counted."""

from __future__ import annotations

import random

import numpy as np
import pytest

from vprog.evaluation.zoo.metrics import f1, f1_interval, found, iou
from vprog.evaluation.zoo.options import ten_options
from vprog.evaluation.zoo.questions import (
    ANSWERS,
    CROP_ASKS,
    SCENE_ASKS,
    Question,
    about_crop,
    about_scene,
)
from vprog.evaluation.zoo.scenes import draw
from vprog.evaluation.zoo.score import colour_kinds, kinds, unseen_pairs
from vprog.example import Picture, Scene
from vprog.tools.backends.oracle import Oracle
from vprog.trace import Call, Result
from vprog.world.vocabulary import CATEGORY, COLORS, HELD_OUT_PAIRS, KINDS, PATTERNS, SIZES

FAMILIES = (KINDS, COLORS, SIZES, PATTERNS)
SCENES = [draw("generalist", "val", 51, index) for index in range(40)]


def test_iou_of_boxes() -> None:
    assert iou((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert iou((0, 0, 2, 2), (2, 0, 3, 2)) == 0


def test_a_gold_box_is_found_once() -> None:
    gold = [(0, 0, 10, 10), (20, 0, 30, 10)]
    assert found([(0, 0, 10, 9), (0, 0, 10, 10)], gold) == (1, 2, 2)
    assert found([(0, 0, 10, 4)], gold) == (0, 1, 2)
    assert found([], []) == (0, 0, 0)


def test_f1_counts_all_boxes_together() -> None:
    assert f1([(1, 2, 1), (1, 1, 3)]) == pytest.approx(4 / 7)
    assert f1([(0, 0, 0)]) == 1
    low, high = f1_interval([[(1, 1, 1)], [(0, 1, 1)]] * 50, 3)
    assert 0.3 < low < 0.5 < high < 0.7


def test_scenes_are_fresh_for_every_split_and_seed() -> None:
    one, again = draw("generalist", "val", 3, 0)[0], draw("generalist", "val", 3, 0)[0]
    assert np.array_equal(one, again)
    for other in (("test", 3, 0), ("val", 4, 0), ("val", 3, 1)):
        assert not np.array_equal(one, draw("generalist", *other)[0])


def _oracle(question: Question, scene: Scene) -> str:
    picture = Picture("p", scene=scene)
    call = Call("vqa", {"image": picture.region, "question": question.text})
    (result,) = Oracle().answer([call], {"p": picture})
    assert isinstance(result, Result), (question, result)
    return str(result.value)


@pytest.mark.parametrize("manner", SCENE_ASKS)
def test_answers_about_scenes_are_those_of_the_gold_scene(manner: str) -> None:
    for number, (_, scene) in enumerate(SCENES):
        question = about_scene(random.Random(number), scene, manner)
        assert question.answer in ANSWERS
        assert _oracle(question, scene) == question.answer, question


@pytest.mark.parametrize("manner", CROP_ASKS)
def test_questions_about_crops_name_their_object(manner: str) -> None:
    for number, (_, scene) in enumerate(SCENES):
        thing = scene.objects[0]
        question = about_crop(random.Random(number), thing, [thing], manner)
        assert question.answer in ANSWERS
        alone = Scene(width=96, height=96, objects=(thing,), setting=scene.setting)
        assert _oracle(question, alone) == question.answer, question


@pytest.mark.parametrize("manner", [m for m in SCENE_ASKS if m != "background"])
def test_a_question_about_a_scene_says_which_objects_decide_it(manner: str) -> None:
    for index, (_, scene) in enumerate(SCENES):
        question = about_scene(random.Random(index), scene, manner)
        concerned = sum(map(question.concerns, scene.objects))
        if question.group == "yesno":
            assert (concerned > 0) == (question.answer == "yes"), question
        elif question.group == "count":
            assert concerned == int(question.answer), question
        else:
            assert concerned == 1, question


def test_a_question_about_the_background_is_about_no_object() -> None:
    question = about_scene(random.Random(0), SCENES[0][1], "background")
    assert not any(map(question.concerns, SCENES[0][1].objects))


def test_no_question_of_training_names_a_held_out_pair() -> None:
    rng = random.Random(5)
    pairs = {f"{color} {kind}" for color, kind in HELD_OUT_PAIRS}
    for _, scene in SCENES:
        for _ in range(50):
            text = about_scene(rng, scene).text
            assert not any(pair in text for pair in pairs), text


def test_one_of_ten_options_is_true() -> None:
    rng = random.Random(6)
    for _ in range(500):
        facts = [rng.randrange(len(values)) for values in FAMILIES]
        words = [values[i] for i, values in zip(facts, FAMILIES, strict=True)]
        true = {*words, CATEGORY[words[0]]}
        options = ten_options(rng, *facts)
        assert len(set(options)) == 10
        assert [set(option.split()) <= true for option in options] == [True] + 9 * [False]


def test_half_of_the_phrases_are_absent() -> None:
    for asks, domain in (
        (colour_kinds, "generalist"),
        (kinds, "generalist"),
        (unseen_pairs, "pairs"),
    ):
        there = absent = 0
        for index in range(30):
            scene = draw(domain, "val", 52, index)[1]
            for phrase, things in asks(random.Random(index), scene).items():
                words = set(phrase.split())
                gold = [t for t in scene.objects if words <= {t.name, *t.attributes}]
                assert gold == things
                there, absent = there + bool(gold), absent + (not gold)
        assert there == absent > 0
