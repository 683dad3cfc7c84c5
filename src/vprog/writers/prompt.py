"""Prompts: what a writer's model is asked."""

from __future__ import annotations

from vprog.example import Example
from vprog.program.program import Language

VERSION = 1
"""Of the rules of this package; part of every fingerprint."""


def bare_prompt(language: Language, example: Example) -> str:
    """The whole user message for a model that was trained to write programs.

    Args:
        language: Of the program.
        example: With the question.

    Returns:
        ``steps 1 what colour is the cup?``: language, number of pictures, and the question in
        lower case with single blanks.
    """
    question = " ".join(example.question.lower().split())
    return f"{language} {len(example.pictures)} {question}"
