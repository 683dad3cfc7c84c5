"""Writes the model cards of the zoo from what `vprog zoo score --json` printed and the curves."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from publish import CHECKPOINTS

ABOUT: dict[str, dict[str, str]] = {
    "detect": {
        "class": "OwlViTForObjectDetection",
        "task": "zero-shot-object-detection",
        "what": "Finds what a phrase of attributes and a noun names: `small red dotted cup`, "
        "`striped object`, `animals`.",
        "data": "Each step draws 64 phrases for its 32 pictures, half of them true of something "
        "there. Pictures are mirrored; about one in seven is cut to a region as programs cut "
        "them. No phrase names a held-out pair of colour and kind.",
        "recipe": "From its configuration: vision 128 wide, 4 layers, patches of 8 pixels; text "
        "128 wide, 2 layers. Sines as first positions and a mimetic start of attention. Dense "
        "labels first (every token whose prior point lies in a box stands for that object), one "
        "token an object over the last 30 %; the encoder sees the 90 busiest of 144 tokens "
        "during the first 92 %. Auxiliary heads for kind, colour, size and pattern in training "
        "only.",
        "limits": "Knows the words of the drawn world alone: other words are unknown ones and "
        "find nothing. Scores are low by the nature of the focal loss: half is no border, the "
        "threshold of `vprog.json` is (`recipes/zoo/threshold.py`). Pairs of colour and kind that "
        "were never drawn get lower scores than others. Sizes are those of a whole 96-pixel "
        "picture; on a crop they are guesses from its sharpness.",
    },
    "vqa": {
        "class": "ViltForQuestionAnswering",
        "task": "visual-question-answering",
        "what": "Answers a question about a region or a picture with one of its labels: kinds, "
        "categories, colours, sizes, patterns, yes, no, 0 to 7, dark, light.",
        "data": "One question a picture and step, as programs ask them: about the region around "
        "an object (72 %, from step 2,400 on 30 %, in the second part 40 %; the box enlarged by "
        "half or as it is), else about the whole picture.",
        "recipe": "Its layers start as those of the detector, with two fresh ones on top; in the "
        "first of them words and pictures meet. Auxiliary heads for kind, colour, size and pattern "
        "on the picture's tokens in training only, and one that tells before the last layer which "
        "tokens the question is about. In a second part a layer is put before the last one that "
        "changes nothing at first; heads of the last three layers are shown what they shall look "
        "at, by gold boxes (the words of content, tokens that these are true of, the things that "
        "are meant), and the detector's layers rest for 60 % of the steps, then learn at a tenth "
        "of the rate. Pictures are scaled to 72 pixels.",
        "limits": "Knows what a crop shows; asked about one of several things of a whole picture "
        "it is right in two of three cases, and counts are often wrong. Answers something to any "
        "question, also to one that makes no sense. Size of a thing on a crop is read from "
        "sharpness and the width of strokes, which works for pictures of 96 pixels alone. "
        "Questions about relations between things were never asked.",
    },
    "match": {
        "class": "CLIPModel",
        "task": "zero-shot-image-classification",
        "what": "Says how well phrases fit the box of an object: `red cup`, `striped animal`, "
        "`cup`, `red`.",
        "data": "The box of one object a picture and step, moved by some percent, a quarter of "
        "them enlarged; 96 phrases shared by 64 boxes.",
        "recipe": "Both towers start as those of the detector. Sigmoid loss over all pairs of "
        "boxes and phrases; its fixed bias stands in `vprog.json`, so that sigmoid(logit + bias) "
        "is a belief. Boxes are scaled to 48 pixels.",
        "limits": "Compares phrases for one object; shown a whole picture it speaks of nothing in "
        "particular. Size is read from sharpness and strokes, which works for pictures of 96 "
        "pixels alone.",
    },
}


def card(name: str, scores: dict[str, Any], lines: list[dict[str, Any]], said: str) -> str:
    """The card of a checkpoint.

    Args:
        name: Of the checkpoint.
        scores: What ``vprog zoo score --json`` printed.
        lines: Validation lines of its curve.
        said: How it was trained: steps, rate, minutes.
    """
    about = ABOUT[name]
    rows = ["| figure | value | 95 % interval | majority | n |", "|---|---|---|---|---|"]
    for key, figure in scores[name].items():
        parts = {key: figure} | {
            f"{key}, {part}": figure[part] for part in ("crop", "scene") if part in figure
        }
        for label, one in parts.items():
            low, high = one["ci95"]
            rows.append(
                f"| {label} | {one['value']:.3f} | {low:.3f} to {high:.3f} | "
                f"{one['majority']:.3f} | {one['n']:,} |"
            )
    keys = list(lines[-1]["val"])
    curve = [f"| step | {' | '.join(keys)} |", "|---" * (len(keys) + 1) + "|"]
    for line in lines:
        figures = " | ".join(f"{line['val'][key]:.3f}" for key in keys)
        curve.append(f"| {line['step']} | {figures} |")
    return f"""---
license: apache-2.0
library_name: transformers
pipeline_tag: {about["task"]}
---
# zoo:{name}

{about["what"]} `{about["class"]}` with tokenizer and processor, half-precision weights.

## Data
64,000 pictures of the drawn world, domain `generalist`, split `train`, seed 7 (`vprog.world`,
`docs/world.md`), 96 pixels a side; nothing else. {about["data"]} Never seen: the styles `outline`
and `chalk`, their backgrounds, and 24 pairs of colour and kind.

## Recipe
`python recipes/zoo/{name}.py` ({said}). {about["recipe"]} Matrices of hidden layers by Muon, all
else by AdamW; 200 steps of warm-up, cosine over steps, moving average 0.998, gradients clipped at
1, fp32.

## Scores
`vprog zoo score --seed {scores["seed"]} --n {scores["n"]}`: freshly drawn pictures of the split
`test`.

{chr(10).join(rows)}

## Curve
Averaged weights on the split `val` (`curve.jsonl`).

{chr(10).join(curve)}

## Limits
{about["limits"]}
"""


def main() -> None:
    """Usage: card.py SCORES.json NAME HOW-IT-WAS-TRAINED."""
    scores = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = CHECKPOINTS / sys.argv[2]
    text = (folder / "curve.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    said = card(sys.argv[2], scores, lines, sys.argv[3])
    (folder / "README.md").write_text(said, encoding="utf-8")


if __name__ == "__main__":
    main()
