"""Every kind of student: its loss falls, its adapter is saved, and loaded it answers the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from taught import TOOLS, make_checkpoint, pictures, rows

from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Call, Result

__all__ = ["make_checkpoint"]


def answers(backend: Any, tool: str) -> list[Any]:
    name = {"detect": "phrase", "vqa": "question", "match": "options"}[tool]
    calls = []
    for row in rows(tool, 6):
        given = list(row.argument) if isinstance(row.argument, tuple) else row.argument
        calls.append(Call(tool, {"image": row.region, name: given}))
    found = []
    for result in backend.answer(calls, pictures()):
        assert isinstance(result, Result), result
        found.append((result.value, result.info.get("distribution"), result.info.get("score")))
    return found


def same(one: list[Any], two: list[Any]) -> None:
    """The same answers up to their last digit, which merging an adapter may round otherwise."""
    for (value, told, score), (other, other_told, other_score) in zip(one, two, strict=True):
        if isinstance(value, list) and value and not isinstance(value[0], float):
            assert len(value) == len(other)
            for box in value:  # boxes of nearly equal scores may change places
                twin = min(other, key=lambda o, b=box: np.abs(np.subtract(b[1:5], o[1:5])).max())
                assert box.box_xyxy == pytest.approx(twin.box_xyxy, abs=0.02)
                assert box.score == pytest.approx(twin.score, abs=2e-4)
        else:
            assert value == (pytest.approx(other, abs=1e-4) if isinstance(value, list) else other)
        assert told == (None if told is None else pytest.approx(other_told, abs=2e-4))
        assert score == (None if score is None else pytest.approx(other_score, abs=2e-4))


def toolbox(folder: Path, tool: str, model: str) -> Any:
    path = folder / f"{tool}.toml"
    table = f'{{model = "{model}", threshold = 0.05, nms_iou = 1.0}}'
    path.write_text(f"{tool} = " + (table if tool == "detect" else f'"{model}"'))
    return load_toolbox(str(path)).backends[tool]


@pytest.mark.parametrize("name", TOOLS)
def test_a_student_learns_and_its_adapter_answers_the_same(
    name: str, checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.settings import TeachSettings
    from vprog.teach.train import train

    tool, model = TOOLS[name], checkpoint(name)
    seen: list[Any] = []

    def validate(backend: Any) -> float:
        import dataclasses

        if tool == "detect":
            backend.settings = dataclasses.replace(backend.settings, threshold=0.05, nms_iou=1.0)
            backend._chosen = backend.choices()
        seen.append(answers(backend, tool))
        return len(seen)

    settings = TeachSettings(
        steps=4, batch_size=12, learning_rate=3e-3, warmup=0, rank=4, validate_every=4, keep=0.5
    )
    taught = train(
        tool, model, rows(tool), pictures(), tmp_path / "out",
        settings=settings, replay={"old": rows(tool, 4)}, validate=validate,
    )  # fmt: skip
    lines = (tmp_path / "out" / "training" / "log.jsonl").read_text().splitlines()
    assert taught.best_step == 4
    assert taught.model == f"{model} + {tmp_path / 'out'}"
    assert not taught.left_out

    loss = losses(tool, model), losses(tool, taught.model)
    assert loss[1] < loss[0] * 0.97
    assert json.loads(lines[-1])["kept"] > 0

    untaught = answers(toolbox(tmp_path, tool, model), tool)
    backend = toolbox(tmp_path, tool, taught.model)
    loaded = answers(backend, tool)
    assert untaught == seen[0]
    same(loaded, seen[-1])
    assert loaded != untaught
    assert backend.fingerprint != toolbox(tmp_path, tool, model).fingerprint


def test_merged_lora_is_the_lora_that_learned_where_layers_have_many_names(
    checkpoint: Callable[[str], str],
) -> None:
    import torch

    from vprog.teach.student import open_student, student_settings
    from vprog.tools.backends.hf.views import Views
    from vprog.training.lora import add_lora, linear_layers

    student = open_student("detect", student_settings("detect", checkpoint("grounding_dino")))
    model = student.model.double()
    head, twin = model.bbox_embed[0], model.model.decoder.bbox_embed[1]
    assert head.layers[0].weight is twin.layers[0].weight
    assert not [name for name in linear_layers(model) if ".bbox_embed." in f".{name}"]
    wrapped = add_lora(model, "tiny", 2, 4.0, 0)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_B" in name or ".bbox_embed." in name:  # new ones are 0 and would hide it
                weight.normal_(std=0.05)
        part = student.prepare(rows("detect", 3), Views(pictures()))[0]
        unmerged = student.look(part)
        wrapped.merge_adapter()
        merged = student.look(part)
        assert torch.allclose(merged.logits, unmerged.logits, atol=1e-6)
        assert torch.allclose(merged.boxes, unmerged.boxes, atol=1e-6)


@pytest.mark.parametrize("name", ["owlvit", "grounding_dino"])
def test_a_box_of_an_unsure_teacher_is_to_be_found_by_the_student(
    name: str, checkpoint: Callable[[str], str]
) -> None:
    import dataclasses

    import torch

    from vprog.teach.detect_loss import Found
    from vprog.teach.student import open_student, student_settings
    from vprog.tools.backends.hf.views import Views

    student = open_student("detect", student_settings("detect", checkpoint(name)))
    threshold = student.backend.choices()["threshold"]
    (row,) = rows("detect", 1)
    unsure = tuple(box._replace(score=threshold / 2) for box in row.boxes or ())
    part = student.prepare([dataclasses.replace(row, boxes=unsure)], Views(pictures()))[0]

    def loss(belief: float) -> float:
        said = Found(logits=torch.tensor([[belief]]).logit(), boxes=part["targets"][0].boxes[None])
        return float(student.losses(said, part, 1.0, False)[0])

    assert loss(threshold + 0.1) < 1e-6 < loss(threshold / 2)


def test_self_distillation_holds_a_bias_that_learns(checkpoint: Callable[[str], str]) -> None:
    import torch

    from vprog.teach.student import open_student, student_settings
    from vprog.tools.backends.hf.views import Views

    settings = student_settings("match", checkpoint("siglip"))
    student, before = open_student("match", settings), open_student("match", settings)
    student.model.requires_grad_(True)
    part = student.prepare(rows("match", 2), Views(pictures()))[0]
    kept = []
    for shift in (0.0, 1.0):
        with torch.no_grad():
            student.model.logit_bias += shift
            old = before.look(part)
        kept.append(student.keeps(student.look(part), old, part, 1.0)[0].sum())
    assert float(kept[0].detach()) == pytest.approx(0, abs=1e-5)
    kept[1].backward()
    assert float(student.model.logit_bias.grad) > 0, "back to where it was"


def losses(tool: str, model: str) -> float:
    """The loss of all rows, by the student's own rule."""
    import torch

    from vprog.teach.student import open_student, student_settings
    from vprog.tools.backends.hf.views import Views

    student = open_student(tool, student_settings(tool, model))
    values = sizes = 0.0
    with torch.no_grad():
        for part in student.prepare(rows(tool), Views(pictures())):
            value, size = student.losses(student.look(part), part, 1.0, False)
            values += float((value * part["weights"]).sum())
            sizes += float((size * part["weights"]).sum())
    return values / sizes


