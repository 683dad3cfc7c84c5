"""Statements about towers and their blocks: "there is a tower with a blue block at the top"."""

from __future__ import annotations

from bases import as_the_base, bases
from in_a_tower import base, height, holds, kinds, where
from looks import only_colors
from meaning import both, count, find
from phrases import Phrase, counted, head, quantified, thing
from stacks import related
from words import Words, plural


def statement(w: Words) -> Phrase:
    """A statement of this family."""
    forms = (_tower, as_the_base, _colored, _pair, _tall, _inverted, bases)
    return w.rng.choices(forms, (12, 6, 2, 5, 1, 0.7, 1.6))[0](w)


def _tower(w: Words) -> Phrase:
    """``there is a tower with four blocks having a blue block at the top``."""
    begin = head(w, "towers")
    if not begin.verb and w.chance(0.05):
        text, holding = where(w)
        return f"{begin.text} {text}", quantified("towers", begin, holding)
    first, condition = ("", None)
    verb = w.one(
        *("with",) * 8,
        "that has",
        "which has",
        "having",
        "that have",
        "with has",
        "that contains",
        "which have",
        "containing",
    )
    if begin.verb:
        if w.chance(0.45):
            tall, condition = height(w)
            first = f" with {tall}"
        verb = (
            w.one("have", "contain")
            if begin.many
            else w.one("has", "has", "has", "contains", "have")
        )
    elif w.chance(0.3):
        tall, condition = height(w)
        first = f" {w.one('with', 'with', 'of', 'having')} {tall}"
        verb = w.one("having", "having", "with", "and", "which has", "that has", ",")
    elif w.chance(0.03):
        n = w.count(4)
        begin = begin._replace(text=begin.text.replace("tower", f"{w.number(n)} blocks tower"))
        condition = count(find("", "block"), "==", n)
    text, holding = holds(w)
    if condition is not None:
        holding = both(condition, holding)
    return f"{begin.text}{first} {verb} {text}", quantified("towers", begin, holding)


def _colored(w: Words) -> Phrase:
    """``there is a blue tower with only one block``."""
    color = w.color()
    q = w.quantity(3, a=0.7, no=0.08)
    be = "are" if q.plural else "is"
    condition = only_colors([color], "block")
    text = f"there {be} {q.text} {color} {plural('tower', q.plural)}"
    if w.chance(0.4):
        tall, high = height(w)
        verb = w.one("with", "with", "that has", "which has", "having")
        text, condition = f"{text} {verb} {tall}", both(high, condition)
    if w.chance(0.2):
        be = w.one("one of the towers", "one of the three towers", "one tower", "one of the tower")
        return f"{be} is {color}", ("towers", only_colors([color], "block"), ">=", 1)
    return text, ("towers", condition, q.op, q.n)


def _pair(w: Words) -> Phrase:
    """``there is a black block on a yellow block``, anywhere."""
    q = w.quantity(3, a=0.62, no=0.12)
    upper, things = thing(w, q.plural, blocks=True, colored=1.0)
    lower, others = thing(w, q.plural and w.chance(0.5), blocks=True, colored=1.0)
    relation, over = related(w)
    be = "are" if q.plural else "is"
    article = w.one("a", "a", "a", "the")
    start = f"there {be} {q.text}" if w.chance(0.93) else q.text
    if w.chance(0.08):
        how = w.one("that is attach to", "attached to", "attached with", "touching", "next to")
        return f"{start} {upper} {how} a {lower}", count(("touch", things, others), q.op, q.n)
    if w.chance(0.08):
        n = w.rng.choice((2, 2, 3))
        color = w.color()
        blocks = find(color, "block")
        how = w.of(
            "attached with each other|attached to each other|stacked together|on top of each other"
        )
        return f"there are {w.number(n)} {color} blocks {how}", count(
            ("on", blocks, blocks), ">=", n - 1
        )
    if w.chance(0.05):
        other = w.color()
        middle = (
            "towers",
            both(
                count(("at", find(things[1], "block"), 2)),
                *(count(("at", find(other, "block"), k)) for k in (1, 3)),
            ),
            ">=",
            1,
        )
        return f"there is a {things[1]} block between two {other} blocks", middle
    pair = ("on", things, others) if over else ("on", others, things)
    return f"{start} {upper} {relation} {article} {lower}", count(pair, q.op, q.n)


def _tall(w: Words) -> Phrase:
    """``there are two towers of three blocks each``, ``there is a four blocks tower``."""
    begin = w.quantity(3, a=0.4, no=0.05)
    be = "are" if begin.plural else "is"
    n = w.count(4)
    condition = count(find("", "block"), "==", n)
    towers = plural("tower", begin.plural)
    if w.chance(0.5):
        each = " each" if begin.plural else ""
        text = f"there {be} {begin.text} {towers} of {w.number(n)} {plural('block', n > 1)}{each}"
        return text, ("towers", condition, begin.op, begin.n)
    text = f"there {be} {begin.text} {w.number(n)} {w.one('blocks', 'block')} {towers}"
    if w.chance(0.5):
        join = w.one("that has", "and", "with", "which has")
        more, extra = base(w) if w.chance(0.5) else kinds(w)
        return f"{text} {join} {more}", ("towers", both(condition, extra), begin.op, begin.n)
    return text, ("towers", condition, begin.op, begin.n)


def _inverted(w: Words) -> Phrase:
    """``there is at least 1 black block in each tower``."""
    if w.chance(0.25):
        color = w.color()
        every = w.one("in each tower", "in every tower", "in all the towers")
        return f"there are {color} blocks {every}", (
            "towers",
            count(find(color, "block")),
            "all",
            3,
        )
    text, condition = counted(w, blocks=True, a=0.2)
    be = "are" if condition[3] > 1 else "is"
    place = w.of(
        "in each tower|in every tower|in each of the towers|in all the towers|in all towers"
    )
    return f"there {be} {text} {place}", ("towers", condition, "all", 3)
