"""Referring expressions in RefCOCO's manner and files (Yu et al., ECCV 2016).

refs.json                  the rows of refs(unc).p as JSON, all splits
instances.json             COCO's images, annotations and categories, all splits
<split>_sceneGraphs.json   gold scenes
images/                    pictures, PNG
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from vprog.errors import InputError, known_names
from vprog.example import Scene
from vprog.world.claim import claim, finish
from vprog.world.domains import get_domain
from vprog.world.gqa import scene_graph
from vprog.world.reference import Ref, read_marks, sample_ref
from vprog.world.scene import DEFAULT_SIZE, MAX_SIZE, MIN_SIZE, draw_scene, sample_specs
from vprog.world.vocabulary import KINDS

SPLITS = ("train", "val", "test")
PER_PICTURE = 3
"""Most expressions about one picture."""
_IDS = 10
"""Object ids that a picture may use."""


def write(
    domain: str,
    n: int,
    seed: int,
    out: Path | str,
    *,
    split: str = "val",
    size: int = DEFAULT_SIZE,
    phrasing: str | None = None,
) -> dict[str, Any]:
    """Draws pictures and writes expressions, each true of one object alone.

    Args:
        domain: Name of a look; see ``vprog.world.DOMAINS``.
        n: Number of expressions.
        seed: Any integer.
        out: Folder; other splits that lie in it are kept.
        split: ``train``, ``val`` or ``test``: never the same scenes.
        size: Side of the pictures in pixels.
        phrasing: None: expressions have one form alone.

    Returns:
        ``{task, domain, split, seed, size, n, pictures}``.

    Raises:
        InputError: An argument is out of bounds.
    """
    from PIL import Image

    if split not in SPLITS:
        raise InputError(f"unknown split {split!r}. {known_names(split, SPLITS)}")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"size is {size}; pictures have {MIN_SIZE} to {MAX_SIZE} pixels a side")
    if phrasing is not None:
        raise InputError(f"phrasing {phrasing!r}: referring expressions have no other words")
    if n < 1:
        raise InputError(f"n is {n}; at least one expression must be asked for")
    look, folder = get_domain(domain), Path(out)
    settings = {
        "task": "refer",
        "domain": look.name,
        "split": split,
        "seed": seed,
        "size": size,
        "n": n,
    }
    claim(folder, settings)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    refs, tables = _others(folder, split)
    graphs: dict[str, Any] = {}
    written = index = 0
    while written < n:
        rng = random.Random(f"refer/{look.name}/{seed}/{split}/{index}/scene")
        image = int(f"{SPLITS.index(split) + 1}{index:07d}")
        specs = sample_specs(rng, look)
        index += 1
        if specs is None:
            continue
        pixels, scene = draw_scene(specs, look, rng, size, _IDS * (index - 1))
        rows = _rows(scene, rng, image, split)[: n - written]
        if not rows:
            continue
        name = f"{image}.png"
        Image.fromarray(pixels).save(folder / "images" / name, compress_level=1)
        tables["images"].append(
            {"id": image, "file_name": name, "width": scene.width, "height": scene.height}
        )
        tables["annotations"] += _annotations(scene, image)
        graphs[str(image)] = scene_graph(scene)
        refs += rows
        written += len(rows)
    for name, content in (
        ("refs.json", refs),
        ("instances.json", tables),
        (f"{split}_sceneGraphs.json", graphs),
    ):
        (folder / name).write_text(json.dumps(content, separators=(",", ":")) + "\n", "utf-8")
    return finish(folder, settings, len(graphs))


def _others(folder: Path, split: str) -> tuple[list[Any], dict[str, list[Any]]]:
    """Rows of other splits that lie in the folder."""
    tables: dict[str, list[Any]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": number, "name": kind} for number, kind in enumerate(KINDS, 1)],
    }
    if not (folder / "refs.json").is_file():
        return [], tables
    first = str(SPLITS.index(split) + 1)
    refs = [r for r in json.loads((folder / "refs.json").read_text("utf-8")) if r["split"] != split]
    old = json.loads((folder / "instances.json").read_text("utf-8"))
    tables["images"] = [r for r in old["images"] if str(r["id"])[0] != first]
    tables["annotations"] = [r for r in old["annotations"] if str(r["image_id"])[0] != first]
    return refs, tables


def _annotations(scene: Scene, image: int) -> list[dict[str, Any]]:
    rows = []
    for number, thing in enumerate(scene.objects):
        left, top, right, bottom = thing.box_xyxy
        bbox = [left, top, right - left, bottom - top]
        rows.append(
            {
                "id": _IDS * image + number,
                "image_id": image,
                "category_id": KINDS.index(thing.name) + 1,
                "bbox": bbox,
                "area": bbox[2] * bbox[3],
                "iscrowd": 0,
            }
        )
    return rows


def _rows(scene: Scene, rng: random.Random, image: int, split: str) -> list[dict[str, Any]]:
    """A reference to some of the objects, one expression each."""
    rows: list[dict[str, Any]] = []
    numbers = list(range(len(scene.objects)))
    rng.shuffle(numbers)
    for number in numbers:
        ref = sample_ref(rng, scene, scene.objects[number], clauses=rng.random() < 0.5)
        if ref is None or len(rows) == PER_PICTURE:
            continue
        id = _IDS * image + number
        text, _ = read_marks(ref.noun_phrase)
        sentence = {
            "sent_id": id,
            "sent": text,
            "raw": text,
            "tokens": text.split(),
            "semantic": described(ref),
        }
        rows.append(
            {
                "ref_id": id,
                "ann_id": id,
                "image_id": image,
                "category_id": KINDS.index(ref.thing.name) + 1,
                "split": split,
                "file_name": f"{image}.png",
                "sentences": [sentence],
                "sent_ids": [id],
            }
        )
    return rows


def described(ref: Ref) -> dict[str, str]:
    """A reference as a set of ``statements``: of one object, with at most one relation."""
    words = {"image": "image", "phrase": " ".join((*ref.attributes, ref.noun))}
    if ref.anchor is None:
        return words
    anchor = " ".join((*ref.anchor.attributes, ref.anchor.noun))
    return words | {"relation": ref.relation, "anchor": anchor}
