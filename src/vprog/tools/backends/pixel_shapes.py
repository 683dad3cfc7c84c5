"""Flat-colour drawings taken apart into their figures: colour, shape, box of each.

Works where figures are filled with one colour each and drawn over a plain background, with or
without anti-aliased edges: SHAPES, NLVR, ShapeWorld, charts, icons. How it works:

1. The background is the commonest colour along the picture's frame, and every colour that fills a
   whole row or column (bars, sky, ground).
2. Pixels inside a 2 x 2 block of exactly one colour are the cores of figures. What is left are
   anti-aliased edges: each joins the neighbouring core between whose colour and the background it
   lies, and its place between the two is the share of the pixel that the figure covers.
3. Connected pixels of one colour are one figure; ``pixel_geometry`` names its shape.
4. Where that fails because other figures or the frame hide a part, ``pixel_fit`` looks for the
   shape that explains the part that is seen.

Limits: a thing painted in several colours comes out as one figure a colour, and what is no plane
figure gets the nearest shape's name; figures of exactly one colour that touch along an edge come
out as one; a figure cut in two by another comes out as two; lines one pixel wide have no core and
are found only where they stand alone; a figure painted in the background's colour is not seen.
Photographs are refused; drawings saved with loss (JPEG) are read after smoothing, with less exact
edges.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from vprog.errors import ToolError
from vprog.tools.backends.pixel_fit import fit_hidden
from vprog.tools.backends.pixel_geometry import GOOD_FIT, Floats, Ints, classify, measure

Bytes: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

COLOURS = (
    "red",
    "orange",
    "yellow",
    "green",
    "cyan",
    "blue",
    "purple",
    "magenta",
    "pink",
    "brown",
    "black",
    "gray",
    "white",
)
"""Every colour that this module can name."""

MIN_AREA = 3.0
"""Figures that cover fewer pixels are taken for specks and left out."""

MIN_FLAT = 0.5
"""Share of pixels inside flat 2 x 2 blocks below which a picture is no flat-colour drawing."""

MAX_SMOOTHED = 2_000_000
"""Pixels up to which a picture that is not flat is smoothed and looked at again."""

_HUES = (
    (18, "red"),
    (45, "orange"),
    (70, "yellow"),
    (165, "green"),
    (195, "cyan"),
    (258, "blue"),
    (285, "purple"),
    (318, "magenta"),
    (345, "pink"),
    (361, "red"),
)
_REACH = 3
_OFF_LINE = 30.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a drawing.

    Attributes:
        box_xyxy: Extent in pixels of the picture, y downward, right and bottom exclusive.
        center_xy: Centroid, in the same frame.
        area: Pixels covered.
        rgb: Its paint.
        colours: Names of the paint, the commonest first.
        shape: One of ``pixel_geometry.SHAPES``.
        certainty: In (0, 1]: how well the pixels that are seen agree with the shape; below 0.5 the
            figure is of another shape than those known, or too much of it is hidden.
        wholeness: In (0, 1]: the same, of the figure taken as nothing were hidden.
    """

    box_xyxy: tuple[int, int, int, int]
    center_xy: tuple[float, float]
    area: float
    rgb: tuple[int, int, int]
    colours: tuple[str, ...]
    shape: str
    certainty: float
    wholeness: float


def colour_names(rgb: tuple[int, int, int]) -> tuple[str, ...]:
    """Names of a paint, the commonest first; the first is one of ``COLOURS``.

    Decided by hue, saturation and value: 18 to 45 degrees is orange when bright and brown when
    dark, and so on. Paints at a border between two names carry both.
    """
    hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in rgb))
    degrees = hue * 360
    if value < 0.2:
        return ("black",)
    if saturation < 0.18:
        return ("white",) if value >= 0.9 else ("gray",)
    name = next(n for limit, n in _HUES if degrees < limit)
    if name == "orange" and (value < 0.7 or saturation < 0.5):
        return ("brown",)
    if name == "red" and saturation < 0.5 and value > 0.8:
        return ("pink",)
    if name == "magenta" and value < 0.75:
        return ("magenta", "purple") if value >= 0.56 else ("purple", "magenta")
    return (name,)


