"""Step metrics of the zoo's checkpoints on freshly drawn pictures, through their real backends.

- ``detect``: F1 at IoU 0.5 (one-to-one) over the phrases of a picture: every "colour kind" (or
  kind) that is there, and as many that are not, each of which shares the colour or the kind with
  an object of the picture where it can. Held-out pairs are asked in pictures of the domain
  ``pairs``, where half of the objects have such a pair; there the absent ones are held out too.
- ``vqa``: one question of each group a picture: three of four about the region around an object,
  one about the whole picture; counts are all about whole pictures. Each place is given apart, too.
- ``match``: the right one among ten phrases for the box of an object.
- ``vlm``, only where it is named: see ``vprog.evaluation.zoo.vlm``.

Seeds are scored on the split ``test``, which no training uses.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from vprog.console import note
from vprog.errors import InputError, ToolError
from vprog.evaluation.statistics import wilson
from vprog.evaluation.zoo.metrics import Box, f1, f1_interval, found
from vprog.evaluation.zoo.options import ten_options
from vprog.evaluation.zoo.questions import Question, about_crop, about_scene
from vprog.evaluation.zoo.scenes import draw
from vprog.example import Picture, Region, Scene, SceneObject
from vprog.tools.backends.oracle_regions import objects_in
from vprog.tools.geometry import enlarged
from vprog.trace import Call, Result
from vprog.world.vocabulary import COLORS, HELD_OUT_PAIRS, KINDS, PATTERNS, SIZES
from vprog.zoo import CHECKPOINTS, path

CHUNK = 64
"""Pictures that are drawn and asked about at once."""
CROPS = 0.75
"""Share of the vqa questions that are about the region around an object."""
GROUPS = {"colour": "colour", "kind": "kind", "pattern": "pattern", "yesno": "", "count": "count"}
"""Group of vqa questions -> manner of asking; yes-no questions have several."""

Answerer = Callable[[Sequence[Call], Mapping[str, Picture]], Sequence[Result | ToolError]]
Asked = tuple[Picture, Call]


def score(
    seed: int, n: int, names: Sequence[str] = tuple(CHECKPOINTS), progress: bool = False
) -> dict[str, Any]:
    """Scores checkpoints.

    Args:
        seed: Of the pictures; use one that nothing was tuned on.
        n: Pictures for each figure.
        names: Which checkpoints.
        progress: Whether to say on stderr what is being scored.

    Returns:
        ``{detect: {f1_colour_kind, f1_kind, f1_unseen_pairs}, vqa: {colour, kind, pattern, yesno,
        count}, match: {top1_of_10}}``; each figure ``{value, ci95, majority, n}``, and its parts.

    Raises:
        InputError: A checkpoint or a package is missing.
    """
    from vprog.evaluation.zoo.vlm import score_vlm

    parts = {"detect": _detect, "vqa": _vqa, "match": _match, "vlm": score_vlm}
    result: dict[str, Any] = {"seed": seed, "n": n}
    for name in names:
        path(name)
        if name not in parts:
            raise InputError(
                f"zoo checkpoint {name!r} writes programs: measure it with `vprog run BENCH "
                f"--writer zoo:{name}`. Scored here: {', '.join(parts)}"
            )
        if progress:
            note(f"scoring zoo:{name} on {n:,} pictures a figure")
        result[name] = parts[name](_answerer(name), seed, n)
    return result


def _answerer(name: str) -> Answerer:
    """The checkpoint's own backend."""
    from vprog.tools.backends.hf.detect import Detect, DetectSettings
    from vprog.tools.backends.hf.match import Match, MatchSettings
    from vprog.tools.backends.hf.vqa import Vqa, VqaSettings

    model = f"zoo:{name}"
    if name == "detect":
        return Detect(DetectSettings(model=model)).answer
    if name == "vqa":
        return Vqa(VqaSettings(model=model)).answer
    if name == "vlm":
        return Vqa(VqaSettings(model=model, max_new_tokens=80)).answer
    return Match(MatchSettings(model=model)).answer


def pictures_of(domain: str, seed: int, n: int, split: str = "test") -> Iterator[list[Picture]]:
    """Fresh pictures with their gold scenes, ``CHUNK`` at a time."""
    for start in range(0, n, CHUNK):
        chunk = []
        for index in range(start, min(start + CHUNK, n)):
            pixels, scene = draw(domain, split, seed, index)
            chunk.append(Picture(f"{domain}/{index}", array_rgb=pixels, scene=scene))
        yield chunk


