"""QuickGELU with less memory says what transformers' own says, to the bit, and learns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vprog.tools.backends.hf.runtime import load_model
from vprog.tools.backends.hf.settings import ModelSettings
from vprog.tools.backends.hf.source import read_folder


@pytest.fixture
def models(checkpoint: Callable[[str], Path]) -> tuple[Any, Any]:
    """A CLIP as transformers loads it, and as a toolbox does."""
    from transformers import CLIPModel

    folder = checkpoint("clip")
    settings = ModelSettings(model=str(folder))
    plain = CLIPModel.from_pretrained(folder).eval()
    return plain, load_model(read_folder(folder, "clip"), "AutoModel", settings, "float32")


def test_the_same_bits_and_gradients(models: tuple[Any, Any]) -> None:
    import torch

    plain, ours = models
    assert plain.config.vision_config.hidden_act == "quick_gelu"
    side = plain.config.vision_config.image_size
    pixels = torch.rand(3, 3, side, side)
    with torch.no_grad():
        expected = plain.get_image_features(pixel_values=pixels).pooler_output
        assert torch.equal(ours.get_image_features(pixel_values=pixels).pooler_output, expected)
    gradients = []
    for model in models:
        model.requires_grad_(True)
        model.get_image_features(pixel_values=pixels).pooler_output.square().sum().backward()
        gradients.append([p.grad for p in model.vision_model.parameters() if p.grad is not None])
    assert gradients[0]
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
