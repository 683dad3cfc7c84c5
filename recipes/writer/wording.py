"""Prompts for training: a question in some wording, roughened as people write."""

from __future__ import annotations

import random
import re

from pairs import Asked

from vprog.example import Example, Picture
from vprog.program.program import Language
from vprog.writers.prompt import bare_prompt

OWN_WORDING = 0.25
"""Share of questions in the world's own words."""
OPENINGS = (
    "please tell me: ", "tell me, ", "look at the picture. ", "hey, ", "now, ", "quick question: ",
    "please, ", "i wonder: ", "let me know: ", "i would like to know: ", "answer this: ",
)  # fmt: skip
_LIGHT = (
    "a an the is are do does can could would you tell me say whether if see seen look looks that "
    "which in of on this there any it be here think correct true show shows contain contains has "
    "have appear appears picture image photo scene drawing found stand stands at"
)
"""Words that a question can mostly lose without losing its meaning."""
STRANGE = "qzx"
"""A word that no writer knows: it stands for all of them."""
_PICTURES = (Picture("left"), Picture("right"))


def prompt(language: Language, task: str, question: str) -> str:
    """What the writer is asked."""
    pictures = _PICTURES if task == "nlvr2" else _PICTURES[:1]
    return bare_prompt(language, Example(id="", pictures=pictures, question=question))


def wording(asked: Asked, rng: random.Random) -> str:
    """A question as the world asks it or in other words, some of them roughened."""
    text = asked.text if rng.random() < OWN_WORDING else asked.said(rng, "train")
    if rng.random() < 0.3:
        text = rough(text, rng)
    if rng.random() < 0.25:
        words, light = text.split(" "), frozenset(_LIGHT.split())
        for index, word in enumerate(words):
            if word.lower() in light and rng.random() < 0.12:
                words[index] = STRANGE
        if rng.random() < 0.3:
            words.insert(rng.randrange(len(words)), STRANGE)
        text = " ".join(words)
    return text


def rough(text: str, rng: random.Random) -> str:
    """Without its last mark, with British spelling, with an opening, without commas."""
    if rng.random() < 0.4:
        text = text.rstrip("?.")
    if rng.random() < 0.3:
        text = text.replace("color", "colour")
    if rng.random() < 0.3:
        text = rng.choice(OPENINGS) + text
    if rng.random() < 0.2:
        text = text.replace(",", "")
    if rng.random() < 0.2:
        text = re.sub(r"\b(what|which|that|there|it) is\b", r"\1's", text, flags=re.IGNORECASE)
    return text
