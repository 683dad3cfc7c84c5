"""Statements about what is in a box: "there is a box with 3 items of which 2 are black"."""

from __future__ import annotations

from in_a_box import holds
from items import some_are
from looks import only_colors
from meaning import NUMBER, both, count, find
from phrases import Phrase, counted, edged, head, noun_of, quantified, thing, touching
from words import Words


def statement(w: Words) -> Phrase:
    """A statement of this family."""
    if w.chance(0.08):
        return _inverted(w)
    if w.chance(0.03):
        return same_number(w)
    begin = head(w, "boxes")
    if not begin.verb and w.chance(0.06):
        text, condition = _where(w)
        return f"{begin.text} where {text}", quantified("boxes", begin, condition)
    if not begin.verb and w.chance(0.03):
        many = w.chance(0.5)
        text, things = thing(w, many)
        article = "" if many else w.one("a ", "any ")
        none = count(things, "==", 0)
        return f"{begin.text} without {article}{text}", quantified("boxes", begin, none)
    if w.chance(0.03):
        text, condition = _more(w)
    else:
        text, condition = holds(w)
    if begin.verb:
        verb = (
            w.one("have", "contain") if begin.many else w.one("has", "contains", "contain", "have")
        )
    else:
        verb = w.one(
            *("with",) * 10,
            "that has",
            "that have",
            "which has",
            "which have",
            "containing",
            "having",
            "that contains",
            "with has",
            ", which has",
            "which contains",
        )
    return f"{begin.text} {verb} {text}", quantified("boxes", begin, condition)


def _inverted(w: Words) -> Phrase:
    """``there is a blue item in each box``."""
    text, condition = counted(w, a=0.2)
    be = "are" if condition[3] > 1 else "is"
    where, op, n = w.one(
        "in each box|all|3",
        "in each box|all|3",
        "in every box|all|3",
        "in each grey box|all|3",
        "in one grey box|>=|1",
        "in a box|>=|1",
        "in a grey box|>=|1",
        "in one box|>=|1",
        "in one of the boxes|>=|1",
        "in all the boxes|all|3",
        "in at least one box|>=|1",
    ).split("|")
    if w.chance(0.12):
        color = w.color()
        every = w.one("all the items", "all items", "all the objects", "all objects")
        return f"{every} {where} are {color}", ("boxes", only_colors([color], "item"), op, int(n))
    if w.chance(0.08) and condition[1][0] == "find":
        which, more = some_are(w)
        text, things = thing(w, True, colored=0.2)
        q = w.quantity(6, a=0.0)
        held = both(count(things, q.op, q.n), more)
        return f"there are {q.text} {text} {where} {which}", ("boxes", held, op, int(n))
    if w.chance(0.25):
        return f"{where} there {be} {text}", ("boxes", condition, op, int(n))
    return f"there {be} {text} {where}", ("boxes", condition, op, int(n))


def _more(w: Words) -> Phrase:
    """``more blue items than black items``."""
    one, things = thing(w, True)
    other, others = thing(w, True)
    word, op = w.one("more|>", "more|>", "fewer|<", "less|<").split("|")
    if w.chance(0.25):
        text = f"{w.one('the same', 'same', 'equal')} number of {one} and {other}"
        return text, ("compare", things, "==", others)
    return f"{word} {one} than {other}", ("compare", things, op, others)


def same_number(w: Words) -> Phrase:
    """``there are two boxes with the same number of objects``."""
    said, noun = noun_of(w)
    color = w.color() if w.chance(0.3) else ""
    many = f"{color} {said}s".strip()
    how = w.of(
        "with the same number of|that have the same number of|which has the same number of|"
        "that has the same number of|with same number of|with equal number of"
    )
    n = w.rng.choice((2, 2, 2, 3))
    equal = ("numbers", ("boxes", count(find(color, noun), "==", NUMBER), ">=", n), ">=", 1)
    if n == 3 and w.chance(0.6):
        start = w.one(
            "all the boxes have", "each box has", "all boxes have", "all three boxes have"
        )
        return f"{start} the same number of {many}", equal
    return f"there are {w.number(n)} boxes {how} {many}", equal


def _where(w: Words) -> Phrase:
    """``a black square is touching the wall``, of one box."""
    draw = w.rng.random()
    if draw < 0.3:
        text, things = thing(w, True)
        where, edge, denied = touching(w, True, clause=True)
        if w.chance(0.6):
            none = count(edged(things, edge, denied), "==", 0)
            return f"none of the {text} {where}", both(count(things), none)
        touched = count(edged(things, edge, not denied), "==", 0)
        return f"{w.one('all the', 'all', 'all of the')} {text} {where}", both(
            count(things), touched
        )
    if draw < 0.65:
        text, things = thing(w, False)
        where, edge, denied = touching(w, False, clause=True)
        return f"a {text} {where}", count(edged(things, edge, denied))
    if draw < 0.8:
        first, second = w.colors(2)
        shape = w.one("square", "circle", "triangle", "item")
        return f"a {first} and {second} {shape} are touching each other", count(
            ("touch", find(first, shape), find(second, shape))
        )
    color = w.color()
    return w.one(
        f"all items are {color}", f"all the items are {color}", f"all objects are {color}"
    ), (only_colors([color], "item"))
