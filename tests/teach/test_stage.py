"""Stages of teaching: settings, folders, the matrix, and going on after an interruption."""

from __future__ import annotations

import json
import shutil
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vprog import zoo
from vprog.errors import InputError
from vprog.evaluation.selection import select_examples
from vprog.example import Picture
from vprog.runs.folder import read_settings, read_traces
from vprog.teach.matrix import tasks_of
from vprog.teach.options import stage_settings
from vprog.teach.plan import plan_stage
from vprog.teach.rounds import Stage, accuracy, run_to_end, train_tool
from vprog.teach.stage import (
    StageSettings,
    Task,
    read_before,
    read_kept,
    read_task,
    training_of,
)
from vprog.teach.steps import collect_steps
from vprog.teach.student import open_student
from vprog.teach.teach import teach
from vprog.teach.toolbox import write_toolbox
from vprog.teach.vocabulary import unknown_words
from vprog.tools.backends.hf.runtime import load_model
from vprog.tools.toolboxes import read_toolbox
from vprog.world import write

TRAINING = {"all": {"steps": 2, "batch_size": 2, "validate_every": 1, "save_every": 1}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """World-gqa of an unknown look with three splits, and the zoo's own look."""
    root = tmp_path_factory.mktemp("world")
    for split in ("train", "val", "test"):
        write("gqa", "outline", 12, 3, root / "outline", split=split)
        write("gqa", "generalist", 8, 3, root / "home", split=split)
    return root


def settings_of(world: Path, **changes: Any) -> StageSettings:
    given: dict[str, Any] = {
        "target": Task(benchmark="world-gqa", data=world / "outline"),
        "keep": (Task(benchmark="world-gqa", data=world / "home"),),
        "unseen": (Task(benchmark="world-gqa", data=world / "home"),),
        "tools": ("detect", "match"),
        "languages": ("steps",),
        "rounds": 1,
        "phrases": ("zeppelin",),
        "training": TRAINING,
    }
    return StageSettings(**{**given, **changes})


@pytest.fixture(scope="module")
def stage(world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A finished stage: its folder, and what it found."""
    out = tmp_path_factory.mktemp("stage") / "first"
    return out, teach(settings_of(world), out)


def test_a_stage_ends_in_the_matrix(stage: tuple[Path, dict[str, Any]], world: Path) -> None:
    out, found = stage
    rows = {(r["role"], r["row"], r["language"]): r for r in found["records"]}
    for role in ("target", "unseen"):
        assert rows[role, "upper", "steps"]["accuracy"] == 1.0
        assert rows[role, "replaced", "steps"]["accuracy"] == 1.0  # its teacher is the oracle
        assert rows[role, "vqa", None]["n"] == (12 if role == "target" else 8)
        low, high = rows[role, "taught", "steps"]["ci95"]
        assert low <= rows[role, "taught", "steps"]["accuracy"] <= high
        untaught, taught = rows[role, "untaught", "steps"], rows[role, "taught", "steps"]
        assert taught["gain"] == pytest.approx(taught["accuracy"] - untaught["accuracy"], abs=1e-5)
        assert taught["ids_sha256"] == untaught["ids_sha256"]
    assert set(found["steps"]) <= {"detect", "match"}
    assert found["steps"]["detect"]["metric"] == "f1"
    assert json.loads((out / "teach.json").read_text())["records"] == found["records"]
    assert "steps that became" in (out / "report.html").read_text()


def test_the_taught_toolbox_is_a_toolbox(stage: tuple[Path, dict[str, Any]], world: Path) -> None:
    out, found = stage
    taught = out / "round-1" / "toolbox.toml"
    models = {b.tool: b.settings.model for b in read_toolbox(str(taught)) if b.settings}
    assert models["vqa"] == "zoo:vqa"
    # A phrase that no program asks and whose word the zoo's model does not know is taught, too.
    assert unknown_words(zoo.path("detect"), ["red zeppelin"]) == ["zeppelin"]
    assert unknown_words(Path(models["detect"]), ["red zeppelin"]) == []
    rows = found["rounds"][1]["trained"]["detect"]["rows"]["task"]
    assert rows > len(collect_steps(Stage(settings_of(world), out, None).train_runs(1)).pictures)
    assert Path(models["detect"]).resolve() == (out / "round-1" / "detect").resolve()
    if found["chosen_round"] == 1:
        assert found["toolbox"] == "round-1/toolbox.toml"


def test_training_and_replayed_pictures_are_asked_more_than_programs_ask(
    stage: tuple[Path, dict[str, Any]], world: Path
) -> None:
    out, found = stage
    alone = Stage(settings_of(world, per_picture=0), out, None)
    runs = [*alone.train_runs(1), *alone.shown_runs()]
    (keep,) = alone.keep_runs().items()
    rows = found["rounds"][1]["trained"]["detect"]["rows"]
    asked = len(alone.steps_of(runs, "detect").steps)
    assert rows["task"] > asked
    assert rows[keep[0]] > len(alone.replayed_steps(keep[1], "detect").steps)
    more = Stage(settings_of(world), out, None)
    assert rows["task"] == len(more.steps_of(runs, "detect").steps)
    assert len(more.steps_of(runs, "match").steps) == len(alone.steps_of(runs, "match").steps)


def test_the_threshold_that_is_best_on_val_stays(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"1-0.9-steps": 0.5, "1-0.99-steps": 0.5}  # of equal ones the first
    monkeypatch.setattr("vprog.teach.rounds.accuracy", lambda run: said.get(run.name, 0.1))
    settings = settings_of(
        world, tools=("detect",), thresholds=(0.9, 0.99), rounds=2, keep=(), unseen=(), upper=""
    )
    found = teach(settings, tmp_path / "stage")
    assert (found["chosen_round"], found["toolbox"]) == (1, "round-1/toolbox-0.9.toml")
    for name, wanted in (("toolbox", None), ("toolbox-0.9", 0.9)):
        (detect,) = (
            b for b in read_toolbox(str(tmp_path / f"stage/round-1/{name}.toml"))
            if b.tool == "detect"
        )  # fmt: skip
        assert getattr(detect.settings, "threshold", 0) == wanted
    taught = next((tmp_path / "stage" / "test").glob("0-*/taught-*"))
    assert read_settings(taught)["toolbox"].endswith("toolbox-0.9.toml")
    # The second round learned on with it.
    second = read_toolbox(str(tmp_path / "stage/round-2/toolbox.toml"))
    assert {b.settings.threshold for b in second if b.tool == "detect" and b.settings} == {0.9}  # type: ignore[attr-defined]
    assert [r["threshold"] for r in found["rounds"]] == [None, 0.9, None]


def test_the_same_command_again_computes_nothing(
    stage: tuple[Path, dict[str, Any]], world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, found = stage

    def no_step(*args: Any) -> Any:
        raise AssertionError("a finished training trained again")

    monkeypatch.setattr("vprog.teach.loop.Loop.forward", no_step)
    again = teach(settings_of(world), out)
    for part in ("records", "steps", "rounds"):
        assert again[part] == found[part]


def test_a_finished_stage_goes_on_where_more_rounds_are_wanted(
    stage: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, found = stage
    copy = Path(shutil.copytree(out, tmp_path / "more"))
    for run in (*(copy / "val").glob("1-*"), *(copy / "test").glob("*/taught-*")):
        shutil.rmtree(run)  # it names the toolbox of the folder that was copied
    # Every round gains, whatever it learned.
    monkeypatch.setattr("vprog.teach.rounds.accuracy", lambda run: int(run.name[0]) / 10)
    trained = (copy / "round-1" / "detect" / "model.safetensors").stat().st_mtime_ns
    more = teach(settings_of(world, rounds=2), copy)
    assert (more["chosen_round"], more["toolbox"]) == (2, "round-2/toolbox.toml")
    assert (copy / "round-1" / "detect" / "model.safetensors").stat().st_mtime_ns == trained
    assert (
        more["rounds"][1]["trained"]["detect"]["score"]
        == (found["rounds"][1]["trained"]["detect"]["score"])
    )
    # Fewer again: the taught tools are those of round 1, and nothing stands in the way.
    fewer = teach(settings_of(world), copy)
    assert (fewer["chosen_round"], len(fewer["rounds"])) == (1, 2)
    rows = [
        {r["accuracy"] for r in said["records"] if r["row"] == "taught" and r["role"] == "target"}
        for said in (found, fewer)
    ]
    assert rows[0] == rows[1]


def test_a_stage_goes_on_where_it_was_killed(
    stage: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path
) -> None:
    finished, found = stage
    out = tmp_path / "killed"
    # What a kill in the training of match leaves: detect is done, nothing after it is there.
    for name in ("keep", "val/0-steps", "round-1/train-train-steps", "round-1/detect"):
        shutil.copytree(finished / name, out / name)
    shutil.copy(finished / "settings.json", out)
    again = teach(settings_of(world), out)
    same = [{k: v for k, v in r.items() if k != "commit"} for r in again["records"]]
    assert same == [{k: v for k, v in r.items() if k != "commit"} for r in found["records"]]


def test_a_stage_follows_another(
    stage: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path
) -> None:
    out, first = stage
    target = Task(benchmark="world-gqa", data=world / "home")
    settings = settings_of(
        world, target=target, keep=(), unseen=(), after=out, tools=("detect",), upper=""
    )
    found = teach(settings, tmp_path / "second")
    roles = {r["task"]: r["role"] for r in found["records"]}
    # What was unseen is now the target, what was the target is now previous.
    assert roles == {"world-gqa:home": "target", "world-gqa:outline": "previous"}
    before = read_before(tmp_path / "second")
    assert [task.name for task in before.tasks] == ["world-gqa:home", "world-gqa:outline"]
    assert set(before.replayed) == {"world-gqa:home", "world-gqa:outline"}
    assert all((run / "run.toml").is_file() for runs in before.replayed.values() for run in runs)
    was = next(
        r["accuracy"] for r in first["records"] if r["role"] == "target" and r["row"] == "taught"
    )
    now = next(
        r["accuracy"]
        for r in found["records"]
        if r["role"] == "previous" and r["row"] == "untaught"
    )
    assert now == was


def test_what_no_stage_taught_stays_unseen_along_a_sequence(
    stage: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path
) -> None:
    out, found = stage
    assert [task["data"] for task in found["unseen_tasks"]] == [str((world / "home").resolve())]
    # A later stage names no unseen task itself; its own are those of the stage before.
    settings = settings_of(world, keep=(), unseen=(), after=out)
    third = Stage(settings, tmp_path, read_before(out))
    assert [(task.name, role) for task, role in tasks_of(third)] == [
        ("world-gqa:outline", "target"), ("world-gqa:home", "unseen"),
    ]  # fmt: skip
    found = json.loads((out / "teach.json").read_text("utf-8"))
    found["settings"]["unseen"] = []
    (tmp_path / "teach.json").write_text(json.dumps(found))
    assert [task.name for task in read_before(tmp_path).unseen] == ["world-gqa:home"]


def test_a_plan_counts_what_the_stage_does(stage: tuple[Path, dict[str, Any]], world: Path) -> None:
    out, found = stage
    plan = plan_stage(settings_of(world)).to_json()["plan"]
    parts = {p["name"]: p for p in plan["parts"]}
    learned = found["rounds"][1]["steps"]
    assert "detect" in learned
    assert list(parts) == [
        "imports", "train runs", "val runs", "shown runs", "keep runs", "labels",
        *(f"train {tool}" for tool in learned), "test runs", "step figures",
    ]  # fmt: skip
    assert plan["programs"] == {"train": 12, "val": 12, "keep": 8, "test": 100}
    run = read_traces(out / "round-1" / "train-train-steps")
    made = [step for record in run for step in record.trace.steps if step.tool]
    assert parts["train runs"]["calls"]["requested"] == len(made) > 0
    assert parts["train runs"]["calls"]["computed"] == sum(s.source == "computed" for s in made)
    for tool, rows in learned.items():
        assert parts[f"train {tool}"]["steps"] == 2
        assert parts[f"train {tool}"]["records"] == rows
    assert parts["test runs"]["examples"] == 100
    assert plan["stage"] in parts


def test_a_dry_run_leaves_nothing(inside: Any, world: Path, tmp_path: Path) -> None:
    command = (
        "teach", "world-gqa", "--data", world / "home", "--teacher", "oracle", "--language",
        "steps", "--tool", "detect", "--rounds", 1, "--steps", 2, "--limit", "train=4", "--limit",
        "val=4", "--limit", "test=4", "--out", "out", "--dry-run",
    )  # fmt: skip
    told = inside(*command)
    assert told.code == 0
    assert "train detect" in told.out
    assert "slowest" in told.out
    costs = inside(*command[:-1], "--prices", "prices.toml")
    assert costs.message == "--prices is for --dry-run, which tells what a stage would cost"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_holds_one_stage(stage: tuple[Path, dict[str, Any]], world: Path) -> None:
    out, _ = stage
    with pytest.raises(InputError, match="seed was 0, now 1"):
        teach(replace(settings_of(world), seed=1), out)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tools": ("segment",)}, "detect, vqa, match can"),
        ({"rounds": 0}, "rounds must be 1 or more"),
        ({"per_picture": -1}, "per_picture must be 0 or more"),
        ({"thresholds": (1.0,)}, "must be between 0 and 1, got 1.0"),
        ({"thresholds": (0.3, 0.3)}, "named twice"),
        ({"thresholds": (0.3,), "tools": ("vqa",)}, "which is not among the tools"),
        ({"least_confidence": 2.0}, "least_confidence must be 0 to 1, got 2.0"),
        ({"least_confidence": float("nan")}, "least_confidence must be 0 to 1, got nan"),
        ({"limits": {"tarin": 3}}, "train"),
        ({"limits": {"train": 0}}, "must be 1 or more"),
        ({"training": {"all": {"step": 3}}}, "training.all: unknown setting 'step'.*'steps'"),
        ({"training": {"segment": {}}}, "unknown tool"),
        ({"training": {"all": {"steps": "many"}}}, "training of detect: steps must be a whole"),
    ],
)
def test_settings_that_cannot_be(world: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings_of(world, **changes)


def test_teachers_are_looked_at_before_anything_runs(world: Path, tmp_path: Path) -> None:
    (picture, *_) = sorted((world / "outline" / "images").glob("*.png"))
    row = json.dumps({"image": str(picture), "question": "is it red?", "answer": "no"})
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.jsonl").write_text(row)
    target = Task(benchmark="own", data=tmp_path)
    for changes, said in (
        ({"teacher": "pixel"}, "unknown toolbox 'pixel'"),
        ({"upper": "orakel"}, "unknown toolbox 'orakel'"),
        ({"target": target}, "the oracle cannot be the teacher: .* has none in its split 'train'"),
        ({"target": target, "teacher": "zoo"}, r'cannot be the upper bound: .* \(or --upper ""'),
    ):
        with pytest.raises(InputError, match=said):
            teach(settings_of(world, unseen=(), keep=(), **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_tested_is_not_trained_on(world: Path) -> None:
    target = Task(benchmark="world-gqa", data=world / "outline", train=("val",))
    with pytest.raises(InputError, match="cannot be trained on"):
        settings_of(world, target=target)


def test_one_name_is_one_task(world: Path, tmp_path: Path) -> None:
    def task(folder: Path, **changes: Any) -> Task:
        return Task(benchmark="world-gqa", data=folder, **changes)

    changes: dict[str, Any]
    home, outline = task(world / "home"), world / "outline"
    for changes in (
        {"keep": (task(tmp_path / "outline"),)},
        {"unseen": (task(tmp_path / "outline"),)},
        {"keep": (home,), "unseen": (task(tmp_path / "home"),)},
    ):
        with pytest.raises(InputError, match=r"two tasks are called .* rename one of the folders"):
            settings_of(world, **changes)
    for changes in ({"unseen": (home, task(world / "home", test="val"))},
                    {"unseen": (task(outline),)}):  # fmt: skip
        with pytest.raises(InputError, match="would be tested twice"):
            settings_of(world, **changes)
    for changes in ({"keep": (home, home)}, {"keep": (task(outline),)}):
        with pytest.raises(InputError, match="would be learned from twice"):
            settings_of(world, **changes)


def test_names_are_those_of_the_stage_before(
    stage: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path
) -> None:
    before = read_before(stage[0])
    other = Task(benchmark="world-gqa", data=tmp_path / "outline")
    settings = settings_of(world, target=other, keep=(), unseen=(), after=stage[0])
    with pytest.raises(InputError, match="two tasks are called world-gqa:outline"):
        Stage(settings, tmp_path, before)
    # What it replayed has a name, too, whether or not it was tested.
    other = Task(benchmark="world-gqa", data=tmp_path / "home")
    settings = settings_of(world, keep=(other,), unseen=(), after=stage[0])
    with pytest.raises(InputError, match="two tasks are called world-gqa:home"):
        Stage(settings, tmp_path, replace(before, unseen=()))
    home = Task(benchmark="world-gqa", data=world / "home", train=("test",), test="val")
    settings = settings_of(world, keep=(home,), unseen=(), after=stage[0])
    with pytest.raises(InputError, match="'test' of world-gqa:home cannot be trained on and"):
        Stage(settings, tmp_path, before)


def test_a_file_is_the_same_whatever_the_split(tmp_path: Path, world: Path) -> None:
    file = tmp_path / "me@host" / "mine.jsonl"
    file.parent.mkdir()
    file.touch()
    own = Task(benchmark="own", data=file)
    with pytest.raises(InputError, match="is one file, the same whatever the split; name a folder"):
        settings_of(world, target=own)
    with pytest.raises(InputError, match="cannot be trained on and be tested on"):
        settings_of(world, keep=(read_kept(f"own={file}@train"),), unseen=(own,))
    assert read_kept(f"own={file}").data == file
    assert read_kept(f"own={file}@val") == Task(benchmark="own", data=file, train=("val",))


def test_what_is_replayed_is_not_tested(world: Path) -> None:
    home = f"world-gqa={world / 'home'}"
    assert read_kept(home).train == ("train",)
    assert read_kept(f"{home}@val").train == ("val",)
    with pytest.raises(InputError, match="'test' of world-gqa:home cannot be trained on and"):
        settings_of(world, keep=(read_kept(f"{home}@test"),), unseen=())
    with pytest.raises(InputError, match="'val' of world-gqa:home cannot be trained on and"):
        settings_of(world, keep=(read_kept(f"{home}@val"),), unseen=(read_task(f"{home}@val"),))
    two = replace(read_kept(home), train=("train", "val"))
    with pytest.raises(InputError, match="replayed from one split"):
        settings_of(world, keep=(two,))


def test_the_small_teacher_learns_from_the_examples_that_teach(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def train_small(pictures: Any, *_: Any) -> None:
        shown.extend(picture.id for picture, _ in pictures)
        raise InterruptedError

    monkeypatch.setattr("vprog.teach.teachers.small.train_small", train_small)
    limited = settings_of(world, teacher="small", limits={"train": 1}, seed=2)
    with pytest.raises(InterruptedError):
        Stage(limited, tmp_path, None).go()
    data = limited.target.data
    (example,) = select_examples("world-gqa", data, "train", 1, 2)
    assert len({p.id for e in select_examples("world-gqa", data, "train", None, 2)
                for p in e.pictures}) > 1  # fmt: skip
    assert shown == [picture.id for picture in example.pictures]


def test_the_student_that_trains_is_in_memory_alone(
    stage: tuple[Path, dict[str, Any]], world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    alive: list[bool] = []

    def keeping(tool: str, settings: Any) -> Any:
        found = open_student(tool, settings)
        opened.append(weakref.ref(found.model))
        return found

    def train(*_: Any, **__: Any) -> None:
        alive.extend(model() is not None for model in opened)
        raise InterruptedError

    monkeypatch.setattr("vprog.teach.student.open_student", keeping)
    monkeypatch.setattr("vprog.teach.train.train", train)
    again = Stage(settings_of(world), stage[0], None)
    with pytest.raises(InterruptedError):
        train_tool(again, 1, "detect", again.start)
    assert alive == [False]


def test_no_model_stays_in_memory_behind_a_run_or_a_training(
    stage: tuple[Path, dict[str, Any]],
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[Any] = []

    def watched(*args: Any) -> Any:
        model = load_model(*args)
        loaded.append(weakref.ref(model))
        return model

    monkeypatch.setattr("vprog.tools.backends.hf.runtime.load_model", watched)
    settings = settings_of(world)
    run = settings.run(settings.target, "val", "val", "steps", "zoo")
    run_to_end(run, tmp_path / "run")
    shutil.copytree(stage[0], tmp_path / "stage")
    shutil.rmtree(tmp_path / "stage" / "round-1" / "detect")
    again = Stage(settings, tmp_path / "stage", None)
    assert train_tool(again, 1, "detect", again.start) is not None
    assert len(loaded) >= 4, "the run's, the one that was counted, the student, the one before"
    assert not [model for model in loaded if model() is not None]


def test_a_teacher_that_answers_nothing_that_learns(world: Path, tmp_path: Path) -> None:
    settings = settings_of(world, toolbox="oracle", keep=(), unseen=())
    with pytest.raises(InputError, match="nothing to teach"):
        teach(settings, tmp_path / "none")


def test_unfinished_stages_are_not_followed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no teach\.json"):
        read_before(tmp_path)


def test_tasks_are_read(world: Path) -> None:
    home = world / "home"
    assert read_task(f"world-gqa={home}@dev") == Task(benchmark="world-gqa", data=home, test="dev")
    with pytest.raises(
        InputError, match="'world-gqa=nope@dev' is about nope, which does not exist"
    ):
        read_task("world-gqa=nope@dev")
    for text in ("world-gqa", "world-gqa=", "=a"):
        with pytest.raises(InputError):
            read_task(text)
    with pytest.raises(InputError, match="world-gqa"):
        read_task("world-gpa=a")


def test_tiny_students_learn_fully_and_large_ones_by_lora(world: Path) -> None:
    tiny = training_of(settings_of(world), "detect", 1_000_000)
    assert (tiny.method, tiny.learning_rate, tiny.steps) == ("full", 5e-4, 2)
    assert tiny.optimizer == "muon"
    assert training_of(settings_of(world), "vqa", 1_000_000).optimizer == "adamw"
    large = training_of(settings_of(world), "detect", 100_000_000)
    assert (large.method, large.learning_rate) == ("lora", None)
    asked = settings_of(world, training={"detect": {"method": "lora"}})
    assert training_of(asked, "detect", 1_000_000).learning_rate is None
    assert training_of(asked, "detect", 1_000_000).optimizer == "adamw"
    # What was asked of all tools is asked of those by LoRA.
    everywhere = {"all": {"learning_rate": 1e-3, "ema": 0.5}, "detect": {"method": "lora"}}
    given = training_of(settings_of(world, training=everywhere), "detect", 1_000_000)
    assert (given.method, given.learning_rate, given.ema) == ("lora", 1e-3, 0.5)


def test_later_rounds_refine(world: Path) -> None:
    longer = settings_of(world, training={"all": {"steps": 100}})
    second = training_of(longer, "detect", 1_000_000, 2)
    assert (second.steps, second.learning_rate) == (40, pytest.approx(2e-4))
    adapted = settings_of(world, training={"all": {"steps": 1, "method": "lora"}})
    second = training_of(adapted, "detect", 1_000_000, 3)
    assert (second.steps, second.learning_rate) == (1, pytest.approx(8e-5))


def test_the_teachers_own_paths_teach_too(
    stage: tuple[Path, dict[str, Any]], world: Path, tmp_path: Path
) -> None:
    out, found = stage
    assert accuracy(out / "round-1" / "shown-train-steps") == 1.0  # its teacher is the oracle
    alone = teach(
        settings_of(world, demonstrate=False, keep=(), unseen=(), upper=""), tmp_path / "a"
    )
    assert not list((tmp_path / "a" / "round-1").glob("shown-*"))
    both, one = found["rounds"][1], alone["rounds"][1]
    assert both["steps"]["detect"] > one["steps"]["detect"]
    # How often the tools said what the teacher says is counted over their own calls.
    assert both["trained"]["detect"]["agreed"] == one["trained"]["detect"]["agreed"]


def test_options_become_settings(world: Path, tmp_path: Path) -> None:
    file = tmp_path / "training.toml"
    file.write_text("[all]\nsteps = 5\n[vqa]\nsteps = 7\n")
    given: dict[str, Any] = {
        "benchmark": "world-gqa", "data": world / "outline", "train": None, "val": "val",
        "test": "test", "training": file, "steps": None, "keep_weight": 0.5, "toolbox": "zoo",
        "teacher": "oracle", "upper": "", "language": ["python"], "tool": None, "rounds": 3,
        "limit": ["train=9"], "keep": [f"world-gqa={world / 'home'}@val"],
        "unseen": [f"world-gqa={world / 'home'}"], "after": None, "writer": "gold", "sure": 0.25,
        "jobs": 2, "seed": 4, "demonstrate": False, "phrase": ["red", "blue"], "per_picture": 3,
        "threshold": [0.4],
    }  # fmt: skip
    settings = stage_settings(given)
    assert not settings.demonstrate
    # An option goes before what the file says of one tool, too.
    assert settings.training == {"all": {"steps": 5, "keep": 0.5}, "vqa": {"steps": 7, "keep": 0.5}}
    assert settings.thresholds == (0.4,)
    assert settings.limits == {"train": 9}
    assert (settings.phrases, settings.per_picture) == (("red", "blue"), 3)
    assert settings.languages == ("python",)
    assert settings.unseen[0].data == settings.keep[0].data == world / "home"
    assert settings.keep[0].train == ("val",)
    with pytest.raises(InputError, match="PART=N"):
        stage_settings({**given, "limit": ["train"]})
    with pytest.raises(InputError, match=r"--writer replay:programs\.jsonl"):
        stage_settings({**given, "writer": "chat"})


def test_toolbox_files_start_from_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "detect").mkdir(parents=True)
    (tmp_path / "a" / "first.toml").write_text('base = "zoo"\nmatch = {model = "zoo:match"}\n')
    second = tmp_path / "b" / "second.toml"
    models = {"detect": f"zoo:detect + {tmp_path / 'b' / 'detect'}"}
    write_toolbox(second, base=str(tmp_path / "a" / "first.toml"), models=models)
    assert 'base = "./../a/first.toml"' in second.read_text()
    bound = {b.tool: b.settings for b in read_toolbox(str(second))}
    assert set(bound) == {"detect", "vqa", "match"}
    detect = bound["detect"]
    assert detect is not None
    assert [Path(a).resolve() for a in detect.adapters] == [(tmp_path / "b" / "detect").resolve()]
    second.write_text('base = "second.toml"\n')
    with pytest.raises(InputError, match="cannot start from itself"):
        read_toolbox(str(second))
    second.write_text('base = "ozo"\n')
    with pytest.raises(InputError, match="unknown toolbox 'ozo'"):
        read_toolbox(str(second))


def test_a_taught_toolbox_keeps_what_its_base_set(tmp_path: Path) -> None:
    base = tmp_path / "mine.toml"
    base.write_text(
        'base = "zoo"\nvqa = {model = "zoo:vqa", dtype = "bfloat16", batch_size = 4}\n'
        'match = {model = "zoo:match", contrasts = ["\u00e9 \U0001f600", "a cat"], bias = -0.5}\n'
        'detect = "oracle"\n'
    )
    (tmp_path / "taught").mkdir()
    taught = f"zoo:vqa + {tmp_path / 'taught'}"
    models = {"vqa": taught, "match": str(tmp_path / "taught"), "detect": "zoo:detect"}
    file = tmp_path / "taught.toml"
    write_toolbox(file, base=str(base), models=models)
    assert 'detect = "zoo:detect"' in file.read_text(), "nothing was set: plain text"
    before = {b.tool: b.settings for b in read_toolbox(str(base))}
    after = {b.tool: b.settings for b in read_toolbox(str(file))}
    vqa, match = after["vqa"], after["match"]
    assert vqa is not None
    assert match is not None
    assert vqa.adapters == (str(tmp_path / "taught"),)
    assert replace(vqa, adapters=()) == before["vqa"]
    assert replace(match, model="zoo:match") == before["match"]


def test_a_picture_under_another_id() -> None:
    import numpy as np

    picture = Picture("a", array_rgb=np.zeros((4, 6, 3), np.uint8))
    assert picture.region.picture == "a"
    other = picture.called("b")
    assert (other.id, other.region.picture, other.size) == ("b", "b", (6, 4))
    assert other.digest == picture.digest
    assert picture.region.picture == "a"
