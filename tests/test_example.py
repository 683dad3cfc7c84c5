"""Pictures that are not files of their own, scenes made late, and questions with choices."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vprog.errors import PictureError
from vprog.example import Example, Picture, Scene


def png(color: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), color).save(file, "PNG")
    return file.getvalue()


def test_a_picture_in_another_file_is_read_when_it_is_needed(tmp_path: Path) -> None:
    asked = []

    def encoded() -> bytes:
        asked.append(1)
        return png()

    picture = Picture("cell", path=tmp_path / "table", encoded=encoded)
    assert asked == []
    assert picture.size == (4, 3)
    assert picture.load().getpixel((0, 0)) == (255, 0, 0)
    assert picture.digest == Picture("other", encoded=png).digest
    assert str(tmp_path) in picture.where


TURNS = {1: [[0, 1, 2], [3, 4, 5]], 2: [[2, 1, 0], [5, 4, 3]], 3: [[5, 4, 3], [2, 1, 0]],
         4: [[3, 4, 5], [0, 1, 2]], 5: [[0, 3], [1, 4], [2, 5]], 6: [[3, 0], [4, 1], [5, 2]],
         7: [[5, 2], [4, 1], [3, 0]], 8: [[2, 5], [1, 4], [0, 3]]}  # fmt: skip


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("held", [*TURNS, 9])
def test_pictures_are_upright_as_exif_says(held: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = held
    file = io.BytesIO()
    stored = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40).convert("RGB")
    stored.save(file, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    picture = Picture("p", encoded=file.getvalue)
    wanted = TURNS.get(held, TURNS[1])
    seen = np.asarray(picture.load())[:, :, 0]
    assert (seen == np.array(wanted) * 40).all()
    assert picture.size == (len(wanted[0]), len(wanted))
    assert picture.region[1:5] == (0, 0, *picture.size)


def test_exif_that_cannot_be_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(image: Image.Image) -> Image.Exif:
        raise SyntaxError("not a TIFF file")

    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, "JPEG")
    monkeypatch.setattr(Image.Image, "getexif", broken)
    assert Picture("p", encoded=file.getvalue).load().size == (4, 3)


def test_a_cell_that_is_no_picture_is_a_picture_error() -> None:
    with pytest.raises(PictureError, match="cannot read picture"):
        Picture("cell", path="table.tsv", encoded=lambda: b"text").load()


def test_a_scene_is_made_once_and_knows_the_pictures_size() -> None:
    made = []

    def scene(picture: Picture) -> Scene:
        made.append(picture.size)
        return Scene(width=picture.size[0], height=picture.size[1], objects=())

    picture = Picture("cell", encoded=png, scene=scene)
    assert made == []
    assert picture.scene is picture.scene
    assert made == [(4, 3)]


def test_choices_stand_below_the_question() -> None:
    plain = Example(id="1", pictures=(), question="Which?")
    assert plain.with_choices("Which?") == "Which?"
    choice = Example(id="1", pictures=(), question="Which?", extra={"choices": ["cat", "dog"]})
    assert choice.with_choices("Which one?") == (
        "Which one?\nA. cat\nB. dog\nAnswer with the letter of the right choice."
    )
    many = Example(id="1", pictures=(), question="Which?", extra={"choices": list(range(54))})
    lines = many.with_choices("Which?").split("\n")
    assert [lines[n] for n in (1, 26, 27, 52, 53, 54)] == [
        "A. 0", "Z. 25", "AA. 26", "AZ. 51", "BA. 52", "BB. 53",
    ]  # fmt: skip


def test_grey_of_16_bits_is_not_cut(tmp_path: Path) -> None:
    grey = np.array([[0, 76], [255, 128]], np.uint8)
    for ending in ("png", "tiff"):
        path = tmp_path / f"deep.{ending}"
        Image.fromarray(grey.astype(np.uint16) * 257).save(path)
        shown = np.asarray(Picture("p", path=path).load())
        assert shown.shape == (2, 2, 3)
        assert (shown == grey[..., None]).all()
    Image.fromarray(grey.astype(np.int32) * 100).save(tmp_path / "deeper.tiff")
    with pytest.raises(PictureError, match="32 bits a pixel, and none of them says what white"):
        Picture("p", path=tmp_path / "deeper.tiff").load()
