"""Questions: descriptions name one object, entailment never contradicts an answer, English."""

from __future__ import annotations

import random

import pytest

from vprog.example import Scene
from vprog.world.balance import Balance
from vprog.world.candidate import Candidate, Context
from vprog.world.domains import DOMAINS
from vprog.world.entailment import decide
from vprog.world.gqa import STRUCTURES
from vprog.world.nlvr2 import Noun
from vprog.world.reference import (
    Ref,
    Semantic,
    having,
    read_marks,
    related,
    sample_ref,
    semantic_text,
)
from vprog.world.scene import draw_scene, sample_specs
from vprog.world.statements import count, value

GENERAL = DOMAINS["generalist"]


def draw(seed: int) -> Scene:
    rng, specs = random.Random(seed), None
    while specs is None:
        specs = sample_specs(rng, GENERAL)
    return draw_scene(specs, GENERAL, rng)[1]


def candidates(scene: Scene, seed: int, tries: int) -> list[Candidate]:
    context = Context(scene, GENERAL, random.Random(seed))
    found = []
    for _ in range(tries):
        for templates, _ in STRUCTURES:
            for template, _ in templates:
                candidate = template(context)
                if candidate is not None:
                    found.append(candidate)
    return found


def denoted(ref: Ref, scene: Scene) -> list[str]:
    words = {ref.noun, *ref.attributes}
    if ref.anchor is None:
        return [thing.id for thing in having(scene, words)]
    assert len(denoted(ref.anchor, scene)) == 1
    found = related(scene, words, ref.relation, ref.anchor.thing)
    assert found is not None
    return [thing.id for thing in found]


def test_descriptions_are_true_of_one_object_alone() -> None:
    made = 0
    for seed in range(40):
        scene, rng = draw(seed), random.Random(seed)
        for thing in scene.objects:
            ref = sample_ref(rng, scene, thing, depth=2)
            if ref is not None:
                made += 1
                assert denoted(ref, scene) == [thing.id]
    assert made > 120


def test_entailed_answers_are_the_answers() -> None:
    decided = 0
    for seed in range(12):
        found = candidates(draw(seed), seed, 3)
        for one in found:
            for two in found:
                if two.need is None:
                    continue
                answer = decide(two.need, one.facts)
                if answer is None:
                    continue
                decided += one is not two
                said = {True: "yes", False: "no"}.get(answer, answer)
                assert said == two.answer, (one.texts[0], one.answer, two.texts[0])
    assert decided > 200


def test_every_template_makes_questions() -> None:
    seen = set()
    for seed in range(30):
        seen |= {candidate.detailed for candidate in candidates(draw(seed), seed, 2)}
    assert len(seen) >= 35


def test_texts_are_clean_english() -> None:
    for candidate in candidates(draw(5), 5, 4):
        assert candidate.answer == candidate.answer.lower()
        for text in (*candidate.texts, candidate.full):
            clean, annotation = read_marks(text)
            assert "\x01" not in clean
            assert clean[0].isupper()
            assert clean[-1] in "?."
            assert "  " not in clean
            words = clean.split(" ")
            assert all(int(index) < len(words) for index in annotation)


def test_semantic_text_is_gqas() -> None:
    scene = draw(1)
    thing = scene.objects[0]
    semantic = Semantic()
    semantic.add("query", "color", Ref(thing, thing.name, ("large",)).add_to(semantic))
    assert semantic_text(semantic.operations) == (
        f"select: {thing.name} ({thing.id})->filter size: large [0]->query: color [1]"
    )


def test_balance_holds_back_what_is_ahead() -> None:
    balance = Balance()
    keys = (("q", 0, ("yes", "no")),)
    assert balance.accepts(keys, "yes")
    assert not balance.accepts(keys, "yes")
    assert balance.accepts(keys, "no")
    assert balance.accepts(keys, "yes")


@pytest.mark.parametrize(
    ("facts", "need", "answer"),
    [
        ([("attr", "cat", "color", "red")], ("is", "cat", "color", "red"), True),
        ([("attr", "cat", "color", "red")], ("is", "cat", "color", "blue"), False),
        ([("not", "cat", "color", "red")], ("is", "cat", "color", "blue"), None),
        ([("some", frozenset({"cat", "animal", "red"}))], ("exist", frozenset({"animal"})), True),
        ([("none", frozenset({"animal"}))], ("exist", frozenset({"cat", "animal"})), False),
        ([("none", frozenset({"cat"}))], ("exist", frozenset({"animal"})), None),
        ([("rel", "a", "above", "b")], ("holds", "b", "below", "a"), True),
        ([("rel", "a", "above", "b")], ("holds", "b", "above", "a"), False),
        (
            [("rel", "a", "to the left of", "b")],
            ("side", "b", ("to the left of", "to the right of"), "a"),
            "right",
        ),
        ([("scene", "dark")], ("scene is", "light"), False),
        ([("attr", "a", "size", "large")], ("same", "a", "b", "size"), None),
    ],
)
def test_what_follows_from_what(facts: list[tuple], need: tuple, answer: object) -> None:
    assert decide(need, facts) == answer


def test_statements_count_and_compare() -> None:
    scene = draw(2)
    kind = scene.objects[0].name
    number = sum(thing.name == kind for thing in scene.objects)
    here = count("image", kind)
    scenes = {"image": scene}
    assert value(here, scenes) == number
    assert value(["==", here, number], scenes) is True
    assert value(["not", ["==", here, number]], scenes) is False
    assert value(["xor", [">", here, 0], ["<", here, 0]], scenes) is True
    assert value(["+", here, 2], scenes) == number + 2
    assert value(count("image", "object", "above", "unicorn"), scenes) == 0


def test_nouns_speak_english() -> None:
    assert Noun("furniture", ("red",)).one == "a red piece of furniture"
    assert Noun("furniture", ("red",)).many == "red pieces of furniture"
    assert Noun("furniture", ("red",)).phrase == "red furniture"
    assert Noun("airplane").one == "an airplane"
    assert Noun("bus").number(2) == "two buses"
    assert Noun("bus").number(1) == "one bus"
