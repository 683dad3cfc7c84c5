"""Trains ``vqa``: ViLT whose layers start as those of the zoo's detector.

The detector's vision layers know what is where after their own training; ViLT has the same layers
under other names. Two fresh layers come on top: in the first, words and pictures meet
(``meeting.py``). Three of four questions are about the region around an object, as programs cut it;
the others about whole pictures. Auxiliary heads for kind, colour, size and pattern read the
picture's tokens during training and are thrown away; so is one that tells, before the last layer,
which tokens the question is about.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from crops import boxes_in, cut, enlarged
from detect import Heads
from meeting import TEMPLATES, meet, seen_by, words_of
from pictures import Pictures, load
from publish import detector, save_vqa
from tokens import owners
from torch import nn
from torch.nn import functional
from training import Trainer, arguments, plan
from transformers import ViltConfig, ViltForQuestionAnswering
from words import LENGTH, build

from vprog.evaluation.zoo.questions import ANSWERS, about_crop, about_scene
from vprog.evaluation.zoo.scenes import SIZE
from vprog.example import Region
from vprog.tools.backends.oracle_regions import objects_in

SIDE, PATCH = 72, 8
GRID = SIDE // PATCH
CROPS = 0.72
"""Share of the questions that are about crops."""
TOKENS = 5.0
"""Deviation of words and of what the detector's layers make of a picture."""
POSITIVE = torch.tensor(3.0)
"""Weight of tokens that a question is about; most are not."""


class Reading(Heads):
    """Auxiliary classifiers of tokens, with one for what the question is about."""

    def __init__(self, width: int) -> None:
        """One more layer over tokens of that width."""
        super().__init__(width)
        self.about = nn.Linear(width, 1)


def config(vocabulary: int, layers: int) -> ViltConfig:
    """1.4 million parameters; widths and activation are the detector's."""
    return ViltConfig(
        vocab_size=vocabulary, hidden_size=128, num_hidden_layers=layers, num_attention_heads=4,
        intermediate_size=512, hidden_act="quick_gelu", layer_norm_eps=1e-5, image_size=SIDE,
        patch_size=PATCH, max_position_embeddings=2 * LENGTH, type_vocab_size=2, pad_token_id=0,
        id2label=dict(enumerate(ANSWERS)), label2id={a: i for i, a in enumerate(ANSWERS)},
    )  # fmt: skip


@torch.no_grad()
def start(model: ViltForQuestionAnswering, source: nn.Module, pixels: np.ndarray) -> None:
    """Copies the detector's weights into a fresh ViLT.

    ViLT has no layer norm before its first layer. The detector's is folded into the embeddings
    with the mean deviation that its tokens have on drawn pictures.
    """
    vision = source.owlvit.vision_model
    sight, norm = vision.embeddings, vision.pre_layernorm
    whole = np.tile([0, 0, SIZE, SIZE], (len(pixels), 1))
    deviation = sight(cut(pixels, whole))[:, 1:].std(-1, correction=0).mean()

    def folded(rows: torch.Tensor) -> torch.Tensor:
        return (rows - rows.mean(-1, keepdim=True)) / deviation * norm.weight

    target = model.vilt.embeddings
    flat = sight.patch_embedding.weight.flatten(1)
    target.patch_embeddings.projection.weight.copy_(
        folded(flat.T).T.view_as(target.patch_embeddings.projection.weight)
    )
    target.patch_embeddings.projection.bias.copy_(norm.bias)
    positions = sight.position_embedding.weight
    side = round((len(positions) - 1) ** 0.5)
    grid = positions[1:].T.reshape(1, -1, side, side)
    grid = functional.interpolate(grid, size=(GRID, GRID), mode="bilinear", align_corners=True)
    target.position_embeddings[0, 1:].copy_(folded(grid.flatten(2)[0].T))
    target.position_embeddings[0, 0].copy_(folded(positions[0]))
    target.cls_token.copy_(folded(sight.class_embedding) + norm.bias)
    words = source.owlvit.text_model.embeddings.token_embedding.weight
    target.text_embeddings.word_embeddings.weight.copy_(words)
    for old, new in zip(vision.encoder.layers, model.vilt.encoder.layer, strict=False):
        attention, own = new.attention, old.self_attn
        pairs = [
            (own.q_proj, attention.attention.query), (own.k_proj, attention.attention.key),
            (own.v_proj, attention.attention.value), (own.out_proj, attention.output.dense),
            (old.layer_norm1, new.layernorm_before), (old.layer_norm2, new.layernorm_after),
            (old.mlp.fc1, new.intermediate.dense), (old.mlp.fc2, new.output.dense),
        ]  # fmt: skip
        for one, other in pairs:
            other.load_state_dict(one.state_dict())
    model.vilt.layernorm.load_state_dict(vision.post_layernorm.state_dict())
    quieten(model, pixels)
    target.text_embeddings.word_embeddings.weight.mul_(TOKENS / words.std())


