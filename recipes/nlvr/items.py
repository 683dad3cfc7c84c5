"""How many items a box holds, and of what kinds: "3 items of which 2 are black"."""

from __future__ import annotations

from meaning import COLOR, SHAPE, Meaning, both, count, find
from phrases import Phrase, counted, edged, noun_of, thing, touching
from words import Quantity, Words, plural


def some(w: Words, q: Quantity, said: str) -> str:
    """``at most 3 items`` or ``3 items at most``."""
    if q.op == "<=" and w.chance(0.6):
        return f"{w.number(q.n)} {plural(said, q.plural)} at most"
    return f"{q.text} {plural(said, q.plural)}"


def number_of(w: Words) -> Phrase:
    """``exactly four objects``."""
    said, noun = noun_of(w)
    if w.chance(0.12):
        text, n = w.one(
            "a single|1", "single|1", "many|5", "many|5", "multiple|2", "several|3"
        ).split("|")
        return f"{text} {plural(said, n != '1')}", count(
            find("", noun), "==" if n == "1" else ">=", int(n)
        )
    q = w.quantity(7, a=0.05)
    return some(w, q, said), count(find("", noun), q.op, q.n)


def kinds(w: Words) -> Phrase:
    """``3 items of 2 different colors``."""
    said, noun = noun_of(w)
    q: Quantity | None = w.quantity(6, a=0.0) if w.chance(0.6) else None
    colors = w.chance(0.9)
    kind = w.one("color", "color", "colour") if colors else "shape"
    tried = count(find(COLOR, noun) if colors else find("", SHAPE))
    domain = "colors" if colors else "shapes"
    draw = w.rng.random()
    start = some(w, q, said) if q else plural(said, True)
    if draw < 0.62:
        n = w.rng.choices((1, 2, 3), (0.7, 4, 4))[0]
        different = w.one(" different", " different", "")
        many = w.one("s", "s", "")
        every = w.one("all ", "") if n == 3 else w.one("", "", "only ", "exactly ")
        of = w.one(*("of",) * 6, "with", "and", "in")
        text = f"{start} {of} {every}{w.number(n)}{different} {kind}{many}"
        if n == 1:
            text = f"{start} of only one {kind}"
        condition: Meaning = (domain, tried, "==", n)
    elif draw < 0.72:
        text = f"{start} at most of 2 different {kind}s"
        condition = (domain, tried, "<=", 2)
    elif draw < 0.8:
        text, condition = f"{start} but not all 3 different {kind}s", (domain, tried, "<", 3)
    elif draw < 0.9 and q:
        text = f"{start} of different {kind}{w.one('', 's')}"
        condition = (domain, tried, ">=", min(q.n, 3) if q.op == "==" else 2)
    else:
        text, condition = f"{start} of the same {kind}", (domain, tried, "==", 1)
    if q:
        condition = both(count(find("", noun), q.op, q.n), condition)
    if w.chance(0.15):
        more, extra = counted(w)
        text, condition = f"{text} and {more}", both(condition, extra)
    return text, condition


def some_are(w: Words) -> Phrase:
    """``of which two are black``."""
    q = w.quantity(4, a=0.0)
    be = "are" if q.plural else "is"
    of = w.one(
        "{q} of which {be}",
        "of which {q} {be}",
        "of which {q} {be}",
        "of which {q} item{s} {be}",
        "and {q} {be}",
        "and the {q} {be}",
        "of which {q} object{s} {be}",
    )
    start = of.format(q=q.text, be=be, s="s" if q.plural else "")
    if w.chance(0.2):
        where, edge, denied = touching(w, q.plural)
        return f"{start} {where}", count(edged(find(), edge, denied), q.op, q.n)
    if w.chance(0.5):
        color = w.color()
        return f"{start} {color}{w.one('', '', '', ' in color')}", count(find(color), q.op, q.n)
    text, things = thing(w, q.plural, colored=0.4)
    a = "" if q.plural else "a "
    return f"{start} {a}{text}", count(things, q.op, q.n)


