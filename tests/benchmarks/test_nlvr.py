"""NLVR's loader: official layouts, scenes in displayed order, errors, consistency."""

import json
import zipfile
from itertools import permutations
from pathlib import Path

import pytest
from PIL import Image
from scored import figures_of

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.nlvr import BENCHMARK, load, normalised
from vprog.errors import InputError
from vprog.example import Example, Picture

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "nlvr"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"NLVR's files are not in {SHARED}: download them from lil-lab/nlvr"
)


def thing(kind, color, size, x, y):
    return {"type": kind, "color": color, "size": size, "x_loc": x, "y_loc": y}


BOXES = [
    [thing("square", "Black", 20, 40, 80)],
    [thing("circle", "Yellow", 10, 90, 3), thing("triangle", "#0099ff", 30, 0, 70)],
    [],
]


def row(identifier="7-0", **changed):
    return {
        "sentence": "There is a box with 4 items.",
        "label": "true",
        "identifier": identifier,
        "directory": "0",
        "structured_rep": BOXES,
        **changed,
    }


def write_split(folder, rows, name="dev", suffix=".json"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name + suffix)
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def write_pictures(folder, names):
    for name in names:
        (folder / "0").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (400, 100), (211, 211, 211)).save(folder / "0" / name)


def names_of(identifier="7-0", split="dev"):
    return [f"{split}-{identifier}-{k}.png" for k in range(6)]


@pytest.fixture
def official(tmp_path):
    """A split as the official repository lays it out: dev/dev.json and dev/images/0/*.png."""
    write_split(tmp_path / "dev", [row()])
    write_pictures(tmp_path / "dev" / "images", names_of())
    return tmp_path


def test_every_picture_of_an_item_is_an_example(official):
    examples = list(load(official, "dev"))
    assert [e.id for e in examples] == [f"7-0-{k}" for k in range(6)]
    assert {e.group for e in examples} == {"7"}
    assert {e.extra["group_size"] for e in examples} == {6}
    assert {e.answers for e in examples} == {("yes",)}
    assert [e.pictures[0].path.name for e in examples] == names_of()
    assert set(examples[0].programs) == {"steps", "python"}


def test_only_pictures_that_are_there(tmp_path):
    write_split(tmp_path, [row(label="false")])
    write_pictures(tmp_path / "images", ["dev-7-0-4.png"])
    (example,) = load(tmp_path, "dev")
    assert (example.id, example.answers) == ("7-0-4", ("no",))


def test_the_size_of_a_group_is_the_number_of_its_pictures(tmp_path):
    write_split(tmp_path, [row("7-0"), row("7-1"), row("8-0")])
    write_pictures(tmp_path / "images", [*names_of("7-0"), *names_of("7-1")[:2], "dev-8-0-4.png"])
    examples = list(load(tmp_path, "dev"))
    assert [(e.group, e.extra["group_size"]) for e in examples] == [("7", 8)] * 8 + [("8", 1)]


def test_a_split_without_labels(tmp_path):
    bare = row()
    del bare["label"]
    write_split(tmp_path, [bare])
    write_pictures(tmp_path / "images", ["dev-7-0-4.png"])
    (example,) = load(tmp_path, "dev")
    assert (example.answers, example.group) == ((), "7")
    write_split(tmp_path, [row(), bare])
    with pytest.raises(InputError, match="line 2: no text in column 'label'"):
        list(load(tmp_path, "dev"))


@pytest.mark.parametrize("k", range(6))
def test_scene_is_in_displayed_order(official, k):
    scene = list(load(official, "dev"))[k].pictures[0].scene
    order = list(permutations(range(3)))[k]
    place = {item: shown for shown, item in enumerate(order)}
    found = {o.name: o for o in scene.objects}
    assert len(scene.objects) == 3
    left = 150 * place[0] + 40
    assert found["square"].box_xyxy == (left, 80, left + 20, 100)
    assert found["square"].attributes == ("black", "medium")
    assert "block" in found["square"].names
    left = 150 * place[1]
    assert found["triangle"].box_xyxy == (left, 70, left + 30, 100)
    assert found["triangle"].attributes[:2] == ("blue", "big")
    assert found["circle"].box_xyxy == (left + 90, 3, left + 100, 13)
    assert not {"box", "grey box"} & {n for o in scene.objects for n in (o.name, *o.names)}


def test_zip_and_folder_give_the_same_pictures(official, tmp_path_factory):
    zipped = tmp_path_factory.mktemp("zipped")
    write_split(zipped, [row()])
    with zipfile.ZipFile(zipped / "dev_images.zip", "w") as archive:
        for file in (official / "dev" / "images" / "0").iterdir():
            archive.write(file, f"images/0/{file.name}")
    folder, archive = list(load(official, "dev")), list(load(zipped, "dev"))
    assert [e.id for e in folder] == [e.id for e in archive]
    assert [e.pictures[0].digest for e in folder] == [e.pictures[0].digest for e in archive]
    assert archive[0].pictures[0].load().size == (400, 100)


def test_a_split_of_another_name(tmp_path):
    write_split(tmp_path, [row()], "test-hidden")
    write_pictures(tmp_path / "test-hidden_images", names_of(split="test-hidden"))
    assert len(list(load(tmp_path, "test-hidden"))) == 6


