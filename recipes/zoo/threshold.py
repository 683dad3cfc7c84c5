"""Prints F1 of zoo:detect on the split ``val`` by threshold: what ``save_detect`` is set by."""

from __future__ import annotations

import argparse

from vprog.evaluation.zoo.metrics import f1, found
from vprog.evaluation.zoo.score import colour_kinds, detections, kinds, unseen_pairs
from vprog.tools.backends.hf.detect import Detect, DetectSettings

LOWEST = 0.1
THRESHOLDS = [round(0.02 * step, 2) for step in range(8, 28)]


def main() -> None:
    """Asks once with a low threshold, then drops boxes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="zoo:detect")
    parser.add_argument("--n", type=int, default=400, help="pictures for each figure")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nms", type=float, default=0.4)
    given = parser.parse_args()
    settings = DetectSettings(model=given.model, threshold=LOWEST, nms_iou=given.nms)
    answer = Detect(settings).answer
    figures = {
        "colour_kind": ("generalist", colour_kinds),
        "kind": ("generalist", kinds),
        "unseen_pairs": ("pairs", unseen_pairs),
    }
    asked = {
        name: list(detections(answer, given.seed, given.n, domain, phrases, "val"))
        for name, (domain, phrases) in figures.items()
    }
    print("threshold", *figures)
    for threshold in THRESHOLDS:
        row = []
        for pictures in asked.values():
            flat = [pair for picture in pictures for pair in picture]
            row.append(
                f1(
                    found([box.box_xyxy for box in boxes if box.score >= threshold], gold)
                    for boxes, gold in flat
                )
            )
        print(f"{threshold:.2f}", *(f"{value:.4f}" for value in row))


if __name__ == "__main__":
    main()