def lightness(rgb: tuple[int, int, int]) -> float:
    """How light a paint is in [0, 1]: 0 for black, 0.5 for a pure colour or middle gray, 1 white.

    The middle of the strongest and the weakest channel, which is what mixing a pure colour with
    black or with white changes evenly.
    """
    return (max(rgb) + min(rgb)) / 510


def find_figures(picture_rgb: Bytes) -> tuple[Figure, ...]:
    """Every figure of a drawing, from left to right.

    Args:
        picture_rgb: uint8 [height, width, 3].

    Raises:
        ToolError: The picture is no flat-colour drawing.
    """
    layers = _paint_layers(*_flat_or_smoothed(picture_rgb))
    labels, count = _figure_labels(layers)
    if not count:
        return ()
    figures = measure(labels, count, layers.coverage)
    shapes, distances = classify(figures)
    fitted = fit_hidden(labels, layers.coverage, figures, distances)
    found = []
    inside = np.flatnonzero(labels)
    paint_of = np.zeros(count + 1, np.int32)
    paint_of[labels.reshape(-1)[inside]] = layers.paint.reshape(-1)[inside]
    for i in range(count):
        if figures.areas[i] < MIN_AREA:
            continue
        rgb = layers.paints_rgb[paint_of[i + 1] - 1]
        wholeness = certainty = float(GOOD_FIT / (GOOD_FIT + distances[i]))
        shape = shapes[i]
        if i in fitted:
            shape, certainty = fitted[i]
        found.append(
            Figure(
                box_xyxy=tuple(int(edge) for edge in figures.boxes_xyxy[i]),  # type: ignore[arg-type]
                center_xy=(
                    float(figures.centers_xy[i, 0]) + 0.5,
                    float(figures.centers_xy[i, 1]) + 0.5,
                ),
                area=float(figures.areas[i]),
                rgb=rgb,
                colours=colour_names(rgb),
                shape=shape,
                certainty=certainty,
                wholeness=wholeness,
            )
        )
    return tuple(sorted(found, key=lambda figure: figure.box_xyxy))


@dataclass(frozen=True, slots=True)
class _Layers:
    """A picture's pixels by paint.

    ``paint`` [height, width] is 0 for background, else 1-based into ``paints_rgb``; ``coverage``
    [height, width] is the share of the pixel under that paint.
    """

    paint: Ints
    coverage: Floats
    paints_rgb: list[tuple[int, int, int]]


def _packed(picture_rgb: Bytes) -> Ints:
    """One number a pixel: red + 256 green + 65536 blue."""
    height, width = picture_rgb.shape[:2]
    padded = np.zeros((height, width, 4), np.uint8)
    padded[..., :3] = picture_rgb
    return padded.view("<i4")[..., 0]


def _channels(packed: int) -> tuple[int, int, int]:
    return (packed & 255, (packed >> 8) & 255, packed >> 16)


def _unpacked(packed: Ints) -> Floats:
    channels = [(packed >> shift) & 255 for shift in (0, 8, 16)]
    return np.stack(channels, axis=-1).astype(np.float64)


def _flat(packed: Ints) -> Mask:
    """Pixels inside a 2 x 2 block of one colour."""
    right = packed[:, :-1] == packed[:, 1:]
    down = packed[:-1] == packed[1:]
    block = right[:-1] & right[1:] & down[:, :-1]
    flat = np.zeros(packed.shape, bool)
    flat[:-1, :-1] |= block
    flat[1:, :-1] |= block
    flat[:-1, 1:] |= block
    flat[1:, 1:] |= block
    return flat


