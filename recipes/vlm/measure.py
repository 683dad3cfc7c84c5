"""Figures of a vision-language model: finding, naming, counting, following a relation."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from batches import pixels_of
from model import tokens
from pictures import Pictures
from scenes import GRID, SIDE, View, drawn
from tasks import Turn, count, find, name, relation

from vprog.evaluation.zoo.metrics import f1, found

Answerer = Callable[[Sequence[View], Sequence[str]], list[str]]
"""Pictures and a prompt for each -> what the model says."""
BOX = re.compile(r"\[(\d+) (\d+) (\d+) (\d+)\]")


def boxes(text: str) -> list[tuple[float, ...]]:
    """Every box of a text, in pixels of a picture of 96."""
    scale = SIDE / (GRID - 1)
    return [tuple(int(n) * scale for n in found) for found in BOX.findall(text)]


def answers(model: Any, words: Any, longest: int = 80) -> Answerer:
    """Greedy answers of a model in memory, prompts of one length at once."""
    from tokenizer import BEGIN, CLOSE, PATCH, TILE, USER

    def answer(views: Sequence[View], prompts: Sequence[str]) -> list[str]:
        said = [""] * len(views)
        head = words.convert_tokens_to_ids([USER, BEGIN, TILE, *[PATCH] * 36, CLOSE])
        talk = words.convert_tokens_to_ids("<assistant>")
        coded = [head + words(p, add_special_tokens=False).input_ids + [talk] for p in prompts]
        for length in sorted({len(ids) for ids in coded}):
            rows = [i for i, ids in enumerate(coded) if len(ids) == length]
            ids = torch.tensor([coded[i] for i in rows])
            embedded = model.get_input_embeddings()(ids)
            embedded[:, 3:39] = tokens(model, pixels_of([views[i].pixels for i in rows]))
            cache, done = None, torch.zeros(len(rows), dtype=torch.bool)
            written = []
            for _ in range(longest):
                out = model.model.language_model(
                    inputs_embeds=embedded, past_key_values=cache, use_cache=True
                )
                cache = out.past_key_values
                chosen = model.lm_head(out.last_hidden_state[:, -1]).argmax(-1)
                done |= chosen == words.eos_token_id
                written.append(chosen.masked_fill(done, words.eos_token_id))
                if done.all():
                    break
                embedded = model.get_input_embeddings()(chosen)[:, None]
            texts = words.batch_decode(torch.stack(written, 1), skip_special_tokens=True)
            for index, text in zip(rows, texts, strict=True):
                said[index] = text
        return said

    return answer


def figures(answer: Answerer, pictures: Pictures, n: int) -> dict[str, float]:
    """F1 of boxes of ``find`` and of relations, shares of right names and counts."""
    views = [drawn(pictures, row) for row in range(n)]
    result = {}
    for manner in (find, relation, name, count):
        asked: list[Turn] = []
        for row, view in enumerate(views):
            rng = random.Random(f"{row}/{manner.__name__}")
            turn = manner(rng, view)
            while "<unk>" in turn[0]:
                turn = manner(rng, view)
            asked.append(turn)
        said = answer(views, [prompt for prompt, _ in asked])
        if manner in (find, relation):
            tallies = [
                found(boxes(_last(text)), boxes(_last(gold)))
                for text, (_, gold) in zip(said, asked, strict=True)
            ]
            result[f"{manner.__name__}_f1"] = f1(tallies)
        else:
            right = [text == gold for text, (_, gold) in zip(said, asked, strict=True)]
            result[manner.__name__] = float(np.mean(right))
    return result


def _last(text: str) -> str:
    """What the last sentence says after its colon."""
    return text.rstrip(" .").rsplit(" . ", 1)[-1].rsplit(" : ", 1)[-1]
