"""Writes a writer's model card from its curve and from finished runs.

Usage: card.py NAME HOW-IT-WAS-TRAINED RUN [RUN ...]
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from publish import CHECKPOINTS

from vprog.evaluation.score import score_run
from vprog.evaluation.statistics import wilson
from vprog.runs.folder import read_settings, read_traces

ABOUT: dict[str, dict[str, str]] = {
    "writer": {
        "flag": "zoo",
        "what": "Writes programs for questions of the drawn world (`world-gqa`, `world-nlvr2`, "
        "`world-tally`, `world-pope`), in both languages.",
        "data": "90,000 questions drawn as meanings with gold programs, seed 7; no picture was "
        "painted. Each time one is used it is put into other words: a quarter in the world's own, "
        "the rest in the frames of `vprog.world.paraphrases` that are for training, three in ten "
        "roughened (openings, British spelling, no marks, unknown words). Every fifth frame of "
        "every form of question, 122 of 676, is held out for good, and so are some relative "
        "clauses. 2,148 further frames were written for training without sight of the "
        "held-out ones; what one of these can also say was left out. Colours and kinds occur in "
        "all pairs.",
        "measured": "Questions in held-out frames about fresh scenes: `vprog world draw --task "
        "TASK --split test --seed 2026 --n N --phrasing held-out`, then `vprog run world-TASK "
        "--split test --writer zoo --k K --temperature 0.5 --toolbox oracle`.",
        "recipe": "From scratch; 4 layers, 128 wide, one vocabulary of whole words for questions "
        "and programs, so that a copied word is the same token in both. Python programs have "
        "their variables named in the order of lines (`patches_1`, `patch_1`), which is easier to "
        "learn than names after nouns. Muon for matrices, Adam for the rest, a straight line down "
        "in the learning rate, moving average 0.99, fp32.",
        "limits": "Knows the words of the drawn world and of SHAPES alone; other words are unknown "
        "ones, and what they name cannot be written. Writes some program for any text.",
    },
    "shapes": {
        "flag": "zoo:shapes",
        "what": "Writes programs for the sentences of SHAPES (Andreas et al., CVPR 2016), in both "
        "languages; it starts as `zoo:writer`.",
        "data": "The distinct sentences of `train.med` and `train.large` with programs made of "
        "their layouts (text alone, a tenth kept back to choose by), and half as many questions "
        "of the drawn world. No sentence of `val` is among them.\n"
        "SHAPES: Andreas et al., CVPR 2016, files of https://github.com/ronghanghu/n2nmn, "
        "BSD-2-Clause.",
        "measured": "`vprog run shapes --data DIR --split val --writer zoo:shapes --toolbox "
        "pixels`; majority .615.",
        "recipe": "All weights of `zoo:writer` trained on; optimisers and average as there.",
        "limits": "Knows what SHAPES' sentences say: two figures or colours and up to two "
        "relations.",
    },
}


def scores(runs: list[Path]) -> list[str]:
    """Rows of the table: the first program's answer, and any candidate's that verifies."""
    rows = [
        "| benchmark | split | language | tools | k | n | accuracy | any verified |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        figures = score_run(run).figures
        right: defaultdict[str, list[bool]] = defaultdict(list)
        k = int(read_settings(run)["sampling"]["k"])
        for record in read_traces(run):
            right[record.trace.example_id].append(record.verdict.judgement == "right")
        some = sum(map(any, right.values()))
        low, high = wilson(some, len(right))
        accuracy = figures["metrics"]["accuracy"]
        first = "{:.3f} ({:.3f} to {:.3f})".format(accuracy["value"], *accuracy["ci95"])
        shared = f"{some / len(right):.3f} ({low:.3f} to {high:.3f})" if k > 1 else ""
        rows.append(
            f"| {figures['benchmark']} | {figures['split']} | {figures['language']} | "
            f"{figures['toolbox']} | {k} | {len(right):,} | {first} | "
            f"{shared} |"
        )
    return rows


def card(name: str, said: str, runs: list[Path]) -> str:
    """The card of a checkpoint.

    Args:
        name: Of the checkpoint.
        said: How it was trained: steps, batch, minutes, seed.
        runs: Folders of finished runs.
    """
    about = ABOUT[name]
    text = (CHECKPOINTS / name / "curve.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    keys = list(lines[-1]["val"])
    curve = [f"| step | {' | '.join(keys)} |", "|---" * (len(keys) + 1) + "|"]
    for line in lines:
        figures = " | ".join(f"{line['val'][key]:.3f}" for key in keys)
        curve.append(f"| {line['step']} | {figures} |")
    return f"""---
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
---
# zoo:{name}

{about["what"]} `--writer {about["flag"]}`; `LlamaForCausalLM` with tokenizer and chat template,
half-precision weights. A prompt is `steps 1 is the cat red?`: language, number of pictures and
question.

## Data
{about["data"]}

## Recipe
`python recipes/writer/{name}.py` ({said}). {about["recipe"]}

## Scores
{about["measured"]}

{chr(10).join(scores(runs))}

Intervals are 95 %. Where k is above 1, `accuracy` is that of the first candidate and `any
verified` counts questions for which a candidate gives the label.

## Curve
Share of programs that greedy decoding writes to the letter (`curve.jsonl`).

{chr(10).join(curve)}

## Limits
{about["limits"]}
"""


def main() -> None:
    """See the module."""
    name, said, *runs = sys.argv[1:]
    text = card(name, said, [Path(run) for run in runs])
    (CHECKPOINTS / name / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
