"""Other scenes for the same question: other pictures, and the same scene with something changed.

Random other pictures rarely hold what a question speaks of. Scenes that are one edit away do: a
mirror turns left to right, another look or kind makes a phrase false, one thing more or less
changes counts. Only the gold scene is edited; there are no pixels.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from vprog.example import Example, Picture, Scene, SceneObject

Sets = Mapping[tuple[str, ...], tuple[Picture, ...]]
"""Pictures with gold scenes, or pairs of them, by their ids."""


def counterfactuals(example: Example, sets: Sets, count: int, seed: int) -> Iterator[Example]:
    """The question about ``count`` other scenes, three quarters of them edits of its own.

    Args:
        example: With gold scenes.
        sets: Pictures of other examples; where they are too few there are more edits.
        count: How many.
        seed: With the example's id, of the draw.
    """
    rng = random.Random(f"{seed} {example.id}")
    own = tuple(p.id for p in example.pictures)
    names = [name for name in sets if name != own and len(name) == len(own)]
    others = rng.sample(names, min(count // 4, len(names)))
    for name in others:
        yield replace(example, pictures=sets[name])
    for number in range(count - len(others)):
        yield replace(example, pictures=_edited(example, number, rng))


def _edited(example: Example, number: int, rng: random.Random) -> tuple[Picture, ...]:
    """The pictures of an example with one of them changed."""
    changed = rng.randrange(len(example.pictures))
    edit = _EDITS[number % len(_EDITS)]
    pictures = list(example.pictures)
    picture = pictures[changed]
    scene = picture.scene
    assert scene is not None
    name = f"{picture.id} {edit.__name__} {number}"
    size = (scene.width, scene.height)
    # Another digest: its calls are not those of the picture.
    pictures[changed] = Picture(
        name, scene=edit(scene, rng), size=size, digest=f"{name} of {example.id}"
    )
    return tuple(pictures)


def mirrored(scene: Scene, rng: random.Random) -> Scene:
    """Left and right exchanged."""
    del rng
    return replace(scene, objects=tuple(_mirror(o, scene) for o in scene.objects))


def _mirror(one: SceneObject, scene: Scene) -> SceneObject:
    left, top, right, bottom = one.box_xyxy
    return replace(one, box_xyxy=(scene.width - right, top, scene.width - left, bottom))


def upended(scene: Scene, rng: random.Random) -> Scene:
    """Above and below exchanged."""
    del rng
    return replace(scene, objects=tuple(_upend(o, scene) for o in scene.objects))


def _upend(one: SceneObject, scene: Scene) -> SceneObject:
    left, top, right, bottom = one.box_xyxy
    return replace(one, box_xyxy=(left, scene.height - bottom, right, scene.height - top))


def look_changed(scene: Scene, rng: random.Random) -> Scene:
    """An object has one attribute of another."""

    def change(one: SceneObject, other: SceneObject) -> SceneObject:
        places = [
            n
            for n, (a, b) in enumerate(zip(one.attributes, other.attributes, strict=False))
            if a != b
        ]
        if not places:
            return one
        place = rng.choice(places)
        looks = list(one.attributes)
        looks[place] = other.attributes[place]
        return replace(one, attributes=tuple(looks))

    return _changed(scene, rng, change)


def kind_changed(scene: Scene, rng: random.Random) -> Scene:
    """An object is of another's kind."""
    return _changed(scene, rng, lambda o, other: replace(o, name=other.name, names=other.names))


def _changed(
    scene: Scene, rng: random.Random, change: Callable[[SceneObject, SceneObject], SceneObject]
) -> Scene:
    if len(scene.objects) < 2:
        return scene
    one, other = rng.sample(range(len(scene.objects)), 2)
    objects = list(scene.objects)
    objects[one] = change(objects[one], objects[other])
    return replace(scene, objects=tuple(objects))


def one_less(scene: Scene, rng: random.Random) -> Scene:
    """An object is gone."""
    if not scene.objects:
        return scene
    gone = rng.randrange(len(scene.objects))
    return replace(scene, objects=tuple(o for n, o in enumerate(scene.objects) if n != gone))


def one_more(scene: Scene, rng: random.Random) -> Scene:
    """An object stands at the mirrored place, too."""
    if not scene.objects:
        return scene
    twin = rng.choice(scene.objects)
    added = replace(_mirror(_upend(twin, scene), scene), id=f"{twin.id} twin")
    return replace(scene, objects=(*scene.objects, added))


_EDITS: tuple[Callable[[Scene, random.Random], Scene], ...] = (
    mirrored, look_changed, one_more, look_changed, upended, kind_changed, one_less,
)  # fmt: skip
