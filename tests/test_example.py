"""Pictures that are not files of their own, scenes made late, and questions with choices."""

from __future__ import annotations

import io
from pathlib import Path

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
