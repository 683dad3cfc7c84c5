"""world-refer: referring expressions about drawn scenes in RefCOCO's format."""

from __future__ import annotations

from dataclasses import replace

from vprog.benchmarks import refcoco
from vprog.benchmarks.world_loader import SPLITS, with_scenes

BENCHMARK = replace(
    refcoco.BENCHMARK,
    name="world-refer",
    doc="RefCOCO-style referring expressions about drawn scenes (vprog world draw --task refer)",
    splits=SPLITS,
    load=with_scenes(refcoco.load),
)
