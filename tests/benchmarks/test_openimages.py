"""Which boxes count, what is absent, and balance of the questions built from boxes."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

from vprog.benchmarks import openimages_files
from vprog.benchmarks.nouns import is_countable, is_there, plural, said
from vprog.benchmarks.openimages import load
from vprog.benchmarks.openimages_files import read_labels
from vprog.example import Example

TREE = {
    "LabelName": "/m/root",
    "Subcategory": [
        {"LabelName": "/m/animal",
         "Subcategory": [{"LabelName": "/m/cat"}, {"LabelName": "/m/dog"}]},
        {"LabelName": "/m/person", "Subcategory": [{"LabelName": "/m/man"}],
         "Part": [{"LabelName": "/m/face"}]},
        {"LabelName": "/m/clothing"},
    ],
}  # fmt: skip
NAMES = {"animal": "Animal", "cat": "Cat", "dog": "Dog", "person": "Person", "man": "Man",
         "face": "Human face", "clothing": "Clothing"}  # fmt: skip

Row = tuple[str, str] | tuple[str, str, str]
"""Picture, class, and a flag that is set."""


def folder(
    path: Path, boxes: Sequence[Row], labels: Sequence[tuple[str, str, int]] | None = None
) -> Path:
    """Files of a split with these boxes, each on its own place."""
    (path / "validation").mkdir(parents=True)
    flags = ("IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside")
    lines = [f"ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,{','.join(flags)}"]
    for picture, kind, *flag in boxes:
        file = path / "validation" / f"{picture}.jpg"
        if not file.exists():
            Image.new("RGB", (40, 20)).save(file)
        marks = ",".join(str(int(name in flag)) for name in flags)
        lines.append(f"{picture},xclick,/m/{kind},1,0.25,0.5,0,1,{marks}")
    (path / "validation-annotations-bbox.csv").write_text("\n".join(lines) + "\n")
    if labels is not None:
        rows = [f"{picture},verification,/m/{kind},{sure}" for picture, kind, sure in labels]
        (path / "validation-annotations-human-imagelabels-boxable.csv").write_text(
            "\n".join(["ImageID,Source,LabelName,Confidence", *rows]) + "\n"
        )
    names = "".join(f"/m/{kind},{name}\n" for kind, name in NAMES.items())
    (path / "class-descriptions-boxable.csv").write_text(names)
    (path / "bbox_labels_600_hierarchy.json").write_text(json.dumps(TREE))
    return path


def asked(path: Path) -> dict[str, tuple[str, str]]:
    return {e.id: (str(e.extra["class"]), e.answers[0]) for e in load(path, "validation")}


def test_a_box_counts_for_what_it_is_a_kind_of(tmp_path: Path) -> None:
    boxes = [("a", "cat"), ("a", "dog"), ("b", "man"), ("b", "face")]
    questions = [e for e in load(folder(tmp_path, boxes), "validation") if "count" in e.id]
    # Two boxes are two animals, and one cat and one dog; a face is part of a person, no kind of it.
    for e in questions:
        expected = {"Animal": "2"}.get(str(e.extra["class"]), "1")
        assert e.answers == (expected,)
    for e in load(tmp_path, "validation"):
        if e.id.startswith("b") and e.answers == ("yes",):
            assert e.extra["class"] in ("Man", "Person", "Human face")
        if e.answers == ("no",):
            here = {"a": {"Cat", "Dog", "Animal"}, "b": {"Man", "Person", "Human face"}}[e.id[0]]
            assert e.extra["class"] not in here


def test_groups_are_there_but_are_not_counted(tmp_path: Path) -> None:
    questions = asked(folder(tmp_path, [("a", "dog", "IsGroupOf")]))
    assert "a-count" not in questions
    assert questions["a-yes"][0] in ("Dog", "Animal")


@pytest.mark.parametrize("flag", ["IsDepiction", "IsInside"])
def test_drawings_and_insides_are_not_asked_for(tmp_path: Path, flag: str) -> None:
    questions = asked(folder(tmp_path, [("a", "dog", flag), ("a", "man")]))
    assert questions["a-yes"][0] in ("Man", "Person")
    assert questions["a-no"][0] in ("Clothing", "Human face")
    assert questions["a-count"][0] in ("Man", "Person")


def test_absent_is_what_people_looked_for(tmp_path: Path) -> None:
    labels = [("a", "dog", 0), ("a", "clothing", 1), ("a", "person", 0), ("a", "man", 1)]
    questions = asked(folder(tmp_path, [("a", "cat")], labels))
    # Not the person: the man that was found is one.
    assert questions["a-no"] == ("Dog", "no")


@pytest.mark.parametrize(
    "name",
    ["oidv7-val-annotations-human-imagelabels.csv", "validation-annotations-human-imagelabels.csv"],
)
def test_labels_go_by_the_names_of_every_release(tmp_path: Path, name: str) -> None:
    path = folder(tmp_path, [("a", "cat")], [("a", "dog", 0)])
    (path / "validation-annotations-human-imagelabels-boxable.csv").rename(path / name)
    assert read_labels(path, "validation")[0]["a"].absent == {"/m/dog"}


def test_without_labels_neither_parents_nor_kinds_of_boxed_classes_are_absent(
    tmp_path: Path,
) -> None:
    boxes = [(f"p{n}", "person") for n in range(12)]
    absent = {kind for kind, answer in asked(folder(tmp_path, boxes)).values() if answer == "no"}
    assert absent
    assert "Man" not in absent  # a person may be one
    assert "Person" not in absent


def many(tmp_path: Path) -> list[Example]:
    boxes: list[Row] = []
    for n in range(40):
        boxes += [(f"p{n:02d}", ("cat", "dog", "man")[n % 3])] * (1 + n % 7)
    return list(load(folder(tmp_path, boxes), "validation"))


def test_answers_are_balanced(tmp_path: Path) -> None:
    examples = many(tmp_path)
    counts = Counter(e.answers[0] for e in examples if e.types["task"] == "counting")
    assert set(counts) == {"1", "2", "3", "4", "5"}
    assert len(set(counts.values())) == 1
    ahead: defaultdict[str, int] = defaultdict(int)
    for e in examples:
        if e.types["task"] == "presence":
            ahead[str(e.extra["class"])] += 1 if e.answers[0] == "yes" else -1
    assert sum(ahead.values()) == 0
    assert abs(ahead["Cat"]) <= 4


def test_questions_are_the_same_every_time_and_others_do_not_matter(tmp_path: Path) -> None:
    first = [(e.id, e.question) for e in many(tmp_path / "a")]
    assert [(e.id, e.question) for e in many(tmp_path / "b")] == first


def test_pictures_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    path = folder(tmp_path, [("a", "cat"), ("b", "dog")])
    (path / "validation" / "a.jpg").unlink()
    assert {id.partition("-")[0] for id in asked(path)} == {"b"}


def test_boxes_of_pictures_that_are_not_there_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path, [("a", "cat"), ("b", "dog"), ("a", "man")], [("a", "dog", 0)])
    (path / "validation" / "b.jpg").unlink()
    read: list[str] = []

    def box(row: Mapping[str, str], where: str) -> openimages_files.Box:
        read.append(row["ImageID"])
        return make_box(row, where)

    make_box = openimages_files._box
    monkeypatch.setattr(openimages_files, "_box", box)
    assert {id.partition("-")[0] for id in asked(path)} == {"a"}
    assert read == ["a", "a"]
    assert list(read_labels(path, "validation", {"b"})[0]) == ["b"]


def test_the_scene_is_in_pixels(tmp_path: Path) -> None:
    example = next(load(folder(tmp_path, [("a", "man")]), "validation"))
    scene = example.pictures[0].scene
    assert scene is not None
    assert (scene.width, scene.height) == (40, 20)
    assert scene.objects[0].box_xyxy == (10, 0, 20, 20)
    assert (scene.objects[0].name, scene.objects[0].names) == ("man", ("person",))


@pytest.mark.parametrize(
    ("name", "question", "countable", "many"),
    [
        ("Human face", "Is there a human face", True, "human faces"),
        ("Man", "Is there a man", True, "men"),
        ("Ostrich", "Is there an ostrich", True, "ostriches"),
        ("Kitchen knife", "Is there a kitchen knife", True, "kitchen knives"),
        ("Sheep", "Is there a sheep", True, "sheep"),
        ("Butterfly", "Is there a butterfly", True, "butterflies"),
        ("Monkey", "Is there a monkey", True, "monkeys"),
        ("Squash (Plant)", "Is there a squash", True, "squashes"),
        ("Clothing", "Is there clothing", False, ""),
        ("Scissors", "Are there scissors", False, ""),
    ],
)
def test_nouns(name: str, question: str, countable: bool, many: str) -> None:
    noun = said(name)
    assert is_there(noun) == question
    assert is_countable(noun) == countable
    if countable:
        assert plural(noun) == many
