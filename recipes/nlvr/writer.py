r"""Trains ``nlvr``: a tiny Llama that writes programs for NLVR's statements, in rounds.

    python recipes/nlvr/writer.py --name nlvr-0
    python recipes/nlvr/search.py --writer runs/writer/nlvr-0/model
    python recipes/nlvr/writer.py --name nlvr-1 --start runs/writer/nlvr-0/model \
        --verified runs/nlvr/verified.jsonl

Round 0 knows the grammar alone. Later rounds add what ``search.py`` verified: programs that the
writer of the round before wrote for labelled statements, and that gave the right label. The same
command again goes on where it stopped.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "writer"))

import torch
from pairs import Row, drawn, encode, mixed, read_verified
from publish import save
from tokens import PYTHON, STEPS, config, train_tokenizer
from training import arguments, batches, exact, loss_of, plan, trainer_of
from transformers import AutoTokenizer, LlamaForCausalLM

ROUND = 8_000
"""Pairs of a round, sorted into batches by length."""
VAL = 400


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the model at the end."""
    parser = arguments("nlvr-0", __doc__ or "", steps=5000, rate=5e-3)
    parser.add_argument("--start", type=Path, default=None, help="model of the round before")
    parser.add_argument("--verified", type=Path, default=None, help="what search.py wrote")
    parser.add_argument("--share", type=float, default=0.3, help="of verified pairs in a batch")
    parser.add_argument("--python", type=float, default=0.6, help="share of the language python")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    given = parser.parse_args()
    task = plan(given)
    torch.manual_seed(task.seed)
    if given.start is None:
        rng = random.Random(f"{task.seed}/words")
        tokenizer = train_tokenizer(
            (drawn(rng, given.python)[0] for _ in range(10_000)), (*PYTHON, *STEPS)
        )
        model = LlamaForCausalLM(config(len(tokenizer), width=given.width, layers=given.layers))
    else:
        tokenizer = AutoTokenizer.from_pretrained(given.start)
        model = LlamaForCausalLM.from_pretrained(given.start, dtype=torch.float32)
    verified = read_verified(given.verified)
    trainer = trainer_of(task, model)
    fresh = random.Random("val")
    val = {
        name: encode(tokenizer, [drawn(fresh, share) for _ in range(VAL)])
        for name, share in (("python", 1.0), ("steps", 0.0))
    }

    def round_(number: int) -> list[list[Row]]:
        rng = random.Random(f"{task.seed}/{number}")
        pairs = mixed(rng, ROUND, verified, given.share, given.python)
        found: list[list[Row]] = batches(encode(tokenizer, pairs), given.tokens)
        rng.shuffle(found)
        return found

    def validate(average: Any) -> dict[str, float]:
        out = given.out or task.folder / "model"
        average.save_pretrained(out)
        tokenizer.save_pretrained(out)
        return {k: exact(average, rows, tokenizer.pad_token_id) for k, rows in val.items()}

    if trainer.train(loss_of(model, tokenizer.pad_token_id, round_), validate):
        save(trainer, tokenizer, given.out or task.folder / "model")


if __name__ == "__main__":
    main()
