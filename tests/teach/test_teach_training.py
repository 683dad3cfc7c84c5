"""The training loop: the same again, killed and continued, dry, averaged, what is left out."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from taught import TOOLS, make_checkpoint, pictures, rows

from vprog.errors import InputError
from vprog.teach.lessons import Lessons, in_turn
from vprog.teach.settings import TeachSettings

__all__ = ["make_checkpoint"]
SETTINGS = TeachSettings(
    method="full", steps=6, batch_size=4, per_view=2, accumulate=2, learning_rate=1e-3, ema=0.9,
    validate_every=2, save_every=2, keep=0.5, optimizer="muon",
)  # fmt: skip

TRAINING = """
import os, signal, sys
sys.path.insert(0, sys.argv[3])
import torch
torch.set_num_threads(1)
from taught import pictures, rows
from test_teach_training import SETTINGS
from vprog.training.folder import Folder
from vprog.teach.train import train
save, killed = Folder.save, int(sys.argv[4])
def dying(self, name, state):
    save(self, name, state)
    if name == "state.pt" and state["step"] == killed:
        os.kill(os.getpid(), signal.SIGKILL)
Folder.save = dying
train("match", sys.argv[1], rows("match"), pictures(), sys.argv[2], settings=SETTINGS,
      replay={"old": rows("match", 5)}, val=rows("match", 3))