def _flat_or_smoothed(picture_rgb: Bytes) -> tuple[Bytes, Ints, Mask]:
    """The picture, smoothed if it is not flat as it is, its packed pixels and which are flat."""
    packed = _packed(picture_rgb)
    flat = _flat(packed)
    if flat.mean() >= MIN_FLAT:
        return picture_rgb, packed, flat
    height, width = picture_rgb.shape[:2]
    if height * width <= MAX_SMOOTHED:
        from scipy.ndimage import median_filter

        smooth: Bytes = median_filter(picture_rgb, size=(3, 3, 1))
        smooth = (smooth // 32) * 36
        packed = _packed(smooth)
        flat = _flat(packed)
        if flat.mean() >= MIN_FLAT:
            return smooth, packed, flat
    raise ToolError(
        f"the {width} x {height} picture is no flat-colour drawing, and pixels reads only those. "
        "Bind a model to this tool for photographs"
    )


def _backdrops(packed: Ints) -> list[int]:
    """Background colours: the commonest of the frame, then those that fill a row or a column."""
    frame = np.concatenate([packed[0], packed[-1], packed[:, 0], packed[:, -1]])
    values, counts = np.unique(frame, return_counts=True)
    backdrops = [int(values[counts.argmax()])]
    columns = packed[0][(packed == packed[0]).all(axis=0)]
    rows = packed[:, 0][(packed == packed[:, :1]).all(axis=1)]
    for value in np.unique(np.concatenate([columns, rows])):
        if int(value) not in backdrops:
            backdrops.append(int(value))
    return backdrops


def _paint_layers(picture_rgb: Bytes, packed: Ints, flat: Mask) -> _Layers:
    height, width = packed.shape
    backdrops = _backdrops(packed)
    background = packed == backdrops[0]
    for value in backdrops[1:]:
        background |= packed == value
    core = flat & ~background
    paints, index = np.unique(packed[core], return_inverse=True)
    paint = np.zeros((height + 2, width + 2), np.int32)
    coverage = np.zeros((height + 2, width + 2), np.float64)
    paint[1:-1, 1:-1][core] = index + 1
    coverage[1:-1, 1:-1][core] = 1.0
    y, x = np.divmod(np.flatnonzero(~(background | core)), width)
    places = (y + 1) * (width + 2) + x + 1
    pixels = picture_rgb[y, x].astype(np.float64)
    grounds = _unpacked(np.array(backdrops[:4], np.int32))
    colours = _unpacked(np.concatenate([[0], paints]).astype(np.int32))
    left = _join_edges(paint, coverage, places, pixels, colours, grounds)
    extra = _coreless(paint, coverage, places[left], pixels[left], len(paints), grounds[0])
    return _Layers(
        np.ascontiguousarray(paint[1:-1, 1:-1]),
        np.ascontiguousarray(coverage[1:-1, 1:-1]),
        [_channels(int(value)) for value in (*paints, *extra)],
    )


def _ring(width: int) -> Ints:
    """Offsets of the eight neighbours in a flattened picture whose rows have ``width`` pixels."""
    return np.array([-width, width, -1, 1, -width - 1, -width + 1, width - 1, width + 1], np.int32)


def _join_edges(
    paint: Ints, coverage: Floats, places: Ints, pixels: Floats, colours: Floats, grounds: Floats
) -> Mask:
    """Gives anti-aliased pixels the paint of a neighbour and their coverage, in place.

    Works outward from the cores, up to ``_REACH`` pixels. Beyond the first, a pixel must lie on the
    line between a background and the paint in RGB.

    Returns:
        Mask over ``places`` of the pixels that no paint explains.
    """
    flat_paint, flat_coverage = paint.reshape(-1), coverage.reshape(-1)
    ring = _ring(paint.shape[1])
    open_rows = np.arange(len(places))
    for reach in range(_REACH):
        candidates = flat_paint[places[open_rows, None] + ring]
        touched = candidates.any(axis=1)
        rows, candidates = open_rows[touched], candidates[touched]
        if not len(rows):
            break
        every = np.arange(len(rows))
        best = np.full(len(rows), np.inf)
        chosen = np.zeros(len(rows), np.int32)
        share = np.zeros(len(rows))
        for ground in grounds:
            toward = colours[candidates] - ground
            offset = (pixels[rows] - ground)[:, None, :]
            length2 = np.maximum((toward * toward).sum(axis=-1), 1.0)
            part = np.clip((offset * toward).sum(axis=-1) / length2, 0, 1)
            rest = ((offset - part[..., None] * toward) ** 2).sum(axis=-1)
            rest[candidates == 0] = np.inf
            pick = rest.argmin(axis=1)
            nearer = rest[every, pick] < best
            best[nearer] = rest[every, pick][nearer]
            chosen[nearer] = candidates[every, pick][nearer]
            share[nearer] = part[every, pick][nearer]
        joined = best < (np.inf if reach == 0 else _OFF_LINE**2)
        flat_paint[places[rows[joined]]] = chosen[joined]
        flat_coverage[places[rows[joined]]] = share[joined]
        open_rows = np.setdiff1d(open_rows, rows[joined], assume_unique=True)
    left = np.zeros(len(places), bool)
    left[open_rows] = True
    return left


def _coreless(
    paint: Ints, coverage: Floats, places: Ints, pixels: Floats, known: int, ground: Floats
) -> list[int]:
    """Makes a figure of each blob of pixels that no core explains, in place.

    Its paint is the blob's colour farthest from the background.

    Returns:
        The packed paints made, numbered from ``known`` + 1 in ``paint``.
    """
    if not len(places):
        return []
    mask = np.zeros(paint.shape, np.int32)
    mask.reshape(-1)[places] = 1
    blobs = _connected(mask, 2)[0].reshape(-1)[places]
    made: list[int] = []
    for blob in range(1, int(blobs.max()) + 1):
        rows = blobs == blob
        if rows.sum() < MIN_AREA:
            continue
        offsets = pixels[rows] - ground
        strength = np.sqrt((offsets * offsets).sum(axis=1))
        extreme = pixels[rows][strength.argmax()].astype(int)
        made.append(int(extreme[0]) | (int(extreme[1]) << 8) | (int(extreme[2]) << 16))
        paint.reshape(-1)[places[rows]] = known + len(made)
        coverage.reshape(-1)[places[rows]] = strength / strength.max()
    return made


def _connected(values: Ints, connectivity: int) -> tuple[Ints, int]:
    """Labels of connected pixels of equal value, 0 staying 0, and how many there are."""
    from skimage import measure as skimage_measure

    label: Any = skimage_measure.label
    labels, count = label(values, background=0, connectivity=connectivity, return_num=True)
    return labels, int(count)


def _figure_labels(layers: _Layers) -> tuple[Ints, int]:
    """Connected pixels of one paint that are covered at least by half, then their faint edges."""
    strong = np.where(layers.coverage >= 0.5, layers.paint, 0)
    inner, count = _connected(strong, 1)
    height, width = inner.shape
    labels = np.zeros((height + 2, width + 2), np.int32)
    labels[1:-1, 1:-1] = inner
    paint = np.zeros_like(labels)
    paint[1:-1, 1:-1] = layers.paint
    faint = (layers.coverage > 0.04) & (layers.coverage < 0.5)
    y, x = np.divmod(np.flatnonzero(faint), width)
    places = (y + 1) * (width + 2) + x + 1
    flat_labels, flat_paint = labels.reshape(-1), paint.reshape(-1)
    ring = _ring(width + 2)
    for _ in range(2):
        around = places[:, None] + ring
        same = (flat_paint[around] == flat_paint[places][:, None]) & (flat_labels[around] > 0)
        pick = same.argmax(axis=1)
        every = np.arange(len(places))
        hit = same[every, pick]
        flat_labels[places[hit]] = flat_labels[around[every, pick][hit]]
        places = places[~hit]
    return np.ascontiguousarray(labels[1:-1, 1:-1]), count
