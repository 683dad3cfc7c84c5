"""Students: the models of tools in training, through the same code that answers calls.

A student prepares rows of supervision with its model's own processor and prompt, as its backend
does, and computes from them what the model says, with gradients.

Students are trained in evaluation mode: without dropout the student before and the student now are
comparable, and a batch is repeatable.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from vprog.errors import InputError
from vprog.teach.supervision import Supervised
from vprog.tools.backends.hf.backend import HuggingFace
from vprog.tools.backends.hf.binding import open_backend, settings_class
from vprog.tools.backends.hf.settings import ModelSettings
from vprog.tools.backends.hf.views import Views

Part = Mapping[str, Any]
"""Rows that share a forward pass: tensors and targets by name, on the CPU. ``weights`` [rows] are
the shares of the rows in the loss."""

LEARNING = ("detect", "vqa", "match")


class Student(ABC):
    """A model of a tool that learns.

    Attributes:
        shares: Whether rows about one view share its pixels.
        backend: Answers calls with the student as it is.
    """

    shares: ClassVar[bool] = False

    def __init__(self, backend: Any) -> None:
        """Takes a backend that is loaded."""
        self.backend = backend

    @property
    @abstractmethod
    def model(self) -> Any:
        """The module that learns."""

    def refuses(self, row: Supervised) -> str:
        """Why a row cannot be learned from, without what is particular to it; "" if it can."""
        sure = row.confidence > 0 and row.weight > 0
        return self.unreadable(row) or ("" if sure else "no confidence")

    def unreadable(self, row: Supervised) -> str:
        """Why the student cannot be asked a row's call; "" if it can."""
        del row
        return ""

    @abstractmethod
    def prepare(self, rows: Sequence[Supervised], views: Views) -> list[Part]:
        """What the model reads of rows, and what it should say."""

    @abstractmethod
    def look(self, part: Part) -> Any:
        """What the model says, with gradients."""

    @abstractmethod
    def losses(self, said: Any, part: Part, temperature: float, dense: bool) -> tuple[Any, Any]:
        """Loss and size of each row: the loss of a batch is the quotient of their weighted sums."""

    @abstractmethod
    def keeps(self, said: Any, before: Any, part: Part, temperature: float) -> tuple[Any, Any]:
        """As ``losses``, of the student now against the student before on the same part."""

    def replayed(
        self, rows: Sequence[Supervised], pictures: Mapping[str, Any]
    ) -> Sequence[Supervised]:
        """Replayed calls as self-distillation wants them, whatever a teacher said of them."""
        del pictures
        return [dataclasses.replace(row, confidence=1.0) for row in rows]


def weight_of(row: Supervised) -> float:
    """The share of a row in the loss: how often it was asked and how sure its teacher is."""
    return row.weight * row.confidence


def student_settings(tool: str, model: str | ModelSettings) -> ModelSettings:
    """Settings of a student's backend: nothing kept between batches, weights that can learn.

    Args:
        tool: ``detect``, ``vqa`` or ``match``.
        model: As a toolbox names it, adapters included, or settings.

    Raises:
        InputError: The tool does not learn.
    """
    from vprog.tools.backends.hf.adapters import split_model
    from vprog.tools.backends.hf.source import is_hub_id

    if tool not in LEARNING:
        raise InputError(f"{tool!r} does not learn; these tools do: {', '.join(LEARNING)}")
    if isinstance(model, str):
        name, adapters = split_model(model)
        name, _, revision = name.partition("@") if is_hub_id(name.split("@")[0]) else (name, "", "")
        model = settings_class(tool, "student")(
            model=name, revision=revision or None, adapters=adapters
        )
    changes: dict[str, Any] = {}
    if hasattr(model, "cache_mb"):
        changes["cache_mb"] = 0
    if model.dtype == "auto":
        changes["dtype"] = "float32"
    return dataclasses.replace(model, **changes)


def toolbox_name(settings: ModelSettings) -> str:
    """What a toolbox names to get a student: model, revision and adapters."""
    revision = f"@{settings.revision}" if settings.revision else ""
    return " + ".join((settings.model + revision, *settings.adapters))


def open_student(tool: str, settings: ModelSettings) -> Student:
    """A student with its weights loaded.

    Raises:
        InputError: The model cannot be loaded, or no student is written for its class.
    """
    backend: HuggingFace[Any] = open_backend(tool, settings, "student")
    backend.prepare()
    if tool == "detect":
        from vprog.teach.student_detect import DinoStudent, OwlStudent

        owl = backend.source.model_type in ("owlvit", "owlv2")
        return (OwlStudent if owl else DinoStudent)(backend)
    if tool == "match":
        from vprog.teach.student_match import MatchStudent

        return MatchStudent(backend)
    from vprog.teach.student_vqa import ViltStudent
    from vprog.teach.student_words import BlipStudent, ChatStudent

    kinds: dict[str, type[Student]] = {"vilt": ViltStudent, "blip": BlipStudent}
    return kinds.get(backend.source.model_type, ChatStudent)(backend)
