"""Where some heads shall look while a word is said: at the tokens of the thing that it is about.

Left alone, a model of this size learned in 900 steps what kinds are on a picture, and which words
belong to which place of it not at all. So a few heads of one layer are shown where to look, by gold
boxes; in training only, and less and less.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from model import SIDE
from scenes import View
from tokenizer import CUT

LAYER, HEADS = 2, (0, 1)
"""The layer and its heads that are shown where to look."""


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


def looked_at(view: View, about: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Which tokens of the picture such things cover by a sixth at least, bool [tokens, 36]."""
    wanted = np.zeros((len(about), SIDE**2), bool)
    if not view.things:
        return wanted
    low = np.arange(SIDE) * 16.0
    boxes = np.array([thing.box_xyxy for thing in view.things])
    extents = []
    for axis in (0, 1):
        start = np.maximum(low, boxes[:, axis, None])
        end = np.minimum(low + 16, boxes[:, axis + 2, None])
        extents.append(np.clip(end - start, 0, 16))
    wide, high = extents
    share = (high[:, :, None] * wide[:, None]).reshape(len(boxes), -1) / 256
    covered = share >= np.minimum(1 / 6, share.max(1, keepdims=True))
    for row, things in enumerate(about):
        for thing in things:
            wanted[row] |= covered[thing]
    return wanted


class Gaze:
    """Catches the attention of the layer in a forward pass, and says how far off it is."""

    def __init__(self, language_model: torch.nn.Module) -> None:
        """Listens to a Llama with eager attention."""
        self._seen: torch.Tensor | None = None
        attention = language_model.layers[LAYER].self_attn  # type: ignore[union-attr,index]
        attention.register_forward_hook(self._catch)

    def _catch(self, module: object, given: object, out: tuple[torch.Tensor, ...]) -> None:
        self._seen = out[1]

    def loss(self, at: torch.Tensor, wanted: torch.Tensor, first: int) -> torch.Tensor:
        """Mean surprise at the tokens that should be looked at.

        Args:
            at: Index into [B * T] of the positions before what is said.
            wanted: bool [positions, 36].
            first: Place of the picture's first token.
        """
        assert self._seen is not None
        heads = self._seen[:, list(HEADS), :, first : first + SIDE**2].transpose(1, 2).flatten(0, 1)
        asked = wanted.any(-1)
        mass = (heads[at[asked]] * wanted[asked][:, None]).sum(-1)
        return -mass.clamp(min=1e-6).log().mean()