"""


def once(model: str, out: Path, **changes: Any) -> Any:
    from vprog.teach.train import train

    return train(
        "match", model, rows("match"), pictures(), out,
        settings=dataclasses.replace(SETTINGS, **changes),
        replay={"old": rows("match", 5)}, val=rows("match", 3),
    )  # fmt: skip


def test_weights_that_all_learn_are_in_single_precision(
    checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.train import train
    from vprog.tools.backends.hf.match import MatchSettings

    made = [
        train(
            "match", MatchSettings(model=checkpoint("clip"), dtype=dtype), rows("match"),
            pictures(), tmp_path / dtype, settings=SETTINGS, val=rows("match", 3),
        )
        for dtype in ("auto", "float16", "bfloat16")
    ]  # fmt: skip
    assert len({one.score for one in made}) == 1


def test_killed_and_continued_it_comes_to_the_same(
    checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    model = checkpoint("clip")
    straight = once(model, tmp_path / "straight")
    paths = [str(Path(__file__).parents[2] / "src"), str(Path(__file__).parent)]
    died = subprocess.run(
        [sys.executable, "-c", TRAINING, model, str(tmp_path / "killed"), paths[1], "4"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    resumed = once(model, tmp_path / "killed")
    for name in ("model.safetensors", "config.json", "vprog.json", "training/log.jsonl"):
        one, two = tmp_path / "straight" / name, tmp_path / "killed" / name
        assert one.read_bytes() == two.read_bytes(), name
    assert (resumed.best_step, resumed.score) == (straight.best_step, straight.score)
    assert resumed.score > resumed.before

    changed = (tmp_path / "killed" / "model.safetensors").stat().st_mtime_ns
    again = once(model, tmp_path / "killed", save_every=3)
    assert again == resumed
    assert (tmp_path / "killed" / "model.safetensors").stat().st_mtime_ns == changed
    with pytest.raises(InputError, match="holds a training with other settings"):
        once(model, tmp_path / "killed", steps=7)


def test_a_folder_that_is_something_else(checkpoint: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match="is not empty and holds no training"):
        once(checkpoint("clip"), tmp_path)


def test_a_dry_run_counts_and_measures(checkpoint: Callable[[str], str], tmp_path: Path) -> None:
    from vprog.teach.train import plan

    material = rows("vqa", 12)
    material[0] = dataclasses.replace(material[0], distribution={"purple": 1.0})
    material[1] = dataclasses.replace(material[1], confidence=0.0)
    settings = TeachSettings(steps=50, batch_size=5)
    found = plan(
        "vqa", checkpoint("vilt"), material, pictures(), settings=settings, val=rows("vqa", 3)
    )
    assert found.rows == {"task": 10, "val": 3}
    assert found.seconds_a_validation > 0
    assert found.left_out == {
        "task: answer outside of the student's labels": 1, "task: no confidence": 1,
    }  # fmt: skip
    assert found.epochs == pytest.approx(50 * 5 / 10)
    assert 0 < found.trained < found.of
    assert found.estimated_s == pytest.approx(50 * found.seconds_a_step)
    assert list(tmp_path.iterdir()) == []


def test_the_student_stays_where_nothing_is_gained(
    checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.train import train

    scores = iter([3.0, 1.0, 2.0])
    settings = dataclasses.replace(
        SETTINGS, steps=2, validate_every=1, method="lora", optimizer="adamw", ema=0
    )
    taught = train(
        "match", checkpoint("siglip"), rows("match"), pictures(), tmp_path / "out",
        settings=settings, validate=lambda backend: next(scores),
    )  # fmt: skip
    assert (taught.best_step, taught.score, taught.before) == (0, 3.0, 3.0)


def test_without_validations_the_last_step_is_saved(
    checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.train import train

    scores = iter([3.0, 1.0])
    settings = dataclasses.replace(SETTINGS, steps=2, validate_every=0, ema=0)
    taught = train(
        "match", checkpoint("siglip"), rows("match"), pictures(), tmp_path / "out",
        settings=settings, validate=lambda backend: next(scores),
    )  # fmt: skip
    assert (taught.best_step, taught.score, taught.before) == (2, 1.0, 3.0)


def test_weights_that_were_best_after_the_state_are_forgotten_with_it(
    checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    """The steps behind a state may come to other scores, on another device for one."""
    from vprog.teach.train import train

    settings = dataclasses.replace(SETTINGS, steps=6, validate_every=1, save_every=3, ema=0)

    def once(out: str, scores: list[float]) -> Any:
        left = iter(scores)
        return train(
            "match", checkpoint("siglip"), rows("match"), pictures(), tmp_path / out,
            settings=settings, validate=lambda backend: next(left),
        )  # fmt: skip

    with pytest.raises(StopIteration):  # it dies in step 5, having begun 4 with its best score
        once("killed", [0.1, 0.2, 0.5, 0.3, 0.9])
    resumed = once("killed", [0.4, 0.3, 0.2])
    assert (resumed.best_step, resumed.score) == (2, 0.5)
    straight = once("straight", [0.1, 0.2, 0.5, 0.3, 0.4, 0.3, 0.2])
    assert straight.best_step == 2
    one, two = (tmp_path / name / "model.safetensors" for name in ("killed", "straight"))
    assert one.read_bytes() == two.read_bytes()
    assert not list((tmp_path / "killed" / "training").glob("*.pt"))


@pytest.mark.parametrize(
    ("tool", "change", "message"),
    [
        ("depth", {}, "'depth' does not learn; these tools do: detect, vqa, match"),
        ("match", {"tool": "vqa"}, "set 'task' holds a call of vqa; match is taught"),
        ("match", {"confidence": 0.0}, r"nothing to teach match from \(2 x task: no confidence"),
        ("match", {"distribution": None}, "nothing to teach match from .*no beliefs"),
    ],
)
def test_what_cannot_be_taught(
    tool: str,
    change: dict[str, Any],
    message: str,
    checkpoint: Callable[[str], str],
    tmp_path: Path,
) -> None:
    from vprog.teach.train import train

    material = [dataclasses.replace(row, **change) for row in rows("match", 2)]
    with pytest.raises(InputError, match=message):
        train(tool, checkpoint("siglip"), material, pictures(), tmp_path / "out")


def test_a_replayed_call_without_options_is_left_out(checkpoint: Callable[[str], str]) -> None:
    from vprog.teach.train import _material

    old = [*rows("match", 2), dataclasses.replace(rows("match", 1)[0], argument=())]
    found = _material(
        "match", checkpoint("siglip"), rows("match"), (), {"old": old}, pictures(), TeachSettings()
    )
    assert found.rows["old"] == 2
    assert found.left_out == {"old: no options": 1}


def test_processes_share_the_passes_of_a_step(
    checkpoint: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    three = SimpleNamespace(num_processes=3, distributed_type=SimpleNamespace(value="MULTI_CPU"))
    monkeypatch.setattr("vprog.training.loop.make_accelerator", lambda precision, device: three)
    with pytest.raises(InputError, match="accumulate must be a multiple of 3, got 2"):
        once(checkpoint("clip"), tmp_path / "three", accumulate=2)


def test_processes_wait_for_the_one_that_validates(checkpoint: Callable[[str], str]) -> None:
    checkpoint("clip")  # skips where accelerate is missing
    from vprog.training.devices import make_accelerator

    assert make_accelerator("no", "cpu").init_handler.timeout == timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "method"), [("owlvit", "lora"), ("idefics3", "lora"), ("blip", "full")]
)
def test_checkpointing_computes_layers_again_and_the_same(
    name: str, method: Any, checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from transformers.modeling_layers import GradientCheckpointingLayer

    from vprog.teach.loop import Loop
    from vprog.teach.train import _material, train

    tool, model, replay = TOOLS[name], checkpoint(name), {"old": rows(TOOLS[name], 2)}
    losses, passes = [], []
    for on in (False, True):
        settings = TeachSettings(
            method=method, steps=3, batch_size=4, learning_rate=3e-3, rank=2, checkpointing=on,
            validate_every=0,
        )  # fmt: skip
        material = _material(tool, model, rows(tool, 4), (), replay, pictures(), settings)
        loop = Loop(material, settings, None, None)
        seen: list[int] = []
        for part in material.student.model.modules():
            if isinstance(part, GradientCheckpointingLayer):
                linear = next(m for m in part.modules() if type(m).__name__ == "Linear")
                linear.register_forward_hook(lambda *_, to=seen: to.append(1))
        losses.append([loop.step(n) for n in range(3)])
        passes.append(len(seen))
        loop.close()
        train(
            tool, model, rows(tool, 4), pictures(), tmp_path / "out",
            settings=settings, replay=replay,
        )  # fmt: skip
    assert losses[1] == losses[0]
    assert passes[1] > 1.3 * passes[0], "its layers were computed again"


def test_checkpointing_is_refused_where_the_class_does_not_support_it(
    checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.train import train

    message = "GroundingDinoForObjectDetection does not support .*leave it out for detect"
    with pytest.raises(InputError, match=message):
        train(
            "detect", checkpoint("grounding_dino"), rows("detect", 2), pictures(), tmp_path / "out",
            settings=TeachSettings(checkpointing=True),
        )  # fmt: skip


@pytest.mark.parametrize("checkpointing", [False, True])
def test_where_memory_runs_out_it_says_what_to_change_and_goes_on(
    checkpointing: bool,
    checkpoint: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    from vprog.teach.loop import Loop

    forward, model = Loop.forward, checkpoint("siglip")

    def full(loop: Any, step: int, item: Any) -> Any:
        if step == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        return forward(loop, step, item)

    message = (
        r"training match ran out of memory at step 2: "
        + (r"" if checkpointing else r"set checkpointing = true, and the same command goes on .*")
        + r"lower batch_size \(now 4\) and raise accumulate"
    )
    monkeypatch.setattr(Loop, "forward", full)
    with pytest.raises(InputError, match=message):
        once(model, tmp_path / "out", checkpointing=checkpointing)
    monkeypatch.undo()
    once(model, tmp_path / "out", checkpointing=True)
    straight = once(model, tmp_path / "straight")
    assert straight.best_step > 0
    one, two = (tmp_path / out / "training/losses.jsonl" for out in ("out", "straight"))
    assert one.read_text() == two.read_text()


def test_settings_out_of_range() -> None:
    with pytest.raises(InputError, match="steps must be 1 or more, got 0"):
        TeachSettings(steps=0)
    with pytest.raises(InputError, match="dense must be 0 to 1, got 2"):
        TeachSettings(dense=2)
    with pytest.raises(InputError, match="learning_rate must be above 0"):
        TeachSettings(learning_rate=0.0)
    with pytest.raises(InputError, match="method = full"):
        TeachSettings(optimizer="muon", method="lora")
    with pytest.raises(InputError, match="sharded = true needs adamw"):
        TeachSettings(optimizer="muon", method="full", sharded=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": "many"}, "steps must be a whole number, got 'many'"),
        ({"steps": 2.5}, "steps must be a whole number, got 2.5"),
        ({"rank": True}, "rank must be a whole number, got True"),
        ({"clip": "1"}, "clip must be a number, got '1'"),
        ({"keep": float("nan")}, "keep must be a number, got nan"),
        ({"learning_rate": "fast"}, "learning_rate must be a number, got 'fast'"),
        ({"sharded": "no"}, "sharded must be true or false, got 'no'"),
        ({"precision": "half"}, "precision must be auto, no or bf16, got 'half'"),
        ({"betas": (0.9, "x")}, "betas must be two numbers"),
        ({"betas": 0.9}, "betas must be two numbers"),
    ],
)
def test_settings_of_a_wrong_type(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TeachSettings(**wrong)


def test_the_rate_rises_and_falls() -> None:
    settings = TeachSettings(steps=100, warmup=0.1, learning_rate=1.0)
    rates = [settings.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] < 0.01


def test_every_batch_is_found_again_and_every_row_is_seen() -> None:
    material = rows("detect", 11)
    one, two = (Lessons(material, together=2, seed="s") for _ in range(2))
    forward = [one.batch(n, 3) for n in range(20)]
    backward = [two.batch(n, 3) for n in reversed(range(20))]
    assert forward == backward[::-1]
    epoch = len(one)
    seen = [row for place in range(epoch) for row in one.batch(place, 1)]
    assert sorted(map(id, seen)) == sorted(map(id, material))
    few = Lessons(material[:1], together=2, seed="s")
    assert in_turn({"few": few, "many": one}, 0, 3) == few.batch(0, 3)
    assert in_turn({"few": few, "many": one}, 3, 3) == one.batch(1, 3)
