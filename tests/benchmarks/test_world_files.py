"""Files that are missing or wrong give one error that names them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError
from vprog.world import TASKS, write

MAIN = {
    "gqa": "val_balanced_questions.json",
    "nlvr2": "val.jsonl",
    "tally": "val.json",
    "pope": "val_pope_popular.jsonl",
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    for task in TASKS:
        write(task, "flat", 8, 1, folder / task, workers=1)  # type: ignore[arg-type]
    return folder


@pytest.fixture
def data(drawn: Path, tmp_path: Path) -> Path:
    shutil.copytree(drawn, tmp_path / "data")
    return tmp_path / "data"


def fails(task: str, folder: Path, *said: str) -> None:
    with pytest.raises(InputError) as error:
        list(load_benchmark(f"world-{task}").load(folder, "val"))
    for words in said:
        assert words in str(error.value)


def edit(path: Path, change: object) -> None:
    """Changes every row of a JSON or JSONL file by a function."""
    assert callable(change)
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            change(row)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return
    content = json.loads(path.read_text())
    for row in content.values() if isinstance(content, dict) else content:
        change(row)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("task", TASKS)
def test_missing_files(data: Path, task: str) -> None:
    folder = data / task
    graphs = folder / "val_sceneGraphs.json"
    graphs.rename(folder / "aside")
    fails(task, folder, "missing file", "val_sceneGraphs.json")
    (folder / "aside").rename(graphs)
    (folder / MAIN[task]).unlink()
    fails(task, folder, "missing file", Path(MAIN[task]).stem)
    fails(task, data / "nowhere", "missing file")


@pytest.mark.parametrize("task", TASKS)
def test_missing_pictures(data: Path, task: str) -> None:
    shutil.rmtree(data / task / "images")
    fails(task, data / task, "missing picture", ".png")


@pytest.mark.parametrize("task", TASKS)
def test_broken_json(data: Path, task: str) -> None:
    (data / task / MAIN[task]).write_text("{nothing")
    fails(task, data / task, "is no JSON", MAIN[task])


@pytest.mark.parametrize(
    ("task", "column"),
    [
        ("gqa", "imageId"),
        ("nlvr2", "sentence"),
        ("tally", "image"),
        ("pope", "text"),
    ],
)
def test_missing_columns(data: Path, task: str, column: str) -> None:
    edit(data / task / MAIN[task], lambda row: row.pop(column))
    fails(task, data / task, MAIN[task], f"no column {column!r}")


@pytest.mark.parametrize("task", TASKS)
def test_drawn_questions_have_gold_programs(data: Path, task: str) -> None:
    edit(data / task / MAIN[task], lambda row: row.pop("semantic"))
    fails(task, data / task, "has no column 'semantic' or no label")


def test_an_answer_is_missing_in_one_row_or_in_all(data: Path) -> None:
    path = data / "gqa" / MAIN["gqa"]
    rows = json.loads(path.read_text())
    next(iter(rows.values())).pop("answer")
    path.write_text(json.dumps(rows))
    fails("gqa", data / "gqa", MAIN["gqa"], "no column 'answer'")
    edit(path, lambda row: row.pop("answer", None))
    fails("gqa", data / "gqa", "has no column 'semantic' or no label")
    unlabelled = load_benchmark("gqa").load
    for image in (data / "gqa" / "images").iterdir():
        image.rename(image.with_suffix(".jpg"))
    assert all(example.answers == () for example in unlabelled(data / "gqa", "val"))


def test_official_files_without_labels(data: Path) -> None:
    edit(data / "tally" / MAIN["tally"], lambda row: row.pop("answer"))
    (examples,) = [list(load_benchmark("tallyqa").load(data / "tally", "val"))]
    assert examples
    assert all(example.answers == () for example in examples)
    for path in (data / "pope").glob("*pope*"):
        edit(path, lambda row: row.pop("label"))
    examples = list(load_benchmark("pope").load(data / "pope", "val"))
    assert examples
    assert all(example.answers == () for example in examples)


@pytest.mark.parametrize(
    ("task", "column", "wrong", "said"),
    [
        ("gqa", "answer", 3, "column 'answer' must be str"),
        ("gqa", "imageId", "unknown", "image 'unknown' is not in"),
        ("nlvr2", "label", "maybe", "label must be 'True' or 'False'"),
        ("nlvr2", "identifier", "val-1", "identifier must be"),
        ("nlvr2", "semantic", ["==", ["count", {}], 1], "'semantic' is malformed"),
        ("tally", "answer", "3", "column 'answer' must be int"),
        ("pope", "label", "maybe", "label must be 'yes' or 'no'"),
    ],
)
def test_wrong_values(data: Path, task: str, column: str, wrong: object, said: str) -> None:
    edit(data / task / MAIN[task], lambda row: row.update({column: wrong}))
    fails(task, data / task, MAIN[task], said)


def test_wrong_operations_and_scene_graphs(data: Path) -> None:
    path = data / "gqa" / MAIN["gqa"]
    good = path.read_text()
    edit(path, lambda row: row["semantic"][0].update(operation="imagine"))
    fails("gqa", data / "gqa", "unknown operation 'imagine'", "question")
    path.write_text(good)
    graphs = data / "gqa" / "val_sceneGraphs.json"
    edit(graphs, lambda row: next(iter(row["objects"].values())).pop("w"))
    fails("gqa", data / "gqa", "val_sceneGraphs.json", "no column 'w'")
