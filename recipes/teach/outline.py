"""Teaches ``zoo:detect`` a drawing style that it has not seen, with and without self-distillation.

The teacher is the gold scene. Pictures are drawn; F1 at IoU 0.5 is read on the split ``test`` of
the new style and of the zoo's own. Run again after it was killed it goes on.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from vprog.evaluation.zoo.metrics import f1, f1_interval, found
from vprog.evaluation.zoo.scenes import draw
from vprog.evaluation.zoo.score import colour_kinds, detections
from vprog.example import Picture, Region
from vprog.teach.settings import TeachSettings
from vprog.teach.supervision import Supervised
from vprog.teach.train import plan, train
from vprog.tools.backends.hf.detect import Detect, DetectSettings


def material(domain: str, n: int, seed: int) -> tuple[list[Supervised], dict[str, Picture]]:
    """Pairs of colour and kind that are there, and as many near misses, with their gold boxes."""
    rows, pictures = [], {}
    for index in range(n):
        pixels, scene = draw(domain, "train", seed, index)
        picture = Picture(f"{domain}/{index}", array_rgb=pixels, scene=scene)
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


def scores(model: str, seed: int, n: int, domain: str) -> dict[str, Any]:
    """F1 there and at home."""
    answer = Detect(DetectSettings(model=model)).answer
    figures = {}
    for name in (domain, "generalist"):
        by_picture = [
            [found([box.box_xyxy for box in boxes], gold) for boxes, gold in asked]
            for asked in detections(answer, seed, n, name, colour_kinds)
        ]
        value = f1([tally for tallies in by_picture for tally in tallies])
        figures[name] = {"value": value, "ci95": f1_interval(by_picture, seed), "n": n}
    return figures


def main() -> None:
    """Trains what is asked for and prints one JSON line a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domain", default="outline")
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--dense", type=float, default=0.6)
    parser.add_argument("--keep", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/teach-outline"))
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    task, pictures = material(given.domain, given.pictures, given.seed)
    old, more = material("generalist", given.pictures, given.seed + 100)
    pictures |= more
    untaught = scores("zoo:detect", given.seed + 1, given.test, given.domain)
    print(json.dumps({"row": "untaught", "f1": untaught}), flush=True)
    for keep in given.keep:
        settings = TeachSettings(
            method="full", steps=given.steps, batch_size=given.batch, per_view=8,
            learning_rate=given.rate, dense=given.dense, keep=keep, ema=0.98, seed=given.seed,
            validate_every=0, save_every=25,
        )  # fmt: skip
        replay = {"generalist": old} if keep else {}
        planned = plan("detect", "zoo:detect", task, pictures, settings=settings, replay=replay)
        print(json.dumps({"row": f"plan keep={keep:g}", "s": planned.estimated_s}), flush=True)
        taught = train(
            "detect", "zoo:detect", task, pictures, given.out / f"keep-{keep:g}",
            settings=settings, replay=replay,
        )  # fmt: skip
        row = {"row": f"taught keep={keep:g}", "seconds": taught.seconds, "steps": given.steps}
        row["f1"] = scores(taught.model, given.seed + 1, given.test, given.domain)
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
