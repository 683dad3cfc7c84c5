"""Meanings as programs of the `steps` language, where it can say them without loops.

Containers that fulfil a condition are a chain of filters (HOLDING), so only what is a conjunction
of counts can be said; colours that a condition tries are written out one by one.
"""

from __future__ import annotations

from meaning import COLOR, COLORS, SHAPE, SHAPES, Meaning

MOST = 99
_DOMAIN = {"colors": (COLOR, COLORS), "shapes": (SHAPE, SHAPES)}


class UnsayableError(Exception):
    """The meaning needs a loop."""


def program(meaning: Meaning) -> str | None:
    """The program, or None where the language cannot say it in a few lines."""
    writer = _Writer()
    try:
        text = writer.answer(meaning)
    except UnsayableError:
        return None
    lines = [*writer.lines, f'ANSWER0=EVAL(expr="{text}")', "FINAL_RESULT=RESULT(var=ANSWER0)"]
    return "\n".join(lines) + "\n" if len(lines) <= 16 else None


class _Writer:
    """Lines so far, and which variable holds the value of a call."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def let(self, stem: str, call: str) -> str:
        """The variable with the value of a call, in a new line if it is not there yet."""
        if call not in self._known:
            number = self._numbers.get(stem, 0)
            self._numbers[stem] = number + 1
            self._known[call] = f"{stem}{number}"
            self.lines.append(f"{stem}{number}={call}")
        return self._known[call]

    def number(self, boxes: str) -> str:
        """The count of boxes as EVAL names it."""
        return "{" + self.let("COUNT", f"COUNT(box={boxes})") + "}"

    def answer(self, meaning: Meaning) -> str:
        """The expression that says whether a condition on the whole picture holds."""
        kind = meaning[0]
        if kind == "count":
            things, op, n = meaning[1:]
            if things[0] == "off":
                every = self.number(self.things(things[1], "boxes"))
                at_edge = self.number(self.things(("edge", *things[1:]), "boxes"))
                return f"{every} - {at_edge} {op} {n}"
            return f"{self.number(self.things(things, 'boxes'))} {op} {n}"
        if kind == "compare":
            one, other = (self.number(self.things(p, "boxes")) for p in (meaning[1], meaning[3]))
            return f"{one} {meaning[2]} {other}"
        if kind in ("and", "or"):
            return f" {kind} ".join(self.answer(part) for part in meaning[1:])
        if kind in ("boxes", "towers"):
            return self._containers(meaning)
        if kind in _DOMAIN and meaning[2:] == (">=", 1):
            return " or ".join(self.answer(part) for part in _each(meaning))
        if kind in _DOMAIN and meaning[2:] == ("==", 3):
            return " and ".join(self.answer(part) for part in _each(meaning))
        raise UnsayableError

    def _containers(self, meaning: Meaning) -> str:
        kind, condition, op, n = meaning
        if condition[0] in _DOMAIN and condition[2:] == (">=", 1) and (op, n) == (">=", 1):
            return " or ".join(self._containers((kind, part, op, n)) for part in _each(condition))
        count = self.number(self.filtered(condition, kind, self.containers(kind)))
        if op == "all":
            every = "3" if kind == "boxes" else self.number(self.containers(kind))
            return f"{count} == {every}"
        return f"{count} {op} {n}"

    def containers(self, kind: str) -> str:
        """The boxes or towers."""
        if kind == "boxes":
            return self.let("BOXES", "GREY_BOXES(image=IMAGE)")
        blocks = self.things(("find", "", "block"), kind)
        return self.let("TOWERS", f"TOWERS(blocks={blocks})")

    def filtered(self, condition: Meaning, kind: str, containers: str) -> str:
        """Those of the containers that fulfil a condition."""
        if condition[0] == "and":
            for part in condition[1:]:
                containers = self.filtered(part, kind, containers)
            return containers
        if condition[0] in _DOMAIN:
            return self._kinds(condition, kind, containers)
        if condition[0] != "count" or condition[1][0] == "off":
            raise UnsayableError
        things = self.things(condition[1], kind)
        bounds = _bounds(condition[2], condition[3])
        return self.let("WITH", f"HOLDING(containers={containers},boxes={things}{bounds})")

    def _kinds(self, condition: Meaning, kind: str, containers: str) -> str:
        name, tried, op, n = condition
        variable, options = _DOMAIN[name]
        things = tried[1]
        if tried[0] != "count" or tried[2:] != (">=", 1) or things[0] != "find":
            raise UnsayableError
        plain = (
            "find",
            "" if variable == COLOR else things[1],
            "item" if things[2] == SHAPE else things[2],
        )
        boxes = self.things(plain, kind)
        names = ",".join(f"'{option}'" for option in options)
        sorted_out = self.let(
            "SORTED", f"CLASSIFY(image=IMAGE,object={boxes},categories=[{names}])"
        )
        bounds = _bounds(op, n)
        return self.let(
            "WITH", f"HOLDING_KINDS(containers={containers},boxes={sorted_out}{bounds})"
        )

    def things(self, things: Meaning, kind: str) -> str:
        """The variable with a set."""
        name, of = things[0], things[1]
        if name == "find":
            if COLOR in things or SHAPE in things:
                raise UnsayableError
            phrase = f"{of} {things[2]}".strip()
            return self.let("SET", f"LOC(image=IMAGE,object='{phrase}')")
        inner = self.things(of, kind)
        if name == "size":
            return self.let("SET", f"OF_SIZE(boxes={inner},size='{things[2]}')")
        if name == "edge":
            boxes = self.let("BOXES", "GREY_BOXES(image=IMAGE)")
            edge = "" if things[2] == "any" else f",edge='{things[2]}'"
            return self.let("SET", f"TOUCHING_EDGE(boxes={inner},containers={boxes}{edge})")
        if name == "at":
            containers = self.containers(kind)
            ranked = self.things(("find", "", "block" if kind == "towers" else "item"), kind)
            level = self.let(
                "LEVEL", f"LEVEL(containers={containers},boxes={ranked},number={things[2]})"
            )
            return self.let("SET", f"INSIDE(boxes={inner},containers={level})")
        if name not in ("on", "touch"):
            raise UnsayableError
        tool = {"on": "ON_TOP_OF", "touch": "TOUCHING"}[name]
        others = self.things(things[2], kind)
        return self.let("SET", f"{tool}(boxes={inner},others={others})")


def _bounds(op: str, n: int) -> str:
    least, most = {
        "==": (n, n),
        ">=": (n, MOST),
        "<=": (0, n),
        ">": (n + 1, MOST),
        "<": (0, n - 1),
    }[op]
    text = "" if least == 1 else f",at_least={least}"
    return text + ("" if most == MOST else f",at_most={most}")


def _each(meaning: Meaning) -> list[Meaning]:
    """The tried condition with every colour or shape put in."""
    variable, options = _DOMAIN[meaning[0]]

    def put(part: object, value: str) -> object:
        if isinstance(part, tuple):
            return tuple(put(p, value) for p in part)
        return value if part == variable else part

    return [put(meaning[1], option) for option in options]  # type: ignore[misc]
