"""Phrases that statements share: things, and how many boxes or towers are meant."""

from __future__ import annotations

from typing import NamedTuple

from meaning import SHAPES, Meaning, count, find
from words import SIZES, Quantity, Words, plural

Phrase = tuple[str, Meaning]


class Head(NamedTuple):
    """How a statement begins, what must hold how often, and whether a verb must follow."""

    text: str
    op: str
    n: int
    verb: bool
    many: bool


def noun_of(w: Words, *, blocks: bool = False) -> tuple[str, str]:
    """A general noun: as people say it, and as programs do."""
    if blocks:
        return w.one(*("block",) * 12, "item", "object", "square", "box"), "block"
    return w.one(*("item",) * 10, *("object",) * 8, "shape", "thing", "figure"), "item"


def thing(
    w: Words, many: bool, *, blocks: bool = False, colored: float = 0.8, size: float = 0.04
) -> Phrase:
    """A thing without article, such as "small black squares": text and set."""
    color = w.color() if w.chance(colored) else ""
    if blocks:
        said, noun = noun_of(w, blocks=True)
        said = plural(said, many) if said != "box" or not many else "boxes"
        form = w.one(*("{c} {n}",) * 30, "{c} color {n}", "{c} colored {n}") if color else "{c} {n}"
        return form.format(c=color, n=said).strip(), find(color, noun)
    said, noun = noun_of(w) if w.chance(0.45) else (shape := w.shape(), shape)
    if noun in SHAPES and w.chance(0.05):
        said = {"triangle": "triangular", "circle": "circular", "square": "square"}[noun] + " item"
    form = w.one(*("{c} {n}",) * 30, "{c} color {n}", "{c} colored {n}") if color else "{c} {n}"
    text, things = form.format(c=color, n=plural(said, many)).strip(), find(color, noun)
    if w.chance(size):
        word = w.one(*SIZES)
        things = ("size", things, SIZES[word])
        text = f"{text} of {word} size" if w.chance(0.2) else f"{word} {text}"
    return text, things


def counted(
    w: Words,
    *,
    blocks: bool = False,
    high: int = 5,
    a: float = 0.35,
    no: float = 0.02,
    colored: float = 0.8,
) -> Phrase:
    """A number of things, such as "at least two circles": text and condition."""
    q = w.quantity(high, a=a, no=no)
    text, things = thing(w, q.plural, blocks=blocks, colored=colored)
    return f"{q.text} {text}", count(things, q.op, q.n)


def touching(w: Words, many: bool, *, clause: bool = False) -> tuple[str, str, bool]:
    """``touching the wall``: text, edge, and whether it is denied."""
    edge, name = w.edge()
    adverb = w.one("", "", "", "closely ", "closely ", "directly ")
    verb = w.one(*("touching",) * 12, "attached to", "at", "on", "in contact with")
    if edge in ("corner", "any") and w.chance(0.03):
        verb = w.one("in", "near")
    denied = w.chance(0.3) and verb in ("touching", "attached to")
    be = ("are" if many else "is") if clause else ""
    if not clause and w.chance(0.06):
        be = f"{w.one('that', 'which')} {'are' if many else 'is'}"
    if not clause and not denied and not be and w.chance(0.02):
        return f"that {'touch' if many else 'touches'} {name}", edge, False
    negation = "not " if denied else ""
    return f"{be} {negation}{adverb}{verb} {name}".strip(), edge, denied


def edged(things: Meaning, edge: str, denied: bool) -> Meaning:
    """Those of the things that touch an edge, or do not."""
    return ("off" if denied else "edge", things, edge)


def container(w: Words, many: bool) -> str:
    """What people call a grey box."""
    name = w.one(
        *("box",) * 9, "grey box", "grey box", "grey square", "square", "grey area", "gray box"
    )
    if not many:
        return name
    return name + ("es" if name.endswith("box") else "s")


def head(w: Words, kind: str) -> Head:
    """The beginning of a statement about boxes or towers.

    A bare "1" or "one" asks for one or more; of higher numbers it is exactly that many.
    """
    tower = kind == "towers"

    def named(many: bool) -> str:
        return plural("tower", many) if tower else container(w, many)

    draw = w.rng.random()
    if draw < 0.42:
        a = w.one(*("a",) * 14, "as", "at least a", "")
        return Head(f"there is {a} {named(False)}".replace("  ", " "), ">=", 1, False, False)
    if draw < 0.55:
        one = w.one("1", "1", "one")
        return Head(f"there is {one} {named(False)}", ">=", 1, False, False)
    if draw < 0.76:
        q = w.quantity(3, a=0.0, no=0.08)
        be = "are" if q.plural else "is"
        if q.op == "==" and q.n == 1 and q.text in ("1", "one"):
            q = Quantity(q.text, ">=", 1, False)
        return Head(f"there {be} {q.text} {named(q.plural)}", q.op, q.n, False, q.plural)
    if draw < 0.80:
        return Head(f"the {named(False)}", ">=", 1, True, False)
    if draw < 0.89:
        the = w.one("the ", "the ", "the three ", "the 3 ", "")
        start = w.one("one of", "one of", "one of", "at least one of", "t least one of")
        if not the:
            start, number = w.one("one", "at least one", "t least one", "1", "a"), False
        else:
            number = w.chance(0.4)
        return Head(f"{start} {the}{named(number)}", ">=", 1, True, False)
    if draw < 0.93:
        n = w.one("one", "two", "2", "three", "1")
        wanted = {"one": 1, "1": 1, "two": 2, "2": 2, "three": 3}[n]
        how = w.one("exactly ", "exactly ", "only ")
        of = w.one("", "of the ", "of the three ")
        return Head(f"{how}{n} {of}{named(wanted > 1 or of != '')}", "==", wanted, True, wanted > 1)
    if draw < 0.945:
        n = w.one("two", "2")
        return Head(
            f"{n} {w.one('', 'of the ', 'of the three ')}{named(True)}", "==", 2, True, True
        )
    if draw < 0.985:
        text, many = w.one(
            "each|", "every|", "all|s", "all the|s", "ll the|s", "ll|s", "all three|s"
        ).split("|")
        return Head(f"{text} {named(many == 's')}", "all", 3, True, many == "s")
    text, many = w.one("no|", "none of the|s", "none of the three|s").split("|")
    return Head(f"{text} {named(many == 's')}", "==", 0, True, False)


def quantified(kind: str, begin: Head, condition: Meaning) -> Meaning:
    """A condition on as many boxes or towers as the head says."""
    return (kind, condition, begin.op, begin.n)
