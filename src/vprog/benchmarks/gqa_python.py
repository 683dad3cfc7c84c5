"""Functional programs -> the ``python`` language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vprog.benchmarks.gqa_semantic import (
    SCENE,
    Operation,
    choice_question,
    comparison_question,
    is_question,
    name_question,
    relation_choice_question,
    relation_holds_question,
    relation_question,
    short_relation,
    value_question,
)

_CENTRES = {
    "left": ("horizontal_center", "<"),
    "right": ("horizontal_center", ">"),
    "above": ("vertical_center", ">"),
    "below": ("vertical_center", "<"),
    "top": ("vertical_center", ">"),
    "bottom": ("vertical_center", "<"),
}
"""Side -> coordinate and comparison; y grows upward in this language."""

_TAKEN = frozenset(
    {"image", "left", "right", "answer", "distance", "p", "all", "any", "set", "len"}
)


class PythonText:
    """Lines of a program's body with readable variable names."""

    def __init__(self, *parameters: str) -> None:
        """Starts a function over pictures."""
        self.parameters = parameters
        self.lines: list[str] = []
        self._names: Counter[str] = Counter()

    def add(self, name: str, expression: str) -> str:
        """Appends an assignment; the variable is called after ``name``."""
        stem = re.sub(r"\W+", "_", name.lower()).strip("_") or "value"
        if stem[0].isdigit() or stem in _TAKEN:
            stem = f"the_{stem}"
        self._names[stem] += 1
        number = self._names[stem]
        variable = stem if number == 1 else f"{stem}_{number}"
        self.lines.append(f"{variable} = {expression}")
        return variable

    def finished(self, expression: str) -> str:
        """The program that answers with an expression."""
        head = f"def execute_command({', '.join(self.parameters)}):"
        return "\n    ".join((head, *self.lines, f"return {expression}"))


def comparison(side: str, one: str, two: str) -> str:
    """``cat.horizontal_center < dog.horizontal_center``."""
    coordinate, sign = _CENTRES[side]
    return f"{one}.{coordinate} {sign} {two}.{coordinate}"


@dataclass(slots=True)
class _Things:
    """Objects that a program speaks of.

    Attributes:
        noun: What they are called.
        source: Expression for their patches.
        patches: Variable that holds them, once it is needed.
        single: Variable that holds the first one, once only one is meant.
        relation: Relation to ``anchor`` that boxes do not tell.
        anchor: Noun of the object they are related to.
    """

    noun: str
    source: str
    patches: str = ""
    single: str = ""
    relation: Operation | None = None
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class _Value:
    """An expression, and whether it is a boolean."""

    expression: str
    truth: bool = False


def python_program(operations: Sequence[Operation], families: Sequence[str]) -> str:
    """Writes a ``python`` program; see ``steps_program``."""
    writer = _Writer(families)
    for operation in operations:
        writer.nodes.append(writer.node(operation))
    last = writer.nodes[-1]
    answer = last if isinstance(last, _Value) else writer.exist(last)
    said = f"bool_to_yesno({answer.expression})" if answer.truth else answer.expression
    return writer.text.finished(said)


