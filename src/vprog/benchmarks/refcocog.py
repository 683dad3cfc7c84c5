"""RefCOCOg: longer referring expressions (Mao et al., CVPR 2016; split of UMD)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from vprog.benchmarks import refcoco

BENCHMARK = replace(
    refcoco.BENCHMARK,
    name="refcocog",
    doc="RefCOCO with longer expressions (Mao et al. 2016, lichengunc/refer)",
    splits=("val", "test", "train"),
    load=partial(refcoco.load, folder="refcocog"),
)
