"""Step labels of a benchmark's training pictures: boxes with the words that are true of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vprog.errors import InputError, ToolError
from vprog.evaluation.selection import select_examples
from vprog.example import Picture
from vprog.tools.backends.oracle_words import tokens


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """A thing in a picture.

    Attributes:
        box_xyxy: Pixels of the picture, y downward.
        words: Single words that are true of it: kind, other names, attributes.
        name: Which of them is its name; "" where none is.
    """

    box_xyxy: tuple[float, float, float, float]
    words: frozenset[str]
    name: str = ""


LabelledPicture = tuple[Picture, tuple[LabelledBox, ...]]


def label_pictures(
    benchmark: str,
    data: Path,
    splits: Iterable[str],
    source: Literal["scenes", "pixels"],
    *,
    limit: int | None = None,
    seed: int = 0,
) -> list[LabelledPicture]:
    """The distinct pictures of splits with their step labels.

    Args:
        benchmark: Its name.
        data: Folder of its official files.
        splits: Training splits; whoever names others trains on what is tested.
        source: ``scenes``: the benchmark's own structured labels. ``pixels``: classical picture
            processing, for benchmarks without such labels whose drawings it reads exactly.
        limit: Most examples of a split, drawn as a run draws them; None is all.
        seed: For drawing.

    Raises:
        InputError: Files are missing, or no picture has labels.
    """
    found: dict[str, LabelledPicture] = {}
    for split in splits:
        for example in select_examples(benchmark, data, split, limit, seed):
            for picture in example.pictures:
                if picture.id not in found:
                    boxes = _from_scene(picture) if source == "scenes" else _from_pixels(picture)
                    if boxes is not None:
                        found[picture.id] = (picture, boxes)
    if not found:
        raise InputError(
            f"no picture of {benchmark} {', '.join(splits)} in {data} has step labels from {source}"
        )
    return list(found.values())


def _from_scene(picture: Picture) -> tuple[LabelledBox, ...] | None:
    if picture.scene is None:
        return None
    return tuple(
        LabelledBox(
            thing.box_xyxy,
            frozenset(
                words[0]
                for text in (thing.name, *thing.names, *thing.attributes)
                if len(words := tokens(text)) == 1
            ),
            " ".join(tokens(thing.name)) if len(tokens(thing.name)) == 1 else "",
        )
        for thing in picture.scene.objects
    )


def _from_pixels(picture: Picture) -> tuple[LabelledBox, ...] | None:
    from vprog.tools.backends.pixels import Pixels

    try:
        figures = Pixels(remember=1).figures(picture)
    except ToolError:
        return None
    return tuple(
        LabelledBox(
            tuple(float(edge) for edge in figure.box_xyxy),  # type: ignore[arg-type]
            frozenset((*figure.colours, *([figure.shape] if figure.shape else []))),
            figure.shape or "",
        )
        for figure in figures
    )