class _Writer:
    def __init__(self, families: Sequence[str]) -> None:
        self.text = PythonText("image")
        self.families = families
        self.nodes: list[_Things | _Value] = []

    def things(self, index: int) -> _Things:
        node = self.nodes[index]
        assert isinstance(node, _Things), "an operation over objects got an answer"
        return node

    def truth(self, index: int) -> str:
        node = self.nodes[index]
        if isinstance(node, _Things):
            node = self.exist(node)
        return node.expression if node.truth else f'{node.expression} == "yes"'

    def patches(self, things: _Things) -> str:
        if not things.patches:
            things.patches = self.text.add(f"{things.noun}_patches", things.source)
        return things.patches

    def single(self, things: _Things) -> str:
        if things.noun == SCENE:
            return "image"
        if not things.single:
            patches = self.patches(things)
            things.single = self.text.add(things.noun, f"{patches}[0] if {patches} else image")
        return things.single

    def kept(self, things: _Things, condition: str) -> _Things:
        """The patches ``p`` for which a condition is true."""
        things = _Things(
            things.noun, f"[p for p in {things.patches or things.source} if {condition}]"
        )
        self.patches(things)
        return things

    def exist(self, things: _Things) -> _Value:
        if things.relation is not None:
            question = relation_holds_question(things.relation, things.anchor)
            return _Value(f'image.simple_query({_q(question)}) == "yes"', True)
        return _Value(f"len({self.patches(things)}) > 0", True)

    def value(self, things: _Things, family: str) -> str:
        if family == "name" and things.relation is not None:
            question = relation_question(things.relation, things.anchor)
            return f"image.simple_query({_q(question)})"
        question = value_question(family, things.noun)
        return f"{self.single(things)}.simple_query({_q(question)})"

    def node(self, op: Operation) -> _Things | _Value:
        match op.kind:
            case "select":
                return _found(op.name)
            case "filter":
                return self.filtered(self.things(op.inputs[0]), op)
            case "relate":
                return self.related(self.things(op.inputs[0]), op)
            case "exist":
                return self.exist(self.things(op.inputs[0]))
            case "query":
                return self.query(self.things(op.inputs[0]), op.family)
            case "verify":
                return self.verify(self.things(op.inputs[0]), op)
            case "choose":
                return self.choose(self.things(op.inputs[0]), op)
            case "verify rel":
                return self.exist(self.related(self.things(op.inputs[0]), op))
            case "choose rel":
                return self.choose_relation(self.things(op.inputs[0]), op)
            case "and" | "or":
                one, two = (self.truth(i) for i in op.inputs)
                return _Value(f"{one} {op.kind} {two}", True)
            case "same" | "different":
                return self.same(op)
            case "common":
                return self.common(op)
            case "compare":
                return self.compare(op)

    def filtered(self, things: _Things, op: Operation) -> _Things:
        value = op.values[0]
        if op.family in ("hposition", "vposition") and value in _CENTRES:
            condition = comparison(value, "p", "image")
        else:
            condition = f"p.verify_property({_q(things.noun)}, {_q(value)})"
        return self.kept(things, f"not {condition}" if op.negated else condition)

    def related(self, anchor: _Things, op: Operation) -> _Things:
        relation = op.values[0]
        if relation.startswith("same "):
            value = self.text.add(
                relation.removeprefix("same "),
                self.value(anchor, relation.removeprefix("same ")),
            )
            return self.kept(_found(op.name), f"p.verify_property({_q(op.name)}, {value})")
        one = self.single(anchor)
        if op.side:
            return self.kept(_found(op.name), comparison(op.side, "p", one))
        # A relation that boxes do not tell: where patches are needed, the nearest one is meant.
        near = f"sorted(image.find({_q(op.name)}), key=lambda p: distance(p, {one}))[:1]"
        return _Things(op.name, near, relation=op, anchor=anchor.noun)

    def query(self, things: _Things, family: str) -> _Value:
        if family in ("hposition", "vposition"):
            first, second = ("left", "right") if family == "hposition" else ("top", "bottom")
            condition = comparison(first, self.single(things), "image")
            return _Value(f'"{first}" if {condition} else "{second}"')
        return _Value(self.value(things, family))

    def verify(self, things: _Things, op: Operation) -> _Value:
        value, one = op.values[0], self.single(things)
        if op.family in ("hposition", "vposition") and value in _CENTRES:
            return _Value(comparison(value, one, "image"), True)
        if things.noun == SCENE:
            question = is_question(op.family, things.noun, value)
            return _Value(f'image.simple_query({_q(question)}) == "yes"', True)
        return _Value(f"{one}.verify_property({_q(things.noun)}, {_q(value)})", True)

    def choose(self, things: _Things, op: Operation) -> _Value:
        one = self.single(things)
        if op.family in ("hposition", "vposition") and set(op.values) <= set(_CENTRES):
            condition = comparison(op.values[0], one, "image")
            return _Value(f'"{op.values[0]}" if {condition} else "{op.values[1]}"')
        if things.noun == SCENE:
            question = choice_question(op.family, things.noun, op.values)
            return _Value(f"image.simple_query({_q(question)})")
        return _Value(f"{one}.best_text_match([{', '.join(map(_q, op.values))}])")

    def choose_relation(self, anchor: _Things, op: Operation) -> _Value:
        first, second = op.values[0], op.values[-1]
        side = op.side_of(first)
        if not side:
            question = relation_choice_question(op, anchor.noun)
            return _Value(f"image.simple_query({_q(question)})")
        named = self.single(_found(op.name))
        condition = comparison(side, named, self.single(anchor))
        return _Value(f'"{short_relation(first)}" if {condition} else "{short_relation(second)}"')

    def same(self, op: Operation) -> _Value:
        things = self.things(op.inputs[0])
        if len(op.inputs) == 2:
            sign = "==" if op.kind == "same" else "!="
            one, two = (
                self.value(things, op.family),
                self.value(self.things(op.inputs[1]), op.family),
            )
            return _Value(f"{one} {sign} {two}", True)
        question = (
            name_question(things.noun)
            if op.family == "type"
            else value_question(op.family, things.noun)
        )
        values = self.text.add(
            f"{op.family}s", f"[p.simple_query({_q(question)}) for p in {self.patches(things)}]"
        )
        alike = f"all([v == {values}[0] for v in {values}])"
        return _Value(alike if op.kind == "same" else f"not {alike}", True)

    def common(self, op: Operation) -> _Value:
        one, two = (self.things(i) for i in op.inputs)
        for family in self.families[:-1]:
            first, second = self.value(one, family), self.value(two, family)
            self.text.lines += [f"if {first} == {second}:", f'    return "{family}"']
        return _Value(f'"{self.families[-1]}"')

    def compare(self, op: Operation) -> _Value:
        one, two = (self.things(i) for i in op.inputs)
        if op.family in ("larger", "smaller") and "size" in self.families:
            wanted = "large" if op.family == "larger" else "small"
            size = self.value(one, "size")
            return _Value(f'"{one.noun}" if {size} == "{wanted}" else "{two.noun}"')
        question = comparison_question(op.family, one.noun, two.noun)
        return _Value(f"image.simple_query({_q(question)})")


def _found(noun: str) -> _Things:
    return _Things(noun, f"image.find({_q(noun)})")


def _q(text: str) -> str:
    """A double-quoted Python literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
