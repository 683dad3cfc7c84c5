"""Tuning: killed and continued, dry, on every form of data set."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from students import images, make_student, record, records

from vprog.errors import InputError

__all__ = ["make_student"]
HERE = Path(__file__).parent

TRAINING = """
import os, signal, sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
import torch
torch.set_num_threads(1)
from students import records
from test_sft_training import settings
from vprog.distill.train import train
from vprog.training.folder import Folder
save, killed = Folder.save, int(sys.argv[5])
def dying(self, name, state):
    save(self, name, state)
    if name == "state.pt" and state["step"] == killed:
        os.kill(os.getpid(), signal.SIGKILL)
Folder.save = dying
train(sys.argv[2], records(8), sys.argv[3], settings(sys.argv[4]), val=records(3))
"""


def settings(method: Any, **changes: Any) -> Any:
    from vprog.distill.train import SftSettings

    return SftSettings(**{
        "method": method, "steps": 6, "batch_size": 4, "micro_batch": 3, "learning_rate": 2e-3,
        "ema": 0.5, "rank": 4, "validate_every": 2, "save_every": 2, "choose": "loss", **changes,
    })  # fmt: skip


def start(model: str, out: Path, method: str, killed: int) -> subprocess.Popen[str]:
    here = os.pathsep.join([str(HERE), str(HERE.parents[1] / "src")])
    return subprocess.Popen(
        [sys.executable, "-c", TRAINING, here, model, str(out), method, str(killed)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def losses(out: Path) -> list[float]:
    lines = (out / "training/losses.jsonl").read_text().splitlines()
    return [json.loads(line)["total"] for line in lines]


def test_killed_and_continued_it_comes_to_the_same(
    student: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.distill.train import train

    model, val = student("idefics3"), records(3)
    straight = train(model, records(8), tmp_path / "straight", settings("lora"), val=val)
    died = start(model, tmp_path / "killed", "lora", 4)
    told = died.communicate()[1]
    assert died.returncode == -signal.SIGKILL, told
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    resumed = train(model, records(8), tmp_path / "killed", settings("lora"), val=val)
    assert resumed.score == straight.score
    assert resumed.score > resumed.before  # type: ignore[operator]
    names = ("model.safetensors", "config.json", "vprog.json", "README.md", "training/log.jsonl",
             "training/losses.jsonl")  # fmt: skip
    for name in names:
        one, two = tmp_path / "straight" / name, tmp_path / "killed" / name
        assert one.read_bytes() == two.read_bytes(), name

    changed = (tmp_path / "killed" / "model.safetensors").stat().st_mtime_ns
    again = train(
        model, records(8), tmp_path / "killed", settings("lora", micro_batch=2), val=val
    )  # fmt: skip
    assert again == resumed
    assert (tmp_path / "killed" / "model.safetensors").stat().st_mtime_ns == changed
    with pytest.raises(InputError, match="holds a training with other settings"):
        train(model, records(8), tmp_path / "killed", settings("lora", seed=1), val=val)
    with pytest.raises(InputError, match="holds a training with other settings"):
        train(model, records(7), tmp_path / "killed", settings("lora"), val=val)


def test_checkpointing_changes_memory_alone(
    student: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vprog.distill.sft_loop import SftLoop
    from vprog.distill.train import train

    model, val, forward = student("idefics3"), records(3), SftLoop.forward
    train(model, records(8), tmp_path / "plain", settings("lora"), val=val)

    def full(loop: Any, step: int, item: Any) -> Any:
        if step == 3:
            raise MemoryError
        return forward(loop, step, item)

    message = r"student ran out of memory at step 3: set checkpointing = true or lower micro_batch"
    monkeypatch.setattr(SftLoop, "forward", full)
    with pytest.raises(InputError, match=message):
        train(model, records(8), tmp_path / "out", settings("lora"), val=val)
    monkeypatch.undo()
    train(model, records(8), tmp_path / "out", settings("lora", checkpointing=True), val=val)
    assert losses(tmp_path / "out") == losses(tmp_path / "plain")


def test_fewer_examples_than_processes_cannot_be_spread(
    student: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from vprog.distill.train import train

    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(InputError, match="ACCELERATE_USE_FSDP is set"):
        train(student("idefics3"), records(3), tmp_path / "out", settings("full"))


def test_passes_of_any_size_make_the_same_step(
    student: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.distill.train import train

    curves = []
    for most in (1, 100):
        out = tmp_path / str(most)
        plain = settings("full", ema=0.0, steps=3, micro_batch=most)
        train(student("idefics3"), records(8), out, plain)
        curves.append(losses(out))
    assert curves[0] == pytest.approx(curves[1], abs=1e-4)


def test_instruct_is_the_same_without_rationales(
    student: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.distill.train import train

    answers = [row for row in records(8) if row["kind"] == "answer"]
    without = settings("full", rationale_weight=0.0)
    one = train(student("idefics3"), records(8), tmp_path / "weighted", without)
    train(student("idefics3"), answers, tmp_path / "left_out", without)
    assert one.rows == {"examples": 8, "answer": 8}
    assert losses(tmp_path / "weighted") == losses(tmp_path / "left_out")
    weights = [(tmp_path / n / "model.safetensors").read_bytes() for n in ("weighted", "left_out")]
    assert weights[0] == weights[1]


def test_another_grid_is_another_training(student: Callable[[str], str], tmp_path: Path) -> None:
    from vprog.distill.train import train

    one = settings("full", steps=1)
    for _ in range(2):
        train(student("idefics3"), records(2), tmp_path / "out", one, grid=32)
    with pytest.raises(InputError, match="other settings: grid was 32, now 64"):
        train(student("idefics3"), records(2), tmp_path / "out", one, grid=64)


def test_accuracy_on_val_chooses_the_step(student: Callable[[str], str], tmp_path: Path) -> None:
    from vprog.distill.train import train

    chosen = settings(
        "full", steps=30, learning_rate=1e-2, batch_size=8, choose="accuracy", validate_every=10
    )
    made = train(student("idefics3"), records(8), tmp_path / "out", chosen, val=records(8))
    lines = [json.loads(x) for x in (tmp_path / "out/training/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 10, 20, 30]
    scores = [line["score"] for line in lines]
    assert (made.before, made.score) == (scores[0], max(scores))
    assert made.score > made.before  # type: ignore[operator]
    assert made.best_step == lines[scores.index(made.score)]["step"]


def test_answers_of_many_words_choose_a_step_too(
    student: Callable[[str], str], tmp_path: Path
) -> None:
    """As long as none is right the loss chooses, or the untrained student would stay."""
    from vprog.distill.train import train

    said = " ".join(["cat", "red", "yes"] * 7)
    rows = [row for row in records(4) if row["kind"] == "answer"]
    for row in rows:
        row["messages"][-1]["content"] = [{"type": "text", "text": said}]
    chosen = settings(
        "full", steps=60, learning_rate=1e-2, batch_size=4, choose="accuracy", validate_every=4
    )
    made = train(student("idefics3"), rows, tmp_path / "out", chosen, val=rows)
    lines = [json.loads(x) for x in (tmp_path / "out/training/log.jsonl").read_text().splitlines()]
    scores = [line["score"] for line in lines]
    assert scores[0] < 0, "none of them is right at the start"
    assert scores[1] > scores[0]
    assert made.score == max(scores) == 1.0


def test_a_dry_run_counts_and_measures(student: Callable[[str], str], tmp_path: Path) -> None:
    from vprog.distill.train import plan

    found = plan(student("idefics3"), records(9), settings("lora", steps=50), val=records(3))
    assert found.rows == {"examples": 9, "answer": 9, "rationale": 6, "val": 5}
    assert found.epochs == pytest.approx(50 * 4 / 9)
    assert found.records_a_step == pytest.approx(4 * 15 / 9)
    assert 0 < found.trained < found.of
    assert found.record_mb > 0
    validation_s = (1 + 50 // 2) * found.seconds_a_validation
    assert validation_s > 0
    steps_s = found.estimated_s - validation_s
    new, again = 9 / 4, 50 - 9 / 4  # steps over records never seen, and seen before
    assert steps_s == pytest.approx(new * found.seconds_a_step + again * found.seconds_a_repeat)
    assert list(tmp_path.iterdir()) == []


def encoded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records with their pictures as Parquet and ``datasets`` keep them."""

    def cell(image: Any) -> dict[str, Any]:
        file = io.BytesIO()
        image.save(file, "PNG")
        return {"bytes": file.getvalue(), "path": None}

    return [{**row, "images": [cell(image) for image in row["images"]]} for row in rows]


