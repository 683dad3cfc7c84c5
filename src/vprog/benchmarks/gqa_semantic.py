"""GQA's functional programs, read: operations with their arguments taken apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vprog.errors import InputError

Kind = Literal[
    "select", "filter", "relate", "query", "verify", "verify rel", "choose", "choose rel", "exist",
    "and", "or", "same", "different", "common", "compare",
]  # fmt: skip

SIDES: dict[str, str] = {
    "to the left of": "left",
    "to the right of": "right",
    "above": "above",
    "over": "above",
    "below": "below",
    "under": "below",
    "beneath": "below",
    "underneath": "below",
}
"""Relations that are told from the centres of boxes."""

OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}

SCENE = "scene"
"""Name that stands for the whole picture."""

_THINGS = ("select", "filter", "relate")
"""Kinds that find objects; all others end in a value."""

_INPUTS: dict[Kind, tuple[int, ...]] = {
    "select": (0,), "filter": (1,), "relate": (1,), "query": (1,), "verify": (1,),
    "verify rel": (1,), "choose": (1,), "choose rel": (1,), "exist": (1,), "and": (2,), "or": (2,),
    "same": (1, 2), "different": (1, 2), "common": (2,), "compare": (2,),
}  # fmt: skip
"""How many operations one works on."""

_IDS = re.compile(r"\s+\((?:-|[\w,]+)\)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    Attributes:
        kind: What it does; ``compare`` is GQA's ``choose larger`` and its like over two objects.
        family: Attribute family, ``name``, ``hposition``, ``vposition``, or the comparative.
        name: Of the objects, ``object`` for GQA's ``_``.
        values: Attribute value, options, or relations.
        negated: Whether a filter keeps what lacks the value.
        subject: For relations: whether the named object is the relation's subject.
        inputs: Indices of the operations it works on.
    """

    kind: Kind
    family: str = ""
    name: str = ""
    values: tuple[str, ...] = ()
    negated: bool = False
    subject: bool = True
    inputs: tuple[int, ...] = ()

    @property
    def side(self) -> str:
        """On which side of the input the named object lies, "" where boxes do not tell."""
        return self.side_of(self.values[0]) if self.values else ""

    def side_of(self, relation: str) -> str:
        """The same for one of several relations."""
        side = SIDES.get(relation, "")
        return side if self.subject or not side else OPPOSITE[side]


