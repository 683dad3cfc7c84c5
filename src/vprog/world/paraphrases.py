"""Asks what the drawn world asks in many other words.

A question is rewritten from its meaning, GQA's functional program or the small semantic form of
``statements``, so that its gold programs and answers stay what they are. The sentence frames are
split for good into those for training and those held out (``paraphrase_frames``): a writer that
was trained on the first is tested on the second.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from vprog.errors import InputError, known_names
from vprog.world.paraphrase_frames import Part, fill, sample_frame
from vprog.world.paraphrase_words import (
    NUMBERS,
    Thing,
    many,
    number,
    one,
    relation,
    relations,
    single,
    the,
    word,
)
from vprog.world.reference import Operation, read_marks
from vprog.world.statements import Expression
from vprog.world.vocabulary import plural, singular, with_article

PARTS: tuple[str, ...] = get_args(Part)


def get_part(name: str) -> Part:
    """The part of that name.

    Raises:
        InputError: Unknown, with the nearest name.
    """
    if name not in PARTS:
        raise InputError(f"unknown phrasing {name!r}. {known_names(name, PARTS)}")
    part: Part = "train" if name == "train" else "held-out"
    return part


def reworded(row: Mapping[str, Any], rng: random.Random, part: Part) -> dict[str, Any]:
    """A row of the files that ``write`` makes, asked in other words.

    Args:
        row: Of any task, with its ``semantic``.
        rng: Source of chance.
        part: Which frames.
    """
    if "imageId" in row:
        text, marked = read_marks(paraphrase_semantic(row["semantic"], rng, part))
        notes = {**row["annotations"], "question": marked}
        return {**row, "question": text, "annotations": notes}
    column = next(name for name in ("sentence", "question", "text") if name in row)
    return {**row, column: paraphrase_statement(row["semantic"], rng, part)}


def paraphrase_semantic(operations: Sequence[Operation], rng: random.Random, part: Part) -> str:
    """Another wording of a GQA question about the world.

    Args:
        operations: Its ``semantic`` field.
        rng: Source of chance.
        part: Which frames.

    Returns:
        The question with the marks that ``reference.read_marks`` takes out.
    """
    nodes: list[Any] = []
    for operation in operations:
        nodes.append(_node(operation, nodes))
    return _Asking(list(operations), nodes, rng, part).text()


def _node(operation: Operation, nodes: list[Any]) -> Any:
    """The thing that an operation finds, or the operation itself."""
    head, _, _ = operation["operation"].partition(" ")
    argument, _, ids = operation["argument"].partition(" (")
    ids = ids.rstrip(")")
    id = ids if ids.isdigit() else ""
    if head == "select":
        return Thing(noun=argument, id=id)
    if head == "filter":
        thing = nodes[operation["dependencies"][0]]
        return Thing(
            noun=thing.noun, attributes=(argument, *thing.attributes), relation=thing.relation,
            anchor=thing.anchor, id=thing.id,
        )  # fmt: skip
    if head == "relate":
        noun, name, _ = argument.split(",")
        anchor = nodes[operation["dependencies"][0]]
        noun = "object" if noun == "_" else noun
        return Thing(noun=noun, relation=name, anchor=anchor, id=id)
    return operation


class _Asking:
    """One GQA question being put into words."""

    def __init__(
        self, operations: list[Operation], nodes: list[Any], rng: random.Random, part: Part
    ) -> None:
        self.nodes, self.rng, self.part = nodes, rng, part
        self.last = operations[-1]
        self.inputs = [nodes[i] for i in self.last["dependencies"]]

    def say(self, *forms: str, **places: str) -> str:
        places = {key.replace("_", " "): value for key, value in places.items()}
        return fill(self.rng, sample_frame(self.rng, self.part, *forms), places)

    def the(self, thing: Thing) -> str:
        return the(self.rng, thing, self.part)

    def word(self, said: str) -> str:
        return word(self.rng, said)

    def nouns(self, thing: Thing) -> dict[str, str]:
        """The forms of a thing's noun phrase."""
        rng, about = self.rng, (thing.noun, thing.attributes)
        return {"one": one(rng, *about), "single": single(rng, *about), "many": many(rng, *about)}

    def text(self) -> str:
        head, _, family = self.last["operation"].partition(" ")
        argument = self.last["argument"]
        match head:
            case "query":
                return self.query(self.inputs[0], argument)
            case "exist":
                return self.exist(self.inputs[0])
            case "verify" if family == "rel":
                noun, name, _ = argument.partition(" (")[0].split(",")
                return self.say("verify relation", x=self.the(self.inputs[0]),
                                rel=relation(self.rng, name), y=f"the {noun}")  # fmt: skip
            case "verify":
                return self.verify(self.inputs[0], family, argument)
            case "choose" if family == "rel":
                return self.choose_relation(argument.partition(" (")[0])
            case "choose" if len(self.inputs) == 2:
                x, y = map(self.the, self.inputs)
                return self.say("compare size", x=x, y=y, f=self.word(family))
            case "choose":
                return self.choose(self.inputs[0], family, argument.split("|"))
            case "and" | "or":
                return self.join(head)
            case "common":
                x, y = map(self.the, self.inputs)
                return self.say("common", x=x, y=y)
        return self.compare(head, family)

    def query(self, thing: Thing, family: str) -> str:
        if family != "name":
            return self.say(f"query {family}", x=self.the(thing))
        noun, kind, bare = singular(thing.noun), thing.noun, thing.noun == "object"
        if thing.relation == "same color" and thing.anchor is not None:
            return self.say("name by color", noun=noun, kind=kind, y=self.the(thing.anchor))
        if thing.anchor is not None and not thing.attributes:
            places = {"rel": relation(self.rng, thing.relation), "y": self.the(thing.anchor)}
            form = "thing by relation" if bare else "name by relation"
            return self.say(form, noun=noun, kind=kind, **places)
        if not thing.attributes:
            return self.say("name alone", noun=noun, kind=kind)
        if bare or thing.anchor is not None:
            return self.say("name described", x=self.the(thing))
        said = " and ".join(map(self.word, thing.attributes))
        return self.say("name described", "name by attribute", "name by attribute",
                        x=self.the(thing), noun=noun, kind=kind, a=said)  # fmt: skip

    def exist(self, thing: Thing) -> str:
        if thing.anchor is None:
            return self.say("exist", **self.nouns(thing))
        return self.say("exist relation", **self.nouns(thing), y=self.the(thing.anchor),
                        rel=relation(self.rng, thing.relation))  # fmt: skip

    def verify(self, thing: Thing, family: str, value: str) -> str:
        if family == "background":
            return self.say("verify background", a=value)
        if family in ("hposition", "vposition"):
            return self.say(f"verify {family}", x=self.the(thing), a=value)
        forms = ("verify attribute", "verify color") if family == "color" else ("verify attribute",)
        return self.say(*forms, x=self.the(thing), a=self.word(value))

    def choose(self, thing: Thing, family: str, options: list[str]) -> str:
        first, second = options
        if family == "background":
            return self.say("choose background", a=first, b=second)
        if family in ("hposition", "vposition"):
            return self.say(f"choose {family}", x=self.the(thing), a=first, b=second)
        if family == "name":
            return self.say("choose name", x=self.the(thing), kind=thing.noun,
                            a=with_article(first), b=with_article(second))  # fmt: skip
        return self.say("choose attribute", f"choose {family}", x=self.the(thing),
                        a=self.word(first), b=self.word(second))  # fmt: skip

    def choose_relation(self, argument: str) -> str:
        noun, both, _ = argument.split(",")
        first, second = relations(self.rng, *both.split("|"))
        return self.say("choose relation", x=f"the {noun}", short=first.removesuffix(" of"),
                        rel_a=first, rel=second, y=self.the(self.inputs[0]))  # fmt: skip

    def join(self, head: str) -> str:
        one_, two = self.inputs
        first, second = (self.nodes[node["dependencies"][0]] for node in self.inputs)
        if one_["operation"] == "exist":
            return self.say(f"exist {head}", many=many(self.rng, first.noun),
                            others=many(self.rng, second.noun))  # fmt: skip
        values = self.word(one_["argument"]), self.word(two["argument"])
        if one_["dependencies"] == two["dependencies"]:
            form = "both attributes" if head == "and" else "either attribute"
            return self.say(form, x=self.the(first), a=values[0], b=values[1])
        form = "both things" if head == "and" else "either thing"
        return self.say(form, x=self.the(first), y=self.the(second), a=values[0])

    def compare(self, head: str, family: str) -> str:
        if len(self.inputs) == 2:
            x, y = map(self.the, self.inputs)
            return self.say(f"{head} two", x=x, y=y, f=family)
        noun = self.inputs[0].noun
        form = "type" if family == "type" else "all"
        return self.say(f"{head} {form}", many=plural(noun), kind=noun, f=family)


