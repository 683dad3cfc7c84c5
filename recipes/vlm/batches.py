"""Batches: a picture, and behind it several questions that do not see each other.

A picture is read once for all its questions. Each question stands where it would stand alone
(positions, attention), so that a step is the same as one over single questions, only cheaper.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gaze import coverage, looked_at, meant, named, subjects
from model import IMAGE_TOKENS
from scenes import View
from tasks import Turn
from tokenizer import BEGIN, CLOSE, PATCH, TILE, USER

BUDGET = 150
"""Tokens of questions and answers for a picture; what does not fit is left out."""
HEAD = 3
"""Tokens before those of a picture."""
PREFIX = HEAD + IMAGE_TOKENS + 1
NOTHING = -1e9


@dataclass(frozen=True, slots=True)
class Packed:
    """What the model reads: pictures, and behind each its questions.

    Attributes:
        pixels: float [B, 3, 96, 96] in [-1, 1].
        ids: [B, T].
        positions: [B, T].
        mask: Added to attention, [B, 1, T, T].
    """

    pixels: torch.Tensor
    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor


@dataclass(frozen=True, slots=True)
class Batch(Packed):
    """Tensors of a step.

    Attributes:
        at: Where tokens stand before those that are to be said, as an index into [B * T].
        said: Those tokens.
        wanted: Tokens of the picture that they are about, bool [said, 36].
        reading: Where words of prompts stand that are true of things, as an index into [B * T],
            and tokens of the picture that stand for these, bool [words, 36].
        meaning: The same where answers begin, for all that a phrase means.
        boxes: Of things, shares of the picture, [B, slots, 4].
        facts: Of things, [B, slots, 4]; -1 where there is none.
    """

    at: torch.Tensor
    said: torch.Tensor
    wanted: torch.Tensor
    reading: tuple[torch.Tensor, torch.Tensor]
    meaning: tuple[torch.Tensor, torch.Tensor]
    boxes: torch.Tensor
    facts: torch.Tensor


def pixels_of(pictures: Sequence[np.ndarray]) -> torch.Tensor:
    """Pictures, uint8 [96, 96, 3], as the processor hands them on."""
    stacked = torch.from_numpy(np.stack(pictures))
    return stacked.permute(0, 3, 1, 2).float().div_(127.5).sub_(1).contiguous()


def table_of(rows: Sequence[Sequence[Sequence[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of tokens as tensors.

    Args:
        rows: For each picture lists of equal length: tokens, positions, to which question a token
            belongs (0 is the picture, which all see), and more.

    Returns:
        These lists filled up, [lists, B, T], and what is added to attention, [B, 1, T, T].
    """
    width = max(len(tokens) for tokens, *_ in rows)
    table = torch.zeros(len(rows[0]), len(rows), width, dtype=torch.long)
    table[2:] = -1
    for row, lists in enumerate(rows):
        for index, one in enumerate(lists):
            table[index, row, : len(one)] = torch.tensor(one)
    owner = table[2]
    seen = (owner[:, None] == owner[:, :, None]) | (owner[:, None] == 0)
    seen &= torch.ones(width, width, dtype=torch.bool).tril()
    return table, torch.zeros(seen.shape).masked_fill_(~seen, NOTHING)[:, None]


def collate(
    words: Any, views: Sequence[View], asked: Sequence[Sequence[Turn]], rng: random.Random
) -> Batch:
    """A batch of pictures with their turns."""
    talk, end = words.convert_tokens_to_ids(["<assistant>", "<end_of_utterance>"])
    head = words.convert_tokens_to_ids([USER, BEGIN, TILE, *[PATCH] * IMAGE_TOKENS, CLOSE])
    flat = [text for turns in asked for turn in turns for text in turn]
    coded = iter(words(flat, add_special_tokens=False).input_ids)
    rows: list[tuple[list[int], list[int], list[int], list[int]]] = []
    wanted: list[np.ndarray] = []
    reading: list[tuple[int, int, np.ndarray]] = []
    meaning: list[tuple[int, int, np.ndarray]] = []
    for view, turns in zip(views, asked, strict=True):
        covered = coverage(view)
        true_of = named(view)
        ids, places, owners, goals = list(head), list(range(PREFIX)), [0] * PREFIX, [-1] * PREFIX
        for number in range(1, len(turns) + 1):
            prompt, target = next(coded), next(coded)
            one = [*prompt, talk, *target, end]
            if len(ids) + len(one) > PREFIX + BUDGET and number > 1:
                continue
            said = words.convert_ids_to_tokens(prompt)
            here = [true_of.get(word, ()) for word in said]
            for column, mask in enumerate(looked_at(covered, here), len(ids)):
                if mask.any():
                    reading.append((len(rows), column, mask))
            mask = looked_at(covered, [meant(said, true_of)])[0]
            if mask.any():
                meaning.append((len(rows), len(ids) + len(said), mask))
            ids += one
            places += range(PREFIX, PREFIX + len(one))
            owners += [number] * len(one)
            goals += [-1] * len(prompt) + [*target, end, -1]
            about = subjects(view, *turns[number - 1])
            assert len(about) == len(target)
            wanted.append(looked_at(covered, [*about, ()]))
        rows.append((ids, places, owners, goals))
    (ids, positions, _, goal), mask = table_of(rows)
    width = ids.shape[1]
    at = (goal.flatten() >= 0).nonzero()[:, 0]
    slots = max(len(view.things) for view in views)
    boxes, facts = torch.zeros(len(views), slots, 4), torch.full((len(views), slots, 4), -1)
    for row, view in enumerate(views):
        for slot, thing in enumerate(view.things if not view.grid else ()):
            boxes[row, slot] = torch.tensor(thing.box_xyxy) / 96
            facts[row, slot] = torch.tensor(thing.facts)
    return Batch(
        pixels_of([view.pixels for view in views]), ids, positions, mask, at, goal.flatten()[at],
        torch.from_numpy(np.concatenate(wanted)), _gazes(reading, width), _gazes(meaning, width),
        boxes, facts,
    )  # fmt: skip


def _gazes(
    rows: Sequence[tuple[int, int, np.ndarray]], width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    at = torch.tensor([row * width + column for row, column, _ in rows], dtype=torch.long)
    masks = np.array([mask for *_, mask in rows], bool).reshape(-1, IMAGE_TOKENS)
    return at, torch.from_numpy(masks)
