"""world-pope: questions for absent objects in drawn scenes in POPE's format (``--task pope``)."""

from __future__ import annotations

from dataclasses import replace

from vprog.benchmarks import pope
from vprog.benchmarks.world_loader import SPLITS, with_scenes

BENCHMARK = replace(
    pope.BENCHMARK,
    name="world-pope",
    doc="POPE-style questions for absent objects in drawn scenes (vprog world draw --task pope)",
    splits=SPLITS,
    load=with_scenes(pope.load),
)
