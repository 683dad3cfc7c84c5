"""world-gqa: questions in GQA's schema about drawn scenes (``vprog world draw --task gqa``)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from vprog.benchmarks import gqa
from vprog.benchmarks.world_loader import SPLITS, with_scenes

FAMILIES = ("color", "size", "pattern")
"""Attribute families of the drawn world, in the order in which programs compare them."""

BENCHMARK = replace(
    gqa.BENCHMARK,
    name="world-gqa",
    doc="GQA-style questions about drawn scenes (vprog world draw --task gqa)",
    splits=SPLITS,
    load=with_scenes(partial(gqa.load, families=FAMILIES, ending=".png")),
)
