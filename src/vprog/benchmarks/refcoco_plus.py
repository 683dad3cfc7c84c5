"""RefCOCO+: referring expressions that say nothing of places (Yu et al., ECCV 2016)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from vprog.benchmarks import refcoco

BENCHMARK = replace(
    refcoco.BENCHMARK,
    name="refcoco+",
    doc="RefCOCO without words for places (Yu et al. 2016, lichengunc/refer)",
    load=partial(refcoco.load, folder="refcoco+"),
)
