"""Functional programs -> the ``steps`` language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

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

CROPS = {
    "left": "CROP_LEFTOF",
    "right": "CROP_RIGHTOF",
    "above": "CROP_ABOVE",
    "below": "CROP_BELOW",
    "top": "CROP_ABOVE",
    "bottom": "CROP_BELOW",
}
"""Module that keeps one side of a box (or half of the picture)."""

_ACROSS = {"left": "TOP", "right": "TOP", "top": "LEFT", "bottom": "LEFT"}
"""Half of the picture whose centre lies on the line that cuts off a side."""


class StepsText:
    """Lines of a ``steps`` program with numbered variables."""

    def __init__(self) -> None:
        """Starts empty."""
        self.lines: list[str] = []
        self._numbers: Counter[str] = Counter()
        self._known: dict[str, str] = {}

    def add(self, prefix: str, call: str) -> str:
        """Appends ``<prefix><number>=call`` and returns the variable; equal calls are made once."""
        if call not in self._known:
            self._known[call] = f"{prefix}{self._numbers[prefix]}"
            self._numbers[prefix] += 1
            self.lines.append(f"{self._known[call]}={call}")
        return self._known[call]

    def evaluate(self, expression: str, prefix: str = "ANSWER") -> str:
        """Appends an EVAL."""
        return self.add(prefix, f"EVAL(expr={quoted(expression)})")

    def count(self, boxes: str) -> str:
        """Appends a COUNT."""
        return self.add("COUNT", f"COUNT(box={boxes})")

    def finished(self, variable: str) -> str:
        """The program that answers with a variable."""
        return "\n".join((*self.lines, f"FINAL_RESULT=RESULT(var={variable})"))


def quoted(text: str) -> str:
    """A literal of the language, in the quotes that need no escape where there are such."""
    if '"' not in text:
        return f'"{text}"' if "'" in text else f"'{text}'"
    return repr(text)


@dataclass(frozen=True, slots=True)
class _Things:
    """Objects that a program speaks of, before they are looked for."""

    image: str
    noun: str
    adjectives: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    phrase_variable: str = ""
    relation: Operation | None = None
    anchor: str = ""

    @property
    def phrase(self) -> str:
        """As LOC is asked for it: a variable, or a quoted phrase."""
        if self.phrase_variable:
            return self.phrase_variable
        text = " ".join((*self.adjectives, self.noun))
        if self.without:
            text += " that is " + " and ".join(f"not {value}" for value in self.without)
        return quoted(text)


def steps_program(operations: Sequence[Operation], families: Sequence[str]) -> str:
    """Writes a ``steps`` program.

    Args:
        operations: The functional program.
        families: Attribute families in which objects can agree (for ``common``).
    """
    writer = _Writer(operations, families)
    for operation in operations:
        writer.nodes.append(writer.node(operation))
    last = writer.nodes[-1]
    return writer.text.finished(last if isinstance(last, str) else writer.exist(last))


class _Writer:
    def __init__(self, operations: Sequence[Operation], families: Sequence[str]) -> None:
        self.text = StepsText()
        self.operations = operations
        self.families = families
        self.nodes: list[_Things | str] = []

    def things(self, index: int) -> _Things:
        node = self.nodes[index]
        assert isinstance(node, _Things), "an operation over objects got an answer"
        return node

    def boxes(self, things: _Things) -> str:
        return self.text.add("BOX", f"LOC(image={things.image},object={things.phrase})")

    def crop(self, things: _Things) -> str:
        if things.noun == SCENE:
            return "IMAGE"
        return self.text.add("IMAGE", f"CROP(image=IMAGE,box={self.boxes(things)})")

    def ask(self, image: str, question: str, prefix: str = "ANSWER") -> str:
        return self.text.add(prefix, f"VQA(image={image},question={quoted(question)})")

    def exist(self, things: _Things) -> str:
        if things.relation is not None:
            return self.ask(things.image, relation_holds_question(things.relation, things.anchor))
        return self.some(self.boxes(things))

    def some(self, boxes: str) -> str:
        return self.text.evaluate(f"'yes' if {{{self.text.count(boxes)}}} > 0 else 'no'")

    def beside(self, things: _Things, side: str) -> str:
        """The part of the picture on one side of the things' first box."""
        return self.text.add("IMAGE", f"{CROPS[side]}(image=IMAGE,box={self.boxes(things)})")

    def half(self, things: _Things, side: str) -> _Things:
        """The things in one half of the picture."""
        line = self.text.add("BOX", f"LOC(image=IMAGE,object='{_ACROSS[side]}')")
        image = self.text.add("IMAGE", f"{CROPS[side]}(image={things.image},box={line})")
        return replace(things, image=image)

    def in_half(self, things: _Things, side: str) -> str:
        return self.text.count(self.boxes(self.half(things, side)))

    def value(self, things: _Things, family: str, prefix: str = "ANSWER") -> str:
        if family == "name" and things.relation is not None:
            return self.ask(things.image, relation_question(things.relation, things.anchor), prefix)
        return self.ask(self.crop(things), value_question(family, things.noun), prefix)

    def node(self, op: Operation) -> _Things | str:
        match op.kind:
            case "select":
                return _Things("IMAGE", op.name)
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
                one, two = (self.nodes[i] for i in op.inputs)
                return self.text.evaluate(f"'yes' if {{{one}}} {op.kind} {{{two}}} else 'no'")
            case "same" | "different":
                return self.same(op)
            case "common":
                return self.common(op)
            case "compare":
                return self.compare(op)

    def filtered(self, things: _Things, op: Operation) -> _Things:
        value = op.values[0]
        if op.family in ("hposition", "vposition"):
            if value in CROPS and not op.negated:
                return self.half(things, value)
            value = f"in the {value}"
        if things.relation is not None and not things.relation.side:
            things = replace(things, relation=None)
        if op.negated:
            return replace(things, without=(*things.without, value))
        return replace(things, adjectives=(value, *things.adjectives))

    def related(self, anchor: _Things, op: Operation) -> _Things:
        relation = op.values[0]
        if relation.startswith("same "):
            value = self.value(anchor, relation.removeprefix("same "), "VALUE")
            phrase = self.text.evaluate(f"{{{value}}} + {quoted(' ' + op.name)}", "PHRASE")
            return _Things("IMAGE", op.name, phrase_variable=phrase)
        if op.side:
            return _Things(self.beside(anchor, op.side), op.name)
        return _Things(self.crop(anchor), op.name, relation=op, anchor=anchor.noun)

    def query(self, things: _Things, family: str) -> str:
        if family in ("hposition", "vposition"):
            first, second = ("left", "right") if family == "hposition" else ("top", "bottom")
            inside = self.in_half(things, first)
            return self.text.evaluate(f"'{first}' if {{{inside}}} > 0 else '{second}'")
        return self.value(things, family)

    def verify(self, things: _Things, op: Operation) -> str:
        value = op.values[0]
        if op.family in ("hposition", "vposition") and value in CROPS:
            return self.text.evaluate(f"'yes' if {{{self.in_half(things, value)}}} > 0 else 'no'")
        return self.ask(self.crop(things), is_question(op.family, things.noun, value))

    def choose(self, things: _Things, op: Operation) -> str:
        if op.family in ("hposition", "vposition") and set(op.values) <= set(CROPS):
            inside = self.in_half(things, op.values[0])
            return self.text.evaluate(f"'{op.values[0]}' if {{{inside}}} > 0 else '{op.values[1]}'")
        return self.ask(self.crop(things), choice_question(op.family, things.noun, op.values))

    def choose_relation(self, anchor: _Things, op: Operation) -> str:
        first, second = op.values[0], op.values[-1]
        side = op.side_of(first)
        if not side:
            return self.ask(self.crop(anchor), relation_choice_question(op, anchor.noun))
        inside = self.text.count(self.boxes(_Things(self.beside(anchor, side), op.name)))
        return self.text.evaluate(
            f"'{short_relation(first)}' if {{{inside}}} > 0 else '{short_relation(second)}'"
        )

    def same(self, op: Operation) -> str:
        things = self.things(op.inputs[0])
        sign = "==" if op.kind == "same" else "!="
        if len(op.inputs) == 2:
            one = self.value(things, op.family, "VALUE")
            two = self.value(self.things(op.inputs[1]), op.family, "VALUE")
        else:
            # All of a kind agree if as many have the first one's value.
            if op.family == "type":
                value = self.ask(self.crop(things), name_question(things.noun), "VALUE")
                phrase = value
            else:
                value = self.value(things, op.family, "VALUE")
                phrase = self.text.evaluate(f"{{{value}}} + {quoted(' ' + things.noun)}", "PHRASE")
            alike = self.text.add("BOX", f"LOC(image={things.image},object={phrase})")
            one, two = self.text.count(self.boxes(things)), self.text.count(alike)
        return self.text.evaluate(f"'yes' if {{{one}}} {sign} {{{two}}} else 'no'")

    def common(self, op: Operation) -> str:
        one, two = (self.things(i) for i in op.inputs)
        answer = f"'{self.families[-1]}'"
        for family in reversed(self.families[:-1]):
            first, second = self.value(one, family, "VALUE"), self.value(two, family, "VALUE")
            answer = f"'{family}' if {{{first}}} == {{{second}}} else {answer}"
        return self.text.evaluate(answer)

    def compare(self, op: Operation) -> str:
        one, two = (self.things(i) for i in op.inputs)
        if op.family in ("larger", "smaller") and "size" in self.families:
            size = self.value(one, "size", "VALUE")
            wanted = "large" if op.family == "larger" else "small"
            return self.text.evaluate(f"'{one.noun}' if {{{size}}} == '{wanted}' else '{two.noun}'")
        return self.ask("IMAGE", comparison_question(op.family, one.noun, two.noun))
