"""The small network: learns to find things and their words, reads phrases, comes from one file."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vprog.errors import InputError, ToolError
from vprog.evaluation.zoo.metrics import f1, found
from vprog.example import Picture, Region
from vprog.teach.teachers.labels import LabelledBox, label_pictures
from vprog.trace import Call, Result

torch = pytest.importorskip("torch")
from vprog.teach.teachers.small import SmallNetwork, SmallSettings, train_small  # noqa: E402

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220)}


def drawn(seed: int) -> tuple[Picture, tuple[LabelledBox, ...]]:
    """Squares and upright bars, red or blue, in the cells of a grid."""
    draw = random.Random(seed)
    pixels = np.zeros((32, 32, 3), np.uint8)
    boxes = []
    for row in range(2):
        for column in range(2):
            if draw.random() < 0.25:
                continue
            colour, shape = draw.choice(sorted(COLOURS)), draw.choice(["square", "bar"])
            width, height = (10, 10) if shape == "square" else (4, 12)
            x, y = 16 * column + draw.randrange(5), 16 * row + draw.randrange(4)
            pixels[y : y + height, x : x + width] = COLOURS[colour]
            edges = (x, y, x + width, y + height)
            boxes.append(LabelledBox(edges, frozenset((colour, shape)), shape))
    return Picture(f"p{seed}", array_rgb=pixels), tuple(boxes)


SETTINGS = SmallSettings(width=24, steps=90, batch=12, lr=1e-2)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> SmallNetwork:
    torch.set_num_threads(1)
    file = tmp_path_factory.mktemp("small") / "net.safetensors"
    return train_small([drawn(n) for n in range(200)], file, SETTINGS)


def test_it_finds_what_it_was_taught_on_pictures_it_never_saw(network: SmallNetwork) -> None:
    tally = []
    for picture, boxes in (drawn(n) for n in range(1000, 1040)):
        for phrase in ("square", "the red bars", "blue squares", "object"):
            said = [w for w in ("square", "bar", "red", "blue") if w in phrase]
            gold = [b.box_xyxy for b in boxes if b.words >= set(said)]
            call = Call("detect", {"image": picture.region, "phrase": phrase})
            answer = network.answer([call], {picture.id: picture})[0]
            assert isinstance(answer, Result)
            tally.append(found([b.box_xyxy for b in answer.value], gold))  # type: ignore[union-attr]
    assert f1(tally) > 0.9


def test_it_matches_the_thing_that_a_region_shows(network: SmallNetwork) -> None:
    picture, boxes = next(d for d in map(drawn, range(1000, 1040)) if len(d[1]) == 4)
    options: list[Any] = ["red square", "blue square", "red bar", "blue bar"]
    right = 0
    for box in boxes:
        call = Call("match", {"image": Region(picture.id, *box.box_xyxy), "options": options})
        answer = network.answer([call], {picture.id: picture})[0]
        assert isinstance(answer, Result)
        assert isinstance(answer.value, list)
        best = options[int(np.argmax(answer.value))]
        right += set(best.split()) == box.words
    assert right >= 3


def test_a_region_holds_what_is_centred_in_it_alone(network: SmallNetwork) -> None:
    picture, _ = next(d for d in map(drawn, range(1000, 1040)) if len(d[1]) == 4)
    left = Region(picture.id, 0, 0, 16, 32)
    call = Call("detect", {"image": left, "phrase": "object"})
    answer = network.answer([call], {picture.id: picture})[0]
    assert isinstance(answer, Result)
    assert len(answer.value) == 2  # type: ignore[arg-type]
    assert all(b.center_xy[0] < 16 for b in answer.value)  # type: ignore[union-attr]
    assert 0 < answer.info["confidence"] <= 1


def test_it_answers_questions_from_what_it_sees(network: SmallNetwork) -> None:
    assert network.names == {"bar", "square"}
    right = asked = 0
    for picture, boxes in (drawn(n) for n in range(2000, 2030)):
        for box in boxes:
            region = Region(picture.id, *(box.box_xyxy))
            said = [("What color is this?", next(iter(box.words - {box.name})))]
            said += [("What is this?", box.name), (f"Is this a {box.name}?", "yes")]
            for question, gold in said:
                call = Call("vqa", {"image": region, "question": question})
                answer = network.answer([call], {picture.id: picture})[0]
                asked += 1
                right += isinstance(answer, Result) and answer.value == gold
    assert right / asked > 0.9
    count = Call("vqa", {"image": picture.region, "question": "How many squares are there?"})
    answer = network.answer([count], {picture.id: picture})[0]
    assert isinstance(answer, Result)
    assert str(answer.value).isdigit()
    assert 0 < answer.info["confidence"] <= 1


def test_questions_about_relations_are_refused(network: SmallNetwork) -> None:
    picture, _ = drawn(1)
    call = Call("vqa", {"image": picture.region, "question": "Who drew this?"})
    answer = network.answer([call], {picture.id: picture})[0]
    assert isinstance(answer, ToolError)


def test_words_without_a_label_are_refused(network: SmallNetwork) -> None:
    picture, _ = drawn(0)
    answer = network.answer(
        [Call("detect", {"image": picture.region, "phrase": "green square"})], {picture.id: picture}
    )[0]
    assert isinstance(answer, ToolError)
    assert "knows no 'green'. Known: bar, blue, red, square" in str(answer)
    depth = Call("depth", {"image": picture.region})
    assert "not depth" in str(network.answer([depth], {picture.id: picture})[0])


def test_the_same_seed_gives_the_same_network(tmp_path: Path) -> None:
    few = SmallSettings(width=8, steps=3, batch=2)
    pictures = [drawn(n) for n in range(8)]
    one = train_small(pictures, tmp_path / "a.safetensors", few)
    two = train_small(pictures, tmp_path / "b.safetensors", few)
    assert one.fingerprint == two.fingerprint
    assert one.fingerprint == SmallNetwork(tmp_path / "a.safetensors").fingerprint
    assert one.parameters < 500_000


def test_pictures_are_decoded_when_they_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []

    def seen(picture: Picture) -> Picture:
        def render() -> Any:
            decoded.append(picture.id)
            return picture.load()

        return Picture(picture.id, render=render)

    few = SmallSettings(width=8, steps=3, batch=2)
    pictures = [(seen(picture), boxes) for picture, boxes in map(drawn, range(50))]
    kept = train_small(pictures, tmp_path / "a.safetensors", few)
    assert len(decoded) == len(set(decoded)) <= 6
    monkeypatch.setattr("vprog.teach.teachers.small.DECODED_MB", 0)
    again = train_small(pictures, tmp_path / "b.safetensors", few)
    assert again.fingerprint == kept.fingerprint


def test_it_stays_below_half_a_million_parameters(network: SmallNetwork, tmp_path: Path) -> None:
    largest = train_small([drawn(0)], tmp_path / "d.safetensors", SmallSettings(steps=1, batch=1))
    assert network.parameters < largest.parameters < 500_000


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="is no small teacher"):
        SmallNetwork(tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="nothing to learn"):
        train_small([(drawn(0)[0], ())], tmp_path / "y.safetensors", SETTINGS)


def test_labels_of_nlvr_come_from_its_structured_boxes(nlvr: Path) -> None:
    pictures = label_pictures("nlvr", nlvr, ["train"], "scenes")
    words = {word for _, boxes in pictures for box in boxes for word in box.words}
    assert {"yellow", "black", "blue", "square", "circle", "triangle"} <= words
    assert len(pictures) == 1000


def test_labels_of_pictures_without_scenes_come_from_pixels(shapes: Path) -> None:
    with pytest.raises(InputError, match="no picture of shapes"):
        label_pictures("shapes", shapes, ["train.tiny"], "scenes")
    pictures = label_pictures("shapes", shapes, ["train.tiny"], "pixels")
    assert len(pictures) == 64
    words = {word for _, boxes in pictures for box in boxes for word in box.words}
    assert words == {"red", "green", "blue", "circle", "square", "triangle"}
