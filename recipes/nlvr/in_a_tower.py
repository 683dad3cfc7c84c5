"""What a tower may have: "a blue block at the top", "three blocks of different colors"."""

from __future__ import annotations

from looks import only_colors
from meaning import COLOR, Meaning, both, count, find
from phrases import Phrase, counted, thing
from stacks import middle, over, place, placed, stack
from words import Quantity, Words, joined, plural


def _blocks(q: Quantity, said: str = "block") -> str:
    return f"{q.text} {plural(said, q.plural)}"


def height(w: Words) -> Phrase:
    """``exactly three blocks``."""
    if w.chance(0.08):
        return w.one("a single block", "single block", "one block only"), count(
            find("", "block"), "==", 1
        )
    q = w.quantity(4, a=0.0)
    each = " each" if w.chance(0.05) else ""
    return _blocks(q) + each, count(find("", "block"), q.op, q.n)


def where(w: Words) -> Phrase:
    """``with two blocks where the base is blue and the top is yellow``."""
    first, second = w.color(), w.color()
    names = {
        1: ("base", "bottom", "base block", "bottom block"),
        -1: ("top", "top block"),
        2: ("second block", "second block from the base", "middle block"),
    }
    one, two = w.rng.choice(((1, -1), (-1, 1), (2, -1), (1, 2)))
    text = f"the {w.one(*names[one])} is {first}"
    condition = count(("at", find(first, "block"), one))
    if w.chance(0.5):
        again = w.one("the ", "")
        text = f"{text} and {again}{w.one(*names[two])} is {second}"
        condition = both(condition, count(("at", find(second, "block"), two)))
    start = w.one("where", "that", "and", "in which", "which is", "whose").strip()
    if start == "whose":
        text = text.replace("the ", "", 1)
    if w.chance(0.5):
        tall, high = height(w)
        return f"with {tall} {start} {text}", both(high, condition)
    return f"{start} {text}", condition


def holds(w: Words) -> Phrase:
    """What a tower has."""
    forms = (_list, placed, base, only, height, kinds, over, stack, middle, _all_of_them)
    shares = (5, 9, 1.2, 2.5, 4, 2.5, 4, 1.5, 1, 1.5)
    if w.chance(0.05):
        (one, first), (two, second) = (f(w) for f in w.rng.choices(forms, shares, k=2))
        return f"{one} {w.one('and', 'and', 'with', 'having')} {two}", both(first, second)
    text, condition = w.rng.choices(forms, shares)[0](w)
    return text, condition


def _list(w: Words) -> Phrase:
    parts = [
        counted(w, blocks=True, high=3, colored=0.97)
        for _ in range(w.rng.choices((1, 2, 3), (7, 4, 1))[0])
    ]
    if len(parts) == 1 and w.chance(0.15):
        text, things = thing(w, w.chance(0.7), blocks=True, colored=1.0)
        return text, count(things)
    if len(parts) == 1 and w.chance(0.12) and parts[0][1][2] == "==":
        (text, condition), (where, level) = parts[0], place(w)
        return f"{text} {w.one('which is', 'that is', 'and it is')} {where}", both(
            condition, count(("at", condition[1], level))
        )
    return joined([p[0] for p in parts], w.rng), both(*(p[1] for p in parts))


def base(w: Words) -> Phrase:
    """``a black base and yellow top``, ``black second block``."""
    first, second = w.color(), w.color()
    a = w.one("a ", "", "")
    name, level = w.one(
        "base|1",
        "base|1",
        "top|-1",
        "top block|-1",
        "second block|2",
        "bottom|1",
        "base block|1",
        "middle block|2",
        "third block|3",
    ).split("|")
    condition = count(("at", find(first, "block"), int(level)))
    if level == "1" and w.chance(0.3):
        again = w.one("a ", "")
        return f"{a}{first} {name} and {again}{second} top", both(
            condition, count(("at", find(second, "block"), -1))
        )
    return f"{a}{first} {name}", condition


def only(w: Words) -> Phrase:
    """``only blue and black blocks``."""
    colors = w.colors(w.rng.choices((1, 2), (4, 6))[0])
    said = w.one("blocks", "blocks", "blocks", "color blocks", "items", "colored blocks")
    text = f"{w.one('only', 'only', 'just')} {' and '.join(colors)} {said}"
    if w.chance(0.1):
        text = f"blocks of only {' and '.join(colors)} color"
    return text, only_colors(colors, "block")


def kinds(w: Words) -> Phrase:
    """``three blocks of three different colors``."""
    q = w.quantity(4, a=0.0) if w.chance(0.55) else None
    start = _blocks(q) if q else "blocks"
    n = w.rng.choices((1, 2, 3), (4, 3, 5))[0]
    kind = w.one("color", "color", "colour")
    condition: Meaning = ("colors", count(find(COLOR, "block")), "==", n)
    if n == 1:
        text = f"{start} of {w.one('the ', '', 'a ')}{w.one('same', 'same', 'single')} {kind}"
        if not q and w.chance(0.3):
            text = w.one(f"only one {kind}", f"a single {kind}", f"one {kind}", f"only 1 {kind}")
        elif q and w.chance(0.3):
            return text, ("colors", count(find(COLOR, "block"), q.op, q.n), ">=", 1)
    else:
        every = w.one("all ", "") if n == 3 else ""
        different = w.one(" different", " different", "")
        text = f"{start} of {every}{w.number(n)}{different} {kind}{w.one('s', 's', '')}"
        if q and q.n == n and q.op == "==" and w.chance(0.2):
            text = f"{start} of different {kind}s"
        elif not q and w.chance(0.1):
            text = f"{every}{w.number(n)}{different} {kind}s"
    return text, both(count(find("", "block"), q.op, q.n), condition) if q else condition


def _all_of_them(w: Words) -> Phrase:
    """``two blocks which are of yellow color``, ``only one block and the color is blue``."""
    q = w.quantity(4, a=0.0)
    color = w.color()
    be = "are" if q.plural else "is"
    if w.chance(0.2):
        return f"{_blocks(q)} {w.one('that', 'which')} {be} not {color}", both(
            count(find("", "block"), q.op, q.n), count(find(color, "block"), "==", 0)
        )
    if w.chance(0.3):
        r = w.quantity(3, a=0.0)
        verb = "are" if r.plural else "is"
        return f"{_blocks(q)} of which {r.text} {verb} {color}{w.one('', '', ' blocks')}", both(
            count(find("", "block"), q.op, q.n), count(find(color, "block"), r.op, r.n)
        )
    join = w.one(
        f"{w.one('that', 'which')} {be} {color}",
        f"which {be} of {color} color",
        f"and the color is {color}",
        f"of {color} color",
        f"in {color} color",
    )
    if w.chance(0.15):
        return w.one(f"a single block of {color} color", f"single block of {color} color"), both(
            count(find("", "block"), "==", 1), count(find(color, "block"), "==", 1)
        )
    return f"{_blocks(q)} {join}", both(
        count(find("", "block"), q.op, q.n), count(find(color, "block"), q.op, q.n)
    )
