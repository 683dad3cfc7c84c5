"""What makes a program trusted: more than its right answer, which half of all wrong ones have."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from meaning import COLORS, SHAPES
from proposal import Proposal
from words import NUMBERS

from vprog.benchmarks.nlvr import normalised
from vprog.example import Example, Picture

ORDERS = tuple(itertools.permutations(range(3)))[1::2]
"""Of the boxes, other than the published one."""
PITCH, SIDE = 150, 100
"""Of the grey boxes, in pixels."""


def held_out(sentence: str) -> bool:
    """Whether a statement belongs to the fifth on which rounds are chosen."""
    return hashlib.sha256(normalised(sentence).encode()).digest()[0] % 5 == 0


def reordered(example: Example, order: Sequence[int]) -> Example:
    """The example with its boxes in another order."""
    picture = example.pictures[0]
    pixels = np.asarray(picture.load()).copy()
    boxes = [pixels[:, PITCH * p : PITCH * p + SIDE].copy() for p in range(3)]
    for place, box in enumerate(order):
        pixels[:, PITCH * place : PITCH * place + SIDE] = boxes[box]
    name = f"{example.id}/{''.join(map(str, order))}"
    return Example(id=name, pictures=(Picture(name, array_rgb=pixels),), question=example.question)


def covered(sentence: str, program: str) -> bool:
    """Whether the program mentions the colours, shapes and higher numbers of the sentence."""
    said = normalised(sentence).split()
    text = program.lower()
    free = "for color in" in text or "categories=['black'" in text
    for word in said:
        stem = word.rstrip("s")
        if stem in COLORS and stem not in text:
            return False
        if stem in SHAPES and stem not in text and "grey " + stem not in normalised(sentence):
            return False
        if stem in ("small", "medium", "big") and stem not in text:
            return False
        number = NUMBERS.index(word) if word in NUMBERS else int(word) if word.isdigit() else 0
        near = {str(number), str(number - 1), str(number + 1)}
        if number >= 3 and not near & set(re.findall(r"\d+", text)) and not free:
            return False
    return True


def kept(
    sentence: str,
    examples: Sequence[Example],
    candidates: Sequence[Proposal],
    given: Mapping[tuple[str, str], str | None],
    within: float,
) -> Iterator[Proposal]:
    """Candidates that survive all but the last two checks, the likeliest first."""
    for candidate in candidates:
        if candidate.logprob < candidates[0].logprob - within:
            return
        right = all(given[e.id, candidate.text] in e.answers for e in examples)
        if right and covered(sentence, candidate.text):
            yield candidate
