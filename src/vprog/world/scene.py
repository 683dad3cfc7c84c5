"""Scenes: which objects, where they stand, their pixels, and the gold scene of what is seen."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from vprog.errors import InputError
from vprog.example import Scene, SceneObject
from vprog.world.backgrounds import DARK_BACKGROUNDS, draw_background
from vprog.world.domains import Domain
from vprog.world.shapes import parts
from vprog.world.styles import Array, sprite
from vprog.world.vocabulary import (
    CATEGORY,
    COLORS,
    HELD_OUT_PAIRS,
    KINDS,
    PATTERNS,
    SIZES,
    TAXONOMY,
)

DEFAULT_SIZE = 96
MIN_SIZE, MAX_SIZE = 64, 512
MIN_OBJECTS, MAX_OBJECTS = 3, 7
MIN_VISIBLE = 0.65
"""Share of an object's pixels that stays uncovered."""
LENGTH_PX = {"small": (17, 18, 20), "large": (28, 30, 33)}
"""Longer side of an object in a 96-pixel picture, by size word: a few steps each."""
MARGIN = 0.06
"""Centres nearer than this share of the picture's side stand in no left, right, above, below."""

THEMES: tuple[tuple[str, ...], ...] = (
    ("table", "chair", "cup", "bottle", "cake", "apple", "lamp"),
    ("car", "bus", "tree", "dog", "bag", "shoe", "bird"),
    ("bed", "lamp", "cat", "shirt", "hat", "shoe", "chair"),
    ("boat", "fish", "bird", "airplane", "hat", "bottle"),
    ("flower", "tree", "cactus", "bird", "cat", "carrot", "apple"),
)
"""Kinds that belong together: themed scenes make some kinds popular and some pairs frequent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What one object is, before it has a place."""

    kind: str
    color: str
    size: str
    pattern: str

    @property
    def words(self) -> frozenset[str]:
        """Every word that is true of it."""
        return frozenset(
            (self.kind, CATEGORY[self.kind], "object", self.color, self.size, self.pattern)
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """A demand on a scene: exactly ``count`` objects of which all ``words`` are true."""

    words: frozenset[str]
    count: int


@dataclass(slots=True)
class _Placed:
    spec: Spec
    pixels: Array
    mask: Array
    left: int
    top: int
    total: int
    visible: int


def sample_spec(
    rng: random.Random,
    domain: Domain,
    kinds: Sequence[str] = KINDS,
    words: frozenset[str] = frozenset(),
) -> Spec:
    """Draws an object of which all ``words`` are true, with kinds out of ``kinds``.

    Raises:
        InputError: No object can satisfy the words.
    """
    wanted = [k for k in kinds if words & {k, CATEGORY[k]} or not words & _NOUNS]
    if words & _NOUNS and not wanted:
        wanted = [k for k in KINDS if words & {k, CATEGORY[k]}]
    for _ in range(200):
        kind = rng.choice(wanted)
        color = _pick(rng, COLORS, words)
        if domain.held_out_pairs == "often" and not words & set(COLORS) and rng.random() < 0.5:
            color = next(c for c, k in HELD_OUT_PAIRS if k == kind)
        if domain.held_out_pairs == "never" and (color, kind) in HELD_OUT_PAIRS:
            continue
        return Spec(
            kind=kind,
            color=color,
            size=_pick(rng, SIZES, words),
            pattern="plain" if rng.random() < 0.2 and not words & set(PATTERNS)
            else _pick(rng, PATTERNS, words),
        )  # fmt: skip
    raise InputError(
        f"domain {domain.name!r} never draws {' '.join(sorted(words))}: use the domain 'pairs'"
    )


_NOUNS = frozenset(KINDS) | frozenset(TAXONOMY)


def _pick(rng: random.Random, values: tuple[str, ...], words: frozenset[str]) -> str:
    fixed = [v for v in values if v in words]
    return fixed[0] if fixed else rng.choice(values)


def sample_specs(
    rng: random.Random,
    domain: Domain,
    wishes: Sequence[Wish] = (),
    *,
    themed: bool = False,
) -> list[Spec] | None:
    """Draws the objects of a scene.

    About a third of the objects repeat a kind that is there already, so that attributes and
    relations are needed to tell things apart.

    Args:
        rng: Source of chance.
        domain: Decides on the held-out pairs.
        wishes: Exact counts that the scene must have.
        themed: Take most kinds from one of ``THEMES``.

    Returns:
        3 to 7 objects in random order, or None if this draw could not satisfy the wishes.
    """
    kinds: Sequence[str] = KINDS
    if themed:
        theme = rng.choices(THEMES, weights=(5, 4, 3, 2, 2))[0]
        kinds = theme * 2 + (rng.choice(KINDS), rng.choice(KINDS))
    specs: list[Spec] = []
    for wish in wishes:
        missing = wish.count - sum(wish.words <= s.words for s in specs)
        specs += [sample_spec(rng, domain, kinds, wish.words) for _ in range(max(missing, 0))]
    total = rng.randint(max(MIN_OBJECTS, len(specs)), max(MAX_OBJECTS, len(specs)))
    if total > MAX_OBJECTS:
        return None
    tries = 0
    while len(specs) < total and tries < 60:
        tries += 1
        repeat = bool(specs) and rng.random() < 0.35
        spec = sample_spec(rng, domain, (rng.choice(specs).kind,) if repeat else kinds)
        if any(w.words <= spec.words for w in wishes):
            continue
        specs.append(spec)
    if len(specs) < MIN_OBJECTS:
        return None
    if any(sum(w.words <= s.words for s in specs) != w.count for w in wishes):
        return None
    rng.shuffle(specs)
    return specs


def draw_scene(
    specs: Sequence[Spec],
    domain: Domain,
    rng: random.Random,
    size: int = DEFAULT_SIZE,
    first_id: int = 0,
) -> tuple[Array, Scene]:
    """Places and paints objects, the first the farthest away.

    Args:
        specs: The objects, from back to front.
        domain: Gives style and background.
        rng: Source of chance.
        size: Side of the square picture in pixels.
        first_id: Id of the first object; the others count on.

    Returns:
        The picture, uint8 [size, size, 3], and its gold scene. Boxes are tight around the pixels
        of each object that are seen (at least half opaque, not covered); at least
        ``MIN_VISIBLE`` of every object is seen.

    Raises:
        InputError: ``size`` is out of bounds.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"size is {size}; pictures have {MIN_SIZE} to {MAX_SIZE} pixels a side")
    import numpy as np

    style, backdrop = rng.choice(domain.styles), rng.choice(domain.backgrounds)
    canvas = draw_background(backdrop, rng, size)
    shrink, placed, owner = 1.0, None, None
    while placed is None:
        owner = np.full((size, size), -1, np.int8)
        placed = _place(specs, style, rng, size, shrink, owner)
        shrink *= 0.97
    assert owner is not None
    for item in placed:
        height, width = item.mask.shape
        spot = canvas[item.top : item.top + height, item.left : item.left + width]
        keep = 255 - item.pixels[..., 3:].astype(np.uint16)
        spot[:] = (spot * keep // 255 + item.pixels[..., :3]).clip(0, 255).astype(np.uint8)
    background = "dark" if backdrop in DARK_BACKGROUNDS else "light"
    setting = {"background": background, "style": style}
    return canvas, _gold(placed, owner, size, setting, first_id)


def _place(
    specs: Sequence[Spec], style: str, rng: random.Random, size: int, shrink: float, owner: Array
) -> list[_Placed] | None:
    """Finds a place for every object, or None; paints ``owner`` with their indices."""
    import numpy as np

    scale = size / 96
    placed: list[_Placed] = []
    for index, spec in enumerate(specs):
        length = rng.choice(LENGTH_PX[spec.size]) * scale * shrink
        pixels = sprite(
            kind=spec.kind,
            color=spec.color,
            pattern=spec.pattern,
            style=style,
            length_px=round(length * _boost(spec.kind)),
            scale=scale,
            flip=rng.random() < 0.5,
            angle=rng.choice((-7, 0, 7)),
            hand=rng.randrange(3),
        )
        mask = pixels[..., 3] >= 128
        height, width = mask.shape
        count = int(mask.sum())
        crowded = rng.random() < 0.3
        for attempt in range(50):
            left, top = rng.randint(0, size - width), rng.randint(0, size - height)
            under = owner[top : top + height, left : left + width]
            covered = np.bincount(under[mask] + 1, minlength=index + 1)
            if covered[0] == count and (not crowded or attempt > 8):
                break
            if (crowded or attempt > 35) and all(
                item.visible - covered[i + 1] >= MIN_VISIBLE * item.total
                for i, item in enumerate(placed)
            ):
                for i, item in enumerate(placed):
                    item.visible -= int(covered[i + 1])
                break
        else:
            return None
        under[mask] = index
        placed.append(_Placed(spec, pixels, mask, left, top, count, count))
    return placed


@cache
def _boost(kind: str) -> float:
    """Slim kinds are drawn a little longer, so that sizes compare by look, not by length."""
    points = [p for part in parts(kind) for p in part.points]
    slim = min(max(x for x, _ in points), max(y for _, y in points))
    return min(1.2, max(1.0, math.pow(0.8 / slim, 0.4)))


def _gold(
    placed: list[_Placed], owner: Array, size: int, setting: dict[str, str], first_id: int
) -> Scene:
    boxes: list[tuple[float, float, float, float]] = []
    for index in range(len(placed)):
        seen = owner == index
        rows, columns = seen.any(1).nonzero()[0], seen.any(0).nonzero()[0]
        boxes.append(
            (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        )
    objects = []
    for index, item in enumerate(placed):
        relations = [
            (name, str(first_id + other))
            for other in range(len(placed))
            if other != index
            for name in relations_between(boxes[index], boxes[other], size)
        ]
        relations += _covering(placed, index, first_id)
        spec = item.spec
        objects.append(
            SceneObject(
                id=str(first_id + index),
                name=spec.kind,
                box_xyxy=boxes[index],
                attributes=(spec.color, spec.size, spec.pattern),
                names=(CATEGORY[spec.kind],),
                relations=tuple(relations),
                depth=float(len(placed) - 1 - index),
            )
        )
    return Scene(width=size, height=size, objects=tuple(objects), setting=setting)


def _covering(placed: list[_Placed], index: int, first_id: int) -> list[tuple[str, str]]:
    """``in front of`` and ``behind`` where drawings overlap."""
    found = []
    for other in range(len(placed)):
        low, high = sorted((index, other))
        if other != index and _overlap(placed[low], placed[high]):
            found.append(("in front of" if index > other else "behind", str(first_id + other)))
    return found


def _overlap(one: _Placed, two: _Placed) -> bool:
    left, top = max(one.left, two.left), max(one.top, two.top)
    right = min(one.left + one.mask.shape[1], two.left + two.mask.shape[1])
    bottom = min(one.top + one.mask.shape[0], two.top + two.mask.shape[0])
    if right <= left or bottom <= top:
        return False
    first, second = (
        item.mask[top - item.top : bottom - item.top, left - item.left : right - item.left]
        for item in (one, two)
    )
    return bool((first & second).any())


def relations_between(
    one: tuple[float, float, float, float], two: tuple[float, float, float, float], size: int
) -> list[str]:
    """How box ``one`` stands to box ``two``, by centres and beyond ``MARGIN`` of the side.

    Returns:
        Any of ``to the left of``, ``to the right of``, ``above``, ``below``.
    """
    dx = (one[0] + one[2] - two[0] - two[2]) / 2 / size
    dy = (one[1] + one[3] - two[1] - two[3]) / 2 / size
    found = []
    if abs(dx) > MARGIN:
        found.append("to the left of" if dx < 0 else "to the right of")
    if abs(dy) > MARGIN:
        found.append("above" if dy < 0 else "below")
    return found
