"""Pictures on the page: figures with the boxes of every step, and small crops inside lines."""

from __future__ import annotations

import unicodedata

from vprog.example import Region
from vprog.report.album import Print
from vprog.report.gallery import Box, Gallery, clip
from vprog.report.text import coordinates, escape, score, shorten, visible

COLOURS = 8
"""Step colours in the style sheet, classes ``c0`` to ``c7``; steps take them in turn."""
MAX_BOXES = 150
"""Boxes that are drawn on one picture."""
MAX_LABELS = 6
"""With more boxes than this, labels appear only while a step is highlighted."""
MAX_PICTURES = 8
"""Pictures of one item that are shown as figures."""

_COLUMN_PX = 340
_CHARACTER_PX = 6.05
_TAG_PX = 14
_CROP_PX = (60, 24)
_SMALL_CROP_PX = (40, 19)
_TINY_SHARE = 0.8


def colour(step: int) -> str:
    """The colour class of a step, from its 1-based number."""
    return f"c{(step - 1) % COLOURS}"


def render_figures(gallery: Gallery) -> str:
    """All figures of an item; of many pictures, those that steps looked at come first."""
    ids = list(gallery.prints)
    if len(ids) > MAX_PICTURES:
        kept = sorted(ids, key=lambda id: not gallery.boxes.get(id))[:MAX_PICTURES]
        ids = [id for id in ids if id in kept]
    many = len(ids) > 2
    width = (_COLUMN_PX - 8) // 2 if many else _COLUMN_PX
    height = {1: 320, 2: 240}.get(len(ids), 180)
    parts = [
        render_figure(
            gallery.prints[id],
            gallery.boxes.get(id, []),
            name=gallery.names[id] if len(ids) > 1 and id not in gallery.made else "",
            id=id,
            fit_px=(width, height),
        )
        for id in ids
    ]
    hidden = len(gallery.prints) - len(ids)
    if hidden:
        parts.append(f'<p class="note">{hidden} more pictures are not shown</p>')
    return f'<div class="figures{" many" if many else ""}">{"".join(parts)}</div>'


def render_figure(
    made: Print, boxes: list[Box], *, name: str, id: str, fit_px: tuple[int, int]
) -> str:
    """One picture with its boxes.

    Args:
        made: The embedded picture.
        boxes: To draw on it, in its pixels.
        name: What the program calls it; "" where that says nothing.
        id: ``Picture.id``, for the caption.
        fit_px: Width and height on the page within which it is shown.
    """
    title = f"<b>{escape(name)}</b> " if name else ""
    caption = f"<figcaption>{title}{escape(shorten(id, 120))}</figcaption>"
    if not made.ref:
        problem = escape(shorten(made.problem))
        return f'<figure><div class="missing">no picture: {problem}</div>{caption}</figure>'
    scale = min(fit_px[0] / made.width, fit_px[1] / made.height)
    if made.tiny and scale >= 2:
        scale = float(int(scale * _TINY_SHARE))
    elif scale > 2:
        scale = 2.0
    width, height = made.width * scale, made.height * scale
    large_first = sorted(boxes[:MAX_BOXES], key=lambda box: -_area(box.region))
    drawn = "".join(_render_box(box, made, scale) for box in large_first)
    busy = " busy" if len(boxes) > MAX_LABELS else ""
    if len(boxes) > MAX_BOXES:
        caption += f'<p class="note">{MAX_BOXES} of {len(boxes):,} boxes are drawn</p>'
    return (
        f'<figure><svg class="figure{busy}" width="{width:.4g}" height="{height:.4g}" '
        f'viewBox="0 0 {width:.4g} {height:.4g}" role="img" aria-label="{escape(id)}">'
        f'<use href="#{made.ref}" transform="scale({scale:.6g})"/>{drawn}</svg>{caption}</figure>'
    )


def render_crop(region: Region, gallery: Gallery, step: int = 0) -> str:
    """A small crop for use inside a line, or "" where its picture is not embedded.

    Args:
        region: What to show.
        gallery: The item's pictures.
        step: 1-based number of the step that gave it, whose colour frames it; 0 makes it
            smaller and unframed.
    """
    if not gallery.shows(region):
        return ""
    made = gallery.prints[region.picture]
    left, top, right, bottom = clip(region, made)
    wide, high = right - left, bottom - top
    fit = _CROP_PX if step else _SMALL_CROP_PX
    scale = min(fit[0] / wide, fit[1] / high)
    size = f'width="{max(wide * scale, 4):.4g}" height="{max(high * scale, 4):.4g}"'
    frame = f" {colour(step)}" if step else ""
    return (
        f'<svg class="crop{frame}" {size} viewBox="{left:.6g} {top:.6g} {wide:.6g} {high:.6g}" '
        f'preserveAspectRatio="none" role="img" aria-label="crop"><use href="#{made.ref}"/></svg>'
    )


def box_label(region: Region) -> str:
    """``red cup .92``: label and score of a region; "" for crops, which have neither."""
    if not region.label:
        return ""
    sure = f" {score(region.score)}" if region.score != 1 else ""
    return f"{visible(shorten(region.label, 60), keep='')}{sure}"


def _render_box(box: Box, made: Print, scale: float) -> str:
    left, top, right, bottom = (v * scale for v in clip(box.region, made))
    owner = box.steps[0]
    frame = (
        f'x="{left:.4g}" y="{top:.4g}" width="{right - left:.4g}" height="{bottom - top:.4g}" '
        'rx="1.5"'
    )
    label = f"{owner} {box_label(box.region)}".strip()
    label = label if len(label) <= 26 else label[:25] + "…"
    width = _columns(label) * _CHARACTER_PX + 6
    tag_left = max(min(left - 1, made.width * scale - width), 0)
    tag_top = top - _TAG_PX if top >= _TAG_PX else top
    taken = "" if box.made else " taken"
    steps = " ".join(map(str, box.steps))
    return (
        f'<g class="box {colour(owner)}{taken}" data-steps="{steps}">'
        f"<title>{escape(box_label(box.region))} {coordinates(box.region)} px, step "
        f"{escape(', '.join(map(str, box.steps)))}</title>"
        f'<rect class="halo" {frame}/><rect class="edge" {frame}/>'
        f'<g class="tag"><rect x="{tag_left:.4g}" y="{tag_top:.4g}" width="{width:.4g}" '
        f'height="{_TAG_PX}" rx="2"/><text x="{tag_left + 3:.4g}" y="{tag_top + 10.4:.4g}">'
        f"{escape(label)}</text></g></g>"
    )


def _area(region: Region) -> float:
    return (region.right - region.left) * (region.bottom - region.top)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
