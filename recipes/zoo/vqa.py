"""Trains ``vqa``: ViLT whose layers start as those of the zoo's detector.

Two fresh layers come on top (``vilt.py``): in the first, words and pictures meet
(``meeting.py``). Most questions are about the region around an object, as programs cut it.
Auxiliary heads for kind, colour, size and pattern read the picture's tokens during training and
are thrown away; so is one that tells, before the last layer, which tokens the question is about.

Then a second part for questions about one of several things: a layer that changes nothing yet is
put before the last one, and some heads are shown where to look (``looking.py``).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import looking
import torch
from asking import Reading, batch_of, figures, learned
from pictures import Pictures, load
from publish import detector, save_vqa
from torch.nn import functional
from training import arguments, plan, trainer_of
from vilt import build_model, insert, predict
from words import build

from vprog.training.scratch import Plan, Trainer

FIRST = 4000
"""Steps of the first part."""
CROPS, CROPS_LATE, LATE = 0.72, 0.3, 2400
"""Share of the questions of the first part that are about crops, at first and from step ``LATE``
on: crops are learned first, and telling one of several things takes longer."""
CROPS_SECOND = 0.4
"""The same in the second part."""
RESTING = 0.6
"""Share of the second part's steps during which the detector's layers, and words, rest; then they
learn slowly. At the full rate they forget within 400 steps what they know: docs/decisions.md."""
SHOWN = 0.8
"""Share of the second part's steps during which heads are shown where to look with full weight."""


def first_part(
    task: Plan, pictures: Pictures, tokenizer: Any, given: argparse.Namespace
) -> Trainer | None:
    """Learns what crops show; None where its time was over before."""
    torch.manual_seed(task.seed)
    model = build_model(detector(), pictures.pixels, tokenizer)
    trainer = trainer_of(task, model, heads := Reading(128), muon=given.muon)

    def loss(step: int) -> dict[str, torch.Tensor]:
        share = CROPS if step < LATE else CROPS_LATE
        asked = batch_of(pictures, tokenizer, given.batch, task.seed, step, share)
        return learned(pictures, asked, predict(model, asked.images, asked.text), heads)

    own = load("generalist", "val", 1000, 7)
    done = trainer.train(loss, lambda average: figures(average, tokenizer, own, CROPS))
    return trainer if done else None


def second_part(
    task: Plan, first: Trainer, pictures: Pictures, tokenizer: Any, given: argparse.Namespace
) -> Trainer | None:
    """Learns to tell one of several things; None where its time was over before."""
    torch.manual_seed(task.seed)
    model = build_model(detector(), pictures.pixels, tokenizer)
    model.load_state_dict(first.average.state_dict())
    insert(model, detector(), pictures.pixels[:256], tokenizer)
    rests = (model.vilt.embeddings, *model.vilt.encoder.layer[:-3])
    trainer = trainer_of(task, model, heads := Reading(128), rests, muon=given.muon)

    def loss(step: int) -> dict[str, torch.Tensor]:
        for part in rests:
            part.requires_grad_(step >= RESTING * task.steps)
        asked = batch_of(pictures, tokenizer, given.batch, task.seed, step, CROPS_SECOND)
        seen = predict(model, asked.images, asked.text)
        losses = learned(pictures, asked, seen, heads)
        scenes = [pictures.scene(row) for row in asked.rows.tolist()]
        ids = asked.text["input_ids"]
        shown = looking.looks(tokenizer, ids, asked.questions, scenes, asked.there)
        weight = 0.4 if step < SHOWN * task.steps else 0.1
        for name, value in looking.loss(seen.attention, asked.owner, shown).items():
            losses[name] = weight * value
        spoken = shown.content & shown.meant.any(1)[:, None]
        true = (shown.true & shown.meant[:, None]).any(-1)
        losses["true"] = 0.6 * functional.binary_cross_entropy_with_logits(
            heads.true(seen.words)[spoken][:, 0], true[spoken].float()
        )
        return losses

    own = load("generalist", "val", 1000, 7)
    done = trainer.train(loss, lambda average: figures(average, tokenizer, own, CROPS_SECOND))
    return trainer if done else None


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the checkpoint at the end."""
    given = arguments("vqa", __doc__ or "", steps=2400, rate=5e-4, muon=0.5)
    task = plan(given)
    pictures = load("generalist", "train", given.pictures, 7)
    tokenizer = build(bert_style=True)
    before = replace(
        task, folder=task.folder.with_name(f"{given.name}-first"), steps=FIRST, rate=1e-3
    )
    first = first_part(before, pictures, tokenizer, given)
    if first and (second := second_part(task, first, pictures, tokenizer, given)):
        save_vqa(second, tokenizer, given.out)


if __name__ == "__main__":
    main()
