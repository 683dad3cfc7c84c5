"""Benchmarks of the drawn world: the official loaders, on data that has gold scenes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from vprog.errors import InputError
from vprog.example import Example

SPLITS = ("val", "train", "test")
"""Of everything drawn."""

Load = Callable[[Path, str], Iterator[Example]]


def with_scenes(load: Load) -> Load:
    """A loader that wants gold scenes and gold programs: without them drawn data is broken.

    Args:
        load: The official loader of the same format.
    """

    def checked(data: Path, split: str) -> Iterator[Example]:
        scenes = data / f"{split}_sceneGraphs.json"
        if not scenes.is_file():
            raise InputError(f"missing file {scenes}. Draw it: vprog world draw --split {split}")
        for example in load(data, split):
            for picture in example.pictures:
                if picture.scene is None:
                    raise InputError(f"image {picture.id!r} is not in {scenes}")
            if not (example.programs and example.answers):
                raise InputError(f"{example.id!r} in {data} has no column 'semantic' or no label")
            yield example

    return checked
