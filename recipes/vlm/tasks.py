"""What the model is asked about a picture before it is tuned, and what it shall say.

Answers repeat the prompt (``find red cat`` -> ``red cat : 1 at [3 4 9 12] .``), so that copying
and listing are learned along with seeing; they read as the sentences of rationales do. Nothing is
asked as a benchmark asks it: perception and single steps alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
from phrases import sample, truth
from scenes import SIDE, View

from vprog.evaluation.zoo.questions import about_crop
from vprog.world.scene import MARGIN
from vprog.world.vocabulary import COLORS, HELD_OUT_PAIRS, KINDS, PATTERNS, SIZES, plural

Turn = tuple[str, str]
"""A prompt and its answer."""
SHORTLY = "answer with a single word or phrase"
EXPLAIN = "explain the rationale to answer the question"
"""The instructions of ``vprog.distill``, Hu et al. (CVPR 2024), section 3.2."""
SIDES: dict[str, tuple[int, int]] = {
    "left of": (0, -1), "right of": (0, 1), "above": (1, -1), "below": (1, 1),
}  # fmt: skip
"""Relation -> axis and sign of the difference of centres."""


def found(phrase: str, places: Sequence[str]) -> str:
    """Says what was found: ``red cat : 2 at [3 4 9 12] and [20 21 25 28] .``."""
    return f"{phrase} : " + (f"{len(places)} at {' and '.join(places)} ." if places else "none .")


def phrase_about(rng: random.Random, view: View) -> tuple[str, tuple[bool, ...]]:
    """A phrase and of which things it is true: about half of the phrases are true of some."""
    if view.grid:
        return _grid_phrase(rng, view)
    facts = list(rng.choice(view.things).facts)
    manner = rng.random()
    if 0.55 <= manner < 0.85:  # nearly true of something
        family = rng.choices((0, 1, 2, 3), (3, 3, 1, 2))[0]
        facts[family] = rng.randrange(len((KINDS, COLORS, SIZES, PATTERNS)[family]))
        if (COLORS[facts[1]], KINDS[facts[0]]) in HELD_OUT_PAIRS:
            facts[1] = (facts[1] + 1) % len(COLORS)
    phrase = sample(rng, facts if manner < 0.85 else None)
    true = truth([phrase], np.array([thing.facts for thing in view.things]))[:, 0]
    text = phrase.text.replace("[UNK]", "<unk>")
    for article in ("the ", "a ", "an "):
        text = text.removeprefix(article)
    return text, tuple(true.tolist())


def _grid_phrase(rng: random.Random, view: View) -> tuple[str, tuple[bool, ...]]:
    color = rng.choice(("red", "green", "blue"))
    shape = rng.choice(("circle", "square", "triangle"))
    form = rng.random()
    if view.things and form < 0.5:
        thing = rng.choice(view.things)
        color, shape = thing.adjectives[0], thing.noun
    level = rng.choice(("both", "color", "shape"))
    said = {"both": f"{color} {shape}", "color": f"{color} shape", "shape": shape}[level]
    true = tuple(
        (level == "shape" or thing.adjectives[0] == color)
        and (level == "color" or thing.noun == shape)
        for thing in view.things
    )
    return said, true


def find(rng: random.Random, view: View) -> Turn:
    """Where things are of which a phrase is true."""
    phrase, true = phrase_about(rng, view)
    places = [t.place for t, is_true in zip(view.things, true, strict=True) if is_true]
    return f"find {phrase}", found(phrase, places)


def count(rng: random.Random, view: View) -> Turn:
    """How many there are."""
    phrase, true = phrase_about(rng, view)
    return f"count {phrase}", f"{phrase} : {sum(true) or 'none'} ."


def listing(rng: random.Random, view: View) -> Turn:
    """Everything, or all of a sort, with places."""
    wanted = "things" if rng.random() < 0.7 or not view.things else ""
    kept = list(view.things)
    if not wanted:
        word = rng.choice([w for t in kept for w in (t.broad, *t.adjectives)])
        kept = [t for t in kept if word in (t.broad, *t.adjectives)]
        wanted = plural(word) if word == kept[0].broad else f"{word} things"
    items = " , ".join(f"{thing.said()} at {thing.place}" for thing in kept)
    return f"list {wanted}", f"{wanted} : {items or 'none'} ."


def name(rng: random.Random, view: View) -> Turn:
    """What stands in a box, in all its words."""
    if not view.things:
        return listing(rng, view)
    thing = rng.choice(view.things)
    return f"name {thing.place}", f"{thing.place} {thing.said()} ."


def question(rng: random.Random, view: View) -> Turn:
    """A question about a box as programs ask it, with one of VPD's two instructions."""
    if view.grid or not view.things:
        return name(rng, view)
    thing = rng.choice(view.things)
    asked = about_crop(rng, thing.gold(), [thing.gold()])
    text = f"{thing.place} {asked.text.lower().replace('?', ' ?')}"
    if rng.random() < 0.3:
        return f"{text} {SHORTLY}", asked.answer
    return f"{text} {EXPLAIN}", f"{text} {asked.answer} . so the answer is {asked.answer} ."


