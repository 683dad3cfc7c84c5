"""Statements about things anywhere: "there are exactly two circles touching the wall"."""

from __future__ import annotations

from meaning import COLOR, Meaning, both, count, find
from phrases import Phrase, counted, edged, thing, touching
from words import Quantity, Words, joined


def statement(w: Words) -> Phrase:
    """A statement of this family."""
    forms = (how_many, at_edge, at_edge, subject, several)
    return w.rng.choices(forms, (3, 8, 4, 2.5, 1.5))[0](w)


def _there(w: Words, q: Quantity) -> str:
    be = "are" if q.plural else "is"
    if q.op == ">=" and q.n == 1 and q.text == "a":
        return w.one(*("there is a",) * 12, "there is as", "there is", "there is an", "there are")
    if q.text == "no" and w.chance(0.1):
        return f"there {be} not any"
    return f"there {be} {q.text}"


def how_many(w: Words) -> Phrase:
    """Of one kind."""
    q = w.quantity(6, a=0.2, no=0.05)
    text, things = thing(w, q.plural, blocks=w.chance(0.3))
    return f"{_there(w, q)} {text}", count(things, q.op, q.n)


def several(w: Words) -> Phrase:
    """Of two or three kinds."""
    parts = [counted(w, a=0.2) for _ in range((w.one("2", "2", "2", "3") == "3" and 3) or 2)]
    be = "are" if parts[0][1][3] > 1 else "is"
    return f"there {be} {joined([p[0] for p in parts], w.rng)}", both(*(p[1] for p in parts))


def at_edge(w: Words) -> Phrase:
    """Touching an edge or not, or touching something else."""
    q = w.quantity(6, a=0.4, no=0.12)
    text, things = thing(w, q.plural, colored=0.75, size=0.08)
    if w.chance(0.06):
        other, others = thing(w, False)
        verb = w.one("touching", "closely touching", "attached to", "near", "next to")
        return f"{_there(w, q)} {text} {verb} a {other}", count(
            ("touch", things, others), q.op, q.n
        )
    if w.chance(0.04) and q.n >= 2:
        return f"{_there(w, q)} {text} touching each other", count(
            ("touch", things, things), ">=", q.n
        )
    where, edge, denied = touching(w, q.plural)
    return f"{_there(w, q)} {text} {where}", count(edged(things, edge, denied), q.op, q.n)


def subject(w: Words) -> Phrase:
    """``none of the circles are touching the wall``."""
    text, things = thing(w, True, size=0.15)
    draw = w.rng.random()
    if w.chance(0.04):
        color = w.color()
        on = ("boxes", count(("at", find(color), -1)), ">=", 1)
        return w.one(
            f"the {color} item is on top",
            f"a {color} item is on top",
            f"the {color} item is at the top",
        ), on
    if draw < 0.25:
        where, edge, denied = touching(w, True, clause=True)
        return f"none of the {text} {where}", count(edged(things, edge, denied), "==", 0)
    if draw < 0.4:
        where, edge, denied = touching(w, True, clause=True)
        other: Meaning = edged(things, edge, not denied)
        return f"{w.one('all the', 'all', 'all of the', 'the')} {text} {where}", count(
            other, "==", 0
        )
    if draw < 0.46:
        where, edge, _ = touching(w, True, clause=True)
        n = w.one("2", "3", "3")
        start = w.one(
            "the items of all {} colors", "items of {} different colors", "items of all {} colors"
        )
        touched = count(("edge", find(COLOR), edge))
        if " not " in where:
            where = where.replace("not ", "")
        return f"{start.format(n)} {where}", ("colors", touched, "==", int(n))
    if draw < 0.62:
        text, things = thing(w, False, size=0.25)
        where, edge, denied = touching(w, False, clause=True)
        return f"{w.one('the ', 'a ', '')}{text} {where}", count(edged(things, edge, denied))
    q = w.quantity(6, a=0.0)
    text, things = thing(w, q.plural, size=0.15)
    where, edge, denied = touching(w, q.plural, clause=True)
    of = w.one("", "", "of the ")
    if of:
        text, things = thing(w, True)
    return f"{q.text} {of}{text} {where}", count(edged(things, edge, denied), q.op, q.n)
