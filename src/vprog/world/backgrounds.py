"""Backgrounds of drawn scenes."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from vprog.world.styles import BOARD, Array


def _tint(rng: random.Random, bright: float, spread: float) -> tuple[float, ...]:
    return tuple(bright + rng.uniform(-spread, spread) for _ in range(3))


@cache
def _noise(size: int, cell: int, seed: int) -> Array:
    """Smooth noise of mean 0 and deviation about 1, float32 [size, size, 1]."""
    import numpy as np
    from PIL import Image

    rng = np.random.Generator(np.random.PCG64(seed))
    side = max(2, size // cell + 2)
    coarse = Image.fromarray(rng.standard_normal((side, side)).astype(np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))[..., None]


def _full(size: int, ink: tuple[float, ...]) -> Array:
    import numpy as np

    return np.full((size, size, 3), ink, np.float32)


def _plain(rng: random.Random, size: int) -> Array:
    return _full(size, _tint(rng, rng.uniform(205, 240), 12))


def _gradient(rng: random.Random, size: int) -> Array:
    import numpy as np

    ramp = np.linspace(0, 1, size, dtype=np.float32)
    ramp = ramp[:, None, None] if rng.random() < 0.7 else ramp[None, :, None]
    first, second = _full(size, _tint(rng, 235, 14)), _full(size, _tint(rng, 180, 16))
    if rng.random() < 0.5:
        first, second = second, first
    return np.asarray(first * (1 - ramp) + second * ramp)


def _grainy(rng: random.Random, size: int) -> Array:
    seed = rng.randrange(16)
    scale = max(size // 96, 1)
    fine, coarse = _noise(size, 2 * scale, seed), _noise(size, 12 * scale, seed + 16)
    base = _full(size, _tint(rng, 200, 12))
    base += 7 * fine + 9 * coarse
    return base


def _dark(rng: random.Random, size: int) -> Array:
    base = _full(size, _tint(rng, rng.uniform(44, 66), 8))
    base += 4 * _noise(size, size // 4, rng.randrange(16))
    return base


def _paper(rng: random.Random, size: int) -> Array:
    paper = _full(size, (248, 243, 228))
    step = max(round(size * rng.uniform(0.085, 0.12)), 4)
    paper[rng.randrange(step) :: step] = (176, 196, 222)
    margin = round(size * rng.uniform(0.06, 0.12))
    paper[:, margin : margin + 1] = (232, 170, 170)
    return paper


def _grid(rng: random.Random, size: int) -> Array:
    paper = _full(size, (244, 247, 248))
    step = max(round(size * rng.uniform(0.06, 0.1)), 4)
    ink = _tint(rng, 205, 8)
    paper[rng.randrange(step) :: step] = ink
    paper[:, rng.randrange(step) :: step] = ink
    return paper


def _wallpaper(rng: random.Random, size: int) -> Array:
    import numpy as np

    paper, ink = _full(size, _tint(rng, 226, 12)), _tint(rng, 206, 12)
    step = max(round(size * rng.uniform(0.12, 0.2)), 6)
    y, x = np.mgrid[:size, :size]
    turn = rng.randrange(3)
    if turn == 0:
        mask = (x // (step // 2)) % 2 == 0
    elif turn == 1:
        mask = ((x + y) // (step // 2)) % 2 == 0
    else:
        mask = ((x // step) + (y // step)) % 2 == 0
    paper[mask] = ink
    return paper


def _white(rng: random.Random, size: int) -> Array:
    del rng
    return _full(size, (255, 255, 255))


def _blackboard(rng: random.Random, size: int) -> Array:
    seed = rng.randrange(16)
    smears = _noise(size, max(size // 6, 2), seed) + 0.6 * _noise(size, 2, seed + 16)
    base = _full(size, BOARD)
    base += 3 * smears
    return base


BACKGROUNDS: dict[str, Callable[[random.Random, int], Array]] = {
    "plain": _plain,
    "gradient": _gradient,
    "grainy": _grainy,
    "dark": _dark,
    "paper": _paper,
    "grid": _grid,
    "wallpaper": _wallpaper,
    "white": _white,
    "blackboard": _blackboard,
}
"""By name. ``white`` and ``blackboard`` are kept out of the ``generalist`` domain."""

DARK_BACKGROUNDS = frozenset({"dark", "blackboard"})
"""Backgrounds that questions call dark; the others are light."""


def draw_background(name: str, rng: random.Random, size: int) -> Array:
    """A background, uint8 [size, size, 3]."""
    import numpy as np

    return np.clip(BACKGROUNDS[name](rng, size), 0, 255).astype(np.uint8)
