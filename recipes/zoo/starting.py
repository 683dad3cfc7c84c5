"""First weights of the detector: a start from which it learns in minutes."""

from __future__ import annotations

import torch
from torch import nn
from transformers import OwlViTForObjectDetection


@torch.no_grad()
def start_heads(model: OwlViTForObjectDetection) -> None:
    """Gives the heads a start that can be trained: the class leaves their weights at unit size."""
    for module in (*model.class_head.modules(), *model.box_head.modules()):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            nn.init.zeros_(module.bias)
    for last in (model.box_head.dense2, model.class_head.logit_shift, model.class_head.logit_scale):
        nn.init.normal_(last.weight, std=0.01)
    nn.init.constant_(model.class_head.logit_scale.bias, 10.0)
    nn.init.constant_(model.class_head.logit_shift.bias, -0.6)


@torch.no_grad()
def start_trunk(model: OwlViTForObjectDetection) -> None:
    """Lets tokens look at their neighbours from the first step on.

    Positions start as sines and cosines of rows and columns, and attention as in Trockman and
    Kolter, Mimetic Initialization of Self-Attention Layers (ICML 2023): queries and keys agree
    where tokens are alike, values and output take away a little of the token itself.
    """
    vision = model.owlvit.vision_model
    place = vision.embeddings.position_embedding.weight
    width = place.shape[1]
    grid = round((len(place) - 1) ** 0.5)
    steps = torch.arange(grid) / grid * torch.pi
    rates = torch.arange(1, width // 4 + 1) * 5 / (width // 4)
    waves = torch.cat([(steps[:, None] * rates).sin(), (steps[:, None] * rates).cos()], 1)
    both = torch.cat(
        [waves[:, None].expand(-1, grid, -1), waves[None].expand(grid, -1, -1)], -1
    ).flatten(0, 1)
    place[1:] = 0.15 * both
    for layer in vision.encoder.layers:
        own = layer.self_attn
        size = width // own.num_heads
        for head in range(own.num_heads):
            rows = slice(head * size, (head + 1) * size)
            wanted = 0.5 * (torch.randn(width, width) * width**-0.5 + torch.eye(width))
            left, much, right = torch.linalg.svd(wanted)
            root = much[:size].sqrt()
            own.q_proj.weight[rows] = (left[:, :size] * root).T
            own.k_proj.weight[rows] = right[:size] * root[:, None]
        wanted = 0.4 * torch.randn(width, width) * width**-0.5 - 0.4 * torch.eye(width)
        left, much, right = torch.linalg.svd(wanted)
        own.v_proj.weight.copy_((left * much.sqrt()).T)
        own.out_proj.weight.copy_((much.sqrt()[:, None] * right).T)