@pytest.mark.parametrize("name", ["owlvit", "vilt", "siglip"])
def test_a_whole_model_is_taught_saved_and_answers_the_same(
    name: str, checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.settings import TeachSettings
    from vprog.teach.train import train

    tool, model = TOOLS[name], checkpoint(name)
    settings = TeachSettings(method="full", steps=3, learning_rate=1e-3, warmup=0, ema=0.5)
    taught = train(
        tool, model, rows(tool), pictures(), tmp_path / "out",
        settings=settings, replay={"old": rows(tool, 4), "general": rows(tool, 2)},
    )  # fmt: skip
    assert taught.model == str(tmp_path / "out")
    assert losses(tool, taught.model) < losses(tool, model) * 0.97
    assert answers(toolbox(tmp_path, tool, taught.model), tool)


def test_adapters_are_taught_one_on_another(
    checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.errors import InputError
    from vprog.teach.settings import TeachSettings
    from vprog.teach.train import train

    settings = TeachSettings(steps=2, learning_rate=3e-3, warmup=0, rank=2)
    model = checkpoint("vilt")
    first = train("vqa", model, rows("vqa"), pictures(), tmp_path / "one", settings=settings)
    second = train("vqa", first.model, rows("vqa"), pictures(), tmp_path / "two", settings=settings)
    assert second.model == f"{model} + {tmp_path / 'one'} + {tmp_path / 'two'}"
    assert losses("vqa", second.model) < losses("vqa", first.model) < losses("vqa", model)
    with pytest.raises(InputError, match=r"two was taught on .*, not on"):
        losses("vqa", f"{model} + {tmp_path / 'two'}")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "adapter_model.safetensors").unlink(), "has no adapter_model"),
        (lambda f: (f / "adapter_config.json").unlink(), "holds no adapter_config.json"),
        (lambda f: (f / "adapter_model.safetensors").write_bytes(b"1234"), "is broken"),
        (lambda f: (f / "vprog.json").write_text("{"), "cannot read .*vprog.json"),
        (lambda f: (f / "config.json").write_text("{}"), "holds a whole model; name it alone"),
    ],
)
def test_adapters_that_are_broken(
    break_it: Callable[[Path], Any],
    message: str,
    checkpoint: Callable[[str], str],
    tmp_path: Path,
) -> None:
    from vprog.errors import InputError
    from vprog.teach.settings import TeachSettings
    from vprog.teach.train import train

    model = checkpoint("siglip")
    settings = TeachSettings(steps=1, rank=1)
    taught = train("match", model, rows("match"), pictures(), tmp_path / "a", settings=settings)
    break_it(tmp_path / "a")
    with pytest.raises(InputError, match=message):
        toolbox(tmp_path, "match", taught.model)
