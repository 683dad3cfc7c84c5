"""Every kind of student: its loss falls, it is saved, and the saved checkpoint answers the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from students import KINDS, images, make_student, records

from vprog.errors import InputError
from vprog.example import Picture
from vprog.trace import Call

__all__ = ["make_student"]


def asked() -> tuple[list[Call], dict[str, Picture]]:
    import numpy as np

    shown = {f"p{n}": Picture(f"p{n}", array_rgb=np.asarray(i)) for n, i in enumerate(images(4))}
    regions = [picture.region for picture in shown.values()]
    questions = ("what color is the cup", "how many", "is this a dog")
    calls = [
        Call("answer", {"images": some, "question": question})
        for question in questions
        for some in ([regions[0]], [regions[1]], [regions[2], regions[3]])
    ]
    return calls, shown


def told(backend: Any) -> tuple[list[Any], list[float]]:
    """What a student answers, and the loss of every record."""
    import torch

    from vprog.distill.batches import Batches
    from vprog.distill.loss import Objective
    from vprog.distill.sft import Records

    said = [result.value for result in backend.answer(*asked())]
    chat = backend.answerer
    objective = Objective(chat.model, chat.model)
    losses: dict[int, float] = {}
    with torch.no_grad():
        for batch in Batches(chat, Records(records()), 0).stack(range(10), 10):
            found = objective(*batch[:3], len(batch.numbers)).tolist()
            losses.update(zip(batch.numbers, found, strict=True))
    return said, [losses[n] for n in sorted(losses)]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_student_learns_and_its_checkpoint_answers_the_same(
    name: str, method: Any, student: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.distill.answerer import Answerer, answerer_settings
    from vprog.distill.train import SftSettings, train

    seen: list[tuple[list[Any], list[float]]] = []

    def validate(backend: Any) -> float:
        seen.append(told(backend))
        return len(seen)

    settings = SftSettings(
        method=method, steps=5, batch_size=6, micro_batch=4, learning_rate=4e-3, warmup=0,
        rank=4, validate_every=5,
    )  # fmt: skip
    out = tmp_path / "out"
    made = train(student(name), records(), out, settings, validate=validate)
    losses = [json.loads(line) for line in (out / "training/losses.jsonl").read_text().splitlines()]
    assert [sorted(row) for row in losses] == [["answer", "rationale", "total"]] * 5
    assert losses[-1]["total"] < losses[0]["total"] - 0.05
    assert (made.best_step, made.score, made.before) == (5, 2.0, 1.0)
    assert made.rows == {"examples": 6, "answer": 6, "rationale": 4}
    assert made.distributed == "NO"
    assert not (out / "adapter_config.json").exists()
    loaded = told(Answerer(answerer_settings(str(out), max_new_tokens=16), "student"))
    assert loaded[0] == seen[-1][0]
    assert loaded[1] == pytest.approx(seen[-1][1], abs=2e-4)
    assert loaded[1] != pytest.approx(seen[0][1], abs=1e-2)


WITHOUT_VPROG = """
import json, sys
import numpy as np
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "vprog":
            raise ImportError("vprog is blocked")
sys.meta_path.insert(0, Blocked())
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
torch.set_num_threads(1)
folder, pixels, prompts = sys.argv[1], np.load(sys.argv[2]), json.loads(sys.argv[3])
processor = AutoProcessor.from_pretrained(folder)
model = AutoModelForImageTextToText.from_pretrained(folder)
for shown in pixels:
    for prompt in prompts:
        turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}
        text = processor.apply_chat_template([turn], add_generation_prompt=True)
        row = processor(text=[text], images=[[Image.fromarray(shown)]], return_tensors="pt")
        said = model.generate(**row, max_new_tokens=8, do_sample=False)
        start = row["input_ids"].shape[1]
        print(json.dumps(processor.decode(said[0, start:], skip_special_tokens=True)))
assert not any(name.split(".")[0] == "vprog" for name in sys.modules)
"""


def test_the_checkpoint_is_plain_transformers(
    student: Callable[[str], str], tmp_path: Path
) -> None:
    """A process that cannot import vprog gets the same answers and rationales from it."""
    import numpy as np

    from vprog.distill.answerer import Answerer, answerer_settings
    from vprog.distill.settings import PromptSettings
    from vprog.distill.train import SftSettings, train

    prompts = PromptSettings(
        answer_instruction="answer with one word or short phrase",
        rationale_instruction="describe this",
        plain=True,
    )
    settings = SftSettings(steps=12, batch_size=6, learning_rate=2e-2, warmup=0, rank=4)
    out = tmp_path / "out"
    train(student("idefics3"), records(), out, settings, prompts=prompts)
    held = json.loads((out / "vprog.json").read_text())["answer"]
    assert held["answer_instruction"] == "answer with one word or short phrase"
    assert held["plain"] is True
    card = (out / "README.md").read_text()
    assert "pipeline_tag: image-text-to-text" in card
    assert "| rationale | 4 |" in card

    shown = images(3)
    np.save(tmp_path / "pixels.npy", np.stack([np.asarray(image) for image in shown]))
    texts = [
        f"{question} {instruction}"
        for question in ("what color is the cup", "how many")
        for instruction in (prompts.answer_instruction, prompts.rationale_instruction)
    ]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_VPROG, str(out), str(tmp_path / "pixels.npy"),
         json.dumps(texts)],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    plain = [json.loads(line).strip() for line in done.stdout.splitlines()]

    backend = Answerer(answerer_settings(str(out), max_new_tokens=8, rationale_tokens=8), "student")
    backend.prepare()
    ours = []
    for image in shown:
        for question in ("what color is the cup", "how many"):
            ours.append(backend.say([(question, [image])], "answer")[0][0])
            ours.append(backend.say([(question, [image])], "rationale")[0][0])
    assert plain == ours
    assert len(set(ours)) > 1


def test_the_vision_tower_can_stay_as_it_is(student: Callable[[str], str], tmp_path: Path) -> None:
    from safetensors.torch import load_file

    from vprog.distill.train import SftSettings, train

    before = load_file(Path(student("idefics3")) / "model.safetensors")
    for method in ("lora", "full"):
        settings = SftSettings(
            method=method, vision=False, steps=2, batch_size=4, learning_rate=1e-2, warmup=0
        )
        train(student("idefics3"), records(3), tmp_path / method, settings)
        after = load_file(tmp_path / method / "model.safetensors")
        assert after.keys() == before.keys()
        moved = {n for n in before if not before[n].equal(after[n])}
        assert moved
        assert not any("vision_model" in name for name in moved)
        if method == "lora":
            assert "lm_head.weight" not in moved
            assert any("self_attn.q_proj" in name for name in moved)
            assert any("mlp.down_proj" in name for name in moved)


def test_a_model_that_does_not_write_is_refused(tmp_path: Path) -> None:
    from vprog.distill.train import train

    with pytest.raises(InputError, match=r"zoo:vqa.*cannot answer answer"):
        train("zoo:vqa", records(2), tmp_path / "out")