def values_of(answer: Answerer, asked: Sequence[Asked]) -> list[Any]:
    """The values of all calls; a call that failed is an error of the whole."""
    values = []
    for start in range(0, len(asked), 256):
        some = asked[start : start + 256]
        results = answer([call for _, call in some], {p.id: p for p, _ in some})
        for result in results:
            if isinstance(result, ToolError):
                raise result
            values.append(result.value)
    return values


def scene_of(picture: Picture) -> Scene:
    """The gold scene of a fresh picture."""
    assert picture.scene is not None
    return picture.scene


# --- detect


def _detect(answer: Answerer, seed: int, n: int) -> dict[str, Any]:
    own = _f1(answer, seed, n, "generalist", colour_kinds)
    kind = _f1(answer, seed, n, "generalist", kinds)
    pairs = _f1(answer, seed, n, "pairs", unseen_pairs)
    return {"f1_colour_kind": own, "f1_kind": kind, "f1_unseen_pairs": pairs}


Phrases = Callable[[random.Random, Scene], dict[str, list[SceneObject]]]
"""What is asked about a scene: phrase -> the objects that it is true of."""


def _f1(answer: Answerer, seed: int, n: int, domain: str, phrases: Phrases) -> dict[str, Any]:
    by_picture = [
        [found([box.box_xyxy for box in boxes], gold) for boxes, gold in asked]
        for asked in detections(answer, seed, n, domain, phrases)
    ]
    flat = [tally for tallies in by_picture for tally in tallies]
    right, predicted, gold_boxes = (sum(column) for column in zip(*flat, strict=True))
    return {
        "value": f1(flat),
        "ci95": f1_interval(by_picture, seed),
        "majority": 0.0,
        "n": n,
        "phrases": len(flat),
        "precision": right / predicted if predicted else 0.0,
        "recall": right / gold_boxes if gold_boxes else 0.0,
    }


def detections(
    answer: Answerer, seed: int, n: int, domain: str, phrases: Phrases, split: str = "test"
) -> Iterator[list[tuple[list[Region], list[Box]]]]:
    """What a detector finds in fresh pictures.

    Args:
        answer: The detector's backend.
        seed: Of pictures and phrases.
        n: Pictures.
        domain: Their look.
        phrases: What is asked about each.
        split: Of the pictures.

    Yields:
        For each picture, phrase by phrase, the regions that were found and the gold boxes.
    """
    for chunk in pictures_of(domain, seed, n, split):
        asked: list[Asked] = []
        golds: list[tuple[int, list[Box]]] = []
        for number, picture in enumerate(chunk):
            rng = random.Random(f"{seed}/{picture.id}/phrases")
            for phrase, things in phrases(rng, scene_of(picture)).items():
                call = Call("detect", {"image": picture.region, "phrase": phrase})
                asked.append((picture, call))
                golds.append((number, [thing.box_xyxy for thing in things]))
        by_picture: list[list[tuple[list[Region], list[Box]]]] = [[] for _ in chunk]
        for (number, gold), regions in zip(golds, values_of(answer, asked), strict=True):
            by_picture[number].append((regions, gold))
        yield from by_picture


def colour_kinds(rng: random.Random, scene: Scene) -> dict[str, list[SceneObject]]:
    """Pairs of colour and kind that training has seen."""
    return _pairs_asked(rng, scene, held_out=False)


def unseen_pairs(rng: random.Random, scene: Scene) -> dict[str, list[SceneObject]]:
    """Held-out pairs of colour and kind."""
    return _pairs_asked(rng, scene, held_out=True)


def _pairs_asked(
    rng: random.Random, scene: Scene, held_out: bool
) -> dict[str, list[SceneObject]]:  # fmt: skip
    """Pairs of colour and kind that are there, and as many near misses that are not."""
    there: dict[tuple[str, str], list[SceneObject]] = {}
    for thing in scene.objects:
        there.setdefault((thing.attributes[0], thing.name), []).append(thing)
    pairs = [(c, k) for c in COLORS for k in KINDS if ((c, k) in HELD_OUT_PAIRS) == held_out]
    asked = {pair: things for pair, things in there.items() if pair in pairs}
    colors, kinds = {c for c, _ in there}, {k for _, k in there}
    near = [p for p in pairs if p not in there and (p[0] in colors or p[1] in kinds)]
    for pair in rng.sample(near, min(len(near), len(asked))):
        asked[pair] = []
    return {" ".join(pair): things for pair, things in asked.items()}


