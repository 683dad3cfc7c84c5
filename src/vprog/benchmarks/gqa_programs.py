"""Gold programs of GQA questions in both languages, from their functional programs alone.

Relations that boxes tell (left, right, above, below, by centres), positions in the picture, and the
equality of attributes are computed; every other relation becomes a simple question to ``vqa``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vprog.benchmarks.gqa_python import python_program
from vprog.benchmarks.gqa_semantic import read_semantic
from vprog.benchmarks.gqa_steps import steps_program

GQA_FAMILIES = ("color", "material", "shape")
"""What two objects of a photograph can have in common, in GQA."""


def gqa_programs(
    semantic: Sequence[Mapping[str, Any]], families: Sequence[str] = GQA_FAMILIES
) -> dict[str, str]:
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
    operations = read_semantic(semantic)
    return {
        "steps": steps_program(operations, families),
        "python": python_program(operations, families),
    }
