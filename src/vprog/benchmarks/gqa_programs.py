"""Gold programs of GQA questions in both languages, from their functional programs alone.

Relations that boxes tell (left, right, above, below, by centres), positions in the picture, and the
equality of attributes are computed; every other relation becomes a simple question to ``vqa``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vprog.benchmarks.gqa_python import python_program
from vprog.benchmarks.gqa_semantic import Operation, read_semantic
from vprog.benchmarks.gqa_steps import steps_program

GQA_FAMILIES = ("color", "material", "shape")
"""What two objects of a photograph can have in common, in GQA."""

_LANGUAGES: Mapping[str, Callable[[Sequence[Operation], Sequence[str]], str]] = {
    "steps": steps_program,
    "python": python_program,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Programs(Mapping[str, str]):
    """Programs that are written when they are asked for: of most questions nobody asks."""

    operations: Sequence[Operation]
    families: Sequence[str]

    def __getitem__(self, language: str) -> str:
        return _LANGUAGES[language](self.operations, self.families)

    def __iter__(self) -> Iterator[str]:
        return iter(_LANGUAGES)

    def __len__(self) -> int:
        return len(_LANGUAGES)


def gqa_programs(
    semantic: Sequence[Mapping[str, Any]], families: Sequence[str] = GQA_FAMILIES
) -> Mapping[str, str]:
    """The gold programs of a question.

    Args:
        semantic: Its ``semantic`` field.
        families: Attribute families that ``common`` chooses from, in order; with ``size`` among
            them, ``larger`` and ``smaller`` compare size words.

    Returns:
        ``{"steps": ..., "python": ...}``.

    Raises:
        InputError: An operation is unknown or malformed.
    """
    return _Programs(read_semantic(semantic), families)
