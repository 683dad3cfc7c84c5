"""Benchmark files that are missing, empty or wrong, as the command meets them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Break = Callable[[Path], object]

QUESTIONS = "val_balanced_questions.json"


def rename_key(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text("utf-8").replace(f'"{old}":', f'"{new}":'), "utf-8")


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (lambda d: (d / QUESTIONS).unlink(), f"missing file world/{QUESTIONS}"),
        (lambda d: (d / QUESTIONS).write_bytes(b""), f"{QUESTIONS} is no JSON"),
        (lambda d: (d / QUESTIONS).write_text("{"), f"{QUESTIONS} is no JSON"),
        (lambda d: (d / QUESTIONS).write_bytes(b"\xff\xfe"), f"world/{QUESTIONS}"),
        (lambda d: (d / QUESTIONS).write_text("[1]"), "expected an object"),
        (lambda d: (d / QUESTIONS).write_text("{}"), "has no example"),
        (lambda d: rename_key(d / QUESTIONS, "question", "qestion"), "has no column 'question'"),
        (lambda d: rename_key(d / QUESTIONS, "semantic", "x"), "has no column 'semantic'"),
        (lambda d: rename_key(d / QUESTIONS, "imageId", "x"), "has no column 'imageId'"),
        (lambda d: (d / "val_sceneGraphs.json").write_text("no"), "val_sceneGraphs.json is no"),
        (lambda d: rename_key(d / "val_sceneGraphs.json", "w", "wide"), "has no column 'w'"),
        (lambda d: shutil.rmtree(d), "missing file world/"),
    ],
)
def test_world(inside, tmp_path: Path, world: Path, breaks: Break, says: str) -> None:
    breaks(world)
    ended = inside("run", "world-gqa", "--data", "world", "--out", "run", "--json")
    assert says in ended.message
    assert ended.out == ""
    assert not (tmp_path / "run").exists()


SHAPES_FILES = ("input.npy", "query", "query_str.txt", "output", "query_layout_symbols.json")


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (lambda d: shutil.rmtree(d), "data/val.input.npy is missing"),
        (lambda d: (d / "val.input.npy").write_bytes(b""), "val.input.npy is no array file"),
        (lambda d: (d / "val.input.npy").write_text("text"), "val.input.npy is no array file"),
        (lambda d: np.save(d / "val.input.npy", np.zeros((4, 3))), "has shape (4, 3)"),
        (lambda d: np.save(d / "val.input.npy", np.zeros((4, 9, 9, 3))), "holds float64"),
        (lambda d: (d / "val.query").unlink(), "data/val.query is missing"),
        (lambda d: (d / "val.output").write_text("true\n"), "1 lines for 1024 pictures"),
        (lambda d: (d / "val.query_layout_symbols.json").write_text("{"), "is no JSON file"),
    ],
)
def test_shapes(inside, tmp_path: Path, shapes: Path, breaks: Break, says: str) -> None:
    (tmp_path / "data").mkdir()
    for suffix in SHAPES_FILES:
        shutil.copy(shapes / f"val.{suffix}", tmp_path / "data")
    breaks(tmp_path / "data")
    assert says in inside("run", "shapes", "--data", "data", "--out", "run").message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("", "dev.json is empty"),
        ("{", "line 1: not a JSON object"),
        ("[1]", "line 1: a JSON object is needed, got list"),
        ({"label": "true", "identifier": "1-0"}, "no text in column 'sentence'"),
        ({"sentence": "x", "label": "yes", "identifier": "1-0"}, "neither 'true' nor 'false'"),
        ({"sentence": "x", "label": "true", "identifier": "9-9"}, "picture dev-9-9-0.png is not"),
    ],
)
def test_nlvr(inside, tmp_path: Path, row: object, says: str) -> None:
    data = tmp_path / "data"
    (data / "images").mkdir(parents=True)
    Image.new("RGB", (400, 100)).save(data / "images" / "dev-1-0-0.png")
    (data / "dev.json").write_text(row if isinstance(row, str) else json.dumps(row))
    assert says in inside("run", "nlvr", "--data", "data", "--out", "run").message


def test_a_folder_that_does_not_exist(vprog, tmp_path: Path) -> None:
    for benchmark in ("shapes", "nlvr", "shapeworld", "world-gqa", "world-nlvr2"):
        message = vprog("run", benchmark, "--data", "nowhere", "--out", "run").message
        assert "nowhere" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot replay p.jsonl: No such file or directory"),
        (b"\xff\xfe\x00", "cannot replay p.jsonl: no text in UTF-8"),
        (b"\n{", "p.jsonl, line 2: no JSON"),
        (b"[1, 2]", "p.jsonl, line 1: want a JSON object with id, program, language, got list"),
        (b'{"id": "a", "program": "x"}', "p.jsonl, line 1: no key 'language'"),
        (b'{"id": "a", "program": 3, "language": "steps"}', "program must be text, got int"),
        (b'{"id": "a", "program": "x", "language": "c"}', "line 1: unknown language 'c'"),
        (b'{"id": "a", "program": "x", "language": 5}', "line 1: language must be text, got int"),
        (b'{"id": [], "program": "x", "language": "steps"}', "line 1: id must be text"),
        (
            b'{"id": "a", "program": "x", "language": "steps", "logprob": "high"}',
            "line 1: logprob must be a number or left out, got high",
        ),
    ],
)
def test_replay(inside, tmp_path: Path, world: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "p.jsonl").write_bytes(content)
    ended = inside("run", "world-gqa", "--data", "world", "--writer", "replay:p.jsonl")
    assert says in ended.message


def test_replay_of_a_folder_that_is_no_run(inside, tmp_path: Path, world: Path) -> None:
    ended = inside("run", "world-gqa", "--data", "world", "--writer", "replay:world")
    assert ended.message == "cannot replay world: it is a folder without a run.toml"