def test_every_form_of_a_data_set_is_the_same(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from vprog.distill.sft import Records

    rows = records(5)
    table = pa.Table.from_pylist([{**row, "more": 1} for row in encoded(rows)])
    (tmp_path / "parquet").mkdir()
    pq.write_table(table.slice(0, 4), tmp_path / "parquet" / "a.parquet")
    pq.write_table(table.slice(4), tmp_path / "parquet" / "b.parquet")
    forms: list[Any] = [table, tmp_path / "parquet"]
    datasets = pytest.importorskip("datasets", reason="needs datasets")
    features = datasets.Features({
        "images": datasets.List(datasets.Image()),
        "messages": datasets.Features.from_arrow_schema(table.schema)["messages"],
        "kind": datasets.Value("string"), "weight": datasets.Value("float64"),
        "example_id": datasets.Value("string"),
    })  # fmt: skip
    plain = [{k: row[k] for k in features} for row in encoded(rows)]
    made = datasets.Dataset.from_list(plain, features=features)
    made.save_to_disk(str(tmp_path / "saved"))
    forms += [made, tmp_path / "saved"]
    assert made[0]["images"][0].size == (32, 32)
    first = Records(table)
    for form in forms:
        found = Records(form)
        assert found.digest == first.digest
        assert (found.kinds, found.weights) == (first.kinds, first.weights)
        assert found.texts(3) == first.texts(3)
        assert found.images(3)[0].tobytes() == rows[3]["images"][0].tobytes()
    ours = Records(rows)
    assert ours.kinds == first.kinds
    assert ours.by_example({"answer": 1, "rationale": 1}) == [[0, 1], [2, 3], [4], [5, 6], [7, 8]]
    assert ours.by_example({"answer": 0, "rationale": 1}) == [[1], [3], [6], [8]]


def test_records_of_others_need_images_and_messages_alone() -> None:
    from vprog.distill.sft import Records

    rows = [{k: row[k] for k in ("images", "messages")} for row in records(2)]
    rows[0]["messages"][1]["content"] = "red"
    found = Records(rows)
    assert found.kinds == ["answer"] * 4
    assert found.weights == [1.0] * 4
    assert found.texts(0)[1] == "red"
    assert found.by_example({"answer": 1, "rationale": 0}) == [[0], [1], [2], [3]]


def test_equal_ids_of_other_data_sets_and_tasks_are_other_examples(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from vprog.distill.sft import Records

    rows = encoded(records(2))  # an answer and a rationale each
    files = [tmp_path / place for place in ("a/0.parquet", "a/1.parquet", "b/0.parquet")]
    for file, columns in zip(files, ({"task": "x"}, {"task": "x"}, {}), strict=True):
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist([{**row, **columns} for row in rows]), file)
    every = {"answer": 1.0, "rationale": 1.0}
    found = Records(files).by_example(every)
    assert found == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9], [10, 11]]
    tasks = [{**row, "task": name} for name in ("x", "y") for row in records(1)]
    assert Records(tasks).by_example(every) == [[0, 1], [2, 3]]


