"""What a report shows: an example, the trace of a program on it, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from vprog.errors import InputError
from vprog.example import Example, Picture
from vprog.trace import Trace

ReportVerdict = Literal["right", "wrong", "failed", "unlabelled"]
"""``right`` and ``wrong`` compare an answer with the labels, ``failed`` has no answer,
``unlabelled`` has an answer and no label to compare it with."""

VERDICTS: tuple[ReportVerdict, ...] = get_args(ReportVerdict)


@dataclass(frozen=True, slots=True)
class ReportItem:
    """One program's run on one example.

    Attributes:
        example: The question, its pictures and its accepted answers.
        trace: What the program did.
        verdict: What became of it.
        extra_pictures: Pictures that steps made (edited images), by ``Picture.id``; regions of a
            picture that is neither here nor in the example are shown as coordinates.
        notes: Further texts about the example by name, shown below the answers.
    """

    example: Example
    trace: Trace
    verdict: ReportVerdict
    extra_pictures: Mapping[str, Picture] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses a verdict that no filter knows."""
        if self.verdict not in VERDICTS:
            raise InputError(f"unknown verdict {self.verdict!r}. Known: {', '.join(VERDICTS)}")