@torch.no_grad()
def introduce(
    model: ViltForQuestionAnswering, source: nn.Module, pixels: np.ndarray, tokenizer: Any
) -> None:
    """Lets tokens of pictures know words in the first fresh layer; see ``meeting``."""
    known = words_of(source, tokenizer)
    names = [word for word in known for _ in TEMPLATES]
    texts = [template.format(word) for word in known for template in TEMPLATES]
    text = tokenizer(texts, padding="longest", return_tensors="pt")
    pixels = np.resize(pixels, (len(texts), *pixels.shape[1:]))
    whole = np.tile([0, 0, SIZE, SIZE], (len(texts), 1))
    fresh = len(source.owlvit.vision_model.encoder.layers)
    hidden = predict(model, view(pixels, whole), text)[3][fresh]
    ids = torch.tensor(tokenizer.convert_tokens_to_ids(names))
    at = (text["input_ids"] == ids[:, None]).int().argmax(1)
    words = hidden[torch.arange(len(texts)), at]
    tokens = hidden[:, text["input_ids"].shape[1] + 1 :].flatten(0, 1)
    read = torch.stack([known[name] for name in names])
    meet(model.vilt.encoder.layer[fresh], tokens, words, seen_by(source, pixels, GRID), read)


@torch.no_grad()
def quieten(model: ViltForQuestionAnswering, pixels: np.ndarray) -> None:
    """Divides all that the detector's layers add to a token, so that fresh layers are heard.

    Its tokens have a deviation of 50 at the end; layer norms take any scale for the same.
    """
    whole = np.tile([0, 0, SIZE, SIZE], (len(pixels), 1))
    text = {
        "input_ids": torch.full((len(pixels), 1), 2),
        "attention_mask": torch.ones((len(pixels), 1), dtype=torch.long),
    }
    fresh = 2
    hidden = predict(model, view(pixels, whole), text)[3][-1 - fresh][:, 2:]
    share = TOKENS / hidden.std()
    embeddings = model.vilt.embeddings
    parts = [embeddings.patch_embeddings.projection]
    for layer in model.vilt.encoder.layer[:-fresh]:
        parts += [layer.attention.output.dense, layer.output.dense]
    for part in parts:
        part.weight.mul_(share)
        part.bias.mul_(share)
    embeddings.position_embeddings.mul_(share)
    embeddings.cls_token.mul_(share)


def predict(model: ViltForQuestionAnswering, pixels: torch.Tensor, text: dict) -> tuple:
    """The model's own forward pass with patches in their order.

    Returns:
        Answer logits, the picture's tokens, the same before the last layer, and what every layer
        sees of words and picture.
    """
    embeddings = model.vilt.embeddings
    kinds = embeddings.token_type_embeddings.weight
    words = embeddings.text_embeddings(input_ids=text["input_ids"]) + kinds[0]
    patches = embeddings.patch_embeddings(pixels).flatten(2).transpose(1, 2)
    first = embeddings.cls_token.expand(len(pixels), -1, -1)
    seen = torch.cat([first, patches], 1) + embeddings.position_embeddings + kinds[1]
    seen_mask = torch.ones(seen.shape[:2], dtype=torch.long)
    mask = torch.cat([text["attention_mask"], seen_mask], 1)[:, None, None].float()
    out = model.vilt.encoder(
        torch.cat([words, seen], 1), (1 - mask) * -1e9, output_hidden_states=True
    )
    hidden, before = (model.vilt.layernorm(h) for h in (out.last_hidden_state, out[1][-2]))
    first = words.shape[1] + 1
    logits = model.classifier(model.vilt.pooler(hidden))
    return logits, hidden[:, first:], before[:, first:], out[1]


def ask(pictures: Pictures, rows: np.ndarray, seed: str) -> tuple[np.ndarray, list, list[bool]]:
    """A region and a question for each picture: regions [B, 4], questions, whether it is a crop."""
    regions, questions, crops = [], [], []
    for row in rows.tolist():
        rng = random.Random(f"{seed}/{row}")
        scene = pictures.scene(row)
        crops.append(rng.random() < CROPS)
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


def view(pixels: np.ndarray, regions: np.ndarray) -> torch.Tensor:
    """Regions as the model sees them: whole pictures shrunk smoothly, crops enlarged."""
    images = cut(pixels, regions, SIDE)
    whole = np.flatnonzero((regions == (0, 0, SIZE, SIZE)).all(1))
    if len(whole):
        full = cut(pixels[whole], regions[whole])
        images[whole] = functional.interpolate(
            full, size=(SIDE, SIDE), mode="bilinear", antialias=True
        )
    return images


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the checkpoint at the end."""
    given = arguments("vqa", __doc__ or "", steps=2000, rate=1e-3, muon=0.5)
    task = plan(given)
    torch.manual_seed(task.seed)
    pictures = load("generalist", "train", given.pictures, 7)
    tokenizer = build(bert_style=True)
    source = detector()
    layers = len(source.owlvit.vision_model.encoder.layers) + 2
    model = ViltForQuestionAnswering(config(len(tokenizer), layers))
    start(model, source, pictures.pixels[:64])
    introduce(model, source, pictures.pixels[:256], tokenizer)
    trainer = Trainer(task, model, heads := Reading(128))
    y, x = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
    priors = (torch.stack([x, y], -1).flatten(0, 1) + 0.5) / GRID

    def encode(texts: list[str]) -> dict:
        return tokenizer(texts, padding="longest", return_tensors="pt")

    def loss(step: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((task.seed, step))
        rows = np.sort(rng.choice(len(pictures), given.batch, replace=False))
        regions, questions, _ = ask(pictures, rows, f"{task.seed}/{step}")
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