def paraphrase_statement(expression: Expression, rng: random.Random, part: Part) -> str:
    """Another wording of a statement about two pictures, or of a counting or presence question.

    Args:
        expression: Its meaning; see ``statements``.
        rng: Source of chance.
        part: Which frames.
    """
    form, places = _statement(expression, rng)
    if form == "tally" and " " in places["many"] and "a" in places and rng.random() < 0.25:
        form = "tally attribute"
        places["many"] = places["bare"]
    return fill(rng, sample_frame(rng, part, form), places)


def _statement(expression: Expression, rng: random.Random) -> tuple[str, dict[str, str]]:
    """The form of an expression and what fills its places."""
    name, *operands = expression
    if name == "count":
        return _tally(operands[0], rng)
    if name == "not":
        described = operands[0][1][1][1]
        return "nor", {**_nouns(described, rng), **_images(rng, "left")}
    if name in ("xor", "and", "or"):
        return _joined(name, operands, rng)
    first, last = operands
    if first[0] == "+":
        described = first[1][1]
        noun, attributes = _phrase(described["phrase"])
        places = {**_nouns(described, rng), "n": NUMBERS[last]}
        return "total", {**places, "num": number(rng, last, noun, attributes)}
    described = first[1]
    places = {**_nouns(described, rng), **_images(rng, described["image"])}
    if not isinstance(last, int):
        other = last[1]
        if other["image"] == described["image"]:
            return "universal", {**places, "a": word(rng, other["phrase"].split()[0])}
        return {">": "more", "<": "fewer", "==": "equal"}[name], places
    if "relation" in described:
        return "relation", {**places, **_place(described, rng)}
    if described["image"] == "image":
        return "exist", places
    return "count", {**places, **_amount(name, last, described["phrase"], rng)}


