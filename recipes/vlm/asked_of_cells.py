"""Batches of SHAPES: a picture, and behind it sentences of the training splits with their answers.

What a program finds one step after another is kept beside: training shows some heads where to look
by it (``shapes.py``).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from batches import PREFIX, Packed, pixels_of, table_of
from cells import CELLS, COLORS, Cells, denoted, last_noun, rationale, relations
from model import IMAGE_TOKENS
from tasks import EXPLAIN, SHORTLY
from tokenizer import BEGIN, CLOSE, PATCH, TILE, USER

from vprog.benchmarks.shapes import GRID, Expression

SHORT, WITH_LONG = 11, 4
"""Questions behind a picture for the short answer, and how many beside one for a rationale."""
DECIDES = (":", "is")
"""Words of a rationale behind which stands how many were found, or the answer."""
DECIDING = 4
"""How many times as much tokens of a rationale weigh that follow from what stands before them: how
many were found, and the answer. All else is copied or read from the picture."""
ALSO = 3
"""How many times more of these where it is what two lists have in common: explanations came to
another answer than the short one there, most of all."""
CELL_OF_TOKEN = np.arange(CELLS).reshape(GRID, GRID).repeat(2, 0).repeat(2, 1).flatten()
"""Four tokens of the picture stand for a cell."""


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
class Asked(Packed):
    """Tensors of a step.

    Attributes:
        answers: Where tokens stand before short answers, an index into [B * T], and the answers.
        told: The same of rationales, with the weight of a token in its rationale.
        wanted: Tokens of the picture that tokens of rationales are about, bool [told, 36].
        steps: For each of three steps (what the nouns name; what stands as the last one's
            relations say; all) where it is due, an index into [B * T], and where to look there:
            nowhere (the first token of all) or at tokens of the picture, bool [n, 37].
        decided: The same where a rationale says how many a step has found, and the answer.
    """

    answers: tuple[torch.Tensor, torch.Tensor]
    told: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    wanted: torch.Tensor
    steps: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    decided: tuple[torch.Tensor, torch.Tensor]


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
    """For every picture which sentences are asked.

    Sentences with no, one and two relations and those of two colours without one (``is a green
    shape red``) are asked equally often. Of those with relations each is true as often as false
    where it can be both in a batch. Without a relation most are false of whatever is asked, so
    there the answer is drawn first, and then a sentence that has it.
    """
    truth = np.stack([denoted(s.expression, masks).any(-1) for s in sentences])
    kinds: dict[tuple[int, bool], list[int]] = {}
    for index, sentence in enumerate(sentences):
        count = relations(sentence.expression)
        heads = {operand.head for operand in sentence.expression.operands}
        kinds.setdefault((count, not count and heads <= {*COLORS}), []).append(index)
    chosen: list[list[int]] = [[] for _ in range(truth.shape[1])]
    free = set(range(len(chosen)))
    while free:
        kind, right = rng.choice(list(kinds)), rng.random() < 0.5
        if kind[0]:
            pairs = product([rng.choice(kinds[kind])], sorted(free))
        else:
            pairs = product(kinds[kind], [rng.choice(sorted(free))])
        fresh = [(one, picture) for one, picture in pairs if one not in chosen[picture]]
        fitting = [pair for pair in fresh if truth[pair] == right] or fresh
        if not fitting:
            continue
        one, picture = rng.choice(fitting)
        chosen[picture].append(one)
        if len(chosen[picture]) == each:
            free.remove(picture)
    return chosen


def deciding(said: Sequence[str]) -> list[int]:
    """How much the word behind each of a rationale's words weighs."""
    weights, also = [], False
    for word in said:
        also = (also or word == "also") and word != "."
        weights.append(DECIDING * (ALSO if also else 1) if word in DECIDES else 1)
    return weights


def looked_at(cells: np.ndarray) -> torch.Tensor:
    """Tokens of the picture for cells, bool [n, 9] -> [n, 37]; the first where there is none."""
    seen = torch.from_numpy(cells[:, CELL_OF_TOKEN])
    return torch.cat([~seen.any(-1, keepdim=True), seen], 1)