def relation(rng: random.Random, view: View) -> Turn:
    """Things on one side of another one, whose place is given or has to be found first."""
    if view.grid or len(view.things) < 2:
        return find(rng, view)
    side, (axis, sign) = rng.choice(list(SIDES.items()))
    for _ in range(8):
        anchor = rng.choice(view.things)
        phrase, true = phrase_about(rng, view)
        if rng.random() < 0.2:
            phrase, true = "object", (True,) * len(view.things)
        gaps = [sign * (t.center[axis] - anchor.center[axis]) / SIDE for t in view.things]
        matching = [
            g for g, ok, t in zip(gaps, true, view.things, strict=True) if ok and t is not anchor
        ]
        if any(abs(gap) <= MARGIN for gap in matching) or not matching:
            continue
        places = [
            t.place
            for t, ok, gap in zip(view.things, true, gaps, strict=True)
            if ok and t is not anchor and gap > 0
        ]
        if rng.random() < 0.4:
            return (
                f"find {phrase} {side} {anchor.place}",
                found(f"{side} {anchor.place} {phrase}", places),
            )
        called = _naming(rng, view, anchor)
        if called:
            first = found(called, [anchor.place])
            return (
                f"find {phrase} {side} {called}",
                f"{first} {found(f'{side} {anchor.place} {phrase}', places)}",
            )
    return find(rng, view)


def _naming(rng: random.Random, view: View, thing: object) -> str:
    """Words that are true of one thing alone, or nothing."""
    for _ in range(6):
        phrase, true = phrase_about(rng, view)
        if sum(true) == 1 and view.things[true.index(True)] is thing:
            return phrase
    return ""


def caption(rng: random.Random, view: View) -> Turn:
    """Everything without places."""
    items = " , ".join(thing.said() for thing in view.things) or "nothing"
    return "describe", f"{items} on a {'dark' if view.dark else 'light'} background ."


def background(rng: random.Random, view: View) -> Turn:
    """Whether it is dark."""
    return "what is the background ?", "dark" if view.dark else "light"


ASKED: dict[Callable[[random.Random, View], Turn], float] = {
    find: 38, relation: 22, question: 14, listing: 3, name: 14, count: 7, caption: 1, background: 1,
}  # fmt: skip
"""Manner of asking -> how often."""


def turns(rng: random.Random, view: View, number: int) -> list[Turn]:
    """Random questions about a picture; a long list at most once."""
    chosen = rng.choices(tuple(ASKED), tuple(ASKED.values()), k=number)
    lists = [manner for manner in chosen if manner is listing][:1]
    return [manner(rng, view) for manner in (*(m for m in chosen if m is not listing), *lists)]
