"""Teaches ``zoo:detect`` the figures of SHAPES: the checkpoint ``zoo:detect-shapes``.

The teacher is a small network trained on the pictures of the splits train.small and train.tiny
alone; no other picture of SHAPES is read, and none is used to choose anything. The student learns
from the steps that the gold programs make on these pictures, from everything else that the
teacher's words can ask of them, and from pictures made of them: mirrored, and with their nine cells
in other places. On drawn pictures of its own domain it should stay as it was. Run again after it
was killed it goes on.
"""

from __future__ import annotations

import json
import random
from functools import partial

import numpy as np
from home import material, score
from target import (
    mirrored,
    options,
    publish,
    questions,
    runs_of,
    small_teacher,
    steps_of,
    student,
)

from vprog.example import Picture, Region
from vprog.teach.settings import TeachSettings
from vprog.teach.supervision import Supervised
from vprog.teach.teachers.labels import label_pictures
from vprog.teach.teachers.small import SmallSettings
from vprog.teach.train import train

SPLITS = ("train.small", "train.tiny")
COLOURS = ("red", "green", "blue")
FIGURES = ("circle", "square", "triangle")
PHRASES = (
    *COLOURS,
    *FIGURES,
    *(figure + "s" for figure in FIGURES),
    *(f"{colour} {figure}" for colour in COLOURS for figure in FIGURES),
    *("shape", "object", "red shape", "green shape", "blue shape"),
)
"""What is asked of every picture; nouns in the plural name the same."""
CELLS = 3


def shuffled(picture: Picture, number: int, seed: int) -> Picture:
    """Another picture: the nine cells in other places, mirrored half of the time."""
    draw = random.Random(f"{seed}/{picture.id}/{number}")
    pixels = np.asarray(picture.load())
    side = pixels.shape[0] // CELLS
    cells = [
        pixels[side * row : side * (row + 1), side * column : side * (column + 1)]
        for row in range(CELLS)
        for column in range(CELLS)
    ]
    draw.shuffle(cells)
    if draw.random() < 0.5:
        cells = [cell[:, ::-1] for cell in cells]
    rows = [np.concatenate(cells[n : n + CELLS], 1) for n in range(0, len(cells), CELLS)]
    made = np.ascontiguousarray(np.concatenate(rows))
    return Picture(f"{picture.id}|shuffled {number}", array_rgb=made)


def main() -> None:
    """Trains, prints one JSON line a row, and publishes if asked to."""
    parser = options(__doc__, "runs/teach-shapes")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--shuffles", type=int, default=3, help="pictures made of one")
    parser.add_argument("--keep", type=float, default=1.0)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    out = given.out
    labelled = partial(label_pictures, "shapes", given.data, SPLITS, "pixels")
    teacher = small_teacher(
        labelled,
        out / f"small-{given.seed}.safetensors",
        SmallSettings(scale=2, steps=700, seed=given.seed),
    )
    runs = runs_of("shapes", given.data, SPLITS, "zoo", out / "runs")
    task, steps = steps_of(runs, "detect", teacher)
    pictures = dict(steps.pictures)
    for picture in list(pictures.values()):
        made = [shuffled(picture, n, given.seed) for n in range(given.shuffles)]
        pictures |= {new.id: new for new in (mirrored(picture), *made)}
    draw = random.Random(given.seed)
    asked: list[tuple[Region, str]] = [
        (picture.region, phrase)
        for picture in pictures.values()
        for phrase in draw.sample(PHRASES, 8)
    ]
    task += questions(teacher, "detect", asked, pictures)
    old: list[Supervised] = []
    if given.keep:
        old, home = material(1000, given.seed + 100)
        pictures |= home
    print(json.dumps({"row": "rows", "task": len(task), "pictures": len(pictures)}), flush=True)
    start = student("detect", PHRASES, out / f"start-{given.seed}", given.seed)
    taught = train(
        "detect",
        str(start),
        task,
        pictures,
        out / f"detect-{given.seed}",
        settings=TeachSettings(
            method="full", steps=given.steps, batch_size=16, per_view=8, learning_rate=5e-4,
            dense=0.6, keep=given.keep, ema=0.98, validate_every=0, save_every=50, seed=given.seed,
        ),
        replay={"generalist": old} if old else {},
    )  # fmt: skip
    print(json.dumps({"row": "taught", "seconds": taught.seconds}), flush=True)
    if given.publish:
        publish("detect-shapes", taught, "recipes/teach/shapes.py", given)
    for name in ("zoo:detect", taught.model):
        home_f1 = score(name, given.seed + 1, 300)
        print(json.dumps({"row": name, "home": home_f1}), flush=True)


if __name__ == "__main__":
    main()
