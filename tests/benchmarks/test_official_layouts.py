"""Loaders on files as their authors ship them: layouts of the releases, rows of the real data."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError
from vprog.example import Example
from vprog.world import write

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def shared(name: str) -> Path:
    if not (SHARED / name).is_dir():
        pytest.skip(f"needs {name} in {SHARED}")
    return SHARED / name


def load(name: str, data: Path, split: str) -> list[Example]:
    return list(load_benchmark(name).load(data, split))


def touch(*paths: Path) -> None:
    """Makes pictures that nobody opens: loaders read no pixels."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    for task in ("gqa", "nlvr2", "tally", "pope"):
        write(task, "flat", 12, 2, folder / task, workers=1)  # type: ignore[arg-type]
    for image in (folder / "gqa" / "images").iterdir():
        shutil.copy(image, image.with_suffix(".jpg"))
    return folder


@pytest.mark.parametrize(
    ("official", "task"), [("nlvr2", "nlvr2"), ("tallyqa", "tally"), ("pope", "pope")]
)
def test_the_world_writes_what_the_official_loader_reads(
    drawn: Path, official: str, task: str
) -> None:
    ours = load(f"world-{task}", drawn / task, "val")
    theirs = load(official, drawn / task, "val")
    assert len(ours) == 12
    assert list(map(facts, ours)) == list(map(facts, theirs))


def facts(example: Example) -> tuple[Any, ...]:
    """All that a loader says, but for the gold programs' attribute families."""
    return (
        example.id,
        example.question,
        example.answers,
        example.types,
        example.group,
        example.extra,
        [(Path(p.id).stem, p.scene) for p in example.pictures],
        set(example.programs),
    )


def test_gqa_reads_what_the_world_writes_and_parts_of_a_split(drawn: Path, tmp_path: Path) -> None:
    ours = load("world-gqa", drawn / "gqa", "val")
    assert list(map(facts, load("gqa", drawn / "gqa", "val"))) == list(map(facts, ours))
    rows = json.loads((drawn / "gqa" / "val_balanced_questions.json").read_text())
    for example in ours:
        scene = example.pictures[0].scene
        assert scene is not None
        marks = rows[example.id]["annotations"]
        meant = {*marks["question"].values(), *marks["fullAnswer"].values()}
        boxes = [list(o.box_xyxy) for o in scene.objects if o.id in meant]
        whole = [[0, 0, scene.width, scene.height]] * (example.types["semantic"] == "global")
        assert example.extra["gold_boxes"] == boxes + whole
    data = tmp_path / "data"
    shutil.copytree(drawn / "gqa", data)
    rows = json.loads((data / "val_balanced_questions.json").read_text())
    parts = data / "questions1.2" / "val_all_questions"
    parts.mkdir(parents=True)
    ids = list(rows)
    for number, some in enumerate((ids[:5], ids[5:])):
        part = {id: {**rows[id], "isBalanced": number == 0} for id in some}
        (parts / f"val_all_questions_{number}.json").write_text(json.dumps(part))
    everything = load("gqa", data, "val-all")
    assert [e.id for e in everything] == ids
    assert Counter(e.extra["balanced"] for e in everything) == {True: 5, False: 7}
    with pytest.raises(InputError, match=r"missing file .*testdev_all_questions\.json"):
        load("gqa", data, "testdev-all")