def kinds(rng: random.Random, scene: Scene) -> dict[str, list[SceneObject]]:
    """Kinds that are there, and as many that are not."""
    there = {thing.name for thing in scene.objects}
    absent = [kind for kind in KINDS if kind not in there]
    asked = [*sorted(there), *rng.sample(absent, min(len(absent), len(there)))]
    return {kind: [t for t in scene.objects if t.name == kind] for kind in asked}


# --- vqa


def _vqa(answer: Answerer, seed: int, n: int) -> dict[str, Any]:
    told: dict[str, list[tuple[str, Question, str]]] = {group: [] for group in GROUPS}
    for chunk in pictures_of("generalist", seed, n):
        asked: list[Asked] = []
        keys: list[tuple[str, str, Question]] = []
        for picture in chunk:
            for group, manner in GROUPS.items():
                rng = random.Random(f"{seed}/{picture.id}/{group}")
                place, region, question = _question(rng, picture, group, manner)
                keys.append((group, place, question))
                call = Call("vqa", {"image": region, "question": question.text})
                asked.append((picture, call))
        for (group, place, question), value in zip(keys, values_of(answer, asked), strict=True):
            told[group].append((place, question, str(value)))
    return {group: _accuracy(rows) for group, rows in told.items()}


def _question(
    rng: random.Random, picture: Picture, group: str, manner: str
) -> tuple[str, Region, Question]:
    scene = scene_of(picture)
    crop = group != "count" and rng.random() < CROPS
    while True:
        if not crop:
            wanted = manner or rng.choices(("exist", "verify"), (3, 1))[0]
            region, question = picture.region, about_scene(rng, scene, wanted)
        else:
            thing = rng.choice(scene.objects)
            region = enlarged(Region(picture.id, *thing.box_xyxy), picture.region)
            inside = objects_in(scene, region)
            question = about_crop(rng, thing, inside, manner or "verify")
        # Where no single object can be named, a picture is asked what it holds instead.
        if question.group == group:
            return ("crop" if crop else "scene"), region, question
        crop = group != "count"


def _accuracy(rows: Sequence[tuple[str, Question, str]]) -> dict[str, Any]:
    whole = share([(question.answer, said) for _, question, said in rows])
    for place in ("crop", "scene"):
        part = [(question.answer, said) for where, question, said in rows if where == place]
        if part and len(part) < len(rows):
            whole[place] = share(part)
    return whole


def share(rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The share of pairs (gold, said) that agree, as a figure."""
    right = sum(gold == said for gold, said in rows)
    most = Counter(gold for gold, _ in rows).most_common(1)[0][1]
    low, high = wilson(right, len(rows))
    return {
        "value": right / len(rows),
        "ci95": [low, high],
        "majority": most / len(rows),
        "n": len(rows),
    }


# --- match


def _match(answer: Answerer, seed: int, n: int) -> dict[str, Any]:
    hits: list[bool] = []
    sides: list[bool] = []
    for chunk in pictures_of("generalist", seed, n):
        asked: list[Asked] = []
        for picture in chunk:
            rng = random.Random(f"{seed}/{picture.id}/options")
            thing = rng.choice(scene_of(picture).objects)
            options: list[Any] = list(ten_options(rng, *_facts(thing)))
            region = Region(picture.id, *thing.box_xyxy)
            asked.append((picture, Call("match", {"image": region, "options": options})))
        for scores in values_of(answer, asked):
            hits.append(max(range(10), key=scores.__getitem__) == 0)
            sides += [scores[0] >= 0.5, scores[1] < 0.5]
    top = share([("right", "right" if hit else "wrong") for hit in hits])
    half = share([("right", "right" if side else "wrong") for side in sides])
    return {
        "top1_of_10": {**top, "majority": 0.1},
        "right_side_of_half": {**half, "majority": 0.5},
    }


def _facts(thing: SceneObject) -> tuple[int, int, int, int]:
    color, size, pattern = thing.attributes
    return (
        KINDS.index(thing.name),
        COLORS.index(color),
        SIZES.index(size),
        PATTERNS.index(pattern),
    )
