"""Where some heads of ViLT's last layers shall look: shown by gold boxes, in training only.

Left alone, questions about one of several things were answered by chance after 4,000 steps. What is
shown: tokens of things look at words that are true of these, the token that answers looks at the
question's words of content, and in later layers at the things that the question is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vprog.evaluation.zoo.questions import Question
from vprog.example import Scene, SceneObject
from vprog.world.vocabulary import COLORS, KINDS, PATTERNS, SIZES, TAXONOMY, plural

ASKING, READING = (0, 1), (2, 3)
"""Heads that look from the token that answers at the picture, and those that look at words."""
CONTENT = frozenset(
    word
    for noun in (*KINDS, *TAXONOMY, "object")
    for text in (noun, plural(noun))
    for word in text.split()[-1:]
) | {*COLORS, *PATTERNS, *SIZES}


def true_words(thing: SceneObject) -> set[str]:
    """The words that are true of a thing, nouns in both numbers."""
    nouns = (thing.name, *thing.names, "object")
    return {*nouns, *(plural(noun).split()[-1] for noun in nouns), *thing.attributes}


@dataclass(frozen=True, slots=True)
class Looks:
    """What a batch of questions shows.

    Attributes:
        true: Which words of a question are true of which things, bool [B, words, slots].
        content: Which words have content, bool [B, words].
        meant: The things that a question is about, or that are nearly so, bool [B, slots].
    """

    true: torch.Tensor
    content: torch.Tensor
    meant: torch.Tensor


def looks(
    tokenizer: Any, ids: torch.Tensor, questions: Sequence[Question], scenes: Sequence[Scene],
    there: np.ndarray,
) -> Looks:  # fmt: skip
    """What questions show.

    Args:
        tokenizer: Of the questions.
        ids: Their tokens, [B, words].
        questions: The questions.
        scenes: Of whole pictures; an object's id is its slot.
        there: Which things are in the region, bool [B, slots].
    """
    true = torch.zeros(*ids.shape, there.shape[1], dtype=torch.bool)
    content = torch.zeros(ids.shape, dtype=torch.bool)
    meant = torch.zeros(there.shape, dtype=torch.bool)
    for row, (question, scene) in enumerate(zip(questions, scenes, strict=True)):
        words = tokenizer.convert_ids_to_tokens(ids[row])
        for column, word in enumerate(words):
            content[row, column] = word in CONTENT
        things = [thing for thing in scene.objects if there[row, int(thing.id)]]
        for thing in things:
            said = true_words(thing)
            for column in content[row].nonzero()[:, 0].tolist():
                true[row, column, int(thing.id)] = words[column] in said
        near = Question("", "", "", question.about[:-1])
        subjects = [thing for thing in things if question.concerns(thing)]
        for thing in subjects or [thing for thing in things if near.concerns(thing)]:
            meant[row, int(thing.id)] = True
    return Looks(true, content, meant)


def loss(
    attention: Sequence[torch.Tensor], owner: torch.Tensor, shown: Looks
) -> dict[str, torch.Tensor]:
    """How far heads look away from what they are shown.

    Args:
        attention: Of the last layers, [B, heads, words + 1 + tokens, the same].
        owner: Slot of the thing that a token of the picture stands for, or -1; [B, tokens].
        shown: What they are shown.
    """
    words = shown.content.shape[1]
    slots = torch.arange(shown.meant.shape[1])
    owned = owner[:, :, None] == slots
    fits = (shown.true[:, :, None] & owned[:, None]).any(-1)
    to_words = attention[0][:, READING]
    first = words + 1
    losses = {
        "from_tokens": surprise(to_words[:, :, first:, :words], fits.transpose(1, 2)),
        "content": surprise(to_words[:, :, :1, :words], shown.content[:, None]),
    }
    meant = (owned & shown.meant[:, None]).any(-1)[:, None]
    for number, layer in enumerate(attention[1:], 1):
        losses[f"meant_{number}"] = surprise(layer[:, ASKING, :1, first:], meant)
    return losses


def surprise(seen: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean surprise at what should be looked at; what is right already counts less.

    Args:
        seen: Attention, [B, heads, from, to].
        wanted: bool [B, from, to]; rows without any are left out.
    """
    asked = wanted.any(-1)
    mass = (seen * wanted[:, None]).sum(-1).transpose(0, 1)[:, asked]
    short = (1 - mass).detach().clamp(min=0)
    return -(short * mass.clamp(min=1e-6).log()).sum() / short.sum().clamp(min=1e-3)
