"""Referring to one object of a scene: English, functional program and meaning kept together."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from vprog.example import Scene, SceneObject
from vprog.world.vocabulary import CATEGORY, FAMILIES, FAMILY_OF, singular

INVERSE = {
    "to the left of": "to the right of",
    "to the right of": "to the left of",
    "above": "below",
    "below": "above",
}
"""The four relations between centres that questions use, each with its inverse."""

MARK = "\x01"
"""Stands around an object's id behind the noun that names it; ``read_marks`` takes it out."""

_ORDER = ("size", "pattern", "color")


class Operation(TypedDict):
    """One operation of GQA's functional programs."""

    operation: str
    dependencies: list[int]
    argument: str


@dataclass(slots=True)
class Semantic:
    """A functional program under construction."""

    operations: list[Operation] = field(default_factory=list)

    def add(self, operation: str, argument: str, *dependencies: int) -> int:
        """Appends an operation and returns its index."""
        self.operations.append(
            {"operation": operation, "dependencies": list(dependencies), "argument": argument}
        )
        return len(self.operations) - 1


def semantic_text(operations: Iterable[Operation]) -> str:
    """GQA's ``semanticStr``: ``select: cat (3)->filter color: red [0]->query: name [1]``."""
    parts = []
    for op in operations:
        text = f"{op['operation']}: {op['argument']}" if op["argument"] else f"{op['operation']}: "
        if op["argument"] == "scene":
            text = "select: scene"
        if op["dependencies"]:
            text += f" [{', '.join(map(str, op['dependencies']))}]"
        parts.append(text)
    return "->".join(parts)


def words_of(thing: SceneObject) -> frozenset[str]:
    """Every word that is true of an object."""
    return frozenset((thing.name, *thing.names, "object", *thing.attributes))


def having(scene: Scene, words: Iterable[str]) -> list[SceneObject]:
    """The objects of which all ``words`` are true."""
    wanted = set(words)
    return [thing for thing in scene.objects if wanted <= words_of(thing)]


def value_of(thing: SceneObject, family: str) -> str:
    """The object's color, size or pattern."""
    return next(v for v in thing.attributes if v in FAMILIES[family])


def related(
    scene: Scene, words: Iterable[str], relation: str, anchor: SceneObject
) -> list[SceneObject] | None:
    """The objects with ``words`` that stand in ``relation`` to ``anchor``.

    Returns:
        None where some object with these words is too near to the dividing line to tell.
    """
    found = []
    for thing in having(scene, words):
        if thing.id == anchor.id:
            continue
        if (relation, anchor.id) in thing.relations:
            found.append(thing)
        elif (INVERSE[relation], anchor.id) not in thing.relations:
            return None
    return found


@dataclass(frozen=True, slots=True)
class Ref:
    """A description of which exactly one object of its scene is true.

    Attributes:
        thing: That object.
        noun: Its kind, its category, or ``object``.
        attributes: Attribute values, in the order of English adjectives.
        relation: One of ``INVERSE``, or "".
        anchor: What it stands in that relation to.
        clause: Whether the last part is said as a relative clause.
    """

    thing: SceneObject
    noun: str
    attributes: tuple[str, ...] = ()
    relation: str = ""
    anchor: Ref | None = None
    clause: bool = False

    @property
    def words(self) -> frozenset[str]:
        """The words that it says of the object, with what they imply."""
        said = {self.noun, "object", *self.attributes}
        if self.noun in CATEGORY:
            said.add(CATEGORY[self.noun])
        return frozenset(said)

    @property
    def key(self) -> str:
        """Equal for descriptions that say the same."""
        text = " ".join((*sorted(self.attributes), self.noun))
        return f"{text} {self.relation} ({self.anchor.key})" if self.anchor else text

    @property
    def noun_phrase(self) -> str:
        """English without the article: ``large red cat to the left of the dog``."""
        adjectives, tail = list(self.attributes), ""
        if self.clause and not self.anchor and adjectives:
            tail = f" that is {adjectives.pop()}"
        head = " ".join((*adjectives, singular(self.noun))) + f"{MARK}{self.thing.id}{MARK}"
        if self.anchor:
            that = " that is" if self.clause else ""
            tail = f"{that} {self.relation} {self.anchor.the}"
        return head + tail

    @property
    def the(self) -> str:
        """English with the definite article."""
        return "the " + self.noun_phrase

    def add_to(self, semantic: Semantic) -> int:
        """Appends the operations that find the object; returns the index of the last."""
        if self.anchor:
            index = self.anchor.add_to(semantic)
            name = "_" if self.noun == "object" else self.noun
            argument = f"{name},{self.relation},s ({self.thing.id})"
            index = semantic.add("relate", argument, index)
        else:
            index = semantic.add("select", f"{self.noun} ({self.thing.id})")
        for value in reversed(self.attributes):
            index = semantic.add(f"filter {FAMILY_OF[value]}", value, index)
        return index


def ordered(attributes: Iterable[str]) -> tuple[str, ...]:
    """Attribute values in the order of English adjectives."""
    return tuple(sorted(attributes, key=lambda v: _ORDER.index(FAMILY_OF[v])))


def sample_ref(
    rng: random.Random,
    scene: Scene,
    thing: SceneObject,
    *,
    depth: int = 1,
    avoid: Sequence[str] = (),
    clauses: bool = True,
) -> Ref | None:
    """A random description that is true of ``thing`` alone.

    Args:
        rng: Source of chance.
        scene: Where the object is.
        thing: What to describe.
        depth: The most relations that it may chain.
        avoid: Attribute families that it must not mention.
        clauses: Whether it may hold relative clauses.

    Returns:
        None where a few tries found no description of one object.
    """
    families = [f for f in FAMILIES if f not in avoid]
    for _ in range(8):
        noun = rng.choices((thing.name, thing.names[0], "object"), weights=(12, 5, 1))[0]
        relational = depth > 0 and rng.random() < (0.4 if clauses else 0.2)
        count = rng.choices((0, 1, 2), weights=(6, 3, 0) if relational else (4, 5, 2))[0]
        if noun == "object":
            count = max(count, 1)
        chosen = rng.sample(families, min(count, len(families)))
        attributes = ordered(value_of(thing, family) for family in chosen)
        words = {noun, *attributes}
        clause = clauses and rng.random() < 0.25
        if not relational:
            if len(having(scene, words)) == 1:
                return Ref(thing, noun, attributes, clause=clause)
            continue
        others = [o for o in scene.objects if o.id != thing.id]
        other = rng.choice(others)
        options = [r for r, id in thing.relations if id == other.id and r in INVERSE]
        if not options:
            continue
        relation = rng.choice(options)
        found = related(scene, words, relation, other)
        if found is None or len(found) != 1:
            continue
        anchor = sample_ref(rng, scene, other, depth=depth - 1, clauses=False)
        if anchor is not None:
            return Ref(thing, noun, attributes, relation, anchor, clause)
    return None


def read_marks(text: str) -> tuple[str, dict[str, str]]:
    """Takes the marks out of a text.

    Returns:
        The text, and GQA's annotation: index of the word -> id of the object it names.
    """
    annotation: dict[str, str] = {}
    words = text.split(" ")
    for index, word in enumerate(words):
        if MARK in word:
            before, id, after = word.split(MARK)
            words[index] = before + after
            annotation[str(index)] = id
    return " ".join(words), annotation
