"""Trains ``shapes``: the zoo's writer, taught to read SHAPES' sentences.

It sees the sentences and gold programs of ``train.med`` and ``train.large`` (text alone) and half
as many questions of the drawn world. A tenth of the distinct sentences is kept back to choose by;
no sentence of ``val`` is in any training split, and none is looked at here.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from programs import canonical
from publish import CHECKPOINTS, save
from training import ROOT, Row, arguments, batches, exact, loss_of, plan, trainer_of
from transformers import AutoTokenizer, LlamaForCausalLM
from wording import prompt, wording
from writer import drawn, encode

from vprog.benchmarks.shapes import parse_expression, python_program, steps_program
from vprog.program.program import LANGUAGES

SPLITS = ("train.med", "train.large")
ROUND = 1_500


def sentences(data: Path) -> list[tuple[str, dict[str, str]]]:
    """The distinct sentences of the training splits with their programs, sorted."""
    found: dict[str, dict[str, str]] = {}
    for split in SPLITS:
        asked = (data / f"{split}.query_str.txt").read_text(encoding="utf-8").splitlines()
        queries = (data / f"{split}.query").read_text(encoding="utf-8").splitlines()
        for text, query in zip(asked, queries, strict=True):
            expression = parse_expression(query)
            found[text.strip()] = {
                "steps": steps_program(expression),
                "python": canonical(python_program(expression)),
            }
    return sorted(found.items())


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the checkpoint at the end."""
    parser = arguments("shapes", __doc__ or "", steps=1200, rate=1e-3)
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data" / "shapes",
        help="folder of the official files",
    )  # fmt: skip
    parser.add_argument("--writer", type=Path, default=CHECKPOINTS / "writer", help="start from")
    parser.add_argument("--questions", type=int, default=45_000, help="of the drawn world")
    given = parser.parse_args()
    task = plan(given)
    torch.manual_seed(task.seed)
    tokenizer = AutoTokenizer.from_pretrained(given.writer)
    model = LlamaForCausalLM.from_pretrained(given.writer, dtype=torch.float32)
    trainer = trainer_of(task, model)
    listed = sentences(given.data)
    random.Random(task.seed).shuffle(listed)
    kept, used = listed[: len(listed) // 10], listed[len(listed) // 10 :]
    trainer.log({"sentences": len(used), "kept_back": len(kept)})
    world = drawn("train", given.questions, task.seed)

    def rows(some: list[tuple[str, dict[str, str]]], language: str) -> list[Row]:
        pairs = [(prompt(language, "shapes", text), p[language]) for text, p in some]  # type: ignore[arg-type]
        return encode(tokenizer, pairs)

    def round_(number: int) -> list[list[Row]]:
        rng = random.Random(f"{task.seed}/{number}")
        pairs = []
        for text, programs in rng.choices(used, k=ROUND):
            language = rng.choice(LANGUAGES)
            pairs.append((prompt(language, "shapes", text), programs[language]))
        for asked in rng.choices(world, k=ROUND // 2):
            language = rng.choice(LANGUAGES)
            said = prompt(language, asked.task, wording(asked, rng))
            pairs.append((said, asked.programs[language]))
        found = batches(encode(tokenizer, pairs), given.tokens)
        rng.shuffle(found)
        return found

    def validate(average: Any) -> dict[str, float]:
        pad = tokenizer.pad_token_id
        return {f"kept_back_{k}": exact(average, rows(kept, k), pad) for k in LANGUAGES}

    if trainer.train(loss_of(model, tokenizer.pad_token_id, round_), validate):
        save(trainer, tokenizer, given.out)


if __name__ == "__main__":
    main()
