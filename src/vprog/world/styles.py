"""Drawing styles: from a kind, a colour and a pattern to a small picture with transparency.

A kind is first drawn as a map of roles at ``SUPERSAMPLE`` times its size; a style gives every role
an ink, with its own hatching, grain, light and contour; the result is averaged down. The shapes of
all styles are the same, so that only the look changes between domains.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from vprog.world.shapes import ROLES, Point, parts
from vprog.world.vocabulary import COLORS_RGB

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"
"""Pixels."""

Ink = tuple[float, float, float]

SUPERSAMPLE = 3
CACHED_LENGTH = 160
"""Role maps longer than this (in supersampled pixels) are drawn anew: keeping them costs memory."""
CONTOUR, PATTERNED, CODES = 6, 7, 8
"""Codes of a role map beside the roles: contour, patterned body, number of codes."""

BLACK: Ink = (30, 28, 34)
WHITE: Ink = (250, 249, 245)
BOARD: Ink = (36, 56, 50)
"""Paint of the blackboard, inside chalk drawings too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How things are drawn.

    Attributes:
        name: Of the style.
        contour_px: Width of the contour in pixels of a 96-pixel picture; 0 is none.
        wobble: How far a hand shakes, as a share of the object.
        texture: ``hatch`` or ``grain``: the mask that swaps inks; "" is none.
        lit: Whether light falls from the upper left.
    """

    name: str
    contour_px: float
    wobble: float = 0.0
    texture: str = ""
    lit: bool = False


STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style(name="flat", contour_px=0.7),
        Style(name="bold", contour_px=1.5),
        Style(name="soft", contour_px=0.5, lit=True),
        Style(name="sketch", contour_px=1.0, wobble=0.014, texture="hatch"),
        Style(name="outline", contour_px=1.3),
        Style(name="chalk", contour_px=1.4, wobble=0.012, texture="grain"),
    )
}
"""By name. ``outline`` and ``chalk`` are kept out of the ``generalist`` domain."""


def mix(ink: Ink, other: Ink, share: float) -> Ink:
    """``ink`` with ``share`` of ``other`` stirred in."""
    r, g, b = (a + (c - a) * share for a, c in zip(ink, other, strict=True))
    return (r, g, b)


def _bright(ink: Ink) -> float:
    return 0.3 * ink[0] + 0.59 * ink[1] + 0.11 * ink[2]


def _inks(style: str, color: str) -> list[Ink]:
    """Inks of the codes 1 to 7 (body, shade, light, dark, pale, contour, patterned body), then the
    same for pixels under the style's texture."""
    base: Ink = COLORS_RGB[color]
    shade, light = mix(base, (0, 0, 0), 0.32), mix(base, WHITE, 0.5)
    contrast = mix(base, (0, 0, 0), 0.5) if _bright(base) > 150 else mix(base, WHITE, 0.72)
    if style == "flat":
        line = mix(base, (0, 0, 0), 0.5)
        plain = [base, shade, light, BLACK, WHITE, line, contrast]
        return plain * 2
    if style == "bold":
        plain = [base, shade, light, BLACK, WHITE, BLACK, contrast]
        return plain * 2
    if style == "soft":
        dark = mix(BLACK, base, 0.2)
        plain = [base, shade, light, dark, WHITE, mix(base, (0, 0, 0), 0.3), contrast]
        return plain * 2
    if style == "sketch":
        line = mix(base, (0, 0, 0), 0.38)
        paper = mix(base, WHITE, 0.38)
        pencil = mix(BLACK, base, 0.25)
        plain = [paper, base, mix(base, WHITE, 0.85), pencil, WHITE, line, WHITE]
        dense = [base, line, mix(base, WHITE, 0.6), pencil, WHITE, line, mix(base, WHITE, 0.7)]
        return plain + dense
    if style == "outline":
        line = mix(base, (0, 0, 0), 0.16 if color == "yellow" else 0.0)
        plain = [WHITE, WHITE, WHITE, mix(line, WHITE, 0.15), WHITE, line, mix(line, WHITE, 0.2)]
        return plain * 2
    assert style == "chalk"
    line = mix(base, (255, 255, 255), 0.3)
    faint = mix(BOARD, line, 0.24)
    plain = [BOARD, faint, faint, mix(BOARD, line, 0.65), mix(BOARD, line, 0.85), line,
             mix(BOARD, line, 0.95)]  # fmt: skip
    worn = [faint, BOARD, mix(BOARD, line, 0.45), mix(BOARD, line, 0.4), mix(BOARD, line, 0.5),
            mix(BOARD, line, 0.7), mix(BOARD, line, 0.6)]  # fmt: skip
    return plain + worn


