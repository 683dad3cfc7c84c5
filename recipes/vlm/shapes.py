"""Trains ``vlm-shapes``: zoo:vlm answers SHAPES in one pass, and tells why.

Pictures are the 704 of train.small and train.tiny and new ones of their cells (cells.py), sentences
those of train.med and train.large and, of these, all that come of exchanging their words, but none
of val; answers and rationales follow from their programs. Beyond VPD some heads are shown where to
look: at what each step of the program finds.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Any

import numpy as np
import tokenizer  # noqa: F401  says where the other recipes are
import torch
from asked_of_cells import SHORT, WITH_LONG, Asked, choose, collate, read_sentences
from batches import HEAD
from cells import CELLS, disguised, exchanged, load, lopsided, read, sentences
from gaze import SAYING, Gaze
from model import IMAGE_TOKENS, tokens
from publish import CHECKPOINTS
from saving import save
from torch import nn
from torch.nn import functional
from training import arguments, plan, trainer_of
from vlm import hidden

PICTURES, SENTENCES = ("train.small", "train.tiny"), ("train.med", "train.large")
JUDGED = ("val",)
"""Splits whose sentences are not to be learned; nothing else of them is read."""
KEPT_OUT = 12
"""Sentences of the training splits on which checkpoints are judged."""
STEPS, HEADS = (1, 2, 4), (2, 3)
"""Layers and their heads that are shown what the steps of a program find. Before the last one a
layer is left to bring together what the words of the sentence have found."""
EVERY = 1
"""Every so many steps rationales are told, which are as long as eight questions."""
TOLD = 3.0
"""Weight of rationales beside answers. With VPD's 1 explanations were well written and came to
another answer than the short one on a third of the pictures."""
DISGUISED = 0.5
"""Share of pictures of which colours are exchanged for others, in pixels and words."""
OWN = 0.4
"""Share of pictures that are those of the training splits; all others are new."""


class Shown(Gaze):
    """Attention of two heads of a layer against what a step finds."""

    def surprise(self, at: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Mean surprise at the tokens to look at, [positions, 37]: the very first, the picture."""
        assert self._seen is not None
        seen = self._seen[:, list(HEADS)].transpose(1, 2).flatten(0, 1)[at]
        seen = torch.cat([seen[..., :1], seen[..., HEAD : HEAD + IMAGE_TOKENS]], -1)
        mass = (seen * wanted[:, None]).sum(-1)
        return -(mass + 1e-30).log().clamp(min=-30).mean()


def pictures(rng: random.Random, own: np.ndarray, things: int, number: int) -> np.ndarray:
    """Grids [number, 9]: of the training splits, or new ones as full as one of these."""
    made = own[[rng.randrange(len(own)) for _ in range(number)]].copy()
    for grid in made:
        if rng.random() < OWN:
            continue
        full = rng.sample(range(CELLS), int((grid > 0).sum()))
        grid[:] = 0
        grid[full] = [1 + rng.randrange(things) for _ in full]
    return made


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the checkpoint at the end."""
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    files = argparse.ArgumentParser(add_help=False)
    files.add_argument("--data", type=Path, required=True, help="folder of SHAPES' files")
    files.add_argument("--start", default="vlm", help="zoo name or folder that learns on")
    given = arguments(
        "vlm-shapes", __doc__ or "", steps=8400, rate=1.5e-3, batch=16, parents=[files]
    )
    task = plan(given)
    torch.manual_seed(task.seed)
    words = AutoTokenizer.from_pretrained(CHECKPOINTS / given.start)
    model: Any = AutoModelForImageTextToText.from_pretrained(CHECKPOINTS / given.start).float()
    model.set_attn_implementation("eager")
    cells, own = read(load(given.data, PICTURES), mirrored=True)
    things = len(cells.colors) - 1
    written = sentences(given.data, SENTENCES)
    found = read_sentences(words, written)
    random.Random(task.seed).shuffle(found)
    apart, learned = found[:KEPT_OUT], found[KEPT_OUT:]
    never = {*sentences(given.data, JUDGED), *(one.text for one in apart)}
    known = {*written, *never}
    more = {text: one for text, one in exchanged(written).items() if text not in known}
    learned += read_sentences(words, more)
    learned = [one for one in learned if not lopsided(one.text, never)]
    shown = [Shown(model.model.language_model, layer) for layer in STEPS]
    saying = [Gaze(model.model.language_model, layer) for layer in SAYING]
    trainer = trainer_of(
        task, model, nn.Module(), slow=(model.model.vision_tower,), muon=given.muon
    )

    def batch_of(key: str, number: int, asked: Any, long: int, disguise: float = 0) -> Asked:
        rng = random.Random(f"{task.seed}/{key}")
        grids = pictures(rng, own, things, number)
        each = WITH_LONG + 1 if long else SHORT
        chosen = choose(rng, asked, cells.masks(grids), each)
        worn = [
            disguised(rng, [asked[one].text for one in some], never)
            if rng.random() < disguise
            else {}
            for some in chosen
        ]
        return collate(words, cells, grids, asked, chosen, long, worn)

    def loss(step: int) -> dict[str, torch.Tensor]:
        long = step % EVERY == 0
        batch = batch_of(str(step), given.batch, learned, int(long), DISGUISED)
        states = hidden(model, batch, tokens(model, batch.pixels))
        at, said = batch.answers
        losses = {"answer": functional.cross_entropy(model.lm_head(states[at]), said)}
        for layer, eye, (due, wanted) in zip(STEPS, shown, batch.steps, strict=True):
            losses[f"step_{layer}"] = 0.5 * eye.surprise(due, wanted)
        if not long:
            return losses
        at, said, share = batch.told
        each = functional.cross_entropy(model.lm_head(states[at]), said, reduction="none")
        losses["decided"] = shown[-1].surprise(*batch.decided)
        losses["rationale"] = TOLD * (each * share).sum() / share.sum()
        for layer, gaze in zip(SAYING, saying, strict=True):
            losses[f"saying_{layer}"] = 0.3 * gaze.loss(at, batch.wanted, HEAD)
        return losses

    def validate(average: Any) -> dict[str, float]:
        figures = {}
        yes, no = words.convert_tokens_to_ids(["yes", "no"])
        for name, asked in (("learned", learned), ("kept_out", apart)):
            right = []
            for part in range(6):
                batch = batch_of(f"val/{part}", 16, asked, 0)
                states = hidden(average, batch, tokens(average, batch.pixels))
                at, said = batch.answers
                logits = average.lm_head(states[at[::2]])
                right += [((logits[:, yes] > logits[:, no]) == (said[::2] == yes)).float()]
            figures[name] = float(torch.cat(right).mean())
        return figures

    if trainer.train(loss, validate):
        save(trainer, words, given.out or CHECKPOINTS / given.name)


if __name__ == "__main__":
    main()