def of_which(w: Words) -> Phrase:
    """``3 items of which 2 are black``."""
    said, noun = noun_of(w)
    which, condition = some_are(w)
    if w.chance(0.15):
        return f"{w.one('multiple ', 'many ', 'some ', '')}{said}s {which}", condition
    if w.chance(0.12) and condition[1][0] == "find" and condition[1][1]:
        other = w.color()
        n = w.count(3)
        most = w.one("and {} {} {}", "and the other {} {} {}").format(
            w.number(n), "are" if n > 1 else "is", other
        )
        which, condition = f"{which} {most}", both(condition, count(find(other), "==", n))
    q = w.quantity(7, a=0.0)
    return f"{some(w, q, said)} {which}", both(count(find("", noun), q.op, q.n), condition)


def all_of_them(w: Words) -> Phrase:
    """``only one item that is blue``, ``exactly two objects which are black``."""
    said, _ = noun_of(w)
    q = w.quantity(3, a=0.0)
    text, things = thing(w, q.plural, colored=0.4)
    color = w.color()
    denied = w.chance(0.15)
    if w.chance(0.6):
        text, things = color + w.one("", "", "", " in color"), find(color)
    elif not q.plural:
        text = f"a {text}" if w.chance(0.8) else text
    join = w.one(
        "that {are}", "that {are}", "which {are}", "which {are}", "and {it} {are}", "and {both}"
    )
    be = "are" if q.plural else "is"
    join = join.format(
        are=be, it="they" if q.plural else "it", both=f"both {be}" if q.n == 2 else f"it {be}"
    )
    start = f"{q.text} {plural(said, q.plural)} {join}"
    if denied:
        rest = count(things, "==", 0)
        return f"{start} not {text}", both(count(find(), q.op, q.n), rest)
    if q.text.startswith(("only", "just")) or " and " in start or w.chance(0.3):
        return f"{start} {text}", both(count(find(), q.op, q.n), count(things, q.op, q.n))
    return f"{start} {text}", count(things, q.op, q.n)


def others(w: Words) -> Phrase:
    """``three yellow items and four other items``."""
    color, n, m = w.color(), w.count(4), w.count(4)
    said, noun = noun_of(w)
    one = plural(said, n > 1)
    more = plural(said, m > 1)
    more = w.one(
        f"other {more}", f"other {more}", f"{more} of another color", f"{more} of other color"
    )
    start, (least, op) = (
        w.one("", "only "),
        w.rng.choice((("", "=="), ("", "=="), ("at least ", ">="))),
    )
    return f"{start}{w.number(n)} {color} {one} and {least}{w.number(m)} {more}", both(
        count(find(color, noun), "==", n), count(find("", noun), op, n + m)
    )


def including(w: Words) -> Phrase:
    """``four items including a blue circle``, ``two items which are triangle and circle``."""
    if w.chance(0.3):
        color, (first, second) = w.color(), w.rng.sample(("circle", "square", "triangle"), 2)
        said, _ = noun_of(w)
        return f"two {color} {said}s which are {first} and {second}", both(
            count(find(color, first)), count(find(color, second)), count(find(color), "==", 2)
        )
    start, condition = number_of(w)
    if w.chance(0.3):
        text, things = thing(w, True)
        more: Meaning = count(things)
    else:
        text, more = counted(w)
    join = w.of("including|including|one of which is|and there is|, including")
    return f"{start} {join} {text}", both(condition, more)


def same(w: Words) -> Phrase:
    """``2 items of the same colour``: whatever else there is."""
    q = w.quantity(4, a=0.0)
    shape = w.shape() if w.chance(0.4) else "item"
    if w.chance(0.7):
        kind = w.one("color", "colour")
        return f"{q.text} {plural(shape, q.plural)} of {w.one('the ', '')}same {kind}", (
            "colors",
            count(find(COLOR, shape), q.op, q.n),
            ">=",
            1,
        )
    color = w.color()
    return f"{q.text} {color} items of the same shape", (
        "shapes",
        count(find(color, SHAPE), q.op, q.n),
        ">=",
        1,
    )
