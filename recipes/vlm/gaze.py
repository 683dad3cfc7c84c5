"""Where some heads shall look while a word is said: at the tokens of the thing that it is about.

Left alone, a model of this size learned in 900 steps what kinds are on a picture, and which words
belong to which place of it not at all. So a few heads of one layer are shown where to look, by gold
boxes; in training only, and less and less.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from model import SIDE
from scenes import View
from tokenizer import CUT
from words import ANYTHING

from vprog.world.vocabulary import plural

READING, SAYING = 1, (2, 3)
"""The layer whose heads look at what a word of the prompt names, and those that look at what is
said."""
ANY = frozenset(f"{word}{s}" for word in (*ANYTHING, "piece") for s in ("", "s")) | {"of"}
"""Words of phrases that say nothing of a thing."""
HEADS = (0, 1)
"""Heads of these layers that are shown where to look."""


def subjects(view: View, prompt: str, answer: str) -> list[tuple[int, ...]]:
    """For every token of an answer, the things that it is about.

    Numbers of a box are about its thing; so is what stands before it in a list and behind it where
    it was given; a number of things is about all of them.
    """
    tokens = re.findall(CUT, answer.replace("<unk>", "u"))
    by_place = {thing.place: index for index, thing in enumerate(view.things)}
    about: list[tuple[int, ...]] = [()] * len(tokens)
    given = [by_place.get(place) for place in re.findall(r"\[[\d ]+\]", prompt)]
    boxes: list[tuple[int, int]] = []
    for start, token in enumerate(tokens):
        if token == "[":
            thing = by_place.get(f"[{' '.join(tokens[start + 1 : start + 5])}]")
            if thing is not None:
                boxes.append((start, thing))
    listed = prompt.startswith("list")
    for start, thing in boxes:
        about[start + 1 : start + 5] = [(thing,)] * 4
        if listed:
            first = max(n for n in range(start) if tokens[n] in (":", ","))
            about[first + 1 : start - 1] = [(thing,)] * (start - first - 2)
    if prompt == "describe":
        item = 0
        for index, token in enumerate(tokens):
            item += token == ","
            if token == "on":
                break
            if token != "," and item < len(view.things):
                about[index] = (item,)
    elif given and given[0] is not None and not prompt.startswith("find"):
        behind = tokens.index("]") + 1 if answer.startswith("[") else 0
        about[behind:] = [(given[0],)] * (len(tokens) - behind)
    elif prompt.startswith("find"):
        for index, token in enumerate(tokens):
            if token == ":":
                end = tokens.index(".", index)
                here = tuple(thing for start, thing in boxes if index < start < end)
                if here:
                    about[index + 1] = here
    return about


def coverage(view: View) -> np.ndarray:
    """Which tokens of the picture a thing covers by a sixth, or its best, bool [things, 36]."""
    low = np.arange(SIDE) * 16.0
    boxes = np.array([thing.box_xyxy for thing in view.things]).reshape(-1, 4)
    extents = []
    for axis in (0, 1):
        start = np.maximum(low, boxes[:, axis, None])
        end = np.minimum(low + 16, boxes[:, axis + 2, None])
        extents.append(np.clip(end - start, 0, 16))
    wide, high = extents
    share = (high[:, :, None] * wide[:, None]).reshape(len(boxes), SIDE**2) / 256
    covered: np.ndarray = share >= np.minimum(1 / 6, share.max(1, keepdims=True))
    return covered


def looked_at(covered: np.ndarray, about: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Which tokens of the picture stand for these things, bool [tokens, 36]."""
    wanted = np.zeros((len(about), SIDE**2), bool)
    for row, things in enumerate(about):
        for thing in things:
            wanted[row] |= covered[thing]
    return wanted


def named(view: View) -> dict[str, tuple[int, ...]]:
    """Word -> the things of which it is true."""
    found: dict[str, tuple[int, ...]] = {}
    for index, thing in enumerate(view.things):
        nouns = (thing.noun, thing.broad)
        said = {*nouns, *(plural(noun).split()[-1] for noun in nouns), *thing.adjectives}
        for word in said:
            found[word] = (*found.get(word, ()), index)
    return found


def meant(prompt: Sequence[str], true_of: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The things of which all words of a phrase that is to be found or counted are true."""
    words = [word for word in prompt[1:] if word not in ANY]
    if prompt[0] not in ("find", "count") or not words or "[" in words or "not" in words:
        return ()
    true = set.intersection(*(set(true_of.get(word, ())) for word in words))
    return tuple(sorted(true))


class Gaze:
    """Catches the attention of a layer in a forward pass, and says how far off it is."""

    def __init__(self, language_model: torch.nn.Module, layer: int) -> None:
        """Listens to a Llama with eager attention."""
        self._seen: torch.Tensor | None = None
        attention = language_model.layers[layer].self_attn  # type: ignore[union-attr,index]
        attention.register_forward_hook(self._catch)

    def _catch(self, module: object, given: object, out: tuple[torch.Tensor, ...]) -> None:
        self._seen = out[1]

    def loss(self, at: torch.Tensor, wanted: torch.Tensor, first: int) -> torch.Tensor:
        """Mean surprise at the tokens that should be looked at; what is right already counts less.

        Args:
            at: Index into [B * T] of positions.
            wanted: bool [positions, 36].
            first: Place of the picture's first token.
        """
        assert self._seen is not None
        heads = self._seen[:, list(HEADS), :, first : first + SIDE**2].transpose(1, 2).flatten(0, 1)
        asked = wanted.any(-1)
        mass = (heads[at[asked]] * wanted[asked][:, None]).sum(-1)
        short = (1 - mass).detach().clamp(min=0)
        return -(short * mass.clamp(min=1e-6).log()).sum() / short.sum().clamp(min=1e-3)
