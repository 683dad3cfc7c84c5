"""Writes the model card from what ``vprog zoo score --only vlm --json`` printed and the curve.

Usage: vlm_card.py SCORES.json HOW-IT-WAS-TRAINED.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import tokenizer  # noqa: F401  says where the other recipes are
from publish import CHECKPOINTS

# ruff: noqa: E501
CARD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: image-text-to-text
---
# zoo:vlm

A vision-language model of 2.4 million parameters that finds, names, counts and lists the things of
the drawn world and of grids of shapes: the student that programs are distilled into.
`AyaVisionForConditionalGeneration` with tokenizer, processor and chat template, half-precision
weights. A picture of 96 pixels is 36 tokens.

| prompt | answer |
|---|---|
| `find red cat` | `red cat : 2 at [3 4 9 12] and [20 21 25 28] .` or `red cat : none .` |
| `find animal left of red car` | `red car : 1 at [18 3 26 9] . left of [18 3 26 9] animal : 1 at [3 4 9 12] .` |
| `name [3 4 9 12]` | `[3 4 9 12] small red dotted cat .` |
| `count animals` | `animals : 2 .` |
| `list things` | every thing with its place, from left to right |
| `describe` | the things without places, and the background |
| `[3 4 9 12] is the cat red ? answer with a single word or phrase` | `yes` |
| the same, `explain the rationale to answer the question` | `[3 4 9 12] is the cat red ? yes . so the answer is yes .` |

A place is left, top, right, bottom in whole numbers from 0 to 31 across the picture and down it:
rationales for it are written with `grid = 32` and plain prompts.

## Data
64,000 pictures of the drawn world, domain `generalist`, split `train`, seed 7 (`vprog.world`,
`docs/world.md`), mirrored at random, and grids of shapes drawn after the description of SHAPES (one
picture in ten); questions by `recipes/vlm/tasks.py`, made anew at every step. No question of a
benchmark. Never seen: the styles `outline` and `chalk`, their backgrounds, 24 pairs of colour and
kind, any picture of SHAPES.

## Recipe
`python recipes/vlm/vlm.py` ({said}). The tower has the layers of `zoo:detect`, which rest over the
first steps; a Llama, 160 wide, 5 layers, from random weights. Up to 8 questions a picture stand
behind it without seeing each other. Loss on answers. In training only: things are read off picture
tokens by the words' own embeddings, and two heads each of three layers are shown where to look.
Hidden matrices by Muon, all else by AdamW; 200 steps of warm-up, cosine over steps, moving average 0.998,
gradients clipped at 1, fp32.

## Scores
`vprog zoo score --only vlm --seed {seed} --n {n}`: freshly drawn pictures of the split
`test`. Places count at an intersection over union of one half; `relation` is the last sentence of
two.

{scores}

## Curve
Averaged weights on 96 pictures of the split `val` (`curve.jsonl`).

{curve}

## Limits
Knows some six hundred words and one picture at a time (two are read, but were never trained).
Places are no finer than 3 pixels, and often two of these off: the right thing is found more often
than its box is met. Short of training: all figures still rose when its time was over. Chained questions, comparisons and yes-no questions about whole pictures
were never asked: that is what tuning is for.
"""


def main() -> None:
    """Fills the card in."""
    with open(sys.argv[1], encoding="utf-8") as file:
        scores: dict[str, Any] = json.load(file)
    folder = CHECKPOINTS / "vlm"
    lines = [json.loads(s) for s in (folder / "curve.jsonl").read_text("utf-8").splitlines()]
    rows = ["| figure | value | 95 % interval | majority | n |", "|---|---|---|---|---|"]
    for key, one in scores["vlm"].items():
        low, high = one["ci95"]
        rows.append(
            f"| {key} | {one['value']:.3f} | {low:.3f} to {high:.3f} | {one['majority']:.3f} | "
            f"{one['n']:,} |"
        )
    keys = list(lines[-1]["val"])
    curve = [f"| step | {' | '.join(keys)} |", "|---" * (len(keys) + 1) + "|"]
    for line in lines:
        figures = " | ".join(f"{line['val'][key]:.3f}" for key in keys)
        curve.append(f"| {line['step']} | {figures} |")
    text = CARD.format(
        said=sys.argv[2], seed=scores["seed"], n=scores["n"], scores="\n".join(rows),
        curve="\n".join(curve),
    )  # fmt: skip
    (folder / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
