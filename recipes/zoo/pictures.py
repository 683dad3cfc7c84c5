"""Drawn pictures with their objects as arrays, cached under runs/zoo/data."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vprog.evaluation.zoo.scenes import SIZE, draw
from vprog.example import Scene, SceneObject
from vprog.world.vocabulary import CATEGORY, COLORS, KINDS, PATTERNS, SIZES

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "runs" / "zoo" / "data"
SLOTS = 7
"""Places for objects of a picture; unused ones have kind -1."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Drawn pictures and what is on them.

    Attributes:
        pixels: uint8 [N, 96, 96, 3].
        boxes_xyxy: float32 [N, SLOTS, 4], pixels, y downward.
        facts: int8 [N, SLOTS, 4]: indices of kind, colour, size, pattern; -1 where there is none.
        dark: bool [N]: whether the background is dark.
    """

    pixels: np.ndarray
    boxes_xyxy: np.ndarray
    facts: np.ndarray
    dark: np.ndarray

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.pixels)

    def scene(self, index: int) -> Scene:
        """The gold scene of a picture, without relations."""
        things = [
            SceneObject(
                id=str(slot),
                name=KINDS[kind],
                box_xyxy=tuple(self.boxes_xyxy[index, slot].tolist()),
                attributes=(COLORS[color], SIZES[size], PATTERNS[pattern]),
                names=(CATEGORY[KINDS[kind]],),
            )
            for slot, (kind, color, size, pattern) in enumerate(self.facts[index].tolist())
            if kind >= 0
        ]
        setting = {"background": "dark" if self.dark[index] else "light"}
        return Scene(width=SIZE, height=SIZE, objects=tuple(things), setting=setting)


def _draw(domain: str, split: str, seed: int, index: int) -> tuple[np.ndarray, ...]:
    pixels, scene = draw(domain, split, seed, index)
    boxes = np.zeros((SLOTS, 4), np.float32)
    facts = np.full((SLOTS, 4), -1, np.int8)
    for slot, thing in enumerate(scene.objects):
        color, size, pattern = thing.attributes
        boxes[slot] = thing.box_xyxy
        facts[slot] = (
            KINDS.index(thing.name),
            COLORS.index(color),
            SIZES.index(size),
            PATTERNS.index(pattern),
        )
    return pixels, boxes, facts, np.array(scene.setting["background"] == "dark")


def load(domain: str, split: str, n: int, seed: int, workers: int = 2) -> Pictures:
    """Draws pictures, or maps the ones that were drawn before with the same arguments."""
    folder = CACHE / f"{domain}-{split}-{seed}-{n}"
    names = ("pixels", "boxes_xyxy", "facts", "dark")
    if not (folder / "done.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shapes = ((SIZE, SIZE, 3), (SLOTS, 4), (SLOTS, 4), ())
        types = (np.uint8, np.float32, np.int8, np.bool_)
        arrays = [
            np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, (n, *shape))
            for name, shape, dtype in zip(names, shapes, types, strict=True)
        ]
        task = partial(_draw, domain, split, seed)
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for index, row in enumerate(pool.imap(task, range(n), chunksize=64)):
                for array, value in zip(arrays, row, strict=True):
                    array[index] = value
        for array in arrays:
            array.flush()
        (folder / "done.json").write_text(json.dumps({"n": n}) + "\n", encoding="utf-8")
    return Pictures(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in names))


if __name__ == "__main__":
    for split, count in (("val", 1000), ("train", 64_000)):
        print(split, len(load("generalist", split, count, 7)), flush=True)
    print("pairs", len(load("pairs", "val", 1000, 7)))
