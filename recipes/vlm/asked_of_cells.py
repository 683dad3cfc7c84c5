"""Batches of SHAPES: a picture, and behind it sentences of the training splits with their answers.

What a program finds one step after another is kept beside: training shows some heads where to look
by it (``shapes.py``).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from batches import HEAD, NOTHING, PREFIX
from cells import CELLS, Cells, denoted, rationale, stages
from model import IMAGE_TOKENS, SIDE
from tasks import EXPLAIN, SHORTLY
from tokenizer import BEGIN, CLOSE, PATCH, TILE, USER

from vprog.benchmarks.shapes import Expression

SHORT, WITH_LONG = 11, 4
"""Questions behind a picture for the short answer, and how many beside one for a rationale."""
OF_CELL = torch.zeros(CELLS, IMAGE_TOKENS, dtype=torch.bool)
for _cell in range(CELLS):
    for _token in range(IMAGE_TOKENS):
        _line, _column = divmod(_token, SIDE)
        OF_CELL[_cell, _token] = (_line // 2, _column // 2) == divmod(_cell, 3)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as the student reads it.

    Attributes:
        text: The sentence.
        expression: Its gold layout.
        ids: Its tokens.
        first: Where its first noun ends among these; the last one ends with them.
    """

    text: str
    expression: Expression
    ids: tuple[int, ...]
    first: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Tensors of a step.

    Attributes:
        pixels: float [B, 3, 96, 96] in [-1, 1].
        ids: [B, T].
        positions: [B, T].
        mask: Added to attention, [B, 1, T, T].
        answers: Where tokens stand before short answers, an index into [B * T], and the answers.
        told: The same of rationales, with the share of its rationale that a token is.
        wanted: Tokens of the picture that tokens of rationales are about, bool [told, 36].
        steps: For each of three steps (what the nouns name; what stands as the last one's
            relations say; all) where it is due, an index into [B * T], and where to look there:
            nowhere (the first token of all) or at tokens of the picture, bool [n, 37].
    """

    pixels: torch.Tensor
    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    answers: tuple[torch.Tensor, torch.Tensor]
    told: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    wanted: torch.Tensor
    steps: tuple[tuple[torch.Tensor, torch.Tensor], ...]


def read_sentences(words: Any, found: dict[str, Expression]) -> list[Sentence]:
    """Sentences with their tokens."""
    made = []
    for text, expression in found.items():
        ids = words(text, add_special_tokens=False).input_ids
        assert words.unk_token_id not in ids, text
        made.append(
            Sentence(text, expression, tuple(ids), 3 if "shape" in text.split()[3:4] else 2)
        )
    return made


def choose(
    rng: random.Random, sentences: Sequence[Sentence], masks: dict[str, np.ndarray], each: int
) -> list[list[int]]:
    """For every picture which sentences are asked: each is true as often as it is false."""
    truth = np.stack([denoted(s.expression, masks).any(-1) for s in sentences])
    chosen: list[list[int]] = [[] for _ in range(truth.shape[1])]
    free = set(range(len(chosen)))
    while free:
        one, right = rng.randrange(len(sentences)), rng.random() < 0.5
        fitting = [p for p in free if truth[one, p] == right and one not in chosen[p]]
        fitting = fitting or [p for p in free if one not in chosen[p]]
        if not fitting:
            continue
        picture = rng.choice(fitting)
        chosen[picture].append(one)
        if len(chosen[picture]) == each:
            free.remove(picture)
    return chosen


def looked_at(cells: np.ndarray) -> torch.Tensor:
    """Tokens of the picture for cells, bool [n, 9] -> [n, 37]; the first where there is none."""
    seen = torch.from_numpy(cells).float() @ OF_CELL.float() > 0
    return torch.cat([~seen.any(-1, keepdim=True), seen], 1)


def collate(
    words: Any,
    cells: Cells,
    grids: np.ndarray,
    sentences: Sequence[Sentence],
    asked: Sequence[Sequence[int]],
    long: int,
) -> Asked:
    """A batch of pictures with the sentences that are asked about each, rationales first."""
    code = words.convert_tokens_to_ids
    talk, end, yes, no = code(["<assistant>", "<end_of_utterance>", "yes", "no"])
    head = code([USER, BEGIN, TILE, *[PATCH] * IMAGE_TOKENS, CLOSE])
    tails = {k: words(text, add_special_tokens=False).input_ids for k, text in
             ((False, SHORTLY), (True, EXPLAIN))}  # fmt: skip
    masks = cells.masks(grids)
    rows, answers, told, wanted = [], [], [], []
    steps: list[list[tuple[int, int, np.ndarray]]] = [[], [], []]
    for row, chosen in enumerate(asked):
        here = {word: mask[row : row + 1] for word, mask in masks.items()}
        ids, places, owners = list(head), list(range(PREFIX)), [0] * PREFIX
        for number, index in enumerate(chosen, 1):
            sentence, start = sentences[index], len(ids)
            found = [denoted(part, here)[0] for part in stages(sentence.expression)]
            prompt = [*sentence.ids, *tails[number <= long], talk]
            before = start + len(prompt) - 1
            if number <= long:
                said = rationale(sentence.expression, cells, grids[row])
                target = [*code([word for word, _ in said]), end]
                for offset, (token, about) in enumerate(
                    zip(target, [*(cells_ for _, cells_ in said), None], strict=True)
                ):
                    told.append((row, before + offset, token, 1 / len(target)))
                    look = np.zeros(CELLS, bool)
                    look[list(about or ())] = True
                    wanted.append(look)
            else:
                target = [yes if found[-1].any() else no, end]
                answers += [(row, before, target[0]), (row, before + 1, end)]
            last = start + len(sentence.ids) - 1
            first = denoted(sentence.expression.operands[0], here)[0]
            steps[0] += [(row, start + sentence.first, first), (row, last, found[0])]
            steps[1].append((row, last, found[-2]))
            steps[2].append((row, before, found[-1]))
            one = [*prompt, *target]
            ids += one
            places += range(PREFIX, PREFIX + len(one))
            owners += [number] * len(one)
        rows.append((ids, places, owners))
    width = max(len(ids) for ids, *_ in rows)
    table = torch.zeros(3, len(rows), width, dtype=torch.long)
    table[2] = -1
    for row, parts in enumerate(rows):
        for index, part in enumerate(parts):
            table[index, row, : len(part)] = torch.tensor(part)
    owner = table[2]
    seen = (owner[:, None] == owner[:, :, None]) | (owner[:, None] == 0)
    seen &= torch.ones(width, width, dtype=torch.bool).tril()
    mask = torch.zeros(seen.shape).masked_fill_(~seen, NOTHING)[:, None]
    pixels = torch.from_numpy(cells.draw(grids, 96)).permute(0, 3, 1, 2).float()

    def index(places: Sequence[tuple[Any, ...]]) -> torch.Tensor:
        return torch.tensor([row * width + column for row, column, *_ in places])

    return Asked(
        pixels.div_(127.5).sub_(1).contiguous(), table[0], table[1], mask,
        (index(answers), torch.tensor([a[2] for a in answers])),
        (index(told), torch.tensor([t[2] for t in told]), torch.tensor([t[3] for t in told])),
        looked_at(np.array(wanted).reshape(-1, CELLS))[:, 1:],
        tuple((index(due), looked_at(np.stack([c for *_, c in due]))) for due in steps),
    )  # fmt: skip


assert HEAD + IMAGE_TOKENS + 1 == PREFIX