def test_gqa_without_scene_graphs_and_labels(drawn: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(drawn / "gqa", data)
    (data / "sceneGraphs").mkdir()
    graphs = data / "sceneGraphs" / "val_sceneGraphs.json"
    (data / "val_sceneGraphs.json").rename(graphs)
    assert all(e.pictures[0].scene is not None for e in load("gqa", data, "val"))
    graphs.unlink()
    rows = json.loads((data / "val_balanced_questions.json").read_text())
    bare = {id: {k: row[k] for k in ("question", "imageId")} for id, row in rows.items()}
    (data / "submission_all_questions.json").write_text(json.dumps(bare))
    assert all(e.extra["gold_boxes"] == [] for e in load("gqa", data, "val"))
    hidden = load("gqa", data, "submission-all")
    assert len(hidden) == 12
    assert all(e.answers == () and e.programs == {} for e in hidden)


def test_real_gqa_questions(tmp_path: Path) -> None:
    folder = shared("gqa")
    rows = json.loads((folder / "questions.json").read_text())
    rows |= {
        str(row["question_id"]): row
        for row in json.loads((folder / "codevqa_gqa_examples50.json").read_text())
    }
    (tmp_path / "testdev_balanced_questions.json").write_text(json.dumps(rows))
    touch(*(tmp_path / "images" / f"{row['imageId']}.jpg" for row in rows.values()))
    examples = load("gqa", tmp_path, "testdev")
    assert len(examples) == 57
    by_id = {e.id: e for e in examples}
    one = by_id["202218649"]
    assert (one.answers, one.extra["group"]) == (("picture",), "thing")
    assert one.types == {
        "structural": "query", "semantic": "rel", "detailed": "relS", "steps": "2", "words": "6",
    }  # fmt: skip
    assert all(set(e.programs) == {"steps", "python"} for e in examples)


def test_real_nlvr2_rows(tmp_path: Path) -> None:
    source = shared("nlvr2") / "dev.300.jsonl"
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    shutil.copy(source, tmp_path / "dev.json")
    stems = {row["identifier"].rpartition("-")[0] for row in rows}
    touch(*(tmp_path / "images" / "dev" / f"{s}-img{side}.png" for s in stems for side in (0, 1)))
    examples = load("nlvr2", tmp_path, "dev")
    assert len(examples) == 300
    for row, example in zip(rows, examples, strict=True):
        assert example.answers == ({"True": "yes", "False": "no"}[row["label"]],)
        assert [p.id.rpartition("-")[2] for p in example.pictures] == ["img0", "img1"]
    # One group for every sentence of a set, although a pair may have two sentences.
    sentences: dict[str, set[str]] = {}
    for example in examples:
        sentences.setdefault(example.group, set()).add(example.question)
    assert all(len(said) == 1 for said in sentences.values())
    groups = Counter(e.group for e in examples)
    assert all(e.extra["group_size"] == groups[e.group] for e in examples)


def test_nlvr2_train_pictures_lie_in_numbered_folders(tmp_path: Path) -> None:
    row = {"identifier": "train-10171-0-0", "sentence": "A dog.", "label": "True", "directory": 56}
    (tmp_path / "train.json").write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match="missing picture"):
        load("nlvr2", tmp_path, "train")
    folder = tmp_path / "images" / "train" / "56"
    touch(*(folder / f"train-10171-0-img{side}.png" for side in (0, 1)))
    (one,) = load("nlvr2", tmp_path, "train")
    assert [p.path for p in one.pictures] == sorted(folder.iterdir())


@pytest.mark.parametrize("split", ["coco", "gqa", "aokvqa"])
def test_real_pope_rows(split: str, tmp_path: Path) -> None:
    files = sorted(shared("pope").glob(f"{split}_pope*"))
    assert len(files) == 3
    for file in files:
        shutil.copy(file, tmp_path / file.name)
        text = file.read_text()
        rows = json.loads(text) if text[0] == "[" else map(json.loads, text.splitlines())
        touch(*(tmp_path / "val2014" / row["image"] for row in rows))
    examples = load("pope", tmp_path, split)
    assert Counter(e.types["setting"] for e in examples) == {
        "random": 300, "popular": 300, "adversarial": 300,
    }  # fmt: skip
    assert set(Counter(e.answers for e in examples)) == {("yes",), ("no",)}
    shutil.copy(tmp_path / files[0].name, tmp_path / f"{files[0].stem}.copy.json")
    with pytest.raises(InputError, match="has 2 files of"):
        load("pope", tmp_path, split)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"question": None}, r"TypeError: its question must be text, found 'None'"),
        ({"image": 7}, r"TypeError: .*'PosixPath' and 'int'"),
    ],
)
def test_a_value_that_nothing_expects_names_its_place(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    row = {"image": "a.jpg", "answer": 1, "question": "How many?", "question_id": 1}
    rows = [row, {**row, "question_id": 2, **change}]
    (tmp_path / "test.json").write_text(json.dumps(rows))
    touch(tmp_path / "images" / "a.jpg")
    where = r"is not as tallyqa has it: the example behind '1' of 'test' cannot be read"
    with pytest.raises(InputError, match=rf"{where} \({said}"):
        list(load_benchmark("tallyqa").examples(tmp_path, "test"))


def test_tallyqa_reads_null_as_no_complexity(tmp_path: Path) -> None:
    row = {"image": "a.jpg", "answer": 1, "question": "How many?", "question_id": 1}
    (tmp_path / "train.json").write_text(json.dumps([{**row, "issimple": None}]))
    touch(tmp_path / "images" / "a.jpg")
    (one,) = load("tallyqa", tmp_path, "train")
    assert (one.answers, one.types) == (("1",), {})


def test_tallyqa_rows_as_published(tmp_path: Path) -> None:
    rows = [
        {"image": "VG_100K_2/1.jpg", "answer": 1, "data_source": "imported_genome", "image_id": 1,
         "question": "How many dogs?", "question_id": 30091982},
        {"image": "train2014/COCO_train2014_000000000009.jpg", "answer": 0, "issimple": False,
         "data_source": "amt", "image_id": 9, "question": "How many?", "question_id": 7},
    ]  # fmt: skip
    (tmp_path / "test.json").write_text(json.dumps(rows))
    touch(tmp_path / "VG_100K_2" / "1.jpg", tmp_path / "images" / rows[1]["image"])  # type: ignore[operator]
    one, two = load("tallyqa", tmp_path, "test")
    assert (one.id, one.answers, one.types) == ("30091982", ("1",), {})
    assert (two.answers, two.types, two.programs) == (("0",), {"complexity": "complex"}, {})
