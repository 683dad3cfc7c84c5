"""Sentence frames: many ways of asking each form of question that the drawn world knows.

In a frame ``<a|b|>`` is a choice (the last one of nothing; choices may hold choices) and ``{x}`` a
place: ``{x}`` and ``{y}`` are descriptions with their article, ``{a}`` and ``{b}`` attribute values
or options, ``{f}`` an attribute family or comparative, ``{noun}``, ``{kind}``, ``{single}``,
``{one}`` and ``{many}`` forms of a noun, ``{rel}`` a relation, ``{n}`` a number, ``{pic}``,
``{pics}`` and ``{in}`` words for the picture.

Every fifth frame of a list, the fourth first, is held out: training never sees it. Training draws
half of its frames from further ones, ``paraphrase_further.json``, written without sight of those
held out; what one of these can also say was left out.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from vprog.world.paraphrase_closed import CLOSED
from vprog.world.paraphrase_counting import COUNTING
from vprog.world.paraphrase_open import OPEN

Part = Literal["train", "held-out"]

FRAMES: dict[str, tuple[str, ...]] = OPEN | CLOSED | COUNTING
"""Form of question -> its frames."""

FURTHER_SHARE = 0.5
"""How often training draws a further frame."""
_CHOICE = re.compile(r"<([^<>]*)>")
_PLACE = re.compile(r"\{([^{}]*)\}")
_PICTURES = ("picture", "picture", "image", "photo", "scene", "drawing")


def split(listed: tuple[str, ...], part: Part) -> tuple[str, ...]:
    """The frames of a list that are for training, or those held out."""
    return tuple(f for i, f in enumerate(listed) if (i % 5 == 3) == (part == "held-out"))


@cache
def further() -> dict[str, tuple[str, ...]]:
    """Form of question, or kind of relative clause -> further frames for training."""
    text = Path(__file__).with_name("paraphrase_further.json").read_text(encoding="utf-8")
    return {form: tuple(frames) for form, frames in json.loads(text).items()}


def sample_frame(rng: random.Random, part: Part, *forms: str) -> str:
    """A random frame of one of the forms, equally likely within its list, its choices made."""
    listed = [frame for form in forms for frame in split(FRAMES[form], part)]
    if part == "train" and rng.random() < FURTHER_SHARE:
        listed = [frame for form in forms for frame in further()[form]]
    return choose(rng, rng.choice(listed))


def choose(rng: random.Random, frame: str) -> str:
    """Makes the choices of a frame."""
    while "<" in frame:
        frame = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), frame)
    return frame


def fill(rng: random.Random, frame: str, places: Mapping[str, str]) -> str:
    """Fills the places of a frame and begins it with a capital.

    Raises:
        KeyError: A place is neither given nor a word for the picture.
    """

    def said(name: str) -> str:
        if name == "pic":
            return rng.choice(_PICTURES)
        if name == "pics":
            return rng.choice(_PICTURES) + "s"
        if name == "in":
            return f"in {rng.choice(('the', 'the', 'this'))} {rng.choice(_PICTURES)}"
        return places[name]

    text = _PLACE.sub(lambda found: said(found[1]), frame)
    text = " ".join(text.split()).replace(" ,", ",").replace(" ?", "?").replace(" .", ".")
    return text[0].upper() + text[1:]
