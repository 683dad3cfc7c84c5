"""Questions for hallucinated objects in POPE's manner and files (Li et al., EMNLP 2023)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from vprog.example import Scene
from vprog.world.domains import Domain
from vprog.world.scene import Spec, sample_specs
from vprog.world.statements import count
from vprog.world.vocabulary import KINDS, with_article

SETTINGS = ("random", "popular", "adversarial")
PER_SETTING = 6
"""Questions a picture and setting: half about kinds that are there, half about absent ones."""
POOL = 10
"""Absent kinds of a picture that count as popular or adversarial."""


def sample_themed(rng: random.Random, domain: Domain) -> list[Spec]:
    """The objects of a scene with at least three kinds, most of them from one theme."""
    while True:
        specs = sample_specs(rng, domain, themed=True)
        if specs is not None and len({spec.kind for spec in specs}) >= PER_SETTING // 2:
            return specs


def ask(
    scenes: Sequence[tuple[str, Scene]], rng: random.Random, setting: str
) -> list[dict[str, Any]]:
    """Rows of one of POPE's three files.

    Absent kinds are taken from all of them (random), from the ``POOL`` that are most frequent in
    all scenes (popular), or from the ``POOL`` that occur most often together with the kinds
    present (adversarial). Among them, and among the kinds present, those are asked for first that
    keep "yes" and "no" even for every kind: POPE itself can be guessed from the kind alone.

    Args:
        scenes: ``(name of the picture, gold scene)``.
        rng: Source of chance.
        setting: One of ``SETTINGS``.
    """
    present = [sorted({thing.name for thing in scene.objects}) for _, scene in scenes]
    frequency = Counter(kind for kinds in present for kind in kinds)
    together = Counter((a, b) for kinds in present for a in kinds for b in kinds if a != b)
    half = PER_SETTING // 2
    ahead: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for (name, _), kinds in zip(scenes, present, strict=True):
        absent = [kind for kind in KINDS if kind not in kinds]
        rng.shuffle(absent)
        rng.shuffle(kinds)
        if setting == "popular":
            absent.sort(key=lambda kind: -frequency[kind])
        elif setting == "adversarial":
            absent.sort(key=lambda kind: -sum(together[kind, k] for k in kinds))
        pool = absent if setting == "random" else absent[:POOL]
        asked = sorted(kinds, key=lambda kind: ahead[kind])[:half]
        missed = sorted(pool, key=lambda kind: -ahead[kind])[:half]
        ahead.update(asked)
        ahead.subtract(missed)
        for there, gone in zip(asked, missed, strict=True):
            for kind, label in ((there, "yes"), (gone, "no")):
                rows.append(
                    {
                        "question_id": len(rows) + 1,
                        "image": name,
                        "text": f"Is there {with_article(kind)} in the image?",
                        "label": label,
                        "semantic": [">=", count("image", kind), 1],
                    }
                )
    return rows
