"""What a student is asked: the same turn in training and when it answers."""

from __future__ import annotations

from typing import Any

from vprog.distill.settings import Kind, PromptSettings
from vprog.distill.wording import words
from vprog.example import Example

_DEFAULT = PromptSettings()


def prompt_text(example: Example, kind: Kind, settings: PromptSettings = _DEFAULT) -> str:
    """Question, choices if there are any, and the instruction.

    Args:
        example: Whose question it is.
        kind: What is asked for.
        settings: The instructions.
    """
    return asking(example.with_choices(example.question), kind, settings)


def asking(question: str, kind: Kind, settings: PromptSettings = _DEFAULT) -> str:
    """A question, its choices included, with the instruction; see ``prompt_text``."""
    instruction = settings.instruction(kind)
    if settings.plain:
        return f"{words(question)} {words(instruction)}"
    return f"{question}\n{instruction}"


def user_turn(example: Example, kind: Kind, settings: PromptSettings = _DEFAULT) -> dict[str, Any]:
    """The user's message: a place for each picture, then the text, as chat templates take it."""
    pictures: list[dict[str, Any]] = [{"type": "image"} for _ in example.pictures]
    text = {"type": "text", "text": prompt_text(example, kind, settings)}
    return {"role": "user", "content": [*pictures, text]}


def assistant_turn(target: str) -> dict[str, Any]:
    """The message that a student learns to give."""
    return {"role": "assistant", "content": [{"type": "text", "text": target}]}
