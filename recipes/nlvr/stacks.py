"""Which block is where in a tower: at its base, over another, between two."""

from __future__ import annotations

from meaning import COLOR, both, count, find
from phrases import Phrase, thing
from words import Words

PLACES = (
    (1, 8, "at the base|at the base|at base|at the bottom|as the base|in the base|on the bottom|"
           "as a base|at its base"),
    (-1, 8, "at the top|at the top|at top|on the top|on top|as the top|at its top"),
    (2, 1.2, "as the second level|in the second level|at the second level|as second block|"
             "second from the base|as the second block|in second position|above the base|"
             "at the second position from the base"),
    (3, 0.5, "as the third level|as the third block|third from the base"),
    (-2, 0.8, "below the top block|below the top|second from the top|under the top block"),
)  # fmt: skip
"""Level as ``level`` counts it, how often it is spoken of, and how."""
OVER = "above|above|over|over|on|on top of|directly above|just above|right above"
UNDER = "below|below|under|beneath|bellow|underneath"


def place(w: Words) -> tuple[str, int]:
    """Where a block is in its tower, and the level."""
    level, _, names = w.rng.choices(PLACES, [share for _, share, _ in PLACES])[0]
    return w.of(names), level


def placed(w: Words) -> Phrase:
    """``a blue block at the top and a black block at the base``."""

    def one() -> Phrase:
        text, things = thing(w, False, blocks=True, colored=1.0)
        where, level = place(w)
        a = w.one(*("a",) * 10, "1", "one", "")
        if w.chance(0.06):
            return f"not a {text} {where}", count(("at", things, level), "==", 0)
        return f"{a} {text} {where}".strip(), count(("at", things, level))

    parts = [one() for _ in range(w.rng.choices((1, 2), (8, 2))[0])]
    return " and ".join(p[0] for p in parts), both(*(p[1] for p in parts))


def related(w: Words) -> tuple[str, bool]:
    """``above`` or ``below``, and whether it was above."""
    if w.chance(0.72):
        return w.of(OVER), True
    return w.of(UNDER), False


def over(w: Words) -> Phrase:
    """``a black block over a blue block``, in one tower."""
    upper, things = thing(w, False, blocks=True, colored=1.0)
    lower, others = thing(w, False, blocks=True, colored=1.0)
    relation, over = related(w)
    pair = ("on", things, others) if over else ("on", others, things)
    article = w.one("a", "a", "a", "the", "")
    text, condition = f"a {upper} {relation} {article} {lower}".replace("  ", " "), count(pair)
    if w.chance(0.15):
        more, extra = placed(w)
        return f"{text} and {more}", both(condition, extra)
    return text, condition


def stack(w: Words) -> Phrase:
    """``2 black blocks stacked together``."""
    color = w.color()
    how = w.of(
        "stacked together|stacked together|attached with each other|attached to each other|"
        "on top of each other|in a row|together|touching each other|next to each other"
    )
    n = w.rng.choice((2, 2, 2, 3))
    least = w.one("", "", "at least ")
    if w.chance(0.2):
        things = find(COLOR, "block")
        return f"{least}{w.number(n)} blocks {how} of the same {w.one('color', 'colour')}", (
            "colors",
            count(("on", things, things), ">=", n - 1),
            ">=",
            1,
        )
    things = find(color, "block")
    return f"{least}{w.number(n)} {color} blocks {how}", count(("on", things, things), ">=", n - 1)


def middle(w: Words) -> Phrase:
    """``a black block in the middle``, ``a yellow block between two black blocks``."""
    color, other = w.color(), w.color()
    middle = count(("at", find(color, "block"), 2))
    if w.chance(0.5):
        where = w.of("in the middle|in middle|as a middle block|as the middle block|at the middle")
        return f"a {color} block {where}", middle
    between = w.one("between", "in between")
    if w.chance(0.5):
        ends = ("colors", both(*(count(("at", find(COLOR, "block"), k)) for k in (1, 3))), ">=", 1)
        return f"a {color} block {between} two blocks of {w.one('the ', '')}same color", both(
            middle, ends
        )
    return f"a {color} block {between} two {other} blocks", both(
        middle, *(count(("at", find(other, "block"), k)) for k in (1, 3))
    )