def test_decoded_sample_of_the_train_split(tmp_path):
    # The picture holds a black triangle at 70, 70 (size 30); decoding sees its paint 1 and 2 later.
    boxes = [[], [thing("triangle", "Black", 30, 71, 72)], [thing("circle", "Yellow", 20, 5, 6)]]
    sample = row(derived_structured_rep=boxes, image="train-7-0-4.png", permutation=4)
    del sample["structured_rep"]
    write_split(tmp_path / "train_sample", [sample], "train_sample", ".jsonl")
    write_pictures(tmp_path / "train_sample" / "train_sample_images", ["train-7-0-4.png"])
    (example,) = load(tmp_path, "train")
    assert example.id == "7-0-4"
    assert [o.box_xyxy for o in example.pictures[0].scene.objects] == [
        (220, 70, 250, 100),
        (305, 6, 325, 26),
    ]
    assert "sentence" not in example.types


def test_sentences_that_the_train_split_has_too(official):
    write_split(official, [row(sentence="THERE is a box with 4 items")], "train")
    write_split(official / "dev", [row(), row("8-0", sentence="There is a tower.")])
    write_pictures(official / "dev" / "images", ["dev-8-0-0.png"])
    types = [e.types["sentence"] for e in load(official, "dev")]
    assert types == ["in train"] * 6 + ["new"]


def test_pictures_without_a_representation_have_no_scene(official):
    bare = row()
    del bare["structured_rep"]
    write_split(official / "dev", [bare])
    assert next(load(official, "dev")).pictures[0].scene is None


def test_normalised_sentences():
    assert normalised(" There  is a Box, with 4 items. ") == "there is a box with 4 items"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], r"dev\.json is empty"),
        ([{"sentence": "A box."}], r"dev\.json, line 1: .*'identifier'"),
        ([row(), row(sentence=3)], r"line 2: no text in column 'sentence'"),
        ([row(label="maybe")], r"label 'maybe' is neither"),
        ([row(identifier="9-1")], r"line 1: picture dev-9-1-0\.png is not in"),
        ([row(structured_rep=BOXES[:2])], r"structured representation"),
        ([row(structured_rep=[[{"type": "square"}], [], []])], r"KeyError: 'color'"),
        ([row(structured_rep=[[thing("star", "Black", 10, 0, 0)], [], []])], r"type 'star'"),
        ([row(image="dev-7-0-1.png", permutation=9)], r"'permutation' holds 9, not 0 to 5"),
        ([[1]], r"line 1: a JSON object is needed, got list"),
    ],
)
def test_broken_files_are_named(official, rows, said):
    write_split(official / "dev", rows)
    with pytest.raises(InputError, match=said):
        list(load(official, "dev"))


def test_a_line_that_is_no_json_is_named(official):
    (official / "dev" / "dev.json").write_text(json.dumps(row()) + "\n{'no': 1}\n")
    with pytest.raises(InputError, match=r"dev\.json, line 2: not a JSON object"):
        list(load(official, "dev"))


def test_missing_files_are_named(official, tmp_path):
    with pytest.raises(InputError, match=r"no NLVR split 'test'.*test\.json.*Found there: dev"):
        list(load(official, "test"))
    with pytest.raises(InputError, match="does not exist"):
        list(load(tmp_path / "nowhere", "dev"))
    write_split(tmp_path / "empty", [row()])
    with pytest.raises(InputError, match=r"no pictures for dev in .*dev_images\.zip"):
        list(load(tmp_path / "empty", "dev"))


def test_a_file_that_is_no_zip_is_named(tmp_path):
    write_split(tmp_path, [row()])
    (tmp_path / "dev_images.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"cannot read .*dev_images\.zip"):
        list(load(tmp_path, "dev"))


def test_consistency_counts_sentences_that_are_always_right():
    def examples(group, count):
        return [
            Example(
                id=f"{group}-{i}",
                pictures=(Picture(f"{group}-{i}"),),
                question="q",
                answers=("yes",),
                group=group,
                extra={"group_size": count},
            )
            for i in range(count)
        ]

    asked = [*examples("a", 3), *examples("b", 2), *examples("c", 1), *examples("d", 1)]
    # a: all right. b: one of two right. c: failed. d: right. Two of four sentences.
    answers = ["yes", "yes", "yes", "yes", "no", None, "yes"]
    assert figures_of(BENCHMARK, asked, answers)["consistency"] == 0.5
    assert figures_of(BENCHMARK, [], [])["consistency"] is None


def test_it_is_a_benchmark():
    assert load_benchmark("nlvr") is BENCHMARK
    assert BENCHMARK.binary
    assert all(tool.inline and tool.doc for tool in BENCHMARK.tools)


@needs_shared
def test_published_files():
    dev = list(load(SHARED, "dev"))
    train = list(load(SHARED, "train"))
    assert len(dev) == 5934
    assert len({e.id.rpartition("-")[0] for e in dev}) == 989
    assert len({e.group for e in dev}) == 267
    assert sum(e.answers == ("yes",) for e in dev) == 547 * 6
    assert len(train) == 1000
    seen = {e.id.rpartition("-")[0] for e in dev if e.types["sentence"] == "in train"}
    assert len(seen) == 276
    assert {(e.pictures[0].scene.width, e.pictures[0].scene.height) for e in dev} == {(400, 100)}
    for example in (*dev, *train):
        for left, top, right, bottom in (o.box_xyxy for o in example.pictures[0].scene.objects):
            assert left % 150 >= 0 <= top
            assert right - left == bottom - top <= 30
            assert left // 150 == (right - 1) // 150
            assert left % 150 + right - left <= 100 >= bottom


@needs_shared
def test_published_pictures_from_their_archives():
    for split in ("dev", "train"):
        for example in list(load(SHARED, split))[::400]:
            assert example.pictures[0].load().size == (400, 100)
