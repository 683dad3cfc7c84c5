"""A start for the layer in which the tokens of a picture look at the words of a question.

The detector knows which tokens a phrase fits. A layer of ViLT can know it from the first step on
where its queries read the detector's view of a token, and its keys the detector's view of a word.
Both are linear in what the layer sees, nearly, and are found by ridge regression. Without this
start words and pictures did not meet within 1,500 steps: docs/decisions.md.
"""

from __future__ import annotations

import numpy as np
import torch
from crops import cut
from torch import nn
from torch.nn import functional

from vprog.evaluation.zoo.scenes import SIZE
from vprog.world.vocabulary import COLORS, KINDS, PATTERNS, SIZES, TAXONOMY, plural

SHARPNESS = 40.0
"""Of queries and keys: a token that a word fits gives the word several times the attention."""
SHARPNESS_LATER = 12.0
"""The same in a later layer, for the token that answers."""
LOUDNESS = 4.0
"""Of values: how much a token changes that looks at words alone, in deviations of a token."""
RIDGE = 1e-2


TEMPLATES = ("is the {} there?", "is the object {}?", "how many {} things are there?")
"""Questions in which words are seen."""


def phrases() -> dict[str, str]:
    """Word -> what the detector reads for it."""
    nouns = [*KINDS, *TAXONOMY]
    nouns += [plural(noun) for noun in nouns if " " not in plural(noun)]
    alone = {word: word for word in nouns}
    return alone | {word: f"{word} object" for word in (*COLORS, *PATTERNS, *SIZES)}


@torch.no_grad()
def words_of(source: nn.Module, tokenizer: object) -> dict[str, torch.Tensor]:
    """The detector's text feature of every word in ``phrases``, centred and of length one."""
    known = phrases()
    ids = tokenizer(list(known.values()), padding="longest", return_tensors="pt").input_ids
    read = functional.normalize(source.owlvit.get_text_features(input_ids=ids).pooler_output)
    return dict(zip(known, functional.normalize(read - read.mean(0)), strict=True))


@torch.no_grad()
def meet(
    layer: nn.Module,
    hidden: torch.Tensor,
    words: torch.Tensor,
    seen: torch.Tensor,
    read: torch.Tensor,
) -> None:
    """Sets the attention of a layer.

    Values of words are what the detector reads for them, and one direction that they share, so that
    a token can tell how much it has looked at words; values of the picture are nothing.

    Args:
        layer: Of ViLT.
        hidden: What it sees of picture tokens, [M, width].
        words: What it sees of words, [W, width].
        seen: The detector's class embeddings of the same tokens, [M, width].
        read: The detector's text features of the same words, [W, width].
    """
    tokens, texts = layer.layernorm_before(hidden), layer.layernorm_before(words)
    weights = torch.cat(
        [torch.ones(len(tokens)) / len(tokens), torch.ones(len(texts)) / len(texts)]
    )
    rows = torch.cat([tokens, texts])
    seen = functional.normalize(seen - seen.mean(0))
    query = solve(rows, torch.cat([seen, torch.zeros_like(read)]), weights)
    key = solve(rows, torch.cat([torch.zeros_like(seen), read]), weights)
    turn, _ = torch.linalg.qr(torch.randn(read.shape[1], read.shape[1]))
    shared = functional.normalize(torch.randn(1, read.shape[1]))
    value = solve(rows, torch.cat([torch.zeros_like(seen), read + shared]), weights)
    inside = layer.attention.attention
    for module, (matrix, bias), size in (
        (inside.query, query, SHARPNESS),
        (inside.key, key, SHARPNESS),
        (inside.value, value, LOUDNESS * hidden.std()),
    ):
        module.weight.copy_(size * (matrix @ turn).T)
        module.bias.copy_(size * bias @ turn)
    back, _ = torch.linalg.qr(torch.randn(read.shape[1], read.shape[1]))
    layer.attention.output.dense.weight.copy_(back)


@torch.no_grad()
def ask(
    layer: nn.Module,
    hidden: torch.Tensor,
    first: torch.Tensor,
    seen: torch.Tensor,
    read: torch.Tensor,
) -> None:
    """Lets the token that answers look at what fits the words that it has looked at before.

    Half of the heads of a layer are set; arguments are those of ``meet``, with what the layer sees
    of the token that answers, [W, width], in the place of words.
    """
    tokens, texts = layer.layernorm_before(hidden), layer.layernorm_before(first)
    seen = functional.normalize(seen - seen.mean(0))
    query = solve(texts, read, torch.ones(len(texts)) / len(texts))
    key = solve(tokens, seen, torch.ones(len(tokens)) / len(tokens))
    turn, _ = torch.linalg.qr(torch.randn(read.shape[1], read.shape[1]))
    inside, half = layer.attention.attention, read.shape[1] // 2
    for module, (matrix, bias) in ((inside.query, query), (inside.key, key)):
        module.weight[:half] = SHARPNESS_LATER * (matrix @ turn).T[:half]
        module.bias[:half] = SHARPNESS_LATER * (bias @ turn)[:half]


def solve(
    rows: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted ridge regression: matrix [width, width] and bias [width]."""
    root = weights.sqrt()[:, None]
    wide = torch.cat([rows, torch.ones(len(rows), 1)], 1) * root
    gram = wide.T @ wide + RIDGE * torch.eye(wide.shape[1])
    found = torch.linalg.solve(gram, wide.T @ (targets * root))
    return found[:-1], found[-1]


@torch.no_grad()
def seen_by(source: nn.Module, pixels: np.ndarray, grid: int) -> torch.Tensor:
    """The detector's class embeddings of whole pictures on a coarser grid: [N * grid², width]."""
    whole = np.tile([0, 0, SIZE, SIZE], (len(pixels), 1))
    features, _ = source.image_embedder(pixel_values=cut(pixels, whole))
    embeddings = source.class_head.dense0(features).permute(0, 3, 1, 2)
    smaller = functional.interpolate(
        embeddings, size=(grid, grid), mode="bilinear", antialias=True, align_corners=False
    )
    return smaller.permute(0, 2, 3, 1).flatten(0, 2)
