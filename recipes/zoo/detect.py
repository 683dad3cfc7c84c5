"""Trains ``detect``: OWL-ViT from its configuration, on drawn scenes alone.

Dense labels first: every token whose prior point lies in a box stands for that object. Over the
last 30 % of the steps one token an object, matched by score and box as in DETR (Carion et al.,
ECCV 2020, section 3.1), so that the model needs no suppression of doubles. Auxiliary heads for
kind, colour, size and pattern read the tokens during training and are thrown away.
"""

from __future__ import annotations

import random

import numpy as np
import torch
from crops import boxes_in, cut, sample_regions
from phrases import sample, truth
from pictures import load
from publish import save_detect
from starting import start_heads, start_trunk
from tokens import busiest, corners, giou, matched, owners
from torch import nn
from torch.nn import functional
from training import arguments, plan, trainer_of
from transformers import OwlViTConfig, OwlViTForObjectDetection
from words import LENGTH, build

from vprog.evaluation.zoo.metrics import f1, found
from vprog.evaluation.zoo.scenes import SIZE
from vprog.tools.backends.hf.boxes import suppress
from vprog.world.vocabulary import COLORS, HELD_OUT_PAIRS, KINDS, PATTERNS, SIZES

PATCH = 8
GRID = SIZE // PATCH
PHRASES = 64
ONE_TO_ONE = 0.7
"""Share of the steps after which every object has one token."""
ALL_TOKENS = 0.92
"""Share of the steps after which the encoder sees every token, not the ``KEPT`` busiest alone."""
KEPT = 90


def config(vocabulary: int) -> OwlViTConfig:
    """1.5 million parameters: 4 layers over 144 patches, 2 layers over words."""
    return OwlViTConfig(
        text_config={
            "vocab_size": vocabulary, "hidden_size": 128, "intermediate_size": 256,
            "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": LENGTH,
            "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": vocabulary - 1,
        },
        vision_config={
            "hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4,
            "num_attention_heads": 4, "image_size": SIZE, "patch_size": PATCH,
        },
        projection_dim=128,
    )  # fmt: skip


class Heads(nn.Module):
    """Auxiliary classifiers of tokens; for training only."""

    def __init__(self, width: int) -> None:
        """One linear layer a family over tokens of that width."""
        super().__init__()
        sizes = (len(KINDS), len(COLORS), len(SIZES), len(PATTERNS))
        self.facts = nn.ModuleList(nn.Linear(width, size) for size in sizes)


