"""A drawn world with exact gold scenes, written in the file formats of real benchmarks."""

from vprog.world.domains import DOMAINS, Domain
from vprog.world.write import SPLITS, TASKS, write

__all__ = ["DOMAINS", "SPLITS", "TASKS", "Domain", "write"]