@lru_cache(maxsize=512)
def _palette(style: str, color: str) -> Array:
    """RGBA by code + ``CODES`` where textured, uint8 [16, 4]."""
    import numpy as np

    inks = _inks(style, color)
    table = np.zeros((2 * CODES, 4), np.uint8)
    for half in (0, 1):
        for code in range(1, CODES):
            table[half * CODES + code] = (*[round(c) for c in inks[half * 7 + code - 1]], 255)
    return table


@lru_cache(maxsize=8192)
def _roles(kind: str, length: int, angle: int, contour: int, wobble: float, hand: int) -> Array:
    """A kind as a map of role codes, uint8 [height, width], supersampled and tight.

    Both sides are multiples of ``SUPERSAMPLE``.

    Args:
        kind: What to draw.
        length: Of the longer side before rotation, in supersampled pixels.
        angle: Of rotation, in degrees.
        contour: Width of the contour in supersampled pixels.
        wobble: Displacement of the points, as a share of ``length``.
        hand: Which of a few reproducible trembles to use.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    shaky = random.Random(f"{kind}/{hand}")
    drawn = parts(kind)
    xy = np.array([point for part in drawn for point in part.points])
    if wobble:
        xy += [[shaky.uniform(-wobble, wobble) for _ in "xy"] for _ in xy]
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    xy = length * xy @ np.array([[cos, sin], [-sin, cos]])
    pad = contour + 0.08 * length + 2
    xy -= xy.min(0) - pad
    width, height = (math.ceil(side + pad) for side in xy.max(0))
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    points: list[Point] = [(x, y) for x, y in xy.tolist()]
    start = 0
    for part in drawn:
        moved = points[start : start + len(part.points)]
        start += len(part.points)
        code = ROLES.index(part.role) + 1
        if part.width:
            stroke = max(round(part.width * length), 2)
            if contour and (part.role == "B" or (part.role == "S" and part.width > 0.06)):
                draw.line(moved, CONTOUR, stroke + 2 * contour, joint="curve")
            draw.line(moved, code, stroke, joint="curve")
        else:
            draw.polygon(moved, code)
            if contour and part.role != "D":
                joint = "curve" if contour > 6 else None  # thin lines show no notches
                draw.line([*moved, moved[0], moved[1]], CONTOUR, contour, joint=joint)
    box = canvas.getbbox()
    assert box is not None
    left, top, right, bottom = box
    right += (left - right) % SUPERSAMPLE
    bottom += (top - bottom) % SUPERSAMPLE
    return np.asarray(canvas.crop((left, top, right, bottom))).copy()


@lru_cache(maxsize=8192)
def _shares(kind: str, length: int, angle: int, contour: int, wobble: float, hand: int) -> Array:
    """How many of a pixel's samples have each code, uint8 [height, width, 8]."""
    import numpy as np

    draw = _roles if length <= CACHED_LENGTH else _roles.__wrapped__
    codes = draw(kind, length, angle, contour, wobble, hand)
    return np.stack([_samples(codes == code) for code in range(CODES)], axis=-1)


def _samples(mask: Array) -> Array:
    """How many samples of each pixel are true, uint8 [height, width]."""
    import numpy as np

    samples = mask.view(np.uint8)
    total = samples[::SUPERSAMPLE, ::SUPERSAMPLE].copy()
    for row in range(SUPERSAMPLE):
        for column in range(SUPERSAMPLE):
            if row or column:
                total += samples[row::SUPERSAMPLE, column::SUPERSAMPLE]
    return total


@lru_cache(maxsize=256)
def _pattern(pattern: str, length: int, side: int) -> Array:
    """Where the pattern paints, bool [side, side]; ``length`` is the object's longer side."""
    import numpy as np

    y, x = np.mgrid[:side, :side].astype(np.float32)
    if pattern == "striped":
        period = max(length / 5.5, 3.6 * SUPERSAMPLE)
        mask = ((x * 0.5 + y) / 1.118 / period) % 1 < 0.45
    else:
        period = max(length / 5.0, 4.4 * SUPERSAMPLE)
        row = np.floor(y / (period * 0.87))
        dx = (x / period + 0.5 * (row % 2)) % 1 - 0.5
        dy = (y / (period * 0.87)) % 1 - 0.5
        mask = dx**2 + (0.87 * dy) ** 2 < 0.3**2
    return np.asarray(mask)


