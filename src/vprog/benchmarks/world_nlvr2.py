"""world-nlvr2: statements about pairs of drawn pictures in NLVR2's format (``--task nlvr2``)."""

from __future__ import annotations

from dataclasses import replace

from vprog.benchmarks import nlvr2
from vprog.benchmarks.world_loader import SPLITS, with_scenes

BENCHMARK = replace(
    nlvr2.BENCHMARK,
    name="world-nlvr2",
    doc="NLVR2-style statements about pairs of drawn pictures (vprog world draw --task nlvr2)",
    splits=SPLITS,
    load=with_scenes(nlvr2.load),
)
