"""Gold programs of drawn questions in the files of benchmarks of photographs.

``vprog.world`` adds a column ``semantic`` to its rows; published files have none, and no programs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vprog.benchmarks.gqa_programs import gqa_programs
from vprog.benchmarks.world_programs import statement_programs
from vprog.errors import InputError

FAMILIES = ("color", "size", "pattern")
"""Attribute families of the drawn world, in the order in which programs compare them."""


def drawn_programs(row: Mapping[str, Any], where: str) -> Mapping[str, str]:
    """The gold programs of a row by language; none where it has no column ``semantic``.

    Args:
        row: Of a benchmark's file. ``semantic`` is GQA's, or that of ``world.statements``, and may
            be JSON text.
        where: Its place, for messages.

    Raises:
        InputError: The column is malformed.
    """
    semantic = row.get("semantic")
    if not semantic:
        return {}
    try:
        if isinstance(semantic, str):
            semantic = json.loads(semantic)
        if isinstance(semantic[0], Mapping):
            return gqa_programs(semantic, FAMILIES)
    except (InputError, json.JSONDecodeError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{where}: column 'semantic' is malformed: {error}") from error
    return statement_programs(semantic, where)
