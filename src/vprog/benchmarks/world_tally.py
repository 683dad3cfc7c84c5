"""world-tally: counting questions about drawn scenes in TallyQA's format (``--task tally``)."""

from __future__ import annotations

from dataclasses import replace

from vprog.benchmarks import tallyqa
from vprog.benchmarks.world_loader import SPLITS, with_scenes

BENCHMARK = replace(
    tallyqa.BENCHMARK,
    name="world-tally",
    doc="TallyQA-style counting questions about drawn scenes (vprog world draw --task tally)",
    splits=SPLITS,
    load=with_scenes(tallyqa.load),
)
