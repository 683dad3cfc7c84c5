"""Statements about the bases and tops of towers: "the base of the three towers are two blue"."""

from __future__ import annotations

from in_a_tower import height, only
from looks import only_colors
from meaning import COLOR, COLORS, NUMBER, Meaning, both, count, find
from phrases import Phrase, thing
from words import Words


def as_the_base(w: Words) -> Phrase:
    """``there is a blue block as the base of a tower with at least two blocks``."""
    q = w.quantity(3, a=0.45, no=0.1)
    text, things = thing(w, q.plural, blocks=True, colored=1.0)
    name, level = w.one(
        "base|1", "base|1", "top|-1", "top|-1", "second level|2", "second block|2", "bottom|1"
    ).split("|")
    condition = count(("at", things, int(level)))
    role = w.one(*("as",) * 9, "at", "in")
    of, op, n = " of a tower", q.op, q.n
    be = "are" if q.plural else "is"
    draw = w.rng.random()
    if draw < 0.08 and not q.plural and q.text == "a":
        of, op, n = w.one(
            " of two towers|==|2",
            " of 2 towers|==|2",
            " of exactly one tower|==|1",
            " of at least two towers|>=|2",
            " of exactly two towers|==|2",
            " of at least one tower|>=|1",
            " of all the towers|all|3",
            " of three towers|==|3",
            " of each tower|all|3",
            " of one tower|>=|1",
        ).split("|")
        n = int(n)
    elif draw < 0.16:
        of = w.one("", " of the tower", " of towers", " of the towers")
    elif draw < 0.55:
        tall, high = only(w) if w.chance(0.12) else height(w)
        of, condition = (
            f" of a tower {w.one('with', 'with', 'with', 'that has', 'having')} {tall}",
            both(high, condition),
        )
    return f"there {be} {q.text} {text} {role} the {name}{of}", ("towers", condition, op, n)


def bases(w: Words) -> Phrase:
    """Of all towers: ``the base of the three towers are two blue and one yellow``."""
    name, level = w.one("base|1", "base|1", "top|-1", "top block|-1", "second block|2").split("|")
    k = int(level)

    def of(color: str) -> Meaning:
        return count(("at", find(color, "block"), k))

    draw = w.rng.random()
    if draw < 0.06:
        n = w.rng.choice((2, 3, 3))
        colors = [w.color() for _ in range(n)]
        first = w.one(
            "the first {} color of a tower from the base are",
            "the first {} colors of a tower from the base are",
            "the first {} blocks of a tower from the base are",
        )
        listed = ", ".join(colors[:-1]) + " and " + colors[-1]
        levels = [count(("at", find(c, "block"), i)) for i, c in enumerate(colors, 1)]
        return f"{first.format(w.number(n))} {listed}", ("towers", both(*levels), ">=", 1)
    if draw < 0.11:
        color = w.color()
        condition = of(color)
        text = f"{w.one('a ', 'only ', '')}{color} {name}"
        n, op = w.one("one|>=", "two|==", "2|==", "only one|==").split("|")
        if w.chance(0.3):
            text, condition = f"only {color} blocks", only_colors([color], "block")
        wanted = 1 if n in ("one", "only one") else 2
        start = w.one(f"of the three towers {n}", f"{n} of the three towers", f"{n} of the towers")
        return f"{start} {w.one('has', 'have')} {text}", ("towers", condition, op, wanted)
    if draw < 0.3:
        first, second = w.colors(2)
        said = w.one("", " blocks")
        start = f"the {name} of the {w.one('three ', '3 ', '')}towers are"
        numbers = w.one("two", "2"), w.one("one", "1")
        text = f"{start} {numbers[0]} {first} and {numbers[1]} {second}{said}"
        return text, both(("towers", of(first), "==", 2), ("towers", of(second), "==", 1))
    if draw < 0.45:
        colors = w.colors(2)
        third = next(c for c in COLORS if c not in colors)
        start = f"the {name}s of the {w.one('three ', '')}towers are"
        text = f"{start} {' and '.join(colors)}{w.one(' only', '')}"
        return text, both(
            ("towers", of(third), "==", 0), *(("towers", of(c), ">=", 1) for c in colors)
        )
    if draw < 0.7:
        n = w.rng.choice((2, 2, 2, 3))
        how, op = w.one("|>=", "at least |>=", "exactly |==", "only |==").split("|")
        has = w.one(
            f"with block of same color at {name}",
            f"that have the same {name} color",
            f"that has the same {name} color",
            f"with {w.one('the ', '')}same {name} color",
            f"with the same color {name}",
            f"which has the same {name} color",
        )
        same: Meaning = ("colors", ("towers", of(COLOR), op, n), ">=", 1)
        if w.chance(0.15):
            has, same = (
                w.of(
                    "with the same number of blocks|of the same height|"
                    "that have the same number of blocks|with same number of blocks|"
                    "with the same height"
                ),
                ("numbers", ("towers", count(find("", "block"), "==", NUMBER), op, n), ">=", 1),
            )
        elif w.chance(0.15):
            has = w.one(
                "with the same color", "of the same color", "with same color", "of same color"
            )
            same = ("or", *(("towers", only_colors([c], "block"), op, n) for c in COLORS))
        elif w.chance(0.2):
            start = w.of(
                "two of the three towers have|two of the three towers has|two of the towers has|"
                "two towers have"
            )
            return f"{start} the same {name} color", (
                "colors",
                ("towers", of(COLOR), ">=", 2),
                ">=",
                1,
            )
        return f"there are {how}{w.number(n)} towers {has}", same
    if draw < 0.8:
        color = w.color()
        article = w.one("all the", "the", "ll the", "all")
        return f"{article} towers have a {color} {name}", ("towers", of(color), "all", 3)
    color = w.color()
    of_one = w.one(
        "of a tower", "of a tower", "of one tower", "of one of the towers", "of the tower"
    )
    if k == 2 and w.chance(0.8):
        name = w.one("second block from the base", "second block", "second block from the bottom")
    blocks = 0
    if w.chance(0.2):
        n = w.rng.choice((2, 3, 4))
        of_one, blocks = (
            w.one(f"of a {w.number(n)} blocks tower", f"of a tower with {w.number(n)} blocks"),
            n,
        )
    condition = of(color)
    if blocks:
        condition = both(count(find("", "block"), "==", blocks), condition)
    return f"the {name} {of_one} is {color}", ("towers", condition, ">=", 1)
