"""What the items in a box are and where: "only blue items", "a black item on top"."""

from __future__ import annotations

from items import number_of, some_are
from meaning import COLORS, Meaning, both, count, find
from phrases import Phrase, counted, edged, noun_of, thing, touching
from words import Words, joined, plural


def listed(w: Words) -> Phrase:
    """``a black square and at least two circles``."""
    parts = [
        counted(w, high=5, no=0.04) for _ in range(w.rng.choices((1, 2, 3, 4), (6, 7, 2, 0.5))[0])
    ]
    if len(parts) == 1 and w.chance(0.12):
        text, things = thing(w, True)
        parts = [(text, count(things))]
    text = joined([p[0] for p in parts], w.rng)
    if w.chance(0.04):
        text += w.one(" in it", " in it", " inside", " inside it")
    return text, both(*(p[1] for p in parts))


def list_of_colors(w: Words) -> Phrase:
    """``2 yellow and 1 blue item``, ``a yellow circle and square``."""
    said, noun = noun_of(w) if w.chance(0.7) else (shape := w.shape(), shape)
    first, second = w.colors(2)
    draw = w.rng.random()
    if draw < 0.25:
        shapes = [w.shape(), w.shape()]
        color = w.color()
        return f"a {color} {shapes[0]} and {shapes[1]}", both(
            *(count(find(color, s)) for s in shapes)
        )
    if draw < 0.5:
        a = w.one("a ", "", "one ")
        text = f"{a}{first} and {a}{second} {plural(said, a == '')}"
        return text, both(count(find(first, noun)), count(find(second, noun)))
    q, r = (w.quantity(4, a=0.0) for _ in "qr")
    if draw < 0.56:
        return f"one {first} and one {second}", both(
            count(find(first), "==", 1), count(find(second), "==", 1)
        )
    text = f"{q.text} {first} and {r.text} {second} {plural(said, r.plural)}"
    return text, both(count(find(first, noun), q.op, q.n), count(find(second, noun), r.op, r.n))


def only_colors(colors: list[str], noun: str) -> Meaning:
    """All these colours and no other."""
    others = [c for c in COLORS if c not in colors]
    return both(
        *(count(find(c, noun)) for c in colors), *(count(find(c, noun), "==", 0) for c in others)
    )


def only(w: Words) -> Phrase:
    """``only black and blue items``, ``only triangles``."""
    said, noun = noun_of(w)
    draw = w.rng.random()
    if draw < 0.15:
        color = w.color() if w.chance(0.4) else ""
        shape = w.shape()
        some = count(find(color, shape))
        rest = ("not", some)
        if color:
            rest = ("and", *(count(find(c, "item"), "==", 0) for c in COLORS if c != color))
            others = [s for s in ("circle", "square", "triangle") if s != shape]
            return f"only {color} {shape}s", both(
                some, *rest[1:], *(count(find("", s), "==", 0) for s in others)
            )
        others = [s for s in ("circle", "square", "triangle") if s != shape]
        return f"only {shape}s", both(some, *(count(find("", s), "==", 0) for s in others))
    if draw < 0.22:
        first, second = w.rng.sample(("circle", "square", "triangle"), 2)
        third = next(s for s in ("circle", "square", "triangle") if s not in (first, second))
        many = w.one("s", "")
        return f"only {first}{many} and {second}{many}", both(
            count(find("", first)), count(find("", second)), count(find("", third), "==", 0)
        )
    colors = w.colors(w.rng.choices((1, 2), (3, 7))[0])
    names = " and ".join(colors)
    condition = only_colors(colors, noun)
    n = w.count(6)
    number = ""
    if w.chance(0.3):
        condition, number = both(count(find("", noun), "==", n), condition), w.number(n) + " "
    many = plural(said, n > 1 or not number)
    color = w.one("color", "color", "colour", "colors")
    text = w.one(
        f"only {number}{names} {many}",
        f"only {number}{names} {many}",
        f"only {number}{names} {many}",
        f"{number}{many} of only {names} {color}",
        f"{number}{many} of only {names} {color}",
        f"{number}{many} of {names} {color}" if number else f"only {many} of {names} {color}",
        f"{number}{many} with only {names} {color}",
        f"only {number}{many} of {names} {color}",
        f"{number}{many} of {color} {names} only",
        f"{number}{names} {many} only",
    )
    if w.chance(0.1):
        which, more = some_are(w)
        return f"{text} {which}", both(condition, more)
    return text, condition


def at_edge(w: Words) -> Phrase:
    """``a yellow circle touching the wall``."""
    q = w.quantity(3, a=0.6)
    text, things = thing(w, q.plural, size=0.1)
    where, edge, denied = touching(w, q.plural)
    if w.chance(0.15):
        where, edge, denied = touching(w, False, clause=True)
        text, things = thing(w, False)
        return f"only one {text} and it {where}", both(
            count(things, "==", 1), count(edged(things, edge, denied), "==", 1)
        )
    text, condition = f"{q.text} {text} {where}", count(edged(things, edge, denied), q.op, q.n)
    if w.chance(0.3):
        more, extra = counted(w) if w.chance(0.5) else number_of(w)
        return f"{more} and {text}", both(extra, condition)
    return text, condition


def on_top(w: Words) -> Phrase:
    """``3 items and a black item on top``."""
    color = w.color()
    said, _ = noun_of(w)
    if w.chance(0.2):
        said = "one"
    elif w.chance(0.3):
        said = w.shape()
    noun = said if said in ("circle", "square", "triangle") else "item"
    level, where = w.rng.choices(
        (
            (-1, "on top"),
            (-1, "at the top"),
            (-2, "beneath the item on top"),
            (1, "at the bottom"),
            (1, "at the base"),
        ),
        (6, 1, 1.5, 0.5, 0.5),
    )[0]
    text = f"a {color} {said} {where}"
    condition = count(("at", find(color, noun), level))
    if level == -1 and w.chance(0.2):
        below = w.color()
        beneath = w.one(
            "right beneath it", "beneath it", "directly below it", "below it", "under it"
        )
        return f"{text} and a {below} item {beneath}", both(
            condition, count(("at", find(below), -2))
        )
    if w.chance(0.25):
        below, over = w.color(), w.one("on top of it", "right on top of it", "on top", "above it")
        where, edge, _ = touching(w, False)
        where = where.replace("not ", "")
        lower = ("edge", find(below), edge)
        return f"a {below} item {where} and a {color} {said} {over}", both(
            count(lower), count(("on", find(color, noun), find(below)))
        )
    if w.chance(0.6):
        more, extra = number_of(w)
        return f"{more} and {text}", both(extra, condition)
    return text, condition


def touching_things(w: Words) -> Phrase:
    """``2 black items touching each other``."""
    verb = w.one("touching", "closely touching", "attached to")
    if w.chance(0.5):
        first, things = thing(w, False)
        second, others = thing(w, False)
        return f"a {first} {verb} a {second}", count(("touch", things, others))
    n = w.rng.choice((2, 2, 3))
    text, things = thing(w, True)
    touch = count(("touch", things, things), ">=", n)
    if w.chance(0.35):
        return f"{w.number(n)} {text} not touching each other", both(
            count(things, "==", n), count(("touch", things, things), "==", 0)
        )
    return f"{w.number(n)} {text} touching each other", touch


def without(w: Words) -> Phrase:
    """``a black item but no circle``."""
    first, condition = counted(w)
    text, things = thing(w, w.chance(0.4))
    no = w.one("and no", "but no", "and without", "but without any")
    return f"{first} {no} {text}", both(condition, count(things, "==", 0))
