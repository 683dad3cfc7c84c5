"""Names of kinds of things in questions: articles and plurals."""

from __future__ import annotations

import re

_SAME = frozenset(
    "sheep deer fish goldfish jellyfish starfish shellfish shrimp squid aircraft cattle".split()  # noqa: SIM905
)
_IRREGULAR = {
    "person": "people", "man": "men", "woman": "women", "snowman": "snowmen", "child": "children",
    "mouse": "mice", "foot": "feet", "tooth": "teeth", "goose": "geese", "ox": "oxen",
    "leaf": "leaves", "knife": "knives", "shelf": "shelves", "bookshelf": "bookshelves",
    "loaf": "loaves", "wolf": "wolves", "calf": "calves", "scarf": "scarves", "potato": "potatoes",
    "tomato": "tomatoes", "mango": "mangoes",
}  # fmt: skip
_MASS = frozenset(
    """beer bread cheese clothing coffee cream drink fashion food footwear furniture glassware hair
    ivy juice kitchenware jewelry lingerie luggage milk pasta perfume popcorn powder seafood spray
    sushi swimwear tableware tea underwear wine care equipment paper cutlery broccoli""".split()  # noqa: SIM905
)
_PLURAL = frozenset(
    """accessories bags binoculars chopsticks cosmetics dice fries glasses goggles goods headphones
    jeans pajamas pants scissors shorts skis stairs sunglasses supplies tights trousers tools
    toys vegetables fruits animals""".split()  # noqa: SIM905
)


def said(name: str) -> str:
    """A class name as a question says it: lower case, nothing in brackets."""
    return " ".join(re.sub(r"\(.*?\)", " ", name).lower().split())


def is_countable(noun: str) -> bool:
    """Whether one can ask how many of them there are: no clothing, no trousers."""
    last = noun.split()[-1]
    return last not in _MASS and last not in _PLURAL


def plural(noun: str) -> str:
    """The plural of a countable noun of one or more words."""
    *before, last = noun.split()
    if last in _SAME:
        many = last
    elif last in _IRREGULAR:
        many = _IRREGULAR[last]
    elif re.search(r"(?:s|x|z|ch|sh)$", last):
        many = f"{last}es"
    elif re.search(r"[^aeiou]y$", last):
        many = f"{last[:-1]}ies"
    else:
        many = f"{last}s"
    return " ".join((*before, many))


def is_there(noun: str) -> str:
    """``Is there a cat``, ``Is there clothing``, ``Are there scissors``."""
    last = noun.split()[-1]
    if last in _PLURAL:
        return f"Are there {noun}"
    if last in _MASS:
        return f"Is there {noun}"
    return f"Is there {'an' if noun[0] in 'aeiou' else 'a'} {noun}"