def collate(
    words: Any,
    cells: Cells,
    grids: np.ndarray,
    sentences: Sequence[Sentence],
    asked: Sequence[Sequence[int]],
    long: int,
    disguises: Sequence[Mapping[str, str]] = (),
) -> Asked:
    """A batch of pictures with the sentences that are asked about each, rationales first.

    Args:
        words: Tokenizer.
        cells: What stands in cells.
        grids: The pictures.
        sentences: All that can be asked.
        asked: For each picture, which of them.
        long: How many of these are asked for a rationale.
        disguises: For each picture colours that others take the place of, in pixels and words.
    """
    code = words.convert_tokens_to_ids
    talk, end, yes, no = code(["<assistant>", "<end_of_utterance>", "yes", "no"])
    head = code([USER, BEGIN, TILE, *[PATCH] * IMAGE_TOKENS, CLOSE])
    shortly, explain = words([SHORTLY, EXPLAIN], add_special_tokens=False).input_ids
    masks = cells.masks(grids)
    rows, answers, told, wanted = [], [], [], []
    decided: list[tuple[int, int, np.ndarray]] = []
    steps: list[list[tuple[int, int, np.ndarray]]] = [[], [], []]
    for row, chosen in enumerate(asked):
        here = {word: mask[row : row + 1] for word, mask in masks.items()}
        first = len(told)
        ids, places, owners = list(head), list(range(PREFIX)), [0] * PREFIX
        for number, index in enumerate(chosen, 1):
            sentence, start = sentences[index], len(ids)
            expression = sentence.expression
            subject, beside = (denoted(part, here)[0] for part in expression.operands)
            prompt = [*sentence.ids, *(explain if number <= long else shortly), talk]
            before = start + len(prompt) - 1
            if number <= long:
                said = rationale(expression, cells, grids[row])
                target = [*code([word for word, _ in said]), end]
                assert words.unk_token_id not in target
                follows = deciding([word for word, _ in said])
                weights = np.array([1, *follows]) / (1 + sum(follows))
                for offset, (token, about) in enumerate(
                    zip(target, [*(cells_ for _, cells_ in said), None], strict=True)
                ):
                    told.append((row, before + offset, token, weights[offset]))
                    look = np.zeros(CELLS, bool)
                    look[list(about or ())] = True
                    wanted.append(look)
                    if offset and said[offset - 1][0] in DECIDES:
                        decided.append((row, before + offset, look))
            else:
                target = [yes if (subject & beside).any() else no, end]
                answers += [(row, before, target[0]), (row, before + 1, end)]
            last = start + len(sentence.ids) - 1
            noun = denoted(last_noun(expression), here)[0]
            steps[0] += [(row, start + sentence.first, subject), (row, last, noun)]
            steps[1].append((row, last, beside))
            steps[2].append((row, before, subject & beside))
            one = [*prompt, *target]
            ids += one
            places += range(PREFIX, PREFIX + len(one))
            owners += [number] * len(one)
        worn = disguises[row] if disguises else {}
        other = dict(zip(code(list(worn)), code(list(worn.values())), strict=True))
        rows.append(([other.get(one, one) for one in ids], places, owners))
        told[first:] = [(r, c, other.get(one, one), w) for r, c, one, w in told[first:]]
    (token_ids, positions, _), mask = table_of(rows)

    def index(places: Sequence[tuple[Any, ...]]) -> torch.Tensor:
        return torch.tensor([row * token_ids.shape[1] + column for row, column, *_ in places])

    return Asked(
        pixels_of(cells.draw(grids, 96, disguises)), token_ids, positions, mask,
        (index(answers), torch.tensor([a[2] for a in answers])),
        (index(told), torch.tensor([t[2] for t in told]), torch.tensor([t[3] for t in told])),
        looked_at(np.array(wanted, bool).reshape(-1, CELLS))[:, 1:],
        tuple((index(due), looked_at(np.stack([c for *_, c in due]))) for due in steps),
        (index(decided), looked_at(np.array([c for *_, c in decided], bool).reshape(-1, CELLS))),
    )  # fmt: skip