@lru_cache(maxsize=64)
def _texture(texture: str, side: int, hand: int) -> Array:
    """Where the style's texture lies, as an offset into the palette, uint8 [side, side]."""
    import numpy as np

    if texture == "hatch":
        y, x = np.mgrid[:side, :side].astype(np.float32)
        bend = 1.5 * np.sin(y / 11 + hand)
        mask = ((x - y + bend) / (2.1 * SUPERSAMPLE)) % 1 < 0.56
    else:
        rng = np.random.Generator(np.random.PCG64(hand))
        coarse = rng.random((side // 2 + 1, side // 2 + 1)) < 0.3
        mask = coarse.repeat(2, 0).repeat(2, 1)[:side, :side]
    return np.asarray(mask * np.uint8(CODES))


_LIGHT_SIDE = 128


@cache
def _light() -> Array:
    """Brightness under a lamp at the upper left, float32 [128, 128, 1]."""
    import numpy as np

    y, x = np.mgrid[:_LIGHT_SIDE, :_LIGHT_SIDE].astype(np.float32) / _LIGHT_SIDE
    far = np.hypot((x - 0.3) / 0.85, (y - 0.22) / 0.95)
    return np.asarray((1.22 - 0.62 * np.clip(far, 0, 1))[..., None])


def sprite(
    *,
    kind: str,
    color: str,
    pattern: str,
    style: str,
    length_px: float,
    scale: float,
    flip: bool = False,
    angle: int = 0,
    hand: int = 0,
) -> Array:
    """Draws one object alone.

    Args:
        kind: One of ``KINDS``.
        color: One of ``COLORS``.
        pattern: One of ``PATTERNS``.
        style: One of ``STYLES``.
        length_px: Longer side before rotation, in pixels.
        scale: Side of the picture over 96: contours grow with it.
        flip: Mirrored left to right.
        angle: Of rotation, in degrees.
        hand: A small number that varies trembling and grain.

    Returns:
        Premultiplied RGBA, uint8 [height, width, 4], with at most a faint margin around the object.
    """
    import numpy as np
    from PIL import Image

    look = STYLES[style]
    length = round(length_px * SUPERSAMPLE)
    thin = 0.75 if length_px < 23 * scale else 1.0
    contour = round(look.contour_px * thin * scale * SUPERSAMPLE)
    cached = length <= CACHED_LENGTH
    turn, tremble = -angle if flip else angle, hand if look.wobble else 0
    key = (kind, length, turn, contour, look.wobble, tremble)
    mirror = slice(None, None, -1 if flip else 1)
    # A texture is finer than a pixel: only then every sample gets its own ink.
    if look.texture:
        codes = (_roles if cached else _roles.__wrapped__)(*key)[:, mirror]
        height, width = codes.shape
        side = 64 * math.ceil(max(height, width) / 64)
        if pattern != "plain":
            mask = _pattern(pattern, length, side)[:height, :width]
            codes = np.where(mask & (codes == 1), np.uint8(PATTERNED), codes)
        codes = codes + _texture(look.texture, side, hand)[:height, :width]
        pixels = _palette(style, color).take(codes, 0)
        image = Image.fromarray(pixels, "RGBA").convert("RGBa").reduce(SUPERSAMPLE)
        return np.asarray(image)
    shares = (_shares if cached else _shares.__wrapped__)(*key)[:, mirror].astype(np.float32)
    if pattern != "plain":
        body = (_roles if cached else _roles.__wrapped__)(*key)[:, mirror] == 1
        height, width = body.shape
        side = 64 * math.ceil(max(height, width) / 64)
        patterned = _samples(body & _pattern(pattern, length, side)[:height, :width])
        shares[..., 1] -= patterned
        shares[..., PATTERNED] += patterned
    painted = shares @ _inks_of_samples(style, color)
    if look.lit:
        height, width = painted.shape[:2]
        rows, columns = (np.arange(n) * _LIGHT_SIDE // n for n in (height, width))
        painted[..., :3] *= _light()[rows[:, None], columns]
        np.minimum(painted, painted[..., 3:], out=painted)
    return np.asarray(painted + 0.5).astype(np.uint8)


@lru_cache(maxsize=512)
def _inks_of_samples(style: str, color: str) -> Array:
    """What one sample of each code adds to a pixel, float32 [8, 4]."""
    import numpy as np

    return np.asarray(_palette(style, color)[:CODES].astype(np.float32) / SUPERSAMPLE**2)
