"""Domains: which drawing styles and backgrounds occur, and which colours on which kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vprog.errors import InputError, known_names
from vprog.world.backgrounds import DARK_BACKGROUNDS

GENERALIST_STYLES = ("flat", "bold", "soft", "sketch")
GENERALIST_BACKGROUNDS = ("plain", "gradient", "grainy", "dark", "paper", "grid", "wallpaper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A look of the world.

    Attributes:
        name: On the command line.
        styles: Drawing styles, one a picture, equally likely.
        backgrounds: Backgrounds, one a picture, equally likely.
        held_out_pairs: Whether the pairs of ``HELD_OUT_PAIRS`` are drawn: never, or for about
            half of the objects.
    """

    name: str
    styles: tuple[str, ...]
    backgrounds: tuple[str, ...]
    held_out_pairs: Literal["never", "often"] = "never"

    @property
    def brightness(self) -> tuple[str, ...]:
        """What its backgrounds can be: ``dark``, ``light`` or both."""
        found = {"dark" if b in DARK_BACKGROUNDS else "light" for b in self.backgrounds}
        return tuple(sorted(found))


DOMAINS: dict[str, Domain] = {
    domain.name: domain
    for domain in (
        Domain(name="generalist", styles=GENERALIST_STYLES, backgrounds=GENERALIST_BACKGROUNDS),
        Domain(
            name="pairs",
            styles=GENERALIST_STYLES,
            backgrounds=GENERALIST_BACKGROUNDS,
            held_out_pairs="often",
        ),
        Domain(name="flat", styles=("flat",), backgrounds=("plain", "gradient")),
        Domain(name="cartoon", styles=("bold",), backgrounds=("wallpaper", "plain")),
        Domain(name="studio", styles=("soft",), backgrounds=("gradient", "dark")),
        Domain(name="notebook", styles=("sketch",), backgrounds=("paper", "grid")),
        Domain(name="outline", styles=("outline",), backgrounds=("white",)),
        Domain(name="chalk", styles=("chalk",), backgrounds=("blackboard",)),
    )
}
"""By name. ``pairs``, ``outline`` and ``chalk`` show what ``generalist`` never does."""


def get_domain(name: str) -> Domain:
    """The domain of that name.

    Raises:
        InputError: Unknown, with the nearest name.
    """
    if name not in DOMAINS:
        raise InputError(f"unknown domain {name!r}. {known_names(name, DOMAINS)}")
    return DOMAINS[name]
