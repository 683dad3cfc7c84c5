"""Scenes that the zoo is trained and scored on: drawn in memory, each with a chance of its own."""

from __future__ import annotations

import random

from vprog.example import Scene
from vprog.world.domains import get_domain
from vprog.world.pope import sample_themed
from vprog.world.scene import draw_scene, sample_specs
from vprog.world.styles import Array
from vprog.world.tally import sample_counted

SIZE = 96
"""Side of the pictures in pixels, and of what the checkpoints see."""


def draw(domain: str, split: str, seed: int, index: int) -> tuple[Array, Scene]:
    """Draws one scene of the mixture that the benchmarks ask about.

    Half of the scenes are free, a quarter have a wanted number of something (as in ``tally``), a
    quarter a theme (as in ``pope``).

    Args:
        domain: Name of a look.
        split: ``train``, ``val`` or ``test``: never the same scenes.
        seed: Different seeds draw different scenes.
        index: Of the scene.

    Returns:
        The picture, uint8 [96, 96, 3], and its gold scene.
    """
    look = get_domain(domain)
    rng = random.Random(f"zoo/{domain}/{split}/{seed}/{index}")
    manner = rng.random()
    if manner < 0.5:
        specs = None
        while specs is None:
            specs = sample_specs(rng, look)
    elif manner < 0.75:
        specs = sample_counted(rng, look)
    else:
        specs = sample_themed(rng, look)
    return draw_scene(specs, look, rng, SIZE)
