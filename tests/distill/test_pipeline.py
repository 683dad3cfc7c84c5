"""``vprog distill`` from the first candidate to the table, on a random student."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from students import draw_world, make_student  # noqa: F401 (fixtures)

from vprog.distill import distill as distilling
from vprog.distill.distill import distill
from vprog.distill.options import distill_settings
from vprog.distill.pipeline import DistillSettings, Pipeline, choice_of, dialect
from vprog.distill.plan import plan_distill
from vprog.distill.sft_settings import SftSettings
from vprog.errors import InputError
from vprog.report.distill import distill_tables
from vprog.runs.folder import read_traces
from vprog.teach.stage import Task
from vprog.writers import Sampling

TURN = {"writer": "gold", "n": 5, "programs_ms": 4.0, "student_ms": 2.0, "ratio": 2.0,
        "ci95": [1.5, 2.5],
        "batches": {"size": 5, "programs_ms": 3.0, "student_ms": 1.0, "ratio": 3.0,
                    "ratios": [3.0]}}  # fmt: skip


def settings_of(world: Path, student: str, **changes: Any) -> DistillSettings:
    given: dict[str, Any] = {
        "tasks": (Task(benchmark="world-gqa", data=world),),
        "toolbox": "oracle",
        "writer": "gold",
        "k": 1,
        "student": student,
        "rows": ("instruct", "vpd"),
        "labels": (10, 20),
        "limits": {"explain": 4},
        "training": SftSettings(
            method="full", steps=1, batch_size=2, validate_every=0, save_every=1, choose="loss"
        ),
    }
    return DistillSettings(**{**given, **changes})


@pytest.fixture(scope="module")
def distilled(
    world: Path, student: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, DistillSettings, dict[str, Any]]:
    out = tmp_path_factory.mktemp("out") / "distilled"
    settings = settings_of(world, student("idefics3"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distilling, "latency", lambda run, student: TURN)
        return out, settings, distill(settings, out)


def test_it_ends_in_the_table(
    distilled: tuple[Path, DistillSettings, dict[str, Any]],
) -> None:
    out, _, said = distilled
    rows = {(r["row"], r["labels"]): r for r in said["records"]}
    assert set(rows) == {
        ("majority", None), ("programs", None), ("vqa", None),
        ("instruct", 10), ("instruct", 20), ("vpd", 10),
        ("vpd", 20),
    }  # fmt: skip
    programs = rows["programs", None]
    assert programs["accuracy"] == 1.0  # gold programs over gold scenes
    for row in rows.values():
        assert row["n"] == 10
        assert row["ids_sha256"] == programs["ids_sha256"]
    vpd, instruct = rows["vpd", 20], rows["instruct", 20]
    assert vpd["gain"]["difference"] == pytest.approx(vpd["accuracy"] - instruct["accuracy"])
    assert vpd["to_programs"]["difference"] == pytest.approx(vpd["accuracy"] - 1.0)
    assert said["yields"]["world-gqa:world"]["1"]["value"] == 1.0
    assert [q["n"] for q in said["quality"]] == [4, 4]
    assert json.loads((out / "distill.json").read_text())["records"] == said["records"]
    assert "student explains" in (out / "report.html").read_text()
    titles = [title for title, *_ in distill_tables(said)]
    assert "rationales" in titles
    assert any(title.endswith("by structural type") for title in titles)


def test_checkpoints_are_ordinary_ones(
    distilled: tuple[Path, DistillSettings, dict[str, Any]],
) -> None:
    transformers = pytest.importorskip("transformers")
    out, _, said = distilled
    assert set(said["models"]) == {"instruct-10", "instruct-20", "vpd-10", "vpd-20"}
    folder = out / said["models"]["vpd-20"]
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder)
    assert model.config.model_type == "idefics3"
    assert json.loads((folder / "vprog.json").read_text())["grid"] == 100


def test_labels_are_nested(distilled: tuple[Path, DistillSettings, dict[str, Any]]) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    out, _, _ = distilled
    ids = {}
    for size in (10, 20):
        parts = sorted((out / "data" / f"0-train-verified-{size}" / "data").glob("*.parquet"))
        found = [pq.read_table(part, columns=["example_id"])["example_id"] for part in parts]
        ids[size] = {id for column in found for id in column.to_pylist()}
    assert len(ids[10]) == 10
    assert ids[10] < ids[20]


def test_the_same_command_again_trains_nothing(
    distilled: tuple[Path, DistillSettings, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, settings, said = distilled

    def no_step(*args: Any) -> Any:
        raise AssertionError("a finished training trained again")

    monkeypatch.setattr("vprog.distill.sft_loop.SftLoop.forward", no_step)
    assert distill(settings, out)["records"] == said["records"]
    smaller = replace(settings.training, micro_batch=1, cache_mb=0.0, packing=False)
    assert distill(replace(settings, training=smaller), out)["records"] == said["records"]


def test_a_folder_holds_one_distillation(
    distilled: tuple[Path, DistillSettings, dict[str, Any]], world: Path
) -> None:
    out, settings, _ = distilled
    with pytest.raises(InputError, match="seed was 0, now 1"):
        distill(settings_of(world, settings.student, seed=1), out)


def test_a_plan_counts_what_the_run_does(
    distilled: tuple[Path, DistillSettings, dict[str, Any]],
) -> None:
    out, settings, _ = distilled
    plan = plan_distill(settings).to_json()["plan"]
    parts = {p["name"]: p for p in plan["parts"]}
    assert list(parts) == [
        "imports", "candidates", "rationales", "train instruct", "train vpd", "test programs",
        "test vqa", "test students", "latency",
    ]  # fmt: skip
    for part, run in (("candidates", "candidates/0-train"), ("test programs", "test/0/programs")):
        made = [s for r in read_traces(out / run) for s in r.trace.steps if s.tool]
        assert parts[part]["calls"]["requested"] == len(made) > 0
        assert parts[part]["calls"]["computed"] == sum(s.source == "computed" for s in made)
    built = sum(
        n
        for size in (10, 20)
        for kinds in json.loads(
            (out / "data" / f"0-train-verified-{size}" / "built.json").read_text()
        )["records"].values()
        for n in kinds.values()
    )
    assert parts["rationales"]["records"] == built == 60
    assert parts["train vpd"]["steps"] == 2  # one of each size
    assert parts["train vpd"]["records"] == pytest.approx(60, rel=0.25)  # the rest validates
    assert parts["train instruct"]["records"] == pytest.approx(30, rel=0.25)
    assert parts["test students"]["examples"] == 4 * 10 + 2 * 4
    assert plan["seconds"] == pytest.approx(sum(p["seconds"] for p in plan["parts"]), abs=0.5)
    assert parts["latency"]["storage_mb"] == 0.0  # its runs are thrown away
    assert plan["stage"] in parts
    assert plan["cost"]["other_hours"] <= plan["cost"]["hours"]


def test_a_dry_run_leaves_nothing(
    inside: Callable[..., Any], world: Path, student: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "training.toml").write_text('method = "full"\nbatch_size = 2\nchoose = "loss"\n')
    (tmp_path / "prices.toml").write_text("[cpu]\nhour = 3600\n")
    told = inside(
        "distill", "world-gqa", "--data", world, "--student", student("idefics3"),
        "--toolbox", "oracle", "--writer", "gold", "--k", 1, "--row", "vpd", "--steps", 3,
        "--training", "training.toml", "--prices", "prices.toml", "--limit", "train=10",
        "--limit", "test=3", "--limit", "explain=1", "--out", "out", "--dry-run",
    )  # fmt: skip
    assert told.code == 0
    assert "train vpd" in told.out
    assert "dollars for the device" in told.out
    assert re.search(r"^other    .* in place of ", told.out, re.MULTILINE)
    assert {f.name for f in tmp_path.iterdir()} == {"training.toml", "prices.toml"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": ("distilled",)}, "instruct, instruct_compute, vpd"),
        ({"rows": ("instruct_compute",)}, "add the row vpd"),
        ({"limits": {"explained": 3}}, "train, test and explain"),
        ({"limits": {"test": 0}}, "1 or more"),
        ({"labels": (0,)}, "at least one a training split, 1"),
        ({"tasks": ()}, "needs a task"),
    ],
)
def test_settings_that_cannot_be(world: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings_of(world, "zoo:vlm", **changes)


def test_what_is_tested_is_not_trained_on(world: Path) -> None:
    task = Task(benchmark="world-gqa", data=world, train=("test",))
    with pytest.raises(InputError, match="cannot be trained on"):
        settings_of(world, "zoo:vlm", tasks=(task,))


def test_one_name_is_one_task(world: Path, tmp_path: Path) -> None:
    task = Task(benchmark="world-gqa", data=world)
    other = Task(benchmark="world-gqa", data=tmp_path / world.name)
    with pytest.raises(InputError, match=r"two tasks are called .* rename one of the folders"):
        settings_of(world, "zoo:vlm", tasks=(task, other))
    with pytest.raises(InputError, match="would be learned from twice"):
        settings_of(world, "zoo:vlm", tasks=(task, Task(benchmark="world-gqa", data=world)))


def test_labels_are_shared_out_to_the_last(world: Path, tmp_path: Path) -> None:
    two = Task(benchmark="world-gqa", data=world, train=("train", "val"))
    other = Task(benchmark="world-tally", data=world)
    with pytest.raises(InputError, match="at least one a training split, 3"):
        settings_of(world, "zoo:vlm", tasks=(two, other), labels=(2,))
    pipeline = Pipeline(settings_of(world, "zoo:vlm", tasks=(two, other), labels=(7,)), tmp_path)
    assert (pipeline.shares(two, 7), pipeline.shares(other, 7)) == ([2, 2], [3])
    assert (pipeline.shares(two, 9), pipeline.shares(other, 9)) == ([3, 2], [4])
    assert pipeline.shares(two, None) == [None, None]


def test_filters_are_read() -> None:
    choice = choice_of(["evidence", "agreement=0.6", "teacher=oracle"])
    assert (choice.evidence, choice.least_agreement, choice.step_teacher) == (True, 0.6, "oracle")
    with pytest.raises(InputError, match="unknown toolbox 'orakel'"):
        choice_of(["teacher=orakel"])
    for text in ("agreement", "agreement=most", "teacher=", "x"):
        with pytest.raises(InputError, match="--filter is"):
            choice_of([text])


def test_a_student_says_how_it_reads(student: Callable[[str], str], tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(student("idefics3"), tmp_path / "student"))
    rationale, prompt = dialect(str(folder), None, None)
    assert (rationale.grid, prompt.plain) == (100, False)
    (folder / "vprog.json").write_text('{"answer": {"plain": true}, "grid": 32}')
    rationale, prompt = dialect(str(folder), None, None)
    assert (rationale.grid, prompt.plain) == (32, True)
    rationale, prompt = dialect(str(folder), 64, False)
    assert (rationale.grid, prompt.plain) == (64, False)


def test_options_become_settings(
    world: Path, student: Callable[[str], str], tmp_path: Path
) -> None:
    file = tmp_path / "training.toml"
    file.write_text('method = "full"\nbetas = [0.9, 0.95]\n')
    given: dict[str, Any] = {
        "benchmark": "world-gqa", "data": world, "also": None, "train": None, "test": "test",
        "student": student("idefics3"), "toolbox": "zoo", "writer": "zoo", "language": "python",
        "k": 3, "temperature": 0.7, "top_p": 0.9, "repair": False, "row": ["vpd"],
        "labels": [50], "limit": ["test=9"],
        "filter": ["evidence"], "grid": 20, "training": file, "steps": 7, "jobs": 1, "seed": 3,
        "reference": True,
    }  # fmt: skip
    settings = distill_settings(given)
    assert settings.training == SftSettings(method="full", betas=(0.9, 0.95), steps=7)
    assert settings.data.rationale.grid == 20
    assert settings.data.choice.evidence
    assert not settings.data.embed
    assert (settings.language, settings.labels) == ("python", (50,))
    parts, (task,) = Pipeline(settings, tmp_path), settings.tasks
    drawn = parts.run(task, "train", "train", sampled=True)
    assert drawn.sampling == Sampling(k=3, temperature=0.7, top_p=0.9, seed=3)
    assert parts.test_run(task).sampling == Sampling()
    assert not drawn.repair
    file.write_text("step = 3\n")
    with pytest.raises(InputError, match="steps"):
        distill_settings(given)
    file.write_text('batch_size = "all"\n')
    with pytest.raises(InputError, match="batch_size must be a whole number, got 'all'"):
        distill_settings(given)


def test_a_test_split_that_is_not_there_is_told_before_anything_runs(
    world: Path, student: Callable[[str], str], tmp_path: Path
) -> None:
    task = Task(benchmark="world-gqa", data=world, test="tset")
    settings = settings_of(world, student("idefics3"), tasks=(task,))
    with pytest.raises(InputError, match="tset"):
        distill(settings, tmp_path / "out")
    assert not (tmp_path / "out").exists()