def test_pictures_are_seen_upright() -> None:
    from vprog.distill.sft import Records

    exif = Image.Exif()
    exif[0x0112] = 6  # held upright, stored on its side
    file = io.BytesIO()
    Image.new("RGB", (48, 32)).save(file, "JPEG", exif=exif)
    row = record(images(1), "how many", "two", "answer")
    found = Records([{**row, "images": [{"bytes": file.getvalue(), "path": None}]}])
    assert found.images(0)[0].size == (32, 48)


def turns(**changes: Any) -> list[dict[str, Any]]:
    one = record(images(1), "how many", "two", "answer")
    return [{**one, **changes}]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"images": []}], "record 0: needs the columns images and messages"),
        (turns(kind="label"), "record 0: kind must be answer or rationale"),
        (turns(weight="heavy"), "record 0 is not as it must be: ValueError"),
        (turns(weight=-1), "record 0: .* weight a number from 0 on"),
        (turns(images=7), "record 0 is not as it must be: TypeError"),
        ([[1]], "record 0 is not as it must be: AttributeError"),
        (turns(messages=[{"role": "user", "content": None}, {"role": "assistant", "content": "b"}]),
         "record 0 is not as it must be: TypeError"),
        ({"train": turns()}, r"give one split of it, such as data\['train'\]"),
        (turns(images=[]), "record 0: 0 images and 1 places for them"),
        (turns(messages=turns()[0]["messages"][:1]), r"and an assistant's, \['user'\]"),
        (turns(messages=[
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}]},
            {"role": "assistant", "content": "b"}]), "pictures must come before the text"),
        (turns(messages=[*turns()[0]["messages"][:1], {"role": "assistant", "content": " "}]),
         "the prompt or the target is empty"),
        (turns(images=[{"bytes": None, "path": "zip://a.png::nowhere.zip"}]),
         "record 0: its picture zip://a.png::nowhere.zip cannot be read .*without --reference"),
        (7, "cannot read records from a int"),
        ("nowhere", "nowhere holds neither Parquet files nor a saved data set"),
    ],
)  # fmt: skip
def test_records_that_cannot_be_learned_from(rows: Any, message: str) -> None:
    from vprog.distill.sft import Records

    with pytest.raises(InputError, match=message):
        Records(rows)


def test_nothing_to_learn(student: Callable[[str], str], tmp_path: Path) -> None:
    from vprog.distill.train import train

    only = [row for row in records(4) if row["kind"] == "rationale"]
    with pytest.raises(InputError, match="there is nothing to learn"):
        train(student("idefics3"), only, tmp_path / "out", settings("full", rationale_weight=0.0))
    with pytest.raises(InputError, match="both 0; nothing would learn"):
        settings("full", rationale_weight=0.0, answer_weight=0.0)
    broken = dataclasses.replace(settings("full"), learning_rate=1e30, clip=1e30)
    with pytest.raises(InputError, match="the loss is no number at step"):
        train(student("idefics3"), records(4), tmp_path / "out", broken)


def test_the_settings_are_vpds_if_left_out() -> None:
    from vprog.distill.train import SftSettings

    said = SftSettings()
    assert (said.method, said.rank, said.batch_size, said.steps) == ("lora", 8, 128, 8000)
    assert (said.betas, said.peak, said.warmup) == ((0.9, 0.98), 1e-4, 0.01)
    assert (said.answer_weight, said.rationale_weight) == (1.0, 1.0)
    assert said.rate(79) == pytest.approx(1e-4)
    assert said.rate(4040) == pytest.approx(5e-5, rel=1e-3)