def predict(
    model: OwlViTForObjectDetection,
    pixels: torch.Tensor,
    ids: torch.Tensor,
    kept: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The model's own forward pass for phrases shared by a batch, over all tokens or some.

    Args:
        model: Whose parts are used.
        pixels: [B, 3, 96, 96].
        ids: Tokens of P phrases.
        kept: Indices of the tokens that the encoder sees, [B, T]; all if None.

    Returns:
        Logits [B, T, P], boxes cxcywh [B, T, 4] and features [B, T, width].
    """
    vision = model.owlvit.vision_model
    hidden = vision.embeddings(pixels)
    bias = model.box_bias.expand(len(pixels), -1, -1)
    if kept is not None:
        batch = torch.arange(len(pixels))[:, None]
        hidden = torch.cat([hidden[:, :1], hidden[batch, kept + 1]], 1)
        bias = bias[batch, kept]
    hidden = vision.encoder(inputs_embeds=vision.pre_layernorm(hidden)).last_hidden_state
    hidden = vision.post_layernorm(hidden)
    tokens = model.layer_norm(hidden[:, 1:] * hidden[:, :1])
    text = model.owlvit.get_text_features(input_ids=ids).pooler_output
    logits, _ = model.class_head(tokens, text.expand(len(pixels), -1, -1), None)
    return logits, (model.box_head(tokens) + bias).sigmoid(), tokens


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the checkpoint at the end."""
    given = arguments("detect", __doc__ or "", steps=3800, rate=1.5e-3)
    task = plan(given)
    torch.manual_seed(task.seed)
    pictures = load("generalist", "train", given.pictures, 7)
    tokenizer = build()
    model = OwlViTForObjectDetection(config(len(tokenizer)))
    model.set_attn_implementation("eager")  # a fifth faster than sdpa at this size
    start_heads(model)
    start_trunk(model)
    heads = Heads(128)
    model.owlvit.visual_projection.requires_grad_(False)
    model.owlvit.logit_scale.requires_grad_(False)
    trainer = trainer_of(task, model, heads, muon=given.muon)
    y, x = torch.meshgrid(torch.arange(1, GRID + 1), torch.arange(1, GRID + 1), indexing="ij")
    priors = torch.stack([x, y], -1).flatten(0, 1) / GRID

    def encode(texts: list[str]) -> torch.Tensor:
        return tokenizer(texts, padding="longest", return_tensors="pt").input_ids

    def loss(step: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((task.seed, step))
        chance = random.Random(f"{task.seed}/{step}")
        rows = np.sort(rng.choice(len(pictures), given.batch, replace=False))
        pixels, facts = pictures.pixels[rows], pictures.facts[rows].astype(np.int64)
        boxes, there = pictures.boxes_xyxy[rows].copy(), facts[..., 0] >= 0
        flip = rng.random(len(rows)) < 0.5
        pixels[flip] = pixels[flip, :, ::-1]
        boxes[flip] = boxes[flip][..., [2, 1, 0, 3]] * (-1, 1, -1, 1) + (SIZE, 0, SIZE, 0)
        regions = sample_regions(rng, boxes, there, 0.15)
        images = cut(pixels, regions)
        shares, there = boxes_in(regions, boxes, there)
        things = facts[there]
        asked = [sample(chance, things[rng.integers(len(things))]) for _ in range(PHRASES // 2)]
        asked += [sample(chance) for _ in range(PHRASES - len(asked))]
        true = torch.from_numpy(truth(asked, np.where(there[..., None], facts, -1)))
        gold, known = torch.from_numpy(shares), torch.from_numpy(facts)
        dense = owners(priors, gold, torch.from_numpy(there))
        kept = None
        if step < ALL_TOKENS * task.steps:
            kept = busiest(dense, priors, gold, torch.from_numpy(there), step, KEPT)
            dense = dense.gather(1, kept)
        logits, predicted, tokens = predict(model, images, encode([p.text for p in asked]), kept)
        owner = dense
        if step >= ONE_TO_ONE * task.steps:
            with torch.no_grad():
                fits = logits.sigmoid() @ true.float().transpose(1, 2)
                score = fits / true.sum(-1).clamp(min=1)[:, None]
                overlap = giou(corners(predicted)[:, :, None], gold[:, None])
                owner = matched(score, overlap, dense, there)
        batch = torch.arange(len(rows))[:, None]
        target = (true[batch, owner.clamp(min=0)] & (owner >= 0)[..., None]).float()
        error = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        focus = (target - logits.sigmoid()).detach().abs().square()
        classes = (error * focus).sum() / target.sum().clamp(min=1)
        at, token = (dense >= 0).nonzero(as_tuple=True)
        thing = dense[at, token]
        guess, wanted = corners(predicted[at, token]), gold[at, thing]
        losses = {
            "class": 2 * classes,
            "l1": 5 * (guess - wanted).abs().mean(),
            "giou": 2 * (1 - giou(guess, wanted)).mean(),
        }
        for name, head, column in zip("kcsp", heads.facts, known[at, thing].T, strict=True):
            losses[name] = (1.0 if name == "k" else 0.5) * functional.cross_entropy(
                head(tokens[at, token]), column
            )
        return losses

    def validate(average: OwlViTForObjectDetection) -> dict[str, float]:
        own, pairs = load("generalist", "val", 1000, 7), load("pairs", "val", 1000, 7)
        return {
            **{f"colour_kind_{k}": v for k, v in score(average, encode, own, False).items()},
            **{f"pairs_{k}": v for k, v in score(average, encode, pairs, True).items()},
        }

    if trainer.train(loss, validate):
        save_detect(trainer, tokenizer, given.out)


def score(model: OwlViTForObjectDetection, encode, pictures, held_out: bool) -> dict[str, float]:
    """F1 of "colour kind" phrases on 192 pictures, half of the phrases absent, by threshold."""
    pairs = [(c, k) for c in COLORS for k in KINDS if ((c, k) in HELD_OUT_PAIRS) == held_out]
    column = {pair: index for index, pair in enumerate(pairs)}
    ids = encode([" ".join(pair) for pair in pairs])
    counts: dict[float, list] = {t: [] for t in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)}
    for start in range(0, 192, 64):
        rows = slice(start, start + 64)
        regions = np.tile([0, 0, SIZE, SIZE], (64, 1))
        logits, boxes, _ = predict(model, cut(pictures.pixels[rows], regions), ids)
        scores, boxes = logits.sigmoid().numpy(), (corners(boxes) * SIZE).numpy()
        for index, facts in enumerate(pictures.facts[rows]):
            said = [(COLORS[c], KINDS[k]) for k, c, _, _ in facts if k >= 0]
            rng = random.Random(start + index)
            for pair in {*said, *rng.sample(pairs, len(said))} & column.keys():
                gold = [b for b, s in zip(pictures.boxes_xyxy[start + index], said, strict=False)
                        if s == pair]  # fmt: skip
                for threshold, tally in counts.items():
                    own = scores[index, :, column[pair]]
                    keep = np.flatnonzero(own >= threshold)
                    keep = keep[suppress(boxes[index][keep], own[keep], 0.5)]
                    tally.append(found(boxes[index][keep], gold))
    return {str(t): f1(tally) for t, tally in counts.items()}


if __name__ == "__main__":
    main()
