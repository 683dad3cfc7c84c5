"""Every class: a checkpoint saved, loaded by its backend, asked alone and among 33."""

from __future__ import annotations

from typing import Any

import pytest
from agree import agree

from vprog.example import Region
from vprog.tools.backends.hf.binding import open_backend, settings_class
from vprog.tools.catalogue import TOOLS
from vprog.tools.tool import fits
from vprog.trace import Call, Result

PHRASES = ("red cup", "dog", "blue dog in picture", "cat")
QUESTIONS = ("what color is the cup ?", "how many dog", "is this a cat or dog ?", "what is this")
SHORT = {"max_new_tokens": 3}
CLASSES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("owlvit", "detect", {"threshold": 0.0}),
    ("owlv2", "detect", {"threshold": 0.0}),
    ("grounding_dino", "detect", {"threshold": 0.0}),
    ("vilt", "vqa", {}),
    ("blip", "vqa", SHORT),
    ("idefics3", "vqa", SHORT),
    ("smolvlm", "vqa", SHORT),
    ("paligemma", "vqa", SHORT),
    ("llava", "vqa", SHORT),
    ("qwen2_5_vl", "vqa", SHORT),
    ("clip", "match", {}),
    ("siglip", "match", {}),
    ("maskformer", "segment", {"threshold": 0.0, "smallest": 0.0}),
    ("mask2former", "segment", {"threshold": 0.0, "smallest": 0.0}),
    ("depth_anything", "depth", {}),
    ("dpt", "depth", {}),
    ("trocr", "ocr", SHORT),
    ("llava", "ocr", SHORT),
    ("blip_caption", "caption", SHORT),
    ("idefics3", "caption", SHORT),
)


def call(tool: str, region: Region, n: int) -> Call:
    more: dict[str, Any] = {
        "detect": {"phrase": PHRASES[n % 4]},
        "vqa": {"question": QUESTIONS[n % 4]},
        "match": {"options": [*PHRASES[n % 4 :], "a red dog"]},
    }.get(tool, {})
    return Call(tool, {"image": region, **more})


@pytest.mark.parametrize(("name", "tool", "settings"), CLASSES)
def test_alone_and_among_33(
    name: str, tool: str, settings: dict[str, Any], checkpoint, pictures, regions
) -> None:
    made = settings_class(tool, "test")(model=str(checkpoint(name)), **settings)
    calls = [call(tool, region, n) for n, region in enumerate(regions)]
    together = open_backend(tool, made, "test").answer(calls, pictures)
    assert len(together) == 33
    assert len({repr(result) for result in together}) > 1, "answers that cannot differ"
    fresh = open_backend(tool, made, "test")
    for asked, result in zip(calls, together, strict=True):
        assert isinstance(result, Result)
        assert fits(result.value, TOOLS[tool].returns)
        [alone] = fresh.answer([asked], pictures)
        assert agree([result.value, dict(result.info)], [alone.value, dict(alone.info)])


def test_torchvision_is_not_needed(checkpoint) -> None:
    import sys

    checkpoint("owlvit")
    assert "torchvision" not in sys.modules


@pytest.mark.parametrize("name", ["owlvit", "vilt", "clip", "depth_anything"])
def test_cuda_answers_as_the_cpu_does(name: str, checkpoint, pictures, regions) -> None:
    import torch

    checkpoint(name)
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    tool, more = next((tool, more) for n, tool, more in CLASSES if n == name)
    kind = settings_class(tool, "test")
    calls = [call(tool, region, n) for n, region in enumerate(regions)]
    answers = [
        open_backend(
            tool, kind(model=str(checkpoint(name)), device=device, dtype="float32", **more), "test"
        ).answer(calls, pictures)
        for device in ("cpu", "cuda")
    ]
    for on_cpu, on_cuda in zip(*answers, strict=True):
        assert agree(on_cpu.value, on_cuda.value, 1e-2)
