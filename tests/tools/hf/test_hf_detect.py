"""detect: shared pictures, frames, suppression, memory; against transformers' own results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agree import agree

from vprog.errors import InputError, ToolError
from vprog.example import Picture, Region
from vprog.tools.backends.hf.boxes import regions as as_regions
from vprog.tools.backends.hf.boxes import suppress, to_picture
from vprog.tools.backends.hf.detect import Detect, DetectSettings
from vprog.tools.backends.hf.views import View
from vprog.trace import Call


def detect(folder: Any, **settings: Any) -> Detect:
    return Detect(DetectSettings(model=str(folder), **{"threshold": 0.0, **settings}), "test")


def ask(backend: Detect, pictures: dict[str, Picture], *asked: tuple[Region, str]) -> list[Any]:
    calls = [Call("detect", {"image": region, "phrase": phrase}) for region, phrase in asked]
    return [result.value for result in backend.answer(calls, pictures)]


@pytest.mark.parametrize("name", ["owlvit", "owlv2"])
@pytest.mark.parametrize(("picture", "size"), [("p0", None), ("p1", None), ("p1", 64)])
def test_owl_finds_what_plain_transformers_finds(name, picture, size, checkpoint, pictures) -> None:
    import torch
    from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

    folder, seen = checkpoint(name), pictures[picture]
    backend = detect(folder, nms_iou=1.0, size=size)
    [found] = ask(backend, pictures, (seen.region, "red cup"))
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    image = seen.load()
    text = [["a photo of red cup"]]
    larger = {"images_kwargs": {"size": {"height": size, "width": size}}} if size else {}
    inputs = processor(
        text=text, images=[image], return_tensors="pt", padding="max_length", **larger
    )
    inputs["input_ids"] = inputs["input_ids"][:, :12]
    inputs["attention_mask"] = inputs["attention_mask"][:, :12]
    with torch.inference_mode():
        out = model(**inputs, interpolate_pos_encoding=size is not None)
    plain = processor.image_processor.post_process_object_detection(
        out, threshold=0.0, target_sizes=[image.size[::-1]]
    )[0]
    width, height = image.size
    expected = []
    for score, (left, top, right, bottom) in zip(
        plain["scores"].tolist(), plain["boxes"].tolist(), strict=True
    ):
        box = [max(left, 0), max(top, 0), min(right, width), min(bottom, height)]
        if box[2] - box[0] >= 0.5 and box[3] - box[1] >= 0.5:
            expected.append((score, box))
    expected.sort(key=lambda pair: -pair[0])
    assert len(found) == len(expected) >= 4
    for region, (score, box) in zip(found, expected, strict=True):
        assert region.score == pytest.approx(score, abs=1e-3)
        assert agree(list(region.box_xyxy), box, 2e-2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("owlvit", "size must be a multiple of its patches of 8 pixels, got 60"),
        ("grounding_dino", "size is a setting of OWL-ViT and OWLv2 alone"),
    ],
)
def test_a_size_that_cannot_be_shown(name, message, checkpoint, pictures) -> None:
    with pytest.raises(InputError, match=message):
        ask(detect(checkpoint(name), size=60), pictures, (pictures["p0"].region, "red cup"))


def test_results_are_regions_of_the_picture_best_first(checkpoint, pictures) -> None:
    crop = pictures["p2"].region._replace(left=10, top=8, right=50, bottom=40)
    [found] = ask(detect(checkpoint("owlvit")), pictures, (crop, "red cup"))
    assert found
    assert {(r.picture, r.label) for r in found} == {("p2", "red cup")}
    assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)
    for box in found:
        assert 10 <= box.left < box.right <= 50
        assert 8 <= box.top < box.bottom <= 40


def test_a_picture_is_computed_once(checkpoint, pictures, monkeypatch) -> None:
    backend = detect(checkpoint("owlvit"))
    backend.prepare()
    seen: list[int] = []
    model = backend.scanner.model
    plain = model.image_embedder
    monkeypatch.setattr(
        model,
        "image_embedder",
        lambda pixel_values: seen.append(len(pixel_values)) or plain(pixel_values=pixel_values),
    )
    whole = pictures["p0"].region
    asked = [(whole, phrase) for phrase in ("cup", "dog", "red cup")]
    first = ask(backend, pictures, *asked, (pictures["p1"].region, "cup"))
    assert seen == [2]
    assert ask(backend, pictures, *asked) == first[:3]
    ask(backend, pictures, (whole, "cat"))
    assert seen == [2]
    ask(detect(checkpoint("owlvit"), cache_mb=0), pictures, *asked)


def test_kept_pictures_are_bounded(checkpoint, pictures) -> None:
    backend = detect(checkpoint("owlvit"), cache_mb=0)
    ask(backend, pictures, *[(p.region, "cup") for p in pictures.values()])
    assert len(backend.scanner._seen) == 0


def test_dino_shares_its_backbone(checkpoint, pictures, monkeypatch) -> None:
    backend = detect(checkpoint("grounding_dino"))
    backend.prepare()
    encoder = backend.scanner.model.model.backbone.conv_encoder.model
    seen: list[int] = []
    plain = encoder.forward
    monkeypatch.setattr(
        encoder, "forward", lambda x, **more: seen.append(len(x)) or plain(x, **more)
    )
    whole = pictures["p0"].region
    many = ask(backend, pictures, (whole, "cup"), (whole, "dog"), (whole, "cat"))
    assert seen == [1]
    assert agree(many[0], ask(backend, pictures, (whole, "cup"))[0])


def test_whole_picture_view_keeps_what_is_centred_in_the_region(checkpoint, pictures) -> None:
    backend = detect(checkpoint("owlvit"), view="picture")
    whole = pictures["p2"].region
    half = whole._replace(right=32)
    both, left = ask(backend, pictures, (whole, "cup"), (half, "cup"))
    assert 0 < len(left) < len(both)
    assert left == [box for box in both if box.center_xy[0] <= 32]


def test_threshold_and_number_of_boxes(checkpoint, pictures) -> None:
    whole = pictures["p0"].region
    [all_boxes] = ask(detect(checkpoint("owlvit")), pictures, (whole, "cup"))
    middle = all_boxes[len(all_boxes) // 2].score
    [fewer] = ask(detect(checkpoint("owlvit"), threshold=middle), pictures, (whole, "cup"))
    assert 0 < len(fewer) < len(all_boxes)
    assert min(box.score for box in fewer) >= middle
    assert len(ask(detect(checkpoint("owlvit"), max_boxes=2), pictures, (whole, "cup"))[0]) == 2


def test_a_region_of_one_pixel(checkpoint, pictures) -> None:
    dot = pictures["p0"].region._replace(left=5, right=5.2, top=7, bottom=7.2)
    for name in ("owlvit", "owlv2", "grounding_dino"):
        [found] = ask(detect(checkpoint(name)), pictures, (dot, "cup"))
        assert all(5 <= b.left <= b.right <= 6 and 7 <= b.top <= b.bottom <= 8 for b in found)


def test_batches_are_halved_until_they_fit(checkpoint, pictures, regions, monkeypatch) -> None:
    import torch

    backend = detect(checkpoint("owlvit"), batch_size=16)
    backend.prepare()
    model = backend.scanner.model
    plain, sizes = model.image_embedder, []

    def tight(pixel_values: Any) -> Any:
        sizes.append(len(pixel_values))
        if len(pixel_values) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(pixel_values=pixel_values)

    monkeypatch.setattr(model, "image_embedder", tight)
    asked = [(region, "cup") for region in regions]
    assert agree(
        ask(backend, pictures, *asked), ask(detect(checkpoint("owlvit")), pictures, *asked)
    )
    assert max(sizes[2:]) <= 4
    assert backend._fits == 2

    def full(pixel_values: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model, "image_embedder", full)
    backend.scanner._seen = type(backend.scanner._seen)(1)
    with pytest.raises(ToolError, match="ran out of memory on one picture"):
        ask(backend, pictures, asked[0])


def test_frames_of_boxes() -> None:
    view = View("d", 10, 20, 50, 40)
    relative = np.array([[0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]])
    plain = to_picture(relative, view, square=False)
    assert plain.tolist() == [[20, 25, 40, 35], [10, 20, 30, 30]]
    # A view of 40 x 20 padded below to 40 x 40: what lies below the view is clipped.
    square = to_picture(relative, view, square=True)
    assert square.tolist() == [[20, 30, 40, 40], [10, 20, 30, 40]]


def test_suppression_keeps_the_best_of_what_overlaps() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 0, 10, 10.0]])
    assert suppress(boxes, np.array([0.5, 0.9, 0.1, 0.5]), 0.5) == [1, 2]
    assert suppress(boxes, np.array([0.5, 0.5, 0.5, 0.5]), 1.0) == [0, 1, 2, 3]
    assert suppress(boxes[:0], np.zeros(0), 0.5) == []


def test_empty_boxes_are_dropped() -> None:
    boxes = np.array([[0, 0, 0.1, 9], [0, 0, 9, 9.0]])
    assert len(as_regions(boxes, np.array([0.9, 0.8]), "p", "cup", None)) == 1
