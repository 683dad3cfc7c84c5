"""Statements about pairs of pictures, in the manner and files of NLVR2 (Suhr et al., ACL 2019).

Every statement is tried on four pairs, true of two and false of two, so that consistency means
something and no statement can be guessed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vprog.example import Scene
from vprog.world.domains import Domain
from vprog.world.reference import INVERSE, ordered
from vprog.world.scene import Spec, Wish, draw_scene, sample_spec, sample_specs
from vprog.world.statements import Expression, count, value
from vprog.world.styles import Array
from vprog.world.vocabulary import CATEGORY, plural, singular, with_article

PAIRS = 4
"""Pairs of pictures a statement."""
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
Wishes = tuple[tuple[Wish, ...], tuple[Wish, ...]]


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun with at most two attributes, such as ``small red cat``."""

    noun: str
    attributes: tuple[str, ...] = ()

    @property
    def phrase(self) -> str:
        """As tools are asked for it."""
        return " ".join((*self.attributes, self.noun))

    @property
    def words(self) -> frozenset[str]:
        """The words that must be true."""
        return frozenset((self.noun, *self.attributes))

    @property
    def one(self) -> str:
        """``a red cat``."""
        return with_article(" ".join((*self.attributes, singular(self.noun))))

    @property
    def many(self) -> str:
        """``red cats``."""
        return " ".join((*self.attributes, plural(self.noun)))

    def number(self, amount: int) -> str:
        """``one red cat``, ``three red cats``."""
        if amount == 1:
            return " ".join(("one", *self.attributes, singular(self.noun)))
        return f"{NUMBERS[amount]} {self.many}"


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, its meaning, and how to make it true or false.

    Attributes:
        sentence: English.
        expression: Its meaning; see ``statements``.
        wishes: Draws what left and right picture must hold for a label.
        phenomenon: Name of the template.
    """

    sentence: str
    expression: Expression
    wishes: Callable[[bool], Wishes]
    phenomenon: str


def sample_noun(rng: random.Random, domain: Domain, *, least: int = 0, most: int = 1) -> Noun:
    """A noun phrase that the domain can draw."""
    spec = sample_spec(rng, domain)
    noun = spec.kind if rng.random() < 0.65 else CATEGORY[spec.kind]
    chosen = rng.sample((spec.color, spec.size, spec.pattern), rng.randint(least, most))
    return Noun(noun, ordered(chosen))


def _other(rng: random.Random, amount: int, most: int) -> int:
    near = [c for c in range(most + 1) if c != amount]
    return rng.choices(near, [1 / abs(c - amount) for c in near])[0]


def _on(side: str, wish: tuple[Wish, ...], other: tuple[Wish, ...] = ()) -> Wishes:
    return (wish, other) if side == "left" else (other, wish)


def _counted(rng: random.Random, domain: Domain) -> Statement:
    noun, side = sample_noun(rng, domain), rng.choice(("left", "right"))
    amount = rng.choice((1, 2, 3, 4))
    operator, said = rng.choice(
        (("==", "exactly"), (">=", "at least"), ("<=", "at most"), ("==", "exactly"))
    )
    number = noun.number(amount)
    be = "is" if amount == 1 else "are"
    sentence = rng.choice(
        (
            f"The {side} image contains {said} {number}.",
            f"There {be} {said} {number} in the {side} image.",
            f"In the {side} image there {be} {said} {number}.",
        )
    )

    def wishes(label: bool) -> Wishes:
        ranges = {"==": (amount,), ">=": range(amount, 6), "<=": range(amount + 1)}[operator]
        fitting = [c for c in range(6) if (c in ranges) == label]
        wanted = rng.choices(fitting, [1 / (1 + abs(c - amount)) for c in fitting])[0]
        return _on(side, (Wish(noun.words, wanted),))

    expression = [operator, count(side, noun.phrase), amount]
    return Statement(sentence, expression, wishes, f"count {said}")


def _total(rng: random.Random, domain: Domain) -> Statement:
    noun, amount = sample_noun(rng, domain), rng.choice((2, 3, 4, 5))
    sentence = rng.choice(
        (
            f"There are exactly {noun.number(amount)} in total.",
            f"The two images contain {noun.number(amount)} altogether.",
            f"Exactly {noun.number(amount)} can be seen in the two images combined.",
        )
    )

    def wishes(label: bool) -> Wishes:
        total = amount if label else _other(rng, amount, 7)
        left = rng.randint(max(0, total - 4), min(4, total))
        return (Wish(noun.words, left),), (Wish(noun.words, total - left),)

    both = ["+", count("left", noun.phrase), count("right", noun.phrase)]
    return Statement(sentence, ["==", both, amount], wishes, "total")


def _sides(rng: random.Random, domain: Domain) -> Statement:
    noun = sample_noun(rng, domain)
    left, right = ([">=", count(side, noun.phrase), 1] for side in ("left", "right"))
    form = rng.choice(("xor", "and", "or", "nor"))
    sentences = {
        "xor": (f"One image contains {noun.one} and the other does not.",
                f"Only one of the images shows {noun.one}."),
        "and": (f"Both images contain {noun.one}.", f"There is {noun.one} in each image."),
        "or": (f"At least one of the images contains {noun.one}.",
               f"There is {noun.one} in at least one of the two images."),
        "nor": (f"Neither image shows {noun.one}.", f"There are no {noun.many} in either image."),
    }  # fmt: skip
    truths = {
        "xor": ((True, False), (False, True)),
        "and": ((True, True),),
        "or": ((True, True), (True, False), (False, True)),
        "nor": ((False, False),),
    }[form]

    def wishes(label: bool) -> Wishes:
        rows = [(a, b) for a in (True, False) for b in (True, False) if ((a, b) in truths) == label]
        row = rng.choice(rows)
        first, second = (Wish(noun.words, rng.choice((1, 1, 2)) if has else 0) for has in row)
        return (first,), (second,)

    expression = ["not", ["or", left, right]] if form == "nor" else [form, left, right]
    return Statement(rng.choice(sentences[form]), expression, wishes, f"both sides {form}")


def _comparison(rng: random.Random, domain: Domain) -> Statement:
    noun = sample_noun(rng, domain)
    side, other = rng.choice((("left", "right"), ("right", "left")))
    form = rng.choice((">", "<", "=="))
    sentence = {
        ">": f"There are more {noun.many} in the {side} image than in the {other} image.",
        "<": f"The {side} image contains fewer {noun.many} than the {other} image.",
        "==": f"There are as many {noun.many} in the {side} image as in the {other} image.",
    }[form]  # fmt: skip

    def wishes(label: bool) -> Wishes:
        while True:
            one, two = rng.choices(range(5), k=2)
            if {">": one > two, "<": one < two, "==": one == two}[form] == label:
                return _on(side, (Wish(noun.words, one),), (Wish(noun.words, two),))

    expression = [form, count(side, noun.phrase), count(other, noun.phrase)]
    return Statement(sentence, expression, wishes, "comparison")


def _universal(rng: random.Random, domain: Domain) -> Statement:
    full = sample_noun(rng, domain, least=1)
    bare, side, attribute = Noun(full.noun), rng.choice(("left", "right")), full.attributes[0]
    sentence = rng.choice(
        (
            f"All {bare.many} in the {side} image are {attribute}.",
            f"In the {side} image every {singular(bare.noun)} is {attribute}.",
        )
    )

    def wishes(label: bool) -> Wishes:
        some = rng.choice((1, 2, 3) if label else (2, 3, 4))
        kept = some if label else rng.randrange(some)
        return _on(side, (Wish(full.words, kept), Wish(bare.words, some)))

    expression = ["==", count(side, bare.phrase), count(side, full.phrase)]
    return Statement(sentence, expression, wishes, "universal")


def _relation(rng: random.Random, domain: Domain) -> Statement:
    noun, side = sample_noun(rng, domain), rng.choice(("left", "right"))
    anchor = noun
    while anchor.noun == noun.noun or CATEGORY.get(anchor.noun, anchor.noun) == CATEGORY.get(
        noun.noun, noun.noun
    ):
        anchor = sample_noun(rng, domain)
    relation = rng.choice(tuple(INVERSE))
    the = " ".join((*anchor.attributes, singular(anchor.noun)))
    sentence = rng.choice(
        (
            f"In the {side} image, {noun.one} is {relation} the {the}.",
            f"The {side} image shows {noun.one} {relation} {with_article(the)}.",
        )
    )

    def wishes(label: bool) -> Wishes:
        amount = 1 if label or rng.random() < 0.8 else 0
        return _on(side, (Wish(anchor.words, 1), Wish(noun.words, amount)))

    expression = [">=", count(side, noun.phrase, relation, anchor.phrase), 1]
    return Statement(sentence, expression, wishes, "relation")


def _conjunction(rng: random.Random, domain: Domain) -> Statement:
    one, two = sample_noun(rng, domain), sample_noun(rng, domain)
    form = rng.choice(("and", "or", "but"))
    said = f"no {two.many}" if form == "but" else two.one
    sentence = {
        "and": f"The left image contains {one.one} and the right image contains {said}.",
        "or": f"The left image contains {one.one} or the right image contains {said}.",
        "but": f"There is {one.one} in the left image, and there are {said} in the right image.",
    }[form]
    first = [">=", count("left", one.phrase), 1]
    second = ["==" if form == "but" else ">=", count("right", two.phrase), int(form != "but")]

    def wishes(label: bool) -> Wishes:
        while True:
            a, b = rng.choice((True, False)), rng.choice((True, False))
            if ((a or b) if form == "or" else (a and b)) == label:
                break
        shown = b if form != "but" else not b
        return (Wish(one.words, int(a)),), (Wish(two.words, int(shown)),)

    word = "or" if form == "or" else "and"
    return Statement(sentence, [word, first, second], wishes, f"conjunction {form}")


TEMPLATES: tuple[tuple[Callable[[random.Random, Domain], Statement], float], ...] = (
    (_counted, 4), (_total, 2), (_sides, 3), (_comparison, 2), (_universal, 2), (_relation, 3),
    (_conjunction, 2),
)  # fmt: skip


def draw_set(
    rng: random.Random, domain: Domain, size: int, first_id: int
) -> tuple[Statement, list[tuple[bool, tuple[Array, Scene], tuple[Array, Scene]]]]:
    """One statement with its four pairs.

    Returns:
        The statement, and ``(label, left, right)`` a pair.
    """
    while True:
        template = rng.choices([t for t, _ in TEMPLATES], [w for _, w in TEMPLATES])[0]
        statement = template(rng, domain)
        labels = [True, True, False, False]
        rng.shuffle(labels)
        pairs: list[tuple[bool, tuple[Array, Scene], tuple[Array, Scene]]] = []
        for label in labels:
            pair = _draw_pair(rng, domain, size, first_id + 20 * len(pairs), statement, label)
            if pair is None:
                break
            pairs.append((label, *pair))
        if len(pairs) == PAIRS:
            return statement, pairs


def _draw_pair(
    rng: random.Random, domain: Domain, size: int, first_id: int, statement: Statement, label: bool
) -> tuple[tuple[Array, Scene], tuple[Array, Scene]] | None:
    for _ in range(40):
        left_wishes, right_wishes = statement.wishes(label)
        left: list[Spec] | None = sample_specs(rng, domain, left_wishes)
        right = sample_specs(rng, domain, right_wishes)
        if left is None or right is None:
            continue
        one = draw_scene(left, domain, rng, size, first_id)
        two = draw_scene(right, domain, rng, size, first_id + 10)
        found = value(statement.expression, {"left": one[1], "right": two[1]})
        if found is not None and bool(found) == label:
            return one, two
    return None


def row(
    statement: Statement, label: bool, identifier: str, left_url: str, right_url: str
) -> dict[str, Any]:
    """A line of NLVR2's JSONL, with ``semantic`` and ``phenomenon`` added."""
    return {
        "sentence": statement.sentence,
        "left_url": left_url,
        "right_url": right_url,
        "label": str(label),
        "identifier": identifier,
        "writer": "world",
        "validation": {"world": str(label)},
        "synset": "drawing",
        "query": "drawing",
        "semantic": statement.expression,
        "phenomenon": statement.phenomenon,
    }
