"""Counting questions in TallyQA's manner and file (Acharya et al., AAAI 2019)."""

from __future__ import annotations

import random
from typing import Any

from vprog.example import Scene
from vprog.world.balance import Balance
from vprog.world.domains import Domain
from vprog.world.nlvr2 import Noun, sample_noun
from vprog.world.reference import INVERSE, having, sample_ref
from vprog.world.scene import Spec, Wish, sample_specs
from vprog.world.statements import Expression, count, value
from vprog.world.vocabulary import singular

PER_PICTURE = 4
MOST = 5
"""Answers run from 0 to this, to complex questions to one less."""
_ANSWERS = tuple(map(str, range(MOST + 1)))
_COMPLEX_ANSWERS = _ANSWERS[:-1]


def sample_counted(rng: random.Random, domain: Domain) -> list[Spec]:
    """The objects of a scene in which some noun occurs an even-handed number of times."""
    while True:
        noun = sample_noun(rng, domain)
        specs = sample_specs(rng, domain, (Wish(noun.words, rng.randint(0, MOST)),))
        if specs is not None:
            return specs


def ask(
    scene: Scene, domain: Domain, rng: random.Random, balance: Balance, limit: int
) -> list[dict[str, Any]]:
    """Balanced counting questions about one scene: rows without ids and picture."""
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for _ in range(30):
        if len(rows) >= min(limit, PER_PICTURE):
            break
        simple = rng.random() < 0.5
        asked = _simple(scene, domain, rng) if simple else _complex(scene, domain, rng)
        if asked is None:
            continue
        question, noun, expression = asked
        answer = value(expression, {"image": scene})
        space = _ANSWERS if simple else _COMPLEX_ANSWERS
        if answer is None or str(answer) not in space or question in seen:
            continue
        keys = (
            (f"{simple}", 2, space),
            (f"{simple}|{noun.noun}", 2, _ANSWERS[:3]),
            (f"{simple}|{noun.phrase}", 1, _ANSWERS[:2]),
        )
        if not balance.accepts(keys, str(answer)):
            continue
        seen.add(question)
        rows.append(
            {
                "answer": int(answer),
                "data_source": "world",
                "issimple": simple,
                "question": question,
                "semantic": expression,
            }
        )
    return rows


def _noun(scene: Scene, domain: Domain, rng: random.Random, attributes: int) -> Noun:
    """A noun phrase that is true of a number of objects, each number as likely as possible."""
    wanted = rng.randint(0, MOST)
    found = [
        Noun(noun, (said,) if said else ())
        for thing in scene.objects
        for noun in (thing.name, thing.names[0])
        for said in (thing.attributes if attributes else ("",))
        if len(having(scene, {noun, said} - {""})) == wanted
    ]
    return (
        rng.choice(found) if found else sample_noun(rng, domain, least=attributes, most=attributes)
    )


def _ask(rng: random.Random, many: str, where: str = "") -> str:
    if where:
        return rng.choice((f"How many {many} are {where}?", f"How many {many} do you see {where}?"))
    return rng.choice(
        (
            f"How many {many} are there?",
            f"How many {many} are in the picture?",
            f"How many {many} do you see?",
            f"How many {many} are there in the picture?",
        )
    )


def _simple(
    scene: Scene, domain: Domain, rng: random.Random
) -> tuple[str, Noun, Expression] | None:
    noun = _noun(scene, domain, rng, 0)
    return _ask(rng, noun.many), noun, count("image", noun.phrase)


def _complex(
    scene: Scene, domain: Domain, rng: random.Random
) -> tuple[str, Noun, Expression] | None:
    if rng.random() < 0.55:
        noun = _noun(scene, domain, rng, 1)
        question = _ask(rng, noun.many)
        if rng.random() < 0.25:
            question = f"How many {Noun(noun.noun).many} are {noun.attributes[0]}?"
        return question, noun, count("image", noun.phrase)
    noun = Noun("object") if rng.random() < 0.5 else _noun(scene, domain, rng, 0)
    anchor = sample_ref(rng, scene, rng.choice(scene.objects), depth=0, clauses=False)
    if anchor is None:
        return None
    relation = rng.choice(tuple(INVERSE))
    phrase = " ".join((*anchor.attributes, anchor.noun))
    the = " ".join((*anchor.attributes, singular(anchor.noun)))
    question = _ask(rng, noun.many, f"{relation} the {the}")
    return question, noun, count("image", noun.phrase, relation, phrase)
