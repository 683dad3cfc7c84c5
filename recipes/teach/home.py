"""Drawn pictures with gold boxes: what a taught detector keeps, and what it is read on at home."""

from __future__ import annotations

import random
from typing import Any

from vprog.evaluation.zoo.metrics import f1, f1_interval, found
from vprog.evaluation.zoo.scenes import draw
from vprog.evaluation.zoo.score import colour_kinds, detections
from vprog.example import Picture, Region
from vprog.teach.supervision import Supervised
from vprog.tools.backends.hf.detect import Detect, DetectSettings


def material(n: int, seed: int) -> tuple[list[Supervised], dict[str, Picture]]:
    """Pairs of colour and kind that are there, and as many near misses, with their gold boxes."""
    rows, pictures = [], {}
    for index in range(n):
        pixels, scene = draw("generalist", "train", seed, index)
        picture = Picture(f"generalist/{index}", array_rgb=pixels, scene=scene)
        pictures[picture.id] = picture
        asked = colour_kinds(random.Random(f"{seed}/{picture.id}"), scene)
        for phrase, things in asked.items():
            boxes = tuple(Region(picture.id, *t.box_xyxy, phrase, 1.0) for t in things)
            rows.append(
                Supervised(
                    tool="detect", region=picture.region, argument=phrase, boxes=boxes,
                    distribution=None,
                )
            )  # fmt: skip
    return rows, pictures


def score(model: str, seed: int, n: int) -> dict[str, Any]:
    """F1 at IoU 0.5 on drawn pictures of the zoo's own domain, by the pictures a detector sees."""
    answer = Detect(DetectSettings(model=model)).answer
    by_picture = [
        [found([box.box_xyxy for box in boxes], gold) for boxes, gold in asked]
        for asked in detections(answer, seed, n, "generalist", colour_kinds)
    ]
    value = f1([tally for tallies in by_picture for tally in tallies])
    return {"value": value, "ci95": f1_interval(by_picture, seed), "n": n}
