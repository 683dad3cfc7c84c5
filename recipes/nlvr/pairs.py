"""Prompts and programs to train on, as rows of tokens."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import meaning as python
import steps
from corpus import spoken
from tokens import END, PROGRAM, USER
from words import misspelled

Row = tuple[list[int], int]
"""Tokens of prompt and program, and how many of them are the prompt."""


def prompt(language: str, sentence: str) -> str:
    """What the writers' bare prompt makes of an example with one picture."""
    return f"{language} 1 {' '.join(sentence.lower().split())}"


def drawn(rng: random.Random, python_share: float) -> tuple[str, str]:
    """A prompt and a program from the grammar, in that share of calls in `python`."""
    while True:
        sentence, meant = spoken(rng)
        if rng.random() < python_share:
            return prompt("python", sentence), python.program(meant)
        if (text := steps.program(meant)) is not None:
            return prompt("steps", sentence), text


def mixed(
    rng: random.Random,
    count: int,
    verified: Sequence[dict[str, Any]],
    share: float,
    python_share: float,
) -> list[tuple[str, str]]:
    """Pairs of the grammar, and that share of verified ones, some of them misspelled again."""
    pairs = []
    for _ in range(count):
        if verified and rng.random() < share:
            row = rng.choice(verified)
            sentence = row["sentence"]
            if rng.random() < 0.15:
                sentence = misspelled(sentence, rng)
            pairs.append((prompt(row["language"], sentence), row["program"]))
        else:
            pairs.append(drawn(rng, python_share))
    return pairs


def encode(tokenizer: Any, pairs: Iterable[tuple[str, str]]) -> list[Row]:
    """Prompts and programs as the chat template joins them."""
    pairs = list(pairs)
    asked = tokenizer([f"{USER}{text}{PROGRAM}" for text, _ in pairs], add_special_tokens=False)
    told = tokenizer([text + END for _, text in pairs], add_special_tokens=False)
    return [(a + t, len(a)) for a, t in zip(asked.input_ids, told.input_ids, strict=True)]


def read_verified(path: Path | None) -> list[dict[str, Any]]:
    """Rows of ``search.py``: sentence, language, program."""
    if path is None:
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
