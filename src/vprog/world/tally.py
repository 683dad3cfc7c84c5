"""Counting questions in TallyQA's manner and file (Acharya et al., AAAI 2019): simple and complex."""

from __future__ import annotations

import random
from typing import Any

from vprog.example import Scene
from vprog.world.balance import Balance
from vprog.world.domains import Domain
from vprog.world.nlvr2 import Noun, sample_noun
from vprog.world.reference import INVERSE, sample_ref
from vprog.world.scene import Spec, Wish, sample_specs
from vprog.world.statements import Expression, count, value

PER_PICTURE = 4
MOST = 5
"""Answers run from 0 to this."""
_ANSWERS = tuple(map(str, range(MOST + 1)))


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
    for _ in range(40):
        if len(rows) >= min(limit, PER_PICTURE):
            break
        simple = rng.random() < 0.5
        asked = _simple(scene, domain, rng) if simple else _complex(scene, domain, rng)
        if asked is None:
            continue
        question, noun, expression = asked
        answer = value(expression, {"image": scene})
        if answer is None or answer > MOST or question in seen:
            continue
        keys = ((str(simple), 2, _ANSWERS), (f"{simple}|{noun}", 2, _ANSWERS[:3]))
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


def _noun(scene: Scene, domain: Domain, rng: random.Random, least: int) -> Noun:
    """A noun phrase: mostly one that is true of something in the scene."""
    if rng.random() < 0.3:
        return sample_noun(rng, domain, least=least, most=max(least, 0))
    thing = rng.choice(scene.objects)
    noun = rng.choice((thing.name, thing.names[0], thing.names[0]))
    return Noun(noun, tuple(rng.sample(thing.attributes, least)))


def _ask(rng: random.Random, many: str, where: str = "") -> str:
    tail = f" {where}" if where else rng.choice(("", " in the picture", " there"))
    forms = (
        f"How many {many} are{tail or ' there'}?",
        f"How many {many} do you see{where and tail}?",
    )
    return rng.choice(forms)


def _simple(scene: Scene, domain: Domain, rng: random.Random) -> tuple[str, str, Expression] | None:
    noun = _noun(scene, domain, rng, 0)
    return _ask(rng, noun.many), noun.noun, count("image", noun.phrase)


def _complex(
    scene: Scene, domain: Domain, rng: random.Random
) -> tuple[str, str, Expression] | None:
    if rng.random() < 0.55:
        noun = _noun(scene, domain, rng, 1)
        if rng.random() < 0.25:
            many = f"{Noun(noun.noun).many} are {noun.attributes[0]}"
            return f"How many {many}?", noun.noun, count("image", noun.phrase)
        return _ask(rng, noun.many), noun.noun, count("image", noun.phrase)
    noun = Noun("object") if rng.random() < 0.4 else _noun(scene, domain, rng, 0)
    anchor = sample_ref(rng, scene, rng.choice(scene.objects), depth=0)
    if anchor is None:
        return None
    relation = rng.choice(tuple(INVERSE))
    phrase = " ".join((*anchor.attributes, anchor.noun))
    shown = Noun(anchor.noun, anchor.attributes).one.split(" ", 1)[1]
    question = _ask(rng, noun.many, f"{relation} the {shown}")
    return question, noun.noun, count("image", noun.phrase, relation, phrase)
