"""Paraphrases: two halves that share no sentence, every meaning in many words, files as ever."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError
from vprog.world import TASKS, write
from vprog.world.paraphrase_frames import FRAMES, further, split
from vprog.world.paraphrases import (
    get_part,
    paraphrase_semantic,
    paraphrase_statement,
)
from vprog.world.reference import read_marks
from vprog.world.statements import count

FILES = {
    "gqa": "val_balanced_questions.json",
    "nlvr2": "val.jsonl",
    "tally": "val.json",
    "pope": "val_pope_random.jsonl",
}
COLUMN = {"gqa": "question", "nlvr2": "sentence", "tally": "question", "pope": "text"}


def expanded(frame: str) -> set[str]:
    """A frame with every way of making its choices, without regard to capitals."""
    found = re.search(r"<([^<>]*)>", frame)
    if found is None:
        return {" ".join(frame.lower().split())}
    before, after = frame[: found.start()], frame[found.end() :]
    return {text for part in found[1].split("|") for text in expanded(before + part + after)}


def rows(folder: Path, task: str) -> list[dict[str, Any]]:
    text = (folder / FILES[task]).read_text("utf-8")
    if task == "gqa":
        return list(json.loads(text).values())
    return json.loads(text) if task == "tally" else [json.loads(t) for t in text.splitlines()]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("plain")
    for task in TASKS:
        write(task, "generalist", 240, 6, folder / task, workers=1)  # type: ignore[arg-type]
    return {task: rows(folder / task, task) for task in TASKS}


def test_every_form_has_frames_in_both_halves() -> None:
    assert len(FRAMES) > 50
    for form, listed in FRAMES.items():
        train, held = split(listed, "train"), split(listed, "held-out")
        assert set(train) | set(held) == set(listed), form
        assert len(train) >= 3, form
        assert held, form


def test_no_sentence_is_in_both_halves() -> None:
    def words(texts: set[str]) -> set[str]:
        return {" ".join(re.findall(r"[a-z0-9{} ]+", text)) for text in texts}

    train, held = (
        {text for listed in FRAMES.values() for f in split(listed, part) for text in expanded(f)}
        for part in ("train", "held-out")
    )
    more = {text for listed in further().values() for f in listed for text in expanded(f)}
    assert not train & held
    assert not words(more) & words(held)
    assert len(train) > 1000
    assert len(more) > 2500


def test_further_frames_have_the_places_of_their_form() -> None:
    for form, listed in FRAMES.items():
        known = {place for f in listed for place in re.findall(r"{([^{}]*)}", f)}
        for frame in further()[form]:
            assert set(re.findall(r"{([^{}]*)}", frame)) <= known | {"pic", "pics", "in"}, frame
            assert frame[-1] in "?.", frame


@pytest.mark.parametrize("part", ["train", "held-out"])
def test_every_question_can_be_said_otherwise(
    plain: dict[str, list[dict[str, Any]]], part: Any
) -> None:
    rng = random.Random(1)
    for task, listed in plain.items():
        said = paraphrase_semantic if task == "gqa" else paraphrase_statement
        texts = set()
        for row in listed:
            text = read_marks(said(row["semantic"], rng, part))[0]
            assert not re.search(r"[<>{}|\x01]| {2}| [?.,]", text), text
            assert text[0] == text[0].upper()
            assert text[-1] in "?."
            if part == "held-out":
                assert text.lower() != row[COLUMN[task]].lower()
            texts.add(text)
        assert len(texts) > len(listed) / (8 if task == "pope" else 2)


def test_marks_name_the_objects_of_the_question() -> None:
    semantic = [
        {"operation": "select", "dependencies": [], "argument": "cup (4)"},
        {"operation": "relate", "dependencies": [0], "argument": "furniture,above,s (7)"},
        {"operation": "query", "dependencies": [1], "argument": "color"},
    ]
    for seed in range(30):
        text = paraphrase_semantic(semantic, random.Random(seed), "train")  # type: ignore[arg-type]
        said, marks = read_marks(text)
        words = said.split()
        assert {words[int(i)].strip("?.'s,;:"): id for i, id in marks.items()} == {
            "cup": "4",
            "furniture": "7",
        }


def test_number_and_sides_stay_what_they_are() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        text = paraphrase_statement([">=", count("left", "red cat"), 2], rng, "held-out")
        assert re.search(r"\b(two|2)\b", text.lower())
        assert "left" in text
        assert "right" not in text
        assert "red cats" in text
        assert re.search(r"at least|no fewer|minimum|or more", text.lower())


@pytest.mark.parametrize("task", TASKS)
def test_files_in_other_words_are_the_same_questions(task: Any, tmp_path: Path) -> None:
    own, other, again = tmp_path / "own", tmp_path / "other", tmp_path / "again"
    write(task, "generalist", 40, 3, own, workers=1)
    settings = write(task, "generalist", 40, 3, other, workers=1, phrasing="held-out")
    write(task, "generalist", 40, 3, again, workers=2, phrasing="held-out")
    assert settings["phrasing"] == "held-out"
    first, second = rows(own, task), rows(other, task)
    assert second == rows(again, task)
    column = COLUMN[task]
    changed = [a[column] != b[column] for a, b in zip(first, second, strict=True)]
    assert all(changed)
    for a, b in zip(first, second, strict=True):
        assert {k: v for k, v in a.items() if k not in (column, "annotations")} == {
            k: v for k, v in b.items() if k not in (column, "annotations")
        }
    if task == "nlvr2":
        assert len({row[column] for row in second}) == len({row[column] for row in first})


def test_the_benchmark_reads_other_words(tmp_path: Path) -> None:
    write("gqa", "generalist", 20, 3, tmp_path, workers=1, phrasing="train")
    assert len(list(load_benchmark("world-gqa").load(tmp_path, "val"))) == 20


def test_an_unknown_phrasing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown phrasing 'heldout'"):
        write("gqa", "flat", 3, 3, tmp_path, workers=1, phrasing="heldout")
    assert get_part("train") == "train"
