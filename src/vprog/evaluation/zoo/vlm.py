"""What the zoo's vision-language model sees: places, names, numbers and relations, as it says them.

Prompts and sentences are those of its pre-training (recipes/vlm/tasks.py), on fresh pictures:

- F1 at IoU 0.5 (one-to-one) of the places after ``find PHRASE``, for the phrases of ``detect``;
- the share of boxes that ``name [BOX]`` names in all words, and by kind and colour alone;
- the share of right numbers after ``count PHRASE``;
- F1 of the places after ``find KIND left of COLOUR KIND`` (and its three kin): two steps, of which
  the last one counts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

from vprog.evaluation.zoo.metrics import Box, f1, f1_interval, found
from vprog.evaluation.zoo.score import (
    Answerer,
    Asked,
    Phrases,
    colour_kinds,
    kinds,
    pictures_of,
    scene_of,
    share,
    unseen_pairs,
    values_of,
)
from vprog.example import Picture, Scene, SceneObject
from vprog.trace import Call
from vprog.world.scene import MARGIN
from vprog.world.vocabulary import KINDS

GRID = 32
"""Places are whole numbers below this, from left to right and from top to bottom."""
_BOX = re.compile(r"\[(\d+) (\d+) (\d+) (\d+)\]")
_SIDES = {"left of": (0, -1), "right of": (0, 1), "above": (1, -1), "below": (1, 1)}


def score_vlm(answer: Answerer, seed: int, n: int) -> dict[str, Any]:
    """Figures of the model behind ``answer``, a ``vqa`` backend without a prompt of its own.

    Args:
        answer: Says what the model writes.
        seed: Of pictures and phrases.
        n: Pictures for each figure.
    """
    return {
        "find_colour_kind": _found(answer, seed, n, "generalist", colour_kinds),
        "find_kind": _found(answer, seed, n, "generalist", kinds),
        "find_unseen_pairs": _found(answer, seed, n, "pairs", unseen_pairs),
        **_names(answer, seed, n),
        "count": _counts(answer, seed, n),
        "relation": _relations(answer, seed, n),
    }


def place(box_xyxy: Box, side: float) -> str:
    """``[3 4 9 12]``: a box in a square picture of that many pixels a side, on the grid."""
    return "[" + " ".join(str(round(v / side * (GRID - 1))) for v in box_xyxy) + "]"


def boxes(text: str, side: float) -> list[tuple[float, ...]]:
    """Every box of a text, in pixels."""
    return [tuple(int(v) * side / (GRID - 1) for v in box) for box in _BOX.findall(text)]


def _said(answer: Answerer, asked: list[tuple[Picture, str]]) -> list[str]:
    calls: list[Asked] = [
        (picture, Call("vqa", {"image": picture.region, "question": prompt}))
        for picture, prompt in asked
    ]
    return [str(value) for value in values_of(answer, calls)]


def _last(text: str) -> str:
    """What the last sentence says after its colon."""
    return text.rstrip(" .").rsplit(" . ", 1)[-1].rsplit(" : ", 1)[-1]


def _f1(rows: Iterator[tuple[list[Any], list[str], list[list[Box]]]], seed: int, n: int) -> Any:
    by_picture = []
    for pictures, texts, golds in rows:
        tallies: dict[str, list[Any]] = {picture.id: [] for picture in pictures}
        for picture, text, gold in zip(pictures, texts, golds, strict=True):
            side = scene_of(picture).width
            tallies[picture.id].append(found(boxes(_last(text), side), gold))
        by_picture += list(tallies.values())
    flat = [tally for tallies in by_picture for tally in tallies]
    interval = f1_interval(by_picture, seed)
    return {"value": f1(flat), "ci95": interval, "majority": 0.0, "n": n, "phrases": len(flat)}


def _found(answer: Answerer, seed: int, n: int, domain: str, phrases: Phrases) -> Any:
    def rows() -> Iterator[tuple[list[Any], list[str], list[list[Box]]]]:
        for chunk in pictures_of(domain, seed, n):
            pictures, prompts = [], []
            golds: list[list[Box]] = []
            for picture in chunk:
                rng = random.Random(f"{seed}/{picture.id}/phrases")
                for phrase, things in phrases(rng, scene_of(picture)).items():
                    pictures.append(picture)
                    prompts.append(f"find {phrase}")
                    golds.append([thing.box_xyxy for thing in things])
            yield pictures, _said(answer, list(zip(pictures, prompts, strict=True))), golds

    return _f1(rows(), seed, n)


def _names(answer: Answerer, seed: int, n: int) -> dict[str, Any]:
    whole, short = [], []
    for chunk in pictures_of("generalist", seed, n):
        things = [
            random.Random(f"{seed}/{p.id}/name").choice(scene_of(p).objects) for p in chunk
        ]  # fmt: skip
        asked = [
            (picture, f"name {place(thing.box_xyxy, scene_of(picture).width)}")
            for picture, thing in zip(chunk, things, strict=True)
        ]
        for thing, text in zip(things, _said(answer, asked), strict=True):
            color, size, pattern = thing.attributes
            words = text.rsplit("]", 1)[-1].split()
            whole.append((f"{size} {color} {pattern} {thing.name}", " ".join(words)))
            kept = " ".join(words[1:2] + words[3:])
            short.append((f"{color} {thing.name}", kept))
    return {"name": share(whole), "name_colour_kind": share(short)}


def _counts(answer: Answerer, seed: int, n: int) -> Any:
    rows = []
    for chunk in pictures_of("generalist", seed, n):
        asked, golds = [], []
        for picture in chunk:
            rng = random.Random(f"{seed}/{picture.id}/count")
            phrase, things = rng.choice(sorted(_count_phrases(rng, scene_of(picture)).items()))
            asked.append((picture, f"count {phrase}"))
            golds.append(str(len(things) or "none"))
        rows += list(zip(golds, map(_last, _said(answer, asked)), strict=True))
    return share(rows)


def _count_phrases(rng: random.Random, scene: Scene) -> dict[str, list[SceneObject]]:
    """Kinds, categories, attributes with ``object``: there, and one kind that is not."""
    found: dict[str, list[SceneObject]] = {}
    for thing in scene.objects:
        said = [thing.name, *thing.names, *(f"{word} object" for word in thing.attributes)]
        for phrase in said:
            found.setdefault(phrase, []).append(thing)
    absent = [kind for kind in KINDS if kind not in found]
    return found | {rng.choice(absent): []}


def _relations(answer: Answerer, seed: int, n: int) -> Any:
    def rows() -> Iterator[tuple[list[Any], list[str], list[list[Box]]]]:
        for chunk in pictures_of("generalist", seed, n):
            pictures, prompts = [], []
            golds: list[list[Box]] = []
            for picture in chunk:
                rng = random.Random(f"{seed}/{picture.id}/relation")
                asked = _related(rng, scene_of(picture))
                if asked is not None:
                    pictures.append(picture)
                    prompts.append(asked[0])
                    golds.append(asked[1])
            yield pictures, _said(answer, list(zip(pictures, prompts, strict=True))), golds

    return _f1(rows(), seed, n)


def _related(rng: random.Random, scene: Scene) -> tuple[str, list[Box]] | None:
    """A prompt about one side of a thing that two words single out, and the gold boxes."""
    for _ in range(20):
        anchor, near = rng.sample(scene.objects, 2)
        called = (anchor.attributes[0], anchor.name)
        if sum((t.attributes[0], t.name) == called for t in scene.objects) != 1:
            continue
        side, (axis, sign) = rng.choice(list(_SIDES.items()))
        wanted = rng.choice((near.name, near.names[0], "object"))
        others = [
            t for t in scene.objects if t is not anchor and wanted in (t.name, *t.names, "object")
        ]
        gaps = [sign * (_middle(t, axis) - _middle(anchor, axis)) / scene.width for t in others]
        if all(abs(gap) > MARGIN for gap in gaps):
            gold = [t.box_xyxy for t, gap in zip(others, gaps, strict=True) if gap > 0]
            return f"find {wanted} {side} {' '.join(called)}", list(gold)
    return None


def _middle(thing: SceneObject, axis: int) -> float:
    return (thing.box_xyxy[axis] + thing.box_xyxy[axis + 2]) / 2
