"""A question about a scene with everything GQA's files say of it, before it is chosen."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vprog.example import Scene, SceneObject
from vprog.world.domains import Domain
from vprog.world.entailment import Fact, Need
from vprog.world.reference import Ref, Semantic, having, sample_ref, semantic_text, value_of
from vprog.world.vocabulary import CATEGORY, COLORS, FAMILIES, FAMILY_OF, HELD_OUT_PAIRS

YES_NO = ("yes", "no")
Key = tuple[str, float, tuple[str, ...]]
"""Name of a balance, slack, possible answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One question.

    Attributes:
        texts: Ways of asking it; nouns carry marks (see ``reference.MARK``).
        semantic: The functional program.
        answer: In normal form.
        full: The answer as a sentence, with marks.
        structural: verify, query, choose, logical or compare.
        semantic_type: attr, obj, rel, cat or global.
        detailed: Name of the template, in GQA's manner.
        group: ``(global, local)`` group; global is None where the answer names no kind of thing.
        keys: What its answer is balanced under.
        facts: What question and answer say of the scene.
        need: What it asks for; None where no other question decides it.
        answer_ids: Objects that the answer names.
    """

    texts: tuple[str, ...]
    semantic: Semantic
    answer: str
    full: str
    structural: str
    semantic_type: str
    detailed: str
    group: tuple[str | None, str]
    keys: tuple[Key, ...]
    facts: tuple[Fact, ...] = ()
    need: Need | None = None
    answer_ids: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """``semanticStr``."""
        return semantic_text(self.semantic.operations)


@dataclass(frozen=True, slots=True)
class Context:
    """What templates draw from."""

    scene: Scene
    domain: Domain
    rng: random.Random
    recent: list[Ref] = field(default_factory=list)

    def thing(self) -> SceneObject:
        """A random object."""
        return self.rng.choice(self.scene.objects)

    def ref(self, *avoid: str, thing: SceneObject | None = None, depth: int = 2) -> Ref | None:
        """A description of one object (a random one) without the families ``avoid``.

        Recent descriptions are often used again, so that questions are about the same things.
        """
        if thing is None and self.recent and self.rng.random() < 0.65:
            known = self.rng.choice(self.recent)
            if not any(FAMILY_OF[value] in avoid for value in known.attributes):
                return known
        thing = thing or self.thing()
        ref = sample_ref(self.rng, self.scene, thing, depth=depth, avoid=avoid)
        if ref is not None:
            self.recent.append(ref)
            del self.recent[:-3]
        return ref

    def two_refs(self, *avoid: str) -> tuple[Ref, Ref] | None:
        """Descriptions of two different objects."""
        first, second = self.rng.sample(self.scene.objects, 2)
        one, two = self.ref(*avoid, thing=first, depth=1), self.ref(*avoid, thing=second, depth=0)
        return None if one is None or two is None else (one, two)

    def lone_kind(self, *but: SceneObject) -> Ref | None:
        """An object named by its bare kind, which no other object has."""
        things = list(self.scene.objects)
        self.rng.shuffle(things)
        for thing in things:
            if thing not in but and len(having(self.scene, (thing.name,))) == 1:
                return Ref(thing, thing.name)
        return None

    def maybe(self) -> bool:
        """A fair coin."""
        return self.rng.random() < 0.5

    def values(self, family: str, noun: str) -> tuple[str, ...]:
        """The values of a family that things called ``noun`` can have in this domain."""
        if family != "color" or self.domain.held_out_pairs != "never":
            return FAMILIES[family]
        return tuple(c for c in COLORS if (c, noun) not in HELD_OUT_PAIRS)

    def kinds(self, kinds: Iterable[str], attributes: Iterable[str]) -> tuple[str, ...]:
        """Those of ``kinds`` that can have the attributes in this domain."""
        if self.domain.held_out_pairs != "never":
            return tuple(kinds)
        said = set(attributes)
        return tuple(k for k in kinds if not any((c, k) in HELD_OUT_PAIRS for c in said))


Template = Callable[[Context], Candidate | None]


def closure(words: Iterable[str]) -> frozenset[str]:
    """Words with what they imply: a cat is an animal and an object."""
    said = set(words)
    return frozenset(said | {"object"} | {CATEGORY[w] for w in said if w in CATEGORY})


def presupposed(*refs: Ref) -> tuple[Fact, ...]:
    """What naming objects says: they exist."""
    facts: list[Fact] = []
    for ref in refs:
        link: Ref | None = ref
        while link is not None:
            facts.append(("some", link.words))
            link = link.anchor
    return tuple(facts)


def is_fact(ref: Ref, family: str, value: str) -> tuple[Fact, ...]:
    """That the object has this value of the family, with what follows."""
    others = tuple(("not", ref.key, family, v) for v in FAMILIES[family] if v != value)
    return (("attr", ref.key, family, value), ("some", ref.words | {value}), *others)


def wrong_value(ctx: Context, ref: Ref, family: str) -> str:
    """A value of the family that the object does not have."""
    value = value_of(ref.thing, family)
    return ctx.rng.choice([v for v in ctx.values(family, ref.thing.name) if v != value])


def claim(ctx: Context, ref: Ref, family: str, truth: bool) -> str:
    """A value of the family: the object's own, or a wrong one."""
    return value_of(ref.thing, family) if truth else wrong_value(ctx, ref, family)


def states(ref: Ref, value: str) -> tuple[Fact, ...]:
    """What the true answer to "is it ``value``?" says."""
    family = FAMILY_OF[value]
    if value_of(ref.thing, family) == value:
        return is_fact(ref, family, value)
    return (("not", ref.key, family, value),)


def yes(truth: bool) -> str:
    """``yes`` or ``no``."""
    return "yes" if truth else "no"


def binary(detailed: str, key: str) -> tuple[Key, ...]:
    """Balance of a yes-no question: tight for its content, loose for its template."""
    return ((f"{detailed}|{key}", 0, YES_NO), (detailed, 2, YES_NO))