def _phrase(phrase: str) -> tuple[str, tuple[str, ...]]:
    *attributes, noun = phrase.split()
    return noun, tuple(attributes)


def _nouns(described: dict[str, str], rng: random.Random) -> dict[str, str]:
    noun, attributes = _phrase(described["phrase"])
    return {
        "one": one(rng, noun, attributes),
        "single": single(rng, noun, attributes),
        "many": many(rng, noun, attributes),
    }


def _images(rng: random.Random, side: str) -> dict[str, str]:
    """Names for the picture of a side and for the other one."""
    far = {"left": "right", "right": "left"}.get(side, "")
    pic = rng.choice(("image", "image", "picture", "photo"))
    form = rng.choice(("the {side} {pic}", "the {side} {pic}", "the {pic} on the {side}"))
    img, other = (form.format(side=s, pic=pic) for s in (side, far))
    if rng.random() < 0.15:
        other = f"the {far} one"
    return {"side": side, "far": far, "img": img, "other": other}


def _place(described: dict[str, str], rng: random.Random) -> dict[str, str]:
    noun, attributes = _phrase(described["anchor"])
    anchor = single(rng, noun, attributes)
    said = relation(rng, described["relation"])
    return {"rel": said, "anchor": anchor, "an anchor": with_article(anchor)}


def _tally(described: dict[str, str], rng: random.Random) -> tuple[str, dict[str, str]]:
    noun, attributes = _phrase(described["phrase"])
    places = {"many": many(rng, noun, attributes), "bare": many(rng, noun)}
    if attributes:
        places["a"] = word(rng, attributes[0])
    if "relation" in described:
        return "tally relation", {**places, **_place(described, rng)}
    return "tally", places


def _joined(
    name: str, operands: list[Any], rng: random.Random
) -> tuple[str, dict[str, str]]:  # fmt: skip
    """Statements about both pictures: the same noun in each, or two conjoined sentences."""
    (_, (_, left), _), (sign, (_, right), _) = operands
    places = {**_nouns(left, rng), **_images(rng, "left")}
    if left["phrase"] == right["phrase"] and sign == ">=":
        return name, places
    noun, attributes = _phrase(right["phrase"])
    places["another"] = one(rng, noun, attributes)
    places["others"] = many(rng, noun, attributes)
    return f"conjunction {'but' if sign == '==' else name}", places


def _amount(name: str, amount: int, phrase: str, rng: random.Random) -> dict[str, str]:
    """``at least two cats``, ``two cats or more``, and the verb that goes with it."""
    noun, attributes = _phrase(phrase)
    said = number(rng, amount, noun, attributes)
    before = {
        "==": ("exactly", "exactly", "exactly", "precisely", "just"),
        ">=": ("at least", "at least", "at least", "no fewer than", "a minimum of"),
        "<=": ("at most", "at most", "at most", "no more than", "a maximum of"),
    }[name]
    text = f"{rng.choice(before)} {said}"
    if name != "==" and rng.random() < 0.12:
        text = f"{said} or {'more' if name == '>=' else 'fewer'}"
    return {"amount": text, "be": "is" if amount == 1 else "are"}
