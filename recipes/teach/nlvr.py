"""Teaches ``zoo:detect`` and ``zoo:match`` NLVR: ``zoo:detect-nlvr`` and ``zoo:match-nlvr``.

The teacher is a small network trained on the step labels (structured boxes) of the train sample;
nothing of dev is trained on. The student of detect sees a picture of 400 x 100 pixels as five
overlapping squares. It learns from the steps that the hand-written programs make on the train
sample, and from what else the teacher's words can ask of such squares of its pictures, mirrored
ones too; match learns from the boxes that the teacher finds in them. Run again after it was killed
it goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from home import material
from target import (
    detections,
    mirrored,
    options,
    publish,
    questions,
    runs_of,
    small_teacher,
    steps_of,
    student,
)

from vprog.benchmarks.nlvr import HEIGHT, WIDTH
from vprog.example import Picture, Region
from vprog.teach.settings import TeachSettings
from vprog.teach.state import Taught
from vprog.teach.supervision import Supervised
from vprog.teach.teachers.labels import label_pictures
from vprog.teach.teachers.small import SmallSettings
from vprog.teach.teachers.teacher import Teacher
from vprog.teach.train import train
from vprog.world.vocabulary import COLORS, KINDS

COLOURS = ("yellow", "black", "blue")
NOUNS = ("object", "item", "circle", "square", "triangle", "block")
SIZES = ("small", "medium", "big", "large")
PHRASES = (
    *NOUNS,
    *(noun + "s" for noun in NOUNS),
    *(f"{colour} {noun}" for colour in COLOURS for noun in NOUNS),
    *("shape", "thing"),
)
"""What is asked of every picture; nouns in the plural name the same."""
SIZED = (
    *(f"{size} {noun}" for size in SIZES for noun in NOUNS),
    *(f"{size} {colour} {noun}" for size in SIZES for colour in COLOURS for noun in NOUNS),
)
"""The same with sizes, asked less often."""
LONGEST = 1.5
"""Views of a longer side of more than so many times the other are sliced."""
THRESHOLD = 0.36
"""Least score of a box: the best F1 on the train sample."""
SQUARES = 75
"""Pixels from the left edge of one square to that of the next."""


def ask_detect(pictures: Mapping[str, Picture], seed: int) -> list[tuple[Region, str]]:
    """Phrases about two of the five squares that each picture is shown as."""
    draw = random.Random(seed)
    asked: list[tuple[Region, str]] = []
    for picture in pictures.values():
        for left in draw.sample(range(0, WIDTH - HEIGHT + 1, SQUARES), 2):
            square = picture.region._replace(left=left, right=left + HEIGHT)
            phrases = (*draw.sample(PHRASES, 7), draw.choice(SIZED))
            asked += [(square, phrase) for phrase in phrases]
    return asked


def teach_detect(
    given: argparse.Namespace, teacher: Teacher, old: list[Supervised], home: dict[str, Picture]
) -> Taught:
    """The first stage."""
    out: Path = given.out
    runs = runs_of("nlvr", given.data, ["train"], "zoo", out / "runs")
    task, steps = steps_of(runs, "detect", teacher)
    labelled = label_pictures("nlvr", given.data, ["train"], "scenes")
    pictures = {picture.id: picture for picture, _ in labelled} | dict(steps.pictures)
    turned = [mirrored(picture) for picture in pictures.values()]
    pictures |= {picture.id: picture for picture in turned}
    task += questions(teacher, "detect", ask_detect(pictures, given.seed), pictures)
    print(json.dumps({"row": "detect", "task": len(task), "pictures": len(pictures)}), flush=True)
    words = (*PHRASES, *SIZED)
    start = student("detect", words, out / f"start-{given.seed}", given.seed, longest=LONGEST)
    settings = TeachSettings(
        method="full", steps=given.steps, batch_size=12, per_view=8, learning_rate=5e-4,
        dense=0.6, keep=given.keep, ema=0.98, validate_every=0, save_every=50, seed=given.seed,
    )  # fmt: skip
    replay = {"generalist": old} if old else {}
    model = given.start or train(
        "detect", str(start), task, pictures | home, out / f"detect-{given.seed}",
        settings=settings, replay=replay,
    ).model  # fmt: skip
    again = dataclasses.replace(
        settings, steps=given.more_steps, learning_rate=4e-4, dense=0.0, seed=given.seed + 1
    )
    return train(
        "detect", model, task, pictures | home, out / f"detect-{given.seed}-again",
        settings=again, replay=replay,
    )  # fmt: skip


def teach_match(
    given: argparse.Namespace, teacher: Teacher, old: list[Supervised], home: dict[str, Picture]
) -> Taught:
    """The second stage."""
    out: Path = given.out
    runs = runs_of("nlvr", given.data, ["train"], "zoo", out / "runs")
    task, steps = steps_of(runs, "match", teacher)
    labelled = label_pictures("nlvr", given.data, ["train"], "scenes")
    pictures = {picture.id: picture for picture, _ in labelled} | dict(steps.pictures)
    regions = [picture.region for picture in pictures.values()]
    found = detections(
        teacher.backends["detect"], [(region, "object") for region in regions], pictures
    )
    draw = random.Random(given.seed)
    asked: list[tuple[Region, tuple[str, ...]]] = []
    for boxes in found:
        for box in draw.sample(boxes, min(len(boxes), 4)):
            region = box._replace(label="", score=1.0)
            asked += [(region, COLOURS), (region, tuple(draw.sample(PHRASES, 8)))]
    task += questions(teacher, "match", asked, pictures)
    print(json.dumps({"row": "match", "task": len(task)}), flush=True)
    start = student("match", PHRASES, out / f"start-{given.seed}", given.seed)
    return train(
        "match",
        str(start),
        task,
        pictures | home,
        out / f"match-{given.seed}",
        settings=TeachSettings(
            method="full", steps=given.match_steps, batch_size=32, per_view=16, learning_rate=5e-4,
            keep=given.keep, ema=0.98, validate_every=0, save_every=50, seed=given.seed,
        ),
        replay={"generalist": old} if old else {},
    )  # fmt: skip


def home_matches(home: Mapping[str, Picture], seed: int) -> list[Supervised]:
    """Calls about the boxes of drawn pictures; what the student says of them is to stay."""
    draw = random.Random(seed)
    phrases = [f"{colour} {kind}" for colour in COLORS for kind in KINDS] + [*COLORS, *KINDS]
    rows = []
    for picture in home.values():
        assert picture.scene is not None
        for thing in picture.scene.objects[:2]:
            said = tuple(draw.sample(phrases, 8))
            region = Region(picture.id, *thing.box_xyxy)
            rows.append(
                Supervised(
                    tool="match", region=region, argument=said, boxes=None,
                    distribution=dict.fromkeys(said, 0.0),
                )
            )  # fmt: skip
    return rows


def main() -> None:
    """Trains, prints one JSON line a row, and publishes if asked to."""
    parser = options(__doc__, "runs/teach-nlvr")
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--more-steps", type=int, default=300, help="one token a box alone")
    parser.add_argument("--start", help="a detector that learns on, from these steps on")
    parser.add_argument("--match-steps", type=int, default=200)
    parser.add_argument("--keep", type=float, default=0.0, help="of self-distillation")
    parser.add_argument(
        "--only", nargs="+", choices=("detect", "match"), default=["detect", "match"]
    )
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    teacher = small_teacher(
        partial(label_pictures, "nlvr", given.data, ["train"], "scenes"),
        given.out / f"small-{given.seed}.safetensors",
        SmallSettings(steps=1000, seed=given.seed),
    )
    old, home = material(1000, given.seed + 100) if given.keep else ([], {})
    for name in given.only:
        if name == "detect":
            taught = teach_detect(given, teacher, old, home)
        else:
            taught = teach_match(given, teacher, home_matches(home, given.seed), home)
        print(json.dumps({"row": name, "seconds": taught.seconds}), flush=True)
        if given.publish:
            settings = {"threshold": THRESHOLD, "view": "picture"} if name == "detect" else {}
            publish(f"{name}-nlvr", taught, "recipes/teach/nlvr.py", given, **settings)


if __name__ == "__main__":
    main()
