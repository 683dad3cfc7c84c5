"""A program: source text and its language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from vprog.errors import InputError, known_names

Language = Literal["steps", "python"]
"""``steps``: VisProg's step DSL. ``python``: ViperGPT's Python over ImagePatch."""

LANGUAGES: tuple[str, ...] = get_args(Language)

MAX_CHARACTERS = 50_000
"""Longer program texts are refused by the check."""


@dataclass(frozen=True, slots=True)
class Program:
    """Source text in one of the two languages.

    Attributes:
        text: As written.
        language: ``steps`` or ``python``.
        logprob: The writer's log-probability, where it gave one.
    """

    text: str
    language: Language
    logprob: float | None = None


def to_language(name: str) -> Language:
    """Checks a language's name.

    Raises:
        InputError: Neither ``steps`` nor ``python``.
    """
    if name not in LANGUAGES:
        raise InputError(f"unknown language {name!r}. {known_names(name, LANGUAGES)}")
    return name  # type: ignore[return-value]


def input_names(pictures: int, language: Language) -> tuple[str, ...]:
    """The names under which a program finds the pictures of its example.

    Args:
        pictures: Number of pictures of the example.
        language: Of the program.

    Returns:
        ``steps``: IMAGE, or LEFT and RIGHT, or IMAGE1 ... ``python``: the parameters of
        ``execute_command`` by convention: image, or left and right, or video.
    """
    if language == "steps":
        if pictures == 1:
            return ("IMAGE",)
        if pictures == 2:
            return ("LEFT", "RIGHT")
        return tuple(f"IMAGE{i + 1}" for i in range(pictures))
    if pictures == 1:
        return ("image",)
    return ("left", "right") if pictures == 2 else ("video",)


def pictures_as(pictures: int, name: str) -> Literal["", "list", "dict", "video"]:
    """How several pictures are handed on to the only parameter for pictures.

    Args:
        pictures: Number of pictures of the example.
        name: Of the parameter.

    Returns:
        ``list`` (images, image_list); ``dict``, with the keys left and right (image_dict); or
        ``video``; "" where each picture has a parameter of its own.
    """
    if pictures < 2:
        return ""
    if name in ("images", "image_list", "image_patches", "patches"):
        return "list"
    if pictures == 2:
        return "dict" if name in ("image_dict", "images_dict") else ""
    return "video"