def read_semantic(rows: Sequence[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """Reads the ``semantic`` field of a GQA question.

    Raises:
        InputError: An operation is unknown or malformed; the message shows it.
    """
    if not rows:
        raise InputError("a functional program needs at least one operation")
    operations: list[Operation] = []
    for row in rows:
        try:
            name, argument = row["operation"].strip(), row["argument"]
            inputs = tuple(int(i) for i in row["dependencies"])
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                "a functional program's operation needs 'operation', 'argument' and "
                f"'dependencies'; found {row!r}"
            ) from error
        if any(not 0 <= i < len(operations) for i in inputs):
            raise InputError(f"operation {row!r} depends on one that does not come before it")
        operation = _read(name, _IDS.sub("", argument).strip(), inputs)
        if len(inputs) not in _INPUTS[operation.kind]:
            needed = " or ".join(map(str, _INPUTS[operation.kind]))
            raise InputError(f"operation {row!r} needs {needed} dependencies, not {len(inputs)}")
        wanted = operation.kind not in ("and", "or")
        if any((operations[i].kind in _THINGS) != wanted for i in inputs):
            needs = "finds objects" if wanted else "says yes or no"
            raise InputError(f"operation {row!r} needs one before it that {needs}")
        operations.append(operation)
    return tuple(operations)


def _read(operation: str, argument: str, inputs: tuple[int, ...]) -> Operation:
    head, _, family = operation.partition(" ")
    match head, family:
        case "select", "":
            return Operation(kind="select", name=_name(argument))
        case "relate", "":
            name, relation, role = _relation(argument)
            return Operation(
                kind="relate", name=name, values=(relation,), subject=role, inputs=inputs
            )
        case "verify", "rel":
            name, relation, role = _relation(argument)
            return Operation(
                kind="verify rel", name=name, values=(relation,), subject=role, inputs=inputs
            )
        case "choose", "rel":
            name, relations, role = _relation(argument)
            options = tuple(r.strip() for r in relations.split("|"))
            return Operation(
                kind="choose rel", name=name, values=options, subject=role, inputs=inputs
            )
        case "filter", _:
            found = re.fullmatch(r"not\((.*)\)", argument)
            value = found.group(1) if found else argument
            return Operation(
                kind="filter", family=family, values=(value,), negated=bool(found), inputs=inputs
            )
        case "query", _:
            return Operation(kind="query", family=family or argument, inputs=inputs)
        case "verify", _:
            return Operation(kind="verify", family=family, values=(argument,), inputs=inputs)
        case "choose", _ if len(inputs) == 2:
            return Operation(kind="compare", family=family or argument, inputs=inputs)
        case "choose", _:
            options = tuple(option.strip() for option in argument.split("|"))
            return Operation(kind="choose", family=family, values=options, inputs=inputs)
        case ("same" | "different") as kind, _:
            return Operation(kind=kind, family=family or argument, inputs=inputs)
        case ("exist" | "and" | "or" | "common") as kind, "":
            return Operation(kind=kind, inputs=inputs)
        case _:
            raise InputError(
                f"unknown operation {operation!r} ({argument!r}) in a functional program. Known: "
                "select, filter, relate, query, verify, choose, exist, and, or, same, different, "
                "common"
            )


def _name(argument: str) -> str:
    return "object" if argument == "_" else argument


def _relation(argument: str) -> tuple[str, str, bool]:
    """``name,relation,s`` -> name, relation, whether the name is the subject."""
    parts = [part.strip() for part in argument.rsplit(",", 2)]
    if len(parts) != 3 or parts[2] not in ("s", "o", "_"):
        raise InputError(
            f"a relation's argument is name,relation,s or name,relation,o; found {argument!r}"
        )
    return _name(parts[0]), parts[1], parts[2] != "o"


_QUESTIONS = {
    "color": "What color is the {}?",
    "size": "What size is the {}?",
    "pattern": "What pattern does the {} have?",
    "material": "What material is the {} made of?",
    "shape": "What shape is the {}?",
    "activity": "What is the {} doing?",
    "sportActivity": "What is the {} doing?",
    "pose": "What is the {} doing?",
}
_SCENE_QUESTIONS = {
    "place": "What place is this?",
    "location": "Is this indoors or outdoors?",
    "weather": "How is the weather?",
    "room": "What room is this?",
    "background": "What is the background?",
}


def value_question(family: str, noun: str) -> str:
    """A simple question for an attribute: ``What color is the cat?``."""
    if noun == SCENE:
        return _SCENE_QUESTIONS.get(family, f"What {family or 'place'} is this?")
    if family == "name":
        return name_question(noun)
    return _QUESTIONS.get(family, f"What {family or 'kind'} is the {{}}?").format(noun)


def name_question(noun: str) -> str:
    """``What kind of animal is this?``."""
    if noun == "person":
        return "Who is this?"
    return "What is this?" if noun == "object" else f"What kind of {noun} is this?"


def is_question(family: str, noun: str, value: str) -> str:
    """``Is the cat red?``."""
    if noun == SCENE:
        return f"Is the background {value}?" if family == "background" else f"Is it {value}?"
    if family == "name":
        return f"Is this {article(value)}?"
    return f"Is the {noun} {value}?"


def choice_question(family: str, noun: str, options: Sequence[str]) -> str:
    """``Is the cat red or blue?``."""
    if family == "name":
        return f"Is this {' or '.join(map(article, options))}?"
    said = " or ".join(options)
    if noun == SCENE:
        return f"Is the background {said}?" if family == "background" else f"Is it {said}?"
    return f"Is the {noun} {said}?"


def relation_question(operation: Operation, anchor: str) -> str:
    """A question for what stands in a relation: ``What is on the table?``."""
    relation, name = operation.values[0], operation.name
    asked = "Who" if name == "person" else "What" if name == "object" else f"Which {name}"
    if operation.subject:
        return f"{asked} is {relation} the {anchor}?"
    return f"{asked} is the {anchor} {relation}?"


def relation_holds_question(operation: Operation, anchor: str) -> str:
    """``Is there a hat on the table?``, ``Is the man holding a cup?``."""
    relation, name = operation.values[0], operation.name
    if operation.subject:
        return f"Is there {article(name)} {relation} the {anchor}?"
    return f"Is the {anchor} {relation} {article(name)}?"


def relation_choice_question(operation: Operation, anchor: str) -> str:
    """``Is the man on or under the table?``."""
    said = " or ".join(operation.values)
    if operation.subject:
        return f"Is the {operation.name} {said} the {anchor}?"
    return f"Is the {anchor} {said} the {operation.name}?"


def short_relation(relation: str) -> str:
    """``to the left of`` -> ``left``: how GQA answers."""
    return relation.removeprefix("to the ").removesuffix(" of")


def article(noun: str) -> str:
    """A noun with its indefinite article; none for what looks plural."""
    if noun.endswith("s") and not noun.endswith(("ss", "us")):
        return noun
    return ("an " if noun[:1].lower() in "aeiou" else "a ") + noun


def comparison_question(comparative: str, one: str, two: str) -> str:
    """``Which is healthier, the apple or the cake?``."""
    return f"Which is {comparative}, the {one} or the {two}?"
