"""Questions as programs ask them, with answers, about a region of a drawn scene."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from vprog.benchmarks.gqa_semantic import (
    SCENE,
    choice_question,
    is_question,
    name_question,
    value_question,
)
from vprog.example import Scene, SceneObject
from vprog.world.vocabulary import (
    CATEGORY,
    FAMILIES,
    FAMILY_OF,
    HELD_OUT_PAIRS,
    KINDS,
    TAXONOMY,
    plural,
    singular,
    with_article,
)

NUMBERS = tuple(map(str, range(8)))
ANSWERS: tuple[str, ...] = (
    *KINDS,
    *TAXONOMY,
    *FAMILY_OF,
    "yes",
    "no",
    *NUMBERS,
    "dark",
    "light",
)
"""Every answer that the zoo's ``vqa`` can give."""

CROP_ASKS = {
    "colour": 18, "kind": 20, "pattern": 12, "size": 8, "verify": 24, "choose": 14, "exist": 4
}  # fmt: skip
SCENE_ASKS = {
    "colour": 14, "kind": 4, "pattern": 5, "size": 3, "verify": 12, "choose": 6, "exist": 28,
    "count": 24, "background": 4,
}  # fmt: skip
"""Manners of asking with their weights, about crops and about whole pictures."""
FAMILY = {"colour": "color", "pattern": "pattern", "size": "size"}


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answer.

    Attributes:
        text: As a program asks it.
        answer: One of ``ANSWERS``.
        group: ``colour``, ``kind``, ``pattern``, ``size``, ``yesno``, ``count``, ``background``.
        about: What holds of the objects that decide the answer: a noun, then attributes. Where the
            answer to a yes-no question about objects is "no", no object is so.
    """

    text: str
    answer: str
    group: str
    about: tuple[str, ...] = ()

    def concerns(self, thing: SceneObject) -> bool:
        """Whether an object is what the question is about."""
        return bool(self.about and _having([thing], self.about[0], self.about[1:]))


def about_crop(
    rng: random.Random, main: SceneObject, inside: Sequence[SceneObject], manner: str = ""
) -> Question:
    """A question about the region around an object.

    Args:
        rng: Source of chance.
        main: The object that the region shows.
        inside: Every object of the region.
        manner: One of ``CROP_ASKS``; any if empty.
    """
    manner = manner or _weighted(rng, CROP_ASKS)
    if manner == "exist":
        return _exist(rng, inside)
    return _about(rng, main, manner)


def about_scene(rng: random.Random, scene: Scene, manner: str = "") -> Question:
    """A question about a whole picture.

    Args:
        rng: Source of chance.
        scene: What is on it.
        manner: One of ``SCENE_ASKS``; any if empty.
    """
    manner = manner or _weighted(rng, SCENE_ASKS)
    if manner == "exist":
        return _exist(rng, scene.objects)
    if manner == "count":
        return _count(rng, scene.objects)
    if manner == "background":
        return _background(rng, scene.setting["background"])
    for _ in range(20):
        thing = rng.choice(scene.objects)
        broad = manner == "kind" or rng.random() < 0.2
        noun = CATEGORY[thing.name] if broad else thing.name
        said = [rng.choice(thing.attributes)] if manner != "kind" and rng.random() < 0.25 else []
        if FAMILY.get(manner) in {FAMILY_OF[word] for word in said}:
            said = []
        if len(_having(scene.objects, noun, said)) == 1:
            return _about(rng, thing, manner, noun, said)
    return _exist(rng, scene.objects)


def _weighted(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(tuple(weights), tuple(weights.values()))[0]


def _having(things: Sequence[SceneObject], noun: str, said: Sequence[str]) -> list[SceneObject]:
    return [
        thing
        for thing in things
        if noun in ("object", thing.name, *thing.names) and set(said) <= set(thing.attributes)
    ]


def _about(
    rng: random.Random,
    thing: SceneObject,
    manner: str,
    noun: str = "",
    said: Sequence[str] = (),
) -> Question:
    """About one object, called by ``said`` and ``noun``, or by a noun that is true of it."""
    in_scene = bool(noun)
    noun = noun or rng.choices((thing.name, CATEGORY[thing.name], "object"), (60, 32, 8))[0]
    if manner == "kind":
        broad = CATEGORY[thing.name] if rng.random() < 0.8 else "object"
        if not said and noun != thing.name:
            broad = noun
        return Question(name_question(broad), thing.name, "kind", (broad, *said))
    weights = {"color": 5, "pattern": 4, "size": 3, "name": 2 if noun != thing.name else 1}
    for family in ("name",) * in_scene + tuple(FAMILY_OF[word] for word in said):
        weights.pop(family)
    family = FAMILY.get(manner) or _weighted(rng, weights)
    value = _value(thing, family)
    phrase = " ".join((*said, noun))
    if manner in FAMILY:
        return Question(value_question(family, phrase), value, manner, (noun, *said))
    other = _other(rng, thing, family)
    if manner == "verify":
        true = rng.random() < 0.5
        claim = value if true else other
        about = (claim, *said) if family == "name" else (noun, *said, claim)
        text = is_question(family, phrase, claim)
        return Question(text, "yes" if true else "no", "yesno", about)
    options = rng.sample((value, other), 2)
    group = {"color": "colour", "name": "kind"}.get(family, family)
    return Question(choice_question(family, phrase, options), value, group, (noun, *said))


def _value(thing: SceneObject, family: str) -> str:
    if family == "name":
        return thing.name
    return next(word for word in thing.attributes if FAMILY_OF[word] == family)


def _other(rng: random.Random, thing: SceneObject, family: str) -> str:
    """A value that is false of the object and does not name a pair that is never drawn."""
    if family == "name":
        near = TAXONOMY[CATEGORY[thing.name]]
        kinds = [k for k in (near if rng.random() < 0.7 else KINDS) if k != thing.name]
        return rng.choice(kinds)
    value = _value(thing, family)
    drawn = [v for v in FAMILIES[family] if v != value and (v, thing.name) not in HELD_OUT_PAIRS]
    return rng.choice(drawn)


def _phrase(rng: random.Random, thing: SceneObject | None) -> tuple[str, list[str]]:
    """A noun and attributes: true of the object, or of any."""
    kind = thing.name if thing is not None else rng.choice(KINDS)
    noun = kind if rng.random() < 0.7 else CATEGORY[kind]
    said: list[str] = []
    if rng.random() < 0.45:
        family = rng.choice(tuple(FAMILIES))
        values = [v for v in FAMILIES[family] if (v, kind) not in HELD_OUT_PAIRS]
        said = [_value(thing, family) if thing is not None else rng.choice(values)]
    return noun, said


def _exist(rng: random.Random, things: Sequence[SceneObject]) -> Question:
    wanted = rng.random() < 0.5
    noun, said = "object", ["red"]
    for _ in range(30):
        near = rng.choice(things) if things else None
        noun, said = _phrase(rng, near if wanted and near is not None else None)
        if not wanted and near is not None and rng.random() < 0.5:
            noun, said = near.name, [_other(rng, near, rng.choice(("color", "pattern", "size")))]
        if bool(_having(things, noun, said)) == wanted:
            break
    start = rng.choice(("Is there", "Is there", "Do you see"))
    text = f"{start} {with_article(' '.join((*said, singular(noun))))}"
    text += rng.choice(("?", "?", " in the picture?"))
    answer = "yes" if _having(things, noun, said) else "no"
    return Question(text, answer, "yesno", (noun, *said))


def _count(rng: random.Random, things: Sequence[SceneObject]) -> Question:
    wanted, noun, said = rng.randint(0, 4), "object", [""]
    for _ in range(12):
        near = rng.choice(things) if wanted and things else None
        noun, said = _phrase(rng, near)
        if near is not None and rng.random() < 0.1:
            noun = "object"
        if len(_having(things, noun, said)) == wanted:
            break
    many = " ".join((*said, plural(noun)))
    ending = rng.choice(("are there?", "are in the picture?", "do you see?"))
    count = str(len(_having(things, noun, said)))
    return Question(f"How many {many} {ending}", count, "count", (noun, *said))


def _background(rng: random.Random, background: str) -> Question:
    if rng.random() < 0.4:
        said = rng.choice(("dark", "light"))
        answer = "yes" if said == background else "no"
        return Question(is_question("background", SCENE, said), answer, "yesno")
    if rng.random() < 0.5:
        return Question(value_question("background", SCENE), background, "background")
    options = rng.sample(("dark", "light"), 2)
    return Question(choice_question("background", SCENE, options), background, "background")
