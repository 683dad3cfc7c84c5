"""Questions about regions and pictures for ``vqa``: batches, what they teach, what validates."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from crops import boxes_in, enlarged
from detect import Heads
from pictures import Pictures
from tokens import owners
from torch import nn
from torch.nn import functional
from vilt import GRID, Seen, predict, view

from vprog.evaluation.zoo.questions import ANSWERS, Question, about_crop, about_scene
from vprog.evaluation.zoo.scenes import SIZE
from vprog.example import Region
from vprog.tools.backends.oracle_regions import objects_in

POSITIVE = torch.tensor(3.0)
"""Weight of tokens that a question is about; most are not."""


class Reading(Heads):
    """Auxiliary classifiers of tokens, and of words."""

    def __init__(self, width: int) -> None:
        """What a question is about, and whether words are true of it: a layer each."""
        super().__init__(width)
        self.about = nn.Linear(width, 1)
        self.true = nn.Linear(width, 1)


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions with their regions.

    Attributes:
        rows: Of the pictures.
        images: Regions as the model sees them, mirrored or not.
        questions: One a picture.
        text: Their tokens.
        there: Which things are in the region, bool [B, slots].
        owner: Slot of the thing that a token of the picture stands for, or -1; [B, tokens].
    """

    rows: np.ndarray
    images: torch.Tensor
    questions: list[Question]
    text: dict[str, torch.Tensor]
    there: np.ndarray
    owner: torch.Tensor


def ask(
    pictures: Pictures, rows: np.ndarray, seed: str, share: float
) -> tuple[np.ndarray, list[Question], list[bool]]:
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


def encode(tokenizer: Any, questions: Sequence[Question]) -> dict[str, torch.Tensor]:
    """Tokens of questions."""
    tokens: dict[str, torch.Tensor] = tokenizer(
        [q.text for q in questions], padding="longest", return_tensors="pt"
    )
    return tokens


def batch_of(
    pictures: Pictures, tokenizer: Any, size: int, seed: int, step: int, share: float
) -> Batch:
    """The questions of a step; ``share`` of them about crops."""
    rng = np.random.default_rng((seed, step))
    rows = np.sort(rng.choice(len(pictures), size, replace=False))
    regions, questions, _ = ask(pictures, rows, f"{seed}/{step}", share)
    known = pictures.facts[rows][..., 0] >= 0
    shares, there = boxes_in(regions, pictures.boxes_xyxy[rows], known)
    images = view(pictures.pixels[rows], regions)
    flip = torch.from_numpy(rng.random(size) < 0.5)
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    gold = torch.from_numpy(shares)
    mirrored = gold[..., [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]) + torch.tensor([1, 0, 1, 0])
    gold = torch.where(flip[:, None, None], mirrored, gold)
    y, x = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
    priors = (torch.stack([x, y], -1).flatten(0, 1) + 0.5) / GRID
    owner = owners(priors, gold, torch.from_numpy(there))
    return Batch(rows, images, questions, encode(tokenizer, questions), there, owner)


def learned(
    pictures: Pictures, batch: Batch, seen: Seen, heads: Reading
) -> dict[str, torch.Tensor]:
    """Losses of the answer, of what tokens show, and of what the question is about."""
    wanted = torch.tensor([ANSWERS.index(q.answer) for q in batch.questions])
    losses = {"answer": functional.cross_entropy(seen.logits, wanted)}
    at, token = (batch.owner >= 0).nonzero(as_tuple=True)
    facts = torch.from_numpy(pictures.facts[batch.rows].astype(np.int64))
    known = facts[at, batch.owner[at, token]].T
    for name, head, column in zip("kcsp", heads.facts, known, strict=True):
        losses[name] = 0.15 * functional.cross_entropy(head(seen.tokens[at, token]), column)
    concerned = torch.zeros(batch.there.shape, dtype=torch.bool)
    for index, (row, question) in enumerate(zip(batch.rows.tolist(), batch.questions, strict=True)):
        for thing in pictures.scene(row).objects:
            concerned[index, int(thing.id)] = question.concerns(thing)
    target = concerned.gather(1, batch.owner.clamp(min=0)) & (batch.owner >= 0)
    asked = torch.tensor([bool(q.about) for q in batch.questions])
    losses["about"] = 2 * functional.binary_cross_entropy_with_logits(
        heads.about(seen.before)[asked, :, 0], target[asked].float(), pos_weight=POSITIVE
    )
    return losses


def figures(model: Any, tokenizer: Any, own: Pictures, share: float) -> dict[str, float]:
    """Accuracy by place and group of questions about validation pictures."""
    right: dict[str, list[bool]] = {}
    for begin in range(0, len(own), 250):
        rows = np.arange(begin, begin + 250)
        regions, questions, crops = ask(own, rows, "val", share)
        images = view(own.pixels[rows], regions)
        logits = predict(model, images, encode(tokenizer, questions)).logits
        for question, crop, best in zip(questions, crops, logits.argmax(1), strict=True):
            place = "crop" if crop else "scene"
            hit = ANSWERS[int(best)] == question.answer
            right.setdefault(f"{place}_{question.group}", []).append(hit)
    return {key: sum(hits) / len(hits) for key, hits in sorted(right.items())}
