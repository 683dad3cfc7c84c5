"""The vision-language model from its configuration; its eye is the zoo's detector's.

Aya Vision's class (Dash et al., Aya Vision: Advancing the frontier of multilingual multimodality,
2025) takes CLIP's tower as it is, whose layers OWL-ViT shares, norms its tokens, makes four
neighbours one token and hands them to a Llama.
"""

from __future__ import annotations

from typing import Any

import tokenizer as vocabulary
import torch
from torch import nn
from torch.nn import functional
from transformers import AyaVisionConfig, AyaVisionForConditionalGeneration

from vprog.world.vocabulary import COLORS, KINDS, PATTERNS, SIZES

SIZE, PATCH, FACTOR = 96, 8, 2
SIDE = SIZE // PATCH // FACTOR
IMAGE_TOKENS = SIDE**2
"""Of a picture, row by row, each for 16 pixels a side."""
GRID = 32
"""Places are whole numbers below this."""


def config(words: Any) -> AyaVisionConfig:
    """2.4 million parameters: 4 layers over 144 patches, 5 layers over 36 tokens and words."""
    return AyaVisionConfig(
        vision_config={
            "model_type": "clip_vision_model", "hidden_size": 128, "intermediate_size": 512,
            "num_hidden_layers": 4, "num_attention_heads": 4, "image_size": SIZE,
            "patch_size": PATCH, "hidden_act": "quick_gelu", "projection_dim": 128,
        },
        text_config={
            "model_type": "llama", "vocab_size": len(words), "hidden_size": 160,
            "intermediate_size": 320, "num_hidden_layers": 5, "num_attention_heads": 5,
            "num_key_value_heads": 5, "max_position_embeddings": vocabulary.LENGTH,
            "initializer_range": 0.05, "tie_word_embeddings": True,
            "pad_token_id": words.pad_token_id, "bos_token_id": words.bos_token_id,
            "eos_token_id": words.eos_token_id,
        },
        vision_feature_select_strategy="default", vision_feature_layer=-1,
        downsample_factor=FACTOR, alignment_intermediate_size=320,
        image_token_index=words.convert_tokens_to_ids(vocabulary.PATCH), tie_word_embeddings=True,
        pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id,
        bos_token_id=words.bos_token_id,
    )  # fmt: skip


def processor(words: Any) -> Any:
    """Aya Vision's processor, with the image processor that needs no torchvision."""
    from transformers import AyaVisionProcessor, GotOcr2ImageProcessorPil

    images = GotOcr2ImageProcessorPil(
        size={"height": SIZE, "width": SIZE}, resample=2, crop_to_patches=False, max_patches=1,
        image_mean=[0.5] * 3, image_std=[0.5] * 3,
    )  # fmt: skip
    return AyaVisionProcessor(
        images, words, patch_size=PATCH, img_size=SIZE, downsample_factor=FACTOR,
        image_token=vocabulary.IMAGE, start_of_img_token=vocabulary.BEGIN,
        end_of_img_token=vocabulary.CLOSE, img_patch_token=vocabulary.PATCH,
        tile_global_token=vocabulary.TILE, chat_template=words.chat_template,
    )  # fmt: skip


@torch.no_grad()
def start(words: Any, detector: Any) -> AyaVisionForConditionalGeneration:
    """A model whose tower has the detector's weights; all else is random."""
    model = AyaVisionForConditionalGeneration(config(words))
    tower, projector = model.model.vision_tower, model.model.multi_modal_projector
    inner = getattr(tower, "vision_model", tower)
    taken = detector.owlvit.vision_model.state_dict()
    inner.load_state_dict({k.replace("pre_layernorm", "pre_layrnorm"): v for k, v in taken.items()})
    for linear in (projector.linear_1, projector.linear_2):
        nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
        nn.init.zeros_(linear.bias)
    projector.linear_2.weight.mul_(0.1)
    # A norm over tokens of that deviation hears the detector's loud channels alone.
    gain = detector.owlvit.vision_model.post_layernorm.weight
    loud = gain / gain.square().mean().sqrt()
    projector.layernorm.weight.copy_(loud.repeat(FACTOR**2))
    return model


def tokens(model: AyaVisionForConditionalGeneration, pixels: torch.Tensor) -> torch.Tensor:
    """What the language model reads of pictures [B, 3, 96, 96]: [B, 36, width]."""
    seen = model.model.vision_tower(pixels).last_hidden_state[:, 1:]
    read: torch.Tensor = model.model.multi_modal_projector(seen).flatten(1, 2)
    return read


class Reader(nn.Module):
    """Reads things off the tokens of a picture by the words' own embeddings; for training only.

    So words and what they look like meet before any sentence is understood: a token of a red cat
    lies near ``red`` and ``cat``.
    """

    def __init__(self, words: Any, width: int) -> None:
        """One scale a family of words; edges of boxes are turned to the numbers' embeddings."""
        super().__init__()
        self.families = [
            words.convert_tokens_to_ids(list(family)) for family in (KINDS, COLORS, SIZES, PATTERNS)
        ]
        self.scales = nn.Parameter(torch.full((4,), 3.0))
        self.numbers = words.convert_tokens_to_ids(list(map(str, range(GRID))))
        self.edges = nn.Linear(width, 4 * width, bias=False)

    def forward(
        self, read: torch.Tensor, embeddings: torch.Tensor, boxes: torch.Tensor, facts: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Losses of tokens that a thing covers.

        Args:
            read: [B, 36, width].
            embeddings: Of all words, [V, width].
            boxes: Shares of the picture, xyxy, [B, slots, 4].
            facts: Kind, colour, size, pattern, [B, slots, 4]; -1 where there is nothing.
        """
        step = torch.arange(SIDE) / SIDE
        low_y, low_x = torch.meshgrid(step, step, indexing="ij")
        low = torch.stack([low_x, low_y], -1).flatten(0, 1)[None, :, None]
        high = low + 1 / SIDE
        inside = torch.minimum(high, boxes[:, None, :, 2:]) - torch.maximum(
            low, boxes[:, None, :, :2]
        )
        share = inside.clamp(min=0).prod(-1) * SIDE**2 * (facts[:, None, :, 0] >= 0)
        at, token = (share.sum(-1) > 0.15).nonzero(as_tuple=True)
        weights = share[at, token] / share[at, token].sum(-1, keepdim=True)
        seen = functional.normalize(read[at, token], dim=-1)
        losses = {}
        for index, (name, ids) in enumerate(zip("kcsp", self.families, strict=True)):
            own = functional.normalize(embeddings[ids], dim=-1)
            guess = (self.scales[index].exp() * seen @ own.T).log_softmax(-1)
            gold = facts[at, :, index].clamp(min=0)
            losses[name] = -(guess.gather(-1, gold) * weights).sum(-1).mean()
        nearest = (boxes[at, weights.argmax(-1)] * (GRID - 1)).round().long()
        seen = functional.normalize(self.edges(read[at, token]).unflatten(-1, (4, -1)), dim=-1)
        own = functional.normalize(embeddings[self.numbers], dim=-1)
        guess = self.scales[0].exp() * seen @ own.T
        losses["place"] = functional.cross_entropy(guess.flatten(0, 1), nearest.flatten())
        return losses
