"""ViLT out of the zoo's detector: its configuration, first weights and forward pass.

The detector's vision layers know what is where; ViLT has the same layers under other names. Fresh
ones come on top.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import torch
from crops import cut
from meeting import TEMPLATES, ask, meet, seen_by, words_of
from torch import nn
from torch.nn import functional
from transformers import ViltConfig, ViltForQuestionAnswering
from words import LENGTH

from vprog.evaluation.zoo.questions import ANSWERS
from vprog.evaluation.zoo.scenes import SIZE

SIDE, PATCH = 72, 8
GRID = SIDE // PATCH
FRESH = 2
"""Layers on top of the detector's."""
TOKENS = 5.0
"""Deviation of words and of what the detector's layers make of a picture."""


def config(vocabulary: int, layers: int) -> ViltConfig:
    """1.4 million parameters; widths and activation are the detector's."""
    return ViltConfig(
        vocab_size=vocabulary, hidden_size=128, num_hidden_layers=layers, num_attention_heads=4,
        intermediate_size=512, hidden_act="quick_gelu", layer_norm_eps=1e-5, image_size=SIDE,
        patch_size=PATCH, max_position_embeddings=2 * LENGTH, type_vocab_size=2, pad_token_id=0,
        id2label=dict(enumerate(ANSWERS)), label2id={a: i for i, a in enumerate(ANSWERS)},
    )  # fmt: skip


def build_model(source: nn.Module, pixels: np.ndarray, tokenizer: Any) -> ViltForQuestionAnswering:
    """A ViLT that starts from the detector.

    Args:
        source: The detector.
        pixels: Drawn pictures, uint8 [N, 96, 96, 3], on which deviations are measured.
        tokenizer: Of the questions.
    """
    layers = len(source.owlvit.vision_model.encoder.layers) + FRESH
    model = ViltForQuestionAnswering(config(len(tokenizer), layers))
    start(model, source, pixels[:64])
    introduce(model, source, pixels[:256], tokenizer)
    return model


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
def quieten(model: ViltForQuestionAnswering, pixels: np.ndarray) -> None:
    """Divides all that the detector's layers add to a token, so that fresh layers are heard.

    Its tokens have a deviation of 50 at the end; layer norms take any scale for the same.
    """
    whole = np.tile([0, 0, SIZE, SIZE], (len(pixels), 1))
    text = {
        "input_ids": torch.full((len(pixels), 1), 2),
        "attention_mask": torch.ones((len(pixels), 1), dtype=torch.long),
    }
    hidden = predict(model, view(pixels, whole), text).states[-1 - FRESH][:, 2:]
    share = TOKENS / hidden.std()
    embeddings = model.vilt.embeddings
    parts = [embeddings.patch_embeddings.projection]
    for layer in model.vilt.encoder.layer[:-FRESH]:
        parts += [layer.attention.output.dense, layer.output.dense]
    for part in parts:
        part.weight.mul_(share)
        part.bias.mul_(share)
    embeddings.position_embeddings.mul_(share)
    embeddings.cls_token.mul_(share)


@torch.no_grad()
def introduce(
    model: ViltForQuestionAnswering, source: nn.Module, pixels: np.ndarray, tokenizer: Any
) -> None:
    """Lets words and tokens of pictures know each other in fresh layers; see ``meeting``."""
    known = words_of(source, tokenizer)
    names = [word for word in known for _ in TEMPLATES]
    texts = [template.format(word) for word in known for template in TEMPLATES]
    text = tokenizer(texts, padding="longest", return_tensors="pt")
    pixels = np.resize(pixels, (len(texts), *pixels.shape[1:]))
    whole = np.tile([0, 0, SIZE, SIZE], (len(texts), 1))
    ids = torch.tensor(tokenizer.convert_tokens_to_ids(names))
    at = (text["input_ids"] == ids[:, None]).int().argmax(1)
    seen = seen_by(source, pixels, GRID)
    read = torch.stack([known[name] for name in names])
    first = text["input_ids"].shape[1] + 1
    hidden = predict(model, view(pixels, whole), text).states[-1 - FRESH]
    words = hidden[torch.arange(len(texts)), at]
    meet(model.vilt.encoder.layer[-FRESH], hidden[:, first:].flatten(0, 1), words, seen, read)


@torch.no_grad()
def insert(
    model: ViltForQuestionAnswering, source: nn.Module, pixels: np.ndarray, tokenizer: Any
) -> None:
    """Puts a layer before the last one, which changes nothing yet but looks already.

    Half of its heads look from the token that answers at what fits the words of the question.
    """
    layers = model.vilt.encoder.layer
    fresh = copy.deepcopy(layers[-1])
    for linear in (fresh.attention.output.dense, fresh.output.dense):
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)
    known = words_of(source, tokenizer)
    texts = [template.format(word) for word in known for template in TEMPLATES]
    text = tokenizer(texts, padding="longest", return_tensors="pt")
    pixels = np.resize(pixels, (len(texts), *pixels.shape[1:]))
    whole = np.tile([0, 0, SIZE, SIZE], (len(texts), 1))
    hidden = predict(model, view(pixels, whole), text).states[-2]
    first = text["input_ids"].shape[1] + 1
    read = torch.stack([known[word] for word in known for _ in TEMPLATES])
    seen = seen_by(source, pixels, GRID)
    ask(fresh, hidden[:, first:].flatten(0, 1), hidden[:, 0], seen, read)
    layers.insert(len(layers) - 1, fresh)
    model.config.num_hidden_layers = len(layers)


class Seen(NamedTuple):
    """What a forward pass comes to.

    Attributes:
        logits: Of the answers, [B, answers].
        tokens: Of the picture, [B, patches, width].
        before: The same before the last layer.
        words: Of the question, before the last layer, [B, words, width].
        states: What every layer sees of words, class token and picture.
        attention: Of the last three layers, [B, heads, all, all] each.
    """

    logits: torch.Tensor
    tokens: torch.Tensor
    before: torch.Tensor
    words: torch.Tensor
    states: tuple[torch.Tensor, ...]
    attention: tuple[torch.Tensor, ...]


def predict(model: ViltForQuestionAnswering, pixels: torch.Tensor, text: dict) -> Seen:
    """The model's own forward pass with patches in their order."""
    embeddings = model.vilt.embeddings
    kinds = embeddings.token_type_embeddings.weight
    words = embeddings.text_embeddings(input_ids=text["input_ids"]) + kinds[0]
    patches = embeddings.patch_embeddings(pixels).flatten(2).transpose(1, 2)
    first = embeddings.cls_token.expand(len(pixels), -1, -1)
    seen = torch.cat([first, patches], 1) + embeddings.position_embeddings + kinds[1]
    seen_mask = torch.ones(seen.shape[:2], dtype=torch.long)
    mask = torch.cat([text["attention_mask"], seen_mask], 1)[:, None, None].float()
    out = model.vilt.encoder(
        torch.cat([words, seen], 1),
        (1 - mask) * -1e9,
        output_hidden_states=True,
        output_attentions=True,
    )
    hidden = model.vilt.layernorm(out.last_hidden_state)
    before = model.vilt.layernorm(out.hidden_states[-2])
    count = words.shape[1]
    return Seen(
        logits=model.classifier(model.vilt.pooler(hidden)),
        tokens=hidden[:, count + 1 :],
        before=before[:, count + 1 :],
        words=before[:, :count],
        states=out.hidden_states,
        attention=out.attentions[-3:],
    )


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
