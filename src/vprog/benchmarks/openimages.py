"""Open Images: is something there, and how many? Questions built from the boxes of people.

SDVP tests tools that were taught on one task on Open Images as another (Wan et al., section 5);
its questions are not published. These are ours, from the published boxes (Kuznetsova et al. 2020):

- *Presence.* For every picture one class that has a box in it and one that is absent; among the
  possible ones those for which "yes" and "no" are furthest from even are taken, so that the class
  alone tells little. Absent is what people looked for and did not find (labels of whole pictures);
  without that file, any class that is neither boxed nor a kind or a parent of a boxed one.
- *Counting.* At most one class a picture with one to five boxes; every number is asked equally
  often. Classes whose plural nobody counts (clothing, trousers) are left out.

A box counts for its class and for everything that it is a kind of. A class is not asked for at all
where one of its boxes shows a drawing or statue or the inside of the thing, and is not counted
where a box is a group. Pictures that are not in the folder are left out: there are 125,000 for
test alone.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from vprog.benchmarks.benchmark import Answers, Benchmark
from vprog.benchmarks.gqa_python import PythonText
from vprog.benchmarks.gqa_steps import StepsText, quoted
from vprog.benchmarks.metric import Metric, mean
from vprog.benchmarks.nouns import is_countable, is_there, plural, said
from vprog.benchmarks.openimages_files import (
    SOURCE,
    Box,
    Classes,
    Labelled,
    find_pictures,
    read_classes,
    read_labels,
)
from vprog.errors import InputError
from vprog.example import Example, Picture, Scene, SceneObject

MOST = 5
"""Highest number that is asked for."""
SEED = 0
"""Of the choice of classes: a split's questions are always the same ones."""


def load(data: Path, split: str) -> Iterator[Example]:
    """Yields questions in the order of the boxes file, for each picture presence before counting.

    Raises:
        InputError: A file or column is missing or wrong, or no picture with boxes is there.
    """
    classes = read_classes(data)
    files = find_pictures(data, split)
    kept, verified = read_labels(data, split, files)
    if not kept:
        raise InputError(f"no picture in {data} has boxes in the split {split!r}. {SOURCE}")
    counted = _choose_counts(kept, classes)
    ahead: Counter[str] = Counter()
    for id, labelled in kept.items():
        boxes = tuple(labelled.boxes)
        picture = Picture(id, path=files[id], scene=partial(_scene, boxes, classes))
        rng = random.Random(f"{SEED}/{id}")
        for kind, answer in _choose_presence(labelled, classes, verified, ahead, rng):
            noun = said(classes.names[kind])
            yield Example(
                id=f"{id}-{answer}",
                pictures=(picture,),
                question=f"{is_there(noun)} in the image?",
                answers=(answer,),
                types={"task": "presence"},
                programs=_presence_programs(noun),
                extra={"class": classes.names[kind]},
            )
        if id in counted:
            kind, number = counted[id]
            noun = said(classes.names[kind])
            yield Example(
                id=f"{id}-count",
                pictures=(picture,),
                question=f"How many {plural(noun)} are in the image?",
                answers=(str(number),),
                types={"task": "counting"},
                programs=_counting_programs(noun),
                extra={"class": classes.names[kind]},
            )


def _boxes_by_class(labelled: Labelled, classes: Classes) -> Mapping[str, list[Box]]:
    """The boxes of every class that has any, those of its kinds among them."""
    found: defaultdict[str, list[Box]] = defaultdict(list)
    for box in labelled.boxes:
        for kind in sorted(classes.up(box.kind)):
            if kind in classes.names:
                found[kind].append(box)
    return found


