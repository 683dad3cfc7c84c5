"""Pictures looked up in tables are those of the image processor, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vprog.example import Picture
from vprog.tools.backends.hf.shown import Shown
from vprog.tools.backends.hf.views import Kept, Views


def processor(name: str, **settings: Any) -> Any:
    import transformers

    module = {"ViT": "vit", "CLIP": "clip", "OwlViT": "owlvit", "Owlv2": "owlv2", "Vilt": "vilt"}
    path = f"models.{module[name]}.image_processing_pil_{module[name]}"
    made = __import__(f"transformers.{path}", fromlist=["x"])
    assert transformers
    return getattr(made, f"{name}ImageProcessorPil")(**settings)


SQUARE = {"height": 24, "width": 20}
STRANGE = {"image_mean": [0.1, 0.5, 0.9], "image_std": [0.3, 0.2, 0.7], "resample": 3}


@pytest.mark.parametrize(
    ("name", "settings", "looked_up"),
    [
        ("ViT", {"size": SQUARE}, True),
        ("ViT", {"size": SQUARE, **STRANGE}, True),
        ("ViT", {"size": SQUARE, "do_normalize": False}, True),
        ("OwlViT", {"size": SQUARE, "do_center_crop": False}, True),
        ("ViT", {"size": SQUARE, "do_rescale": False, "do_normalize": False}, False),
        ("CLIP", {"size": {"shortest_edge": 24}, "crop_size": SQUARE}, False),
        ("CLIP", {"size": SQUARE, "crop_size": {"height": 16, "width": 16}}, False),
        ("Owlv2", {"size": SQUARE}, False),
        ("Vilt", {"size": {"shortest_edge": 64}}, False),
    ],
)
def test_pixels_are_those_of_the_processor(
    name: str, settings: dict[str, Any], looked_up: bool
) -> None:
    wanted = processor(name, **settings)
    shown = Shown(wanted)
    assert (shown._table is not None) == looked_up
    rng = np.random.default_rng(0)
    for width, height in ((40, 90), (20, 24), (150, 70), (33, 31)):
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        expected = wanted(images=[image, image], return_tensors="pt")
        found = shown.inputs([image, image])
        assert found.keys() <= expected.keys()
        assert found["pixel_values"].dtype == expected["pixel_values"].dtype
        assert torch.equal(found["pixel_values"], expected["pixel_values"])
        assert torch.equal(shown.each(iter([image]))[0], expected["pixel_values"][0])


def test_a_picture_is_decoded_once_while_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.zeros((40, 50, 3), np.uint8)
    picture = Picture("p", array_rgb=pixels)
    decoded = []
    load = Picture.load
    monkeypatch.setattr(Picture, "load", lambda self: decoded.append(self.id) or load(self))
    kept: Kept[Any] = Kept(1)
    for _ in range(2):
        views = Views({"p": picture}, kept)
        view = views.of(picture.region)
        assert [views.read(view).size for _ in range(3)] == [(50, 40)] * 3
    assert decoded == ["p"]
    views = Views({"p": picture}, Kept(0))  # no room: once for views that follow each other
    assert views.of(picture.region) == view
    assert [views.read(view).size for _ in range(3)] == [(50, 40)] * 3
    assert decoded == ["p", "p"]
