"""Writes the model card of ``nlvr`` from what the recipe and `vprog score --json` printed.

python recipes/nlvr/card.py --search runs/nlvr/*.json --score dev-python.json dev-steps.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "vprog" / "zoo" / "checkpoints" / "nlvr"

TEXT = """---
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
---
# zoo:nlvr

Writes programs, in either language, for statements like those of NLVR (Suhr et al., ACL 2017):
`there is a tower with four blocks having a blue block at the top`. `LlamaForCausalLM` of
{parameters:,} parameters with tokenizer and chat template, half-precision weights. The prompt is
the bare one: language, number of pictures, statement in lower case.

    vprog run nlvr --data DIR --split S --writer zoo:nlvr --toolbox pixels --language python

## Data
Statements and programs drawn from the grammar in `recipes/nlvr`, whose phrases and readings follow
the statements of NLVR's train sample (1,000 statements, one picture each, lil-lab/nlvr 18924841,
CC-BY-4.0); from round 1 on also the programs that the round before wrote for four fifths of these
statements, as far as `search.py` trusts them. Of the sample only labels and pictures judge
programs; no program of it was written for training, and the 100 that are written by hand only serve
to refuse what answers otherwise. Nothing of dev was used.
NLVR: Suhr et al., ACL 2017, https://github.com/lil-lab/nlvr, CC-BY-4.0.

## Recipe
{how} Muon and AdamW, moving average 0.99, gradients clipped at 1, fp32, one thread, seed {seed}.

## Search
Accuracy on the train sample's pictures, by pixels, of the first choice and of the vote over 13
proposals; `held out` is a fifth of the statements that no round trained on.

{search}

## Scores
Split dev: 5,934 pictures of 989 items; `new` statements do not occur in the train sample.

{scores}

## Limits
Knows NLVR's world: three boxes, squares, circles and triangles in three colours and sizes. Words it
has never met are read by their letters and may be taken for others. Statements that compare boxes
by position or ask for the tallest tower have no words in its grammar.
"""


def search_table(files: list[Path]) -> str:
    """A row for every round, language and part."""
    rows = [
        "| round | language | part | n | first choice | vote | any of 13 | kept |",
        "|---" * 8 + "|",
    ]
    for number, file in enumerate(files):
        summary = json.loads(file.read_text(encoding="utf-8"))
        for language, parts in summary["scores"].items():
            for part, row in parts.items():
                kept = summary["kept"].get(language, 0) if part == "search" else "-"
                rows.append(
                    f"| {number} | {language} | {part} | {row['n']} | {row['first']:.3f} | "
                    f"{row['vote']:.3f} | {row['any']:.3f} | {kept} |"
                )
    return "\n".join(rows)


def score_table(files: list[Path]) -> str:
    """Accuracy of all, seen and new statements, and consistency, for every run."""
    rows = ["| run | figure | value | 95 % interval | n |", "|---" * 5 + "|"]
    for file in files:
        for run in _runs(json.loads(file.read_text(encoding="utf-8"))):
            name = Path(run["run"]).name
            for key, figure in run["metrics"].items():
                rows.append(f"| {name} | {key} | {_figure(figure)} | {figure.get('n', run['n'])} |")
            for part, figure in run["by_type"].get("sentence", {}).items():
                rows.append(f"| {name} | accuracy, {part} | {_figure(figure)} | {figure['n']} |")
    return "\n".join(rows)


def _runs(data: Any) -> list[dict[str, Any]]:
    return list(data["runs"]) if "runs" in data else [data]


def _figure(figure: dict[str, Any]) -> str:
    low, high = figure["ci95"]
    return f"{figure['value']:.4f} | {low:.4f} to {high:.4f}"


def main() -> None:
    """Writes README.md beside the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--search", type=Path, nargs="+", required=True)
    parser.add_argument("--score", type=Path, nargs="+", required=True)
    parser.add_argument("--how", required=True, help="rounds and steps, a sentence each")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--parameters", type=int, required=True)
    given = parser.parse_args()
    text = TEXT.format(
        parameters=given.parameters,
        how=given.how,
        seed=given.seed,
        search=search_table(given.search),
        scores=score_table(given.score),
    )
    (FOLDER / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
