"""Trains ``match``: CLIP whose two towers start as those of the zoo's detector.

Crops and phrases meet in a sigmoid loss (Zhai et al., Sigmoid Loss for Language Image
Pre-Training, ICCV 2023, section 3.2): every pair of a crop and a phrase is right or wrong, so that
scores are beliefs. CLIP has no place for the bias of that loss; it goes into ``vprog.json``.
"""

from __future__ import annotations

import random

import numpy as np
import torch
from crops import cut, enlarged
from phrases import FAMILIES, Phrase, sample, truth
from pictures import Pictures, load
from publish import detector, save_match
from torch import nn
from torch.nn import functional
from training import arguments, plan, trainer_of
from transformers import CLIPConfig, CLIPModel
from words import build

from vprog.evaluation.zoo.options import ten_options
from vprog.evaluation.zoo.scenes import SIZE

SIDE, PATCH = 48, 8
GRID = SIDE // PATCH
PHRASES = 96
BIAS = -6.0
"""Of the sigmoid; not learned, so that the scale alone decides how sure a score is."""


def config(source: nn.Module) -> CLIPConfig:
    """The detector's towers over smaller pictures."""
    vision = source.config.vision_config.to_dict() | {"image_size": SIDE}
    text = source.config.text_config.to_dict()
    for part in (vision, text):
        part.pop("model_type", None)
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=128)


@torch.no_grad()
def start(model: CLIPModel, source: nn.Module) -> None:
    """Copies both towers and the two projections from the detector."""
    weights = dict(source.owlvit.state_dict())
    names = {"vision_model.pre_layernorm": "vision_model.pre_layrnorm"}
    renamed = {}
    for key, value in weights.items():
        for old, new in names.items():
            key = key.replace(old, new)
        renamed[key] = value
    place = "vision_model.embeddings.position_embedding.weight"
    grid = renamed[place][1:].T.reshape(1, -1, SIZE // PATCH, SIZE // PATCH)
    grid = functional.interpolate(grid, size=(GRID, GRID), mode="bilinear", align_corners=True)
    renamed[place] = torch.cat([renamed[place][:1], grid.flatten(2)[0].T])
    renamed["visual_projection.weight"] = source.class_head.dense0.weight
    renamed = {k: v for k, v in renamed.items() if not k.endswith("position_ids")}
    missing, unknown = model.load_state_dict(renamed, strict=False)
    assert not unknown, unknown
    assert all(name.endswith("position_ids") for name in missing), missing
    model.logit_scale.fill_(np.log(12.0))


def predict(model: CLIPModel, pixels: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Logits [crops, phrases] of the sigmoid loss."""
    seen = model.get_image_features(pixel_values=pixels).pooler_output
    read = model.get_text_features(input_ids=ids).pooler_output
    seen, read = functional.normalize(seen, dim=-1), functional.normalize(read, dim=-1)
    return model.logit_scale.exp() * seen @ read.T + BIAS


def bare(rng: random.Random, thing: np.ndarray) -> Phrase:
    """An attribute alone, as in choices between two colours."""
    family = rng.randrange(3)
    wanted = [-1] * 5
    wanted[2 + family] = int(thing[1 + family])
    return Phrase(FAMILIES[2 + family][wanted[2 + family]], tuple(wanted))  # type: ignore[arg-type]


def regions_of(pictures: Pictures, rows: np.ndarray, rng: np.random.Generator) -> tuple:
    """One object a picture and the region around it: its box, shifted a little, or enlarged."""
    regions, facts = [], []
    for row in rows:
        slot = rng.choice(np.flatnonzero(pictures.facts[row, :, 0] >= 0))
        box = pictures.boxes_xyxy[row, slot]
        box = box + np.tile(box[2:] - box[:2], 2) * rng.normal(0, 0.04, 4)
        regions.append(enlarged(box, 1.0 if rng.random() < 0.75 else 1.0 + 0.5 * rng.random()))
        facts.append(pictures.facts[row, slot])
    return np.stack(regions), np.stack(facts).astype(np.int64)


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the checkpoint at the end."""
    given = arguments("match", __doc__ or "", steps=2000, rate=1e-3)
    task = plan(given)
    torch.manual_seed(task.seed)
    pictures = load("generalist", "train", given.pictures, 7)
    tokenizer, source = build(), detector()
    model = CLIPModel(config(source))
    model.set_attn_implementation("eager")
    start(model, source)
    trainer = trainer_of(task, model, nn.Identity(), muon=given.muon)

    def encode(texts: list[str]) -> torch.Tensor:
        return tokenizer(texts, padding="longest", return_tensors="pt").input_ids

    def loss(step: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((task.seed, step))
        chance = random.Random(f"{task.seed}/{step}")
        rows = np.sort(rng.choice(len(pictures), 2 * given.batch, replace=False))
        regions, facts = regions_of(pictures, rows, rng)
        pixels = pictures.pixels[rows]
        images = cut(pixels, regions, SIDE)
        flip = torch.from_numpy(rng.random(len(rows)) < 0.5)
        images = torch.where(flip[:, None, None, None], images.flip(3), images)
        asked = [sample(chance, facts[rng.integers(len(facts))]) for _ in range(PHRASES // 2)]
        asked += [bare(chance, facts[rng.integers(len(facts))]) for _ in range(12)]
        asked += [sample(chance) for _ in range(PHRASES - len(asked))]
        target = torch.from_numpy(truth(asked, facts)).float()
        logits = predict(model, images, encode([p.text for p in asked]))
        error = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return {"pairs": (error * (1 + 2 * target)).sum() / len(rows) / 4}

    def validate(average: CLIPModel) -> dict[str, float]:
        own = load("generalist", "val", 1000, 7)
        rng, chance = np.random.default_rng(1), random.Random(1)
        rows = np.arange(600)
        regions, facts = regions_of(own, rows, rng)
        options = [ten_options(chance, *fact.tolist()) for fact in facts]
        texts = sorted({text for some in options for text in some})
        column = {text: index for index, text in enumerate(texts)}
        logits = predict(average, cut(own.pixels[rows], regions, SIDE), encode(texts)).numpy()
        right, sure = [], []
        for row, some in zip(logits, options, strict=True):
            scores = row[[column[text] for text in some]]
            right.append(scores.argmax() == 0)
            sure += [scores[0] > 0, *(scores[1:3] < 0)]
        return {"top1_of_10": float(np.mean(right)), "right_side_of_half": float(np.mean(sure))}

    if trainer.train(loss, validate):
        save_match(trainer, tokenizer, given.out, BIAS)


if __name__ == "__main__":
    main()