def _choose_presence(
    labelled: Labelled,
    classes: Classes,
    verified: bool,
    ahead: Counter[str],
    rng: random.Random,
) -> Iterator[tuple[str, str]]:
    """A class that is there and one that is not; ``ahead`` counts "yes" less "no" by class."""
    found = _boxes_by_class(labelled, classes)
    there = [k for k, boxes in found.items() if not any(box.is_odd for box in boxes)]
    known = set(found) | {up for kind in labelled.there for up in classes.up(kind)}
    if verified:
        absent = sorted(kind for kind in labelled.absent - known if kind in classes.names)
    else:
        direct = {box.kind for box in labelled.boxes} | labelled.there
        absent = sorted(k for k in classes.names if k not in known and not classes.up(k) & direct)
    if not there or not absent:
        return
    rng.shuffle(there)
    rng.shuffle(absent)
    yes, no = min(there, key=lambda k: ahead[k]), max(absent, key=lambda k: ahead[k])
    ahead[yes] += 1
    ahead[no] -= 1
    yield yes, "yes"
    yield no, "no"


def _choose_counts(
    pictures: Mapping[str, Labelled], classes: Classes
) -> dict[str, tuple[str, int]]:
    """For some pictures a class and the number of its boxes, every number equally often."""
    chosen: dict[int, list[tuple[str, str]]] = {number: [] for number in range(1, MOST + 1)}
    rng = random.Random(SEED)
    for id, labelled in pictures.items():
        possible = [
            (kind, len(boxes))
            for kind, boxes in _boxes_by_class(labelled, classes).items()
            if len(boxes) <= MOST
            and not any(box.is_group or box.is_odd for box in boxes)
            and is_countable(said(classes.names[kind]))
        ]
        if possible:
            rng.shuffle(possible)
            kind, number = min(possible, key=lambda pair: len(chosen[pair[1]]))
            chosen[number].append((id, kind))
    least = min((len(pairs) for pairs in chosen.values() if pairs), default=0)
    return {
        id: (kind, number)
        for number, pairs in chosen.items()
        for id, kind in rng.sample(pairs, min(least, len(pairs)))
    }


def _presence_programs(noun: str) -> dict[str, str]:
    steps = StepsText()
    number = steps.count(steps.add("BOX", f"LOC(image=IMAGE,object={quoted(noun)})"))
    asked = steps.evaluate(f"'yes' if {{{number}}} > 0 else 'no'")
    python = PythonText("image").finished(f"bool_to_yesno(image.exists({_text(noun)}))")
    return {"steps": steps.finished(asked), "python": python}


def _counting_programs(noun: str) -> dict[str, str]:
    steps = StepsText()
    number = steps.count(steps.add("BOX", f"LOC(image=IMAGE,object={quoted(noun)})"))
    python = PythonText("image").finished(f"len(image.find({_text(noun)}))")
    return {"steps": steps.finished(number), "python": python}


def _text(noun: str) -> str:
    return quoted(noun) if "'" in noun else f'"{noun}"'


def _scene(boxes: Sequence[Box], classes: Classes, picture: Picture) -> Scene:
    """The boxes as a gold scene, for the oracle."""
    width, height = picture.size
    objects = []
    for number, box in enumerate(boxes):
        left, top, right, bottom = box.edges
        above = sorted(classes.parents.get(box.kind, ()))
        objects.append(
            SceneObject(
                id=str(number),
                name=said(classes.names.get(box.kind, box.kind)),
                box_xyxy=(left * width, top * height, right * width, bottom * height),
                names=tuple(said(classes.names[kind]) for kind in above if kind in classes.names),
            )
        )
    return Scene(width=width, height=height, objects=tuple(objects))


def metrics(answers: Answers) -> Mapping[str, Metric]:
    """Accuracy on presence and on counting apart."""
    tasks = [a.example.types["task"] for a in answers.items]
    return {
        f"accuracy_{name}": mean(
            a.credit if task == name else None for a, task in zip(answers.items, tasks, strict=True)
        )
        for name in ("presence", "counting")
    }


BENCHMARK = Benchmark(
    name="openimages",
    doc="Presence and counting questions built from Open Images' boxes (Kuznetsova et al. 2020)",
    splits=("validation", "test", "train"),
    load=load,
    metrics=metrics,
)
