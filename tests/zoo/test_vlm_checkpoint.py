"""The shipped vision-language model is an ordinary Hugging Face folder that says what it sees."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from vprog.evaluation.zoo.scenes import draw
from vprog.evaluation.zoo.score import score
from vprog.evaluation.zoo.vlm import boxes, place
from vprog.zoo import STUDENTS, inventory, path

ROW = next(row for row in inventory() if row["name"] == "vlm")

pytestmark = pytest.mark.skipif(not ROW["trained"], reason="zoo:vlm is not trained yet")


@pytest.fixture(scope="module", autouse=True)
def _torch() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")


@pytest.mark.parametrize("name", STUDENTS)
def test_it_is_small_and_says_what_it_is(name: str) -> None:
    assert next(row for row in inventory() if row["name"] == name)["megabytes"] <= 5
    config = json.loads((path(name) / "config.json").read_text("utf-8"))
    assert config["architectures"] == [STUDENTS[name]]
    card = (path(name) / "README.md").read_text("utf-8")
    for heading in ("## Data", "## Recipe", "## Scores", "## Curve", "## Limits"):
        assert heading in card
    curve = (path(name) / "curve.jsonl").read_text("utf-8").splitlines()
    assert all(json.loads(line)["val"] for line in curve)


@pytest.mark.parametrize("name", STUDENTS)
def test_weights_are_half_precision(name: str) -> None:
    import torch
    from safetensors.torch import load_file

    weights = load_file(path(name) / "model.safetensors")
    assert {w.dtype for w in weights.values() if w.is_floating_point()} == {torch.float16}


def test_plain_transformers_is_enough(tmp_path: Any) -> None:
    from PIL import Image

    asked = []
    for index in range(6):
        pixels, scene = draw("generalist", "val", 91, index)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        thing = scene.objects[-1]
        asked.append((f"name {place(thing.box_xyxy, scene.width)}", thing.name))
    code = f"""
import sys, torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
folder = {str(path("vlm"))!r}
processor = AutoProcessor.from_pretrained(folder)
model = AutoModelForImageTextToText.from_pretrained(folder).eval()
assert model.dtype == torch.float32
for index, prompt in enumerate({[prompt for prompt, _ in asked]!r}):
    picture = Image.open({str(tmp_path)!r} + f"/{{index}}.png")
    content = [{{"type": "image", "image": picture}}, {{"type": "text", "text": prompt}}]
    inputs = processor.apply_chat_template(
        [{{"role": "user", "content": content}}], add_generation_prompt=True, tokenize=True,
        return_dict=True, return_tensors="pt",
    )
    said = model.generate(**inputs, max_new_tokens=30, do_sample=False)
    said = said[:, inputs["input_ids"].shape[1]:]
    print(processor.batch_decode(said, skip_special_tokens=True)[0])
assert not any(name.startswith("vprog") for name in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(asked)
    for line, (prompt, _) in zip(lines, asked, strict=True):
        assert line.startswith(prompt.removeprefix("name "))
    right = [line.endswith(f" {name} .") for line, (_, name) in zip(lines, asked, strict=True)]
    assert sum(right) >= 4, lines


def test_places_come_back_within_half_a_step() -> None:
    box = (10.0, 20.0, 40.0, 96.0)
    (again,) = boxes(place(box, 96), 96)
    assert max(abs(a - b) for a, b in zip(again, box, strict=True)) <= 96 / 31 / 2


def test_it_sees_what_is_drawn() -> None:
    figures = score(92, 12, ("vlm",))["vlm"]
    assert figures["name_colour_kind"]["value"] > 0.5
    for key in ("find_kind", "find_colour_kind", "find_unseen_pairs", "relation", "count"):
        low, high = figures[key]["ci95"]
        assert low <= figures[key]["value"] <= high
        assert figures[key]["value"] > 0.05
