"""Values of steps as HTML: texts quoted, regions as crops, scores as small bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vprog.example import Region
from vprog.report.figure import box_label, render_crop
from vprog.report.gallery import Gallery
from vprog.report.text import answer_text, coordinates, escape, number, score, shorten, value_text
from vprog.trace import Step, Value

MAX_CHIPS = 6
"""Regions of one value that are shown as crops; the others are listed behind a fold."""
MAX_LISTED = 200
"""Regions of one value that are listed behind the fold."""
MAX_ARGUMENT_CROPS = 4
"""Regions of one argument that are shown as crops."""
MAX_BARS = 6
"""Scores of one distribution that are shown."""


def render_argument(value: Value, gallery: Gallery) -> str:
    """An argument inside a call: small, on one line."""
    regions = _as_regions(value)
    if type(value) is Region:
        return _argument_region(value, gallery)
    if not regions:
        return _plain(value, 160)
    shown = "".join(_argument_region(r, gallery) for r in regions[:MAX_ARGUMENT_CROPS])
    rest = len(regions) - MAX_ARGUMENT_CROPS
    more = f'<span class="dim">+{rest:,}</span>' if rest > 0 else ""
    return f'<span class="list">[{shown}{more}]</span>'


def render_value(step: Step, gallery: Gallery, index: int) -> str:
    """What a step gave.

    Args:
        step: The step.
        gallery: The item's pictures.
        index: 1-based number of the step; its colour frames its regions.
    """
    options = scores_of(step)
    if options:
        return render_bars(options)
    if type(step.value) is Region:
        return _chip(step.value, gallery, index, place=True)
    regions = _as_regions(step.value)
    if not regions:
        return _plain(step.value)
    columns = _columns(step)
    shown = "".join(
        _chip(r, gallery, index, also=" ".join(answer_text(c[i]) for c in columns.values()))
        for i, r in enumerate(regions[:MAX_CHIPS])
    )
    many = " many" if len(regions) > 1 else ""
    noun = "regions" if many else "region"
    count = f'<span class="count{many}">{len(regions):,} {noun}</span>'
    return f'<div class="regions">{count}{shown}</div>{_fold(regions[MAX_CHIPS:])}'


def scores_of(step: Step) -> list[tuple[str, float]]:
    """The options of a step that scored some, each with its score; empty for other steps."""
    options, scores = step.args.get("options"), step.value
    if not isinstance(options, list) or not isinstance(scores, list) or not _are_numbers(scores):
        return []
    return list(zip(map(str, options), scores, strict=True)) if len(options) == len(scores) else []


def render_answer(value: Value, gallery: Gallery) -> str:
    """A program's answer that is no text: its first region as a crop, or plain."""
    if type(value) is Region:
        return _chip(value, gallery, 0, place=True)
    return _plain(value)


def render_info(step: Step) -> str:
    """What a backend said beside the value: distributions as bars, the rest as short text.

    Lists with one text or number for each region of the value are part of ``render_value``.
    """
    parts = []
    columns = _columns(step)
    for key, value in step.info.items():
        if key in columns or value is None or value == "" or value == {} or value == []:
            continue
        name = f'<span class="key">{escape(shorten(str(key), 40))}</span> '
        if isinstance(value, Mapping) and value and _are_numbers(list(value.values())):
            ranked = sorted(value.items(), key=lambda pair: -pair[1])
            body = render_bars([(str(k), v) for k, v in ranked])
        else:
            body = _plain(value, 160)
        parts.append(f"<div>{name}{body}</div>")
    return f'<div class="info">{"".join(parts)}</div>' if parts else ""


def render_bars(scores: Sequence[tuple[str, float]]) -> str:
    """Scores with a bar each; a score outside [0, 1] gets its number alone."""
    parts = []
    best = max((v for _, v in scores), default=0.0)
    for name, value in scores[:MAX_BARS]:
        inside = 0 <= value <= 1
        bar = (
            '<svg class="bar" width="36" height="6" aria-hidden="true"><rect width="36" height="6" '
            f'rx="3"/><rect class="fill" width="{36 * value:.3g}" height="6" rx="3"/></svg>'
            if inside
            else ""
        )
        kind = ' class="best"' if value == best else ""
        figure = score(value) if inside else number(value)
        parts.append(f"<span{kind}>{escape(shorten(name, 60))} {bar}<i>{escape(figure)}</i></span>")
    rest = len(scores) - MAX_BARS
    more = f'<span class="dim">+{rest:,}</span>' if rest > 0 else ""
    return f'<span class="bars">{"".join(parts)}{more}</span>'


def _columns(step: Step) -> dict[str, list[str | float]]:
    """What the backend said of each region of the value: lists of as many texts or numbers."""
    count = len(_as_regions(step.value))
    return {
        key: value
        for key, value in step.info.items()
        if isinstance(value, list)
        and len(value) == count
        and count
        and all(isinstance(v, str | int | float) for v in value)
    }


def _chip(
    region: Region, gallery: Gallery, index: int, *, place: bool = False, also: str = ""
) -> str:
    where = coordinates(region)
    whole = gallery.is_whole(region)
    if whole and not region.label and region.picture not in gallery.made:
        return f'<span class="name">{escape(gallery.names[region.picture])}</span>'
    crop = render_crop(region, gallery, index)
    label = escape(box_label(region) or (shorten(region.picture, 40) if whole else ""))
    if not crop:
        place = True
        label = f"{label} {escape(shorten(region.picture, 40))}".strip()
    elif whole:
        place = False
    elif not label:
        place = True
    tail = f'<span class="dim">{escape(where)}</span>' if place else ""
    text = f"<span>{label}</span>" if label else ""
    text += f'<span class="dim">{escape(shorten(also, 60))}</span>' if also else ""
    return f'<span class="chip" title="{escape(where)} px">{crop}{text}{tail}</span>'


def _argument_region(region: Region, gallery: Gallery) -> str:
    if gallery.is_whole(region):
        return f'<span class="name">{escape(gallery.names[region.picture])}</span>'
    crop = render_crop(region, gallery)
    where = escape(coordinates(region))
    if crop:
        return f'<span title="{where} px">{crop}</span>'
    return f'<span class="name">{escape(shorten(region.picture, 40))}</span> {where}'


def _fold(regions: Sequence[Region]) -> str:
    if not regions:
        return ""
    lines = [f"{box_label(r)} {coordinates(r)}".strip() for r in regions[:MAX_LISTED]]
    if len(regions) > MAX_LISTED:
        lines.append(f"… {len(regions) - MAX_LISTED:,} more")
    return (
        f"<details><summary>{len(regions):,} more</summary>"
        f"<pre>{escape(chr(10).join(lines))}</pre></details>"
    )


def _plain(value: Value | Any, limit: int = 600) -> str:
    if value is None or isinstance(value, bool):
        kind = "word"
    elif isinstance(value, int | float):
        kind = "number"
    elif isinstance(value, str):
        kind = "text"
    else:
        kind = "plain"
    return f'<span class="{kind}">{escape(shorten(value_text(value, limit), 2000))}</span>'


def _as_regions(value: Value) -> list[Region]:
    if isinstance(value, list) and value and all(type(v) is Region for v in value):
        return value
    return []


def _are_numbers(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    )
