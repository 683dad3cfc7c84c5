"""Writes the cards of taught checkpoints from ``docs/results/teach.json`` and how they were made.

Usage: ``python recipes/teach/card.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from target import CHECKPOINTS

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results" / "teach.json"
TASKS = {"detect": "zero-shot-object-detection", "match": "zero-shot-image-classification"}
ABOUT: Mapping[str, Mapping[str, str]] = {
    "detect-shapes": {
        "what": "`zoo:detect`, taught the figures of SHAPES (Andreas et al. 2016): `red`, "
        "`circle`, `blue square`, `shape`.",
        "data": "The pictures of train.small and train.tiny (704), these mirrored, and pictures "
        "with their nine cells in other places. The teacher, a convolutional network of 116 "
        "thousand numbers, was trained on the 704 pictures with boxes from picture processing; it "
        "answers the steps of the gold programs, and eight phrases more of each picture. The split "
        "val was neither trained on nor chosen by.",
        "limits": "Knows SHAPES' drawings: coloured figures on black, 30 x 30 pixels.",
    },
    "detect-nlvr": {
        "what": "`zoo:detect`, taught the objects of NLVR (Suhr et al. 2017): `yellow triangle`, "
        "`black object`, `block`. It sees a picture of 400 x 100 pixels as five overlapping "
        "squares (`longest` in `vprog.json`).",
        "data": "The 1,000 pictures of the train sample, and these mirrored. The teacher, a "
        "convolutional network, was trained on their structured boxes; it answers the steps of the "
        "hand-written programs, and phrases about pictures and grey boxes. Nothing of dev was "
        "trained on; its figures were seen while the number of steps and what the detector is "
        "shown (`view`) were settled. It learned 700 steps and 300 more (seed 0), and from these "
        "weights the 1,000 that are named below (`--start`).",
        "limits": "Knows NLVR's drawings. Boxes are off by a fraction of a pixel.",
    },
    "match-nlvr": {
        "what": "`zoo:match`, taught the colours and shapes of NLVR (Suhr et al. 2017): `black`, "
        "`blue block`.",
        "data": "Boxes that `zoo:detect-nlvr` found in the 1,000 pictures of the train sample, "
        "with the beliefs of the same teacher: what the hand-written programs ask of them, and "
        "phrases more. Nothing of dev was trained on; its figures were seen while the number of "
        "steps and what the detector is shown (`view`) were settled.",
        "limits": "Knows boxes of single objects of NLVR's drawings, no sizes.",
    },
}

SOURCES: Mapping[str, str] = {
    "shapes": "SHAPES: Andreas et al., CVPR 2016, files of https://github.com/ronghanghu/n2nmn, "
    "BSD-2-Clause.",
    "nlvr": "NLVR: Suhr et al., ACL 2017, https://github.com/lil-lab/nlvr, CC-BY-4.0.",
}


def card(name: str, results: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    """The card of a checkpoint.

    Args:
        name: Of the checkpoint.
        results: ``docs/results/teach.json``.
        made: ``taught.jsonl`` of the checkpoint.
    """
    about, (tool, _, task) = ABOUT[name], name.partition("-")
    rows = []
    for one in results["records"]:
        if one["task"] == task:
            low, high = (100 * end for end in one["ci95"])
            rows.append(
                f"| {one['row']} | {one['language']} | {100 * one['accuracy']:.1f} | "
                f"{low:.1f} to {high:.1f} | {one['n']:,} |"
            )
    steps = []
    for one in results["steps"]:
        if (one["task"], one["tool"]) == (task, tool):
            low, high = one["ci95"]
            steps.append(
                f"| {one['row']} | {one['value']:.4f} | {low:.4f} to {high:.4f} | {one['n']:,} |"
            )
    commit = next(r["commit"] for r in results["records"] if r["task"] == task)
    counts = ", ".join(f"{n:,} {kind}" for kind, n in made["rows"].items())
    kept = (
        ". Self-distillation on drawn pictures of the zoo's own domain"
        if "generalist" in made["rows"]
        else ", without self-distillation"
    )
    split = next(r["split"] for r in results["records"] if r["task"] == task)
    text = f"""---
license: apache-2.0
library_name: transformers
pipeline_tag: {TASKS[tool]}
---
# zoo:{name}

{about["what"]} Part of `--toolbox zoo:{task}`. An ordinary folder with tokenizer and processor,
half-precision weights.

## Data
{about["data"]}
{SOURCES[task]}

## Recipe
`python {made["recipe"]} --data DIR --seed {made["seed"]}`: stepwise distillation from a small
teacher (SDVP, arXiv 2309.09809; `docs/teach.md`), all {made["trained"]:,} numbers of
`{made["student"]}`, {made["steps"]:,} steps, rows: {counts}{kept}.
`taught.jsonl` and `curve.jsonl` hold what was logged.

## Scores
Programs of {task.upper()} {split}, accuracy in percent with 95 % interval; *replaced* is the
teacher in place of the tools, *upper* tools without mistakes (`python bench/teach.py`, commit
{commit}).

| row | language | accuracy | 95 % interval | n |
|---|---|---|---|---|
{chr(10).join(rows)}
"""
    if steps:
        text += f"""
F1 of boxes at IoU 0.5 over the phrases of `docs/results/teach.json`, n pictures.

| row | F1 | 95 % interval | n |
|---|---|---|---|
{chr(10).join(steps)}
"""
    return text + f"\n## Limits\n{about['limits']}\n"


def main() -> None:
    """Writes every card whose checkpoint is there."""
    results = json.loads(RESULTS.read_text("utf-8"))
    for name in ABOUT:
        folder = CHECKPOINTS / name
        if (folder / "taught.jsonl").exists():
            made = json.loads((folder / "taught.jsonl").read_text("utf-8"))
            (folder / "README.md").write_text(card(name, results, made), "utf-8")


if __name__ == "__main__":
    main()
