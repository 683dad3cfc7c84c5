"""The shipped checkpoints are ordinary Hugging Face folders that answer sensibly."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vprog.errors import InputError
from vprog.evaluation.zoo.scenes import draw
from vprog.zoo import CHECKPOINTS, inventory, path

ROWS = [row for row in inventory() if row["name"] in CHECKPOINTS]
TRAINED = [row["name"] for row in ROWS if row["trained"]]

pytestmark = pytest.mark.skipif(not TRAINED, reason="no checkpoint of the zoo is trained yet")


@pytest.fixture(scope="module", autouse=True)
def _torch() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")


def test_the_zoo_is_small() -> None:
    assert TRAINED
    assert sum(row["megabytes"] for row in ROWS) <= 8


def test_an_unknown_checkpoint_is_named() -> None:
    with pytest.raises(InputError, match="unknown zoo checkpoint 'detct'"):
        path("detct")


@pytest.mark.parametrize("name", TRAINED)
def test_a_folder_says_what_it_is(name: str) -> None:
    folder = path(name)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert config["architectures"] == [CHECKPOINTS[name]]
    card = (folder / "README.md").read_text("utf-8")
    for heading in ("## Data", "## Recipe", "## Scores", "## Curve", "## Limits"):
        assert heading in card
    curve = (folder / "curve.jsonl").read_text("utf-8").splitlines()
    assert all(json.loads(line)["val"] for line in curve)


@pytest.mark.parametrize("name", TRAINED)
def test_weights_are_half_precision_and_load_as_float32(name: str) -> None:
    import torch
    import transformers
    from safetensors.torch import load_file

    weights = load_file(path(name) / "model.safetensors")
    assert {w.dtype for w in weights.values() if w.is_floating_point()} == {torch.float16}
    model = getattr(transformers, CHECKPOINTS[name]).from_pretrained(path(name))
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_plain_transformers_needs_neither_vprog_nor_torchvision() -> None:
    code = f"""
import sys
sys.modules["torchvision"] = None
from transformers import AutoProcessor
for folder in {[str(path(name)) for name in TRAINED]}:
    AutoProcessor.from_pretrained(folder)
assert not any(name.startswith("vprog") for name in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif("detect" not in TRAINED, reason="zoo:detect is not trained")
def test_detect_finds_what_is_there() -> None:
    import torch
    from PIL import Image
    from transformers import AutoProcessor, OwlViTForObjectDetection

    processor = AutoProcessor.from_pretrained(path("detect"))
    model = OwlViTForObjectDetection.from_pretrained(path("detect")).eval()
    right = wrong = 0
    for index in range(12):
        pixels, scene = draw("generalist", "test", 41, index)
        for thing in scene.objects:
            there = f"{thing.attributes[0]} {thing.name}"
            texts = [[there, "a purple spaceship"]]
            images = Image.fromarray(pixels)
            inputs = processor(text=texts, images=images, return_tensors="pt")
            with torch.no_grad():
                scores = model(**inputs).logits.sigmoid()[0].amax(0)
            right += float(scores[0]) > 0.3
            wrong += float(scores[1]) > 0.3
    assert right > 4 * wrong
    assert right >= 36


@pytest.mark.skipif("vqa" not in TRAINED, reason="zoo:vqa is not trained")
def test_vqa_tells_the_colour_of_a_crop() -> None:
    import torch
    from PIL import Image
    from transformers import AutoProcessor, ViltForQuestionAnswering

    processor = AutoProcessor.from_pretrained(path("vqa"))
    model = ViltForQuestionAnswering.from_pretrained(path("vqa")).eval()
    images, gold = [], []
    for index in range(24):
        pixels, scene = draw("generalist", "test", 42, index)
        thing = scene.objects[0]
        images.append(Image.fromarray(pixels).crop(tuple(map(round, thing.box_xyxy))))
        gold.append((f"What color is the {thing.name}?", thing.attributes[0]))
    inputs = processor(
        images, [question for question, _ in gold], padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        best = model(**inputs).logits.argmax(-1)
    said = [model.config.id2label[int(label)] for label in best]
    assert sum(s == answer for s, (_, answer) in zip(said, gold, strict=True)) >= 18


@pytest.mark.skipif("match" not in TRAINED, reason="zoo:match is not trained")
def test_match_prefers_the_right_phrase() -> None:
    import torch
    from PIL import Image
    from transformers import AutoProcessor, CLIPModel

    processor = AutoProcessor.from_pretrained(path("match"))
    model = CLIPModel.from_pretrained(path("match")).eval()
    right = 0
    for index in range(24):
        pixels, scene = draw("generalist", "test", 43, index)
        thing = scene.objects[0]
        crop = Image.fromarray(pixels).crop(tuple(map(round, thing.box_xyxy)))
        other = "purple" if thing.attributes[0] != "purple" else "yellow"
        texts = [f"{thing.attributes[0]} {thing.name}", f"{other} {thing.name}", "green boat"]
        texts[2] = "green boat" if thing.name != "boat" else "green cake"
        inputs = processor(text=texts, images=crop, padding=True, return_tensors="pt")
        with torch.no_grad():
            right += int(model(**inputs).logits_per_image.argmax()) == 0
    assert right >= 19
