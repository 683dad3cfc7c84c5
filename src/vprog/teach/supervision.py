"""What a student learns from: a call and what its teacher says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vprog.example import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised:
    """A call of a learnable tool with a teacher's answer, in the tool's own terms.

    Attributes:
        tool: ``detect``, ``vqa`` or ``match``.
        region: The part of a picture that the call is about, in pixels of the whole picture.
        argument: What is asked: the phrase (``detect``), the question (``vqa``), or the options
            (``match``, a tuple of texts).
        boxes: ``detect``: what the phrase names, in pixels of the whole picture, each with the
            teacher's score; empty where there is nothing. None for other tools.
        distribution: ``vqa``: answer -> probability, all on one answer where the teacher only names
            it. ``match``: option -> belief in [0, 1], not normalised over the options. None for
            ``detect``.
        confidence: How sure the teacher is, in [0, 1].
        weight: How many calls of the programs it stands for.
    """

    tool: str
    region: Region
    argument: str | tuple[str, ...]
    boxes: tuple[Region, ...] | None
    distribution: Mapping[str, float] | None
    confidence: float = 1.0
    weight: float = 1.0
