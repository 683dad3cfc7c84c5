"""A drawn world with exact gold scenes, written in the file formats of real benchmarks."""

from vprog.world.domains import DOMAINS, Domain
from vprog.world.official import write_official
from vprog.world.official_rows import FORMATS
from vprog.world.write import SPLITS, TASKS, write

OFFICIAL_TASKS: tuple[str, ...] = tuple(FORMATS)
"""Benchmarks of photographs whose files ``write_official`` writes."""

__all__ = ["DOMAINS", "OFFICIAL_TASKS", "SPLITS", "TASKS", "Domain", "write", "write_official"]
