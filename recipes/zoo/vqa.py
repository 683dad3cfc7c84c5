"""Trains ``vqa``: ViLT whose layers start as those of the zoo's detector.

Two fresh layers come on top (``vilt.py``): in the first, words and pictures meet
(``meeting.py``). Three of four questions are about the region around an object, as programs cut it;
the others about whole pictures. Auxiliary heads for kind, colour, size and pattern read the
picture's tokens during training and are thrown away; so is one that tells, before the last layer,
which tokens the question is about.
"""

from __future__ import annotations

import random

import numpy as np
import torch
from crops import boxes_in, enlarged
from detect import Heads
from pictures import Pictures, load
from publish import detector, save_vqa
from tokens import owners
from torch import nn
from torch.nn import functional
from training import Trainer, arguments, plan
from transformers import ViltForQuestionAnswering
from vilt import GRID, build_model, predict, view
from words import build

from vprog.evaluation.zoo.questions import ANSWERS, about_crop, about_scene
from vprog.evaluation.zoo.scenes import SIZE
from vprog.example import Region
from vprog.tools.backends.oracle_regions import objects_in

CROPS, CROPS_LATE, LATE = 0.72, 0.3, 2400
"""Share of the questions that are about crops, at first and from step ``LATE`` on: crops are
learned first, and telling one of several things takes longer."""
POSITIVE = torch.tensor(3.0)
"""Weight of tokens that a question is about; most are not."""


class Reading(Heads):
    """Auxiliary classifiers of tokens, with one for what the question is about."""

    def __init__(self, width: int) -> None:
        """One more layer over tokens of that width."""
        super().__init__(width)
        self.about = nn.Linear(width, 1)


def ask(
    pictures: Pictures, rows: np.ndarray, seed: str, share: float = CROPS
) -> tuple[np.ndarray, list, list[bool]]:
    """A region and a question for each picture: regions [B, 4], questions, whether it is a crop."""
    regions, questions, crops = [], [], []
    for row in rows.tolist():
        rng = random.Random(f"{seed}/{row}")
        scene = pictures.scene(row)
        crops.append(rng.random() < share)
        if not crops[-1]:
            regions.append(np.array([0, 0, SIZE, SIZE]))
            questions.append(about_scene(rng, scene))
            continue
        thing = rng.choice(scene.objects)
        box = np.array(thing.box_xyxy)
        extent = np.tile(box[2:] - box[:2], 2)
        box = box + extent * [rng.gauss(0, 0.03) for _ in range(4)]
        regions.append(enlarged(box, 1.5 if rng.random() < 0.65 else 1 + rng.random() * 0.1))
        inside = objects_in(scene, Region("", *regions[-1].tolist()))
        questions.append(about_crop(rng, thing, inside or [thing]))
    return np.stack(regions), questions, crops


def concerns(pictures: Pictures, rows: np.ndarray, questions: list) -> np.ndarray:
    """Which objects a picture's question is about: bool [B, slots]."""
    found = np.zeros(pictures.facts[rows].shape[:2], bool)
    for index, (row, question) in enumerate(zip(rows.tolist(), questions, strict=True)):
        for thing in pictures.scene(row).objects:
            found[index, int(thing.id)] = question.concerns(thing)
    return found


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the checkpoint at the end."""
    given = arguments("vqa", __doc__ or "", steps=4000, rate=1e-3, muon=0.5)
    task = plan(given)
    torch.manual_seed(task.seed)
    pictures = load("generalist", "train", given.pictures, 7)
    tokenizer = build(bert_style=True)
    model = build_model(detector(), pictures.pixels, tokenizer)
    trainer = Trainer(task, model, heads := Reading(128))
    y, x = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
    priors = (torch.stack([x, y], -1).flatten(0, 1) + 0.5) / GRID

    def encode(texts: list[str]) -> dict:
        return tokenizer(texts, padding="longest", return_tensors="pt")

    def loss(step: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((task.seed, step))
        rows = np.sort(rng.choice(len(pictures), given.batch, replace=False))
        share = CROPS if step < LATE else CROPS_LATE
        regions, questions, _ = ask(pictures, rows, f"{task.seed}/{step}", share)
        facts, boxes = pictures.facts[rows].astype(np.int64), pictures.boxes_xyxy[rows]
        shares, there = boxes_in(regions, boxes, facts[..., 0] >= 0)
        images = view(pictures.pixels[rows], regions)
        flip = torch.from_numpy(rng.random(len(rows)) < 0.5)
        images = torch.where(flip[:, None, None, None], images.flip(3), images)
        gold = torch.from_numpy(shares)
        mirrored = gold[..., [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]) + torch.tensor(
            [1, 0, 1, 0]
        )
        gold = torch.where(flip[:, None, None], mirrored, gold)
        logits, tokens, before, _ = predict(model, images, encode([q.text for q in questions]))
        wanted = torch.tensor([ANSWERS.index(q.answer) for q in questions])
        losses = {"answer": functional.cross_entropy(logits, wanted)}
        owner = owners(priors, gold, torch.from_numpy(there))
        at, token = (owner >= 0).nonzero(as_tuple=True)
        known = torch.from_numpy(facts)[at, owner[at, token]].T
        for name, head, column in zip("kcsp", heads.facts, known, strict=True):
            losses[name] = 0.15 * functional.cross_entropy(head(tokens[at, token]), column)
        concerned = torch.from_numpy(concerns(pictures, rows, questions))
        target = concerned.gather(1, owner.clamp(min=0)) & (owner >= 0)
        asked = torch.tensor([bool(q.about) for q in questions])
        losses["about"] = 2 * functional.binary_cross_entropy_with_logits(
            heads.about(before)[asked, :, 0], target[asked].float(), pos_weight=POSITIVE
        )
        return losses

    def validate(average: ViltForQuestionAnswering) -> dict[str, float]:
        own = load("generalist", "val", 1000, 7)
        right: dict[str, list[bool]] = {}
        for begin in range(0, len(own), 250):
            rows = np.arange(begin, begin + 250)
            regions, questions, crops = ask(own, rows, "val")
            logits, *_ = predict(
                average, view(own.pixels[rows], regions), encode([q.text for q in questions])
            )
            for question, crop, best in zip(questions, crops, logits.argmax(1), strict=True):
                place = "crop" if crop else "scene"
                hit = ANSWERS[int(best)] == question.answer
                right.setdefault(f"{place}_{question.group}", []).append(hit)
        return {key: sum(hits) / len(hits) for key, hits in sorted(right.items())}

    if trainer.train(loss, validate):
        save_vqa(trainer, tokenizer, given.out)


if __name__ == "__main__":
    main()
