"""Writes a drawn benchmark in the official file formats; docs/world.md shows the folder."""

from __future__ import annotations

import json
import math
import multiprocessing
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from vprog.errors import InputError, known_names
from vprog.example import Scene
from vprog.world import gqa, nlvr2, pope, tally
from vprog.world.balance import Balance
from vprog.world.claim import claim, finish
from vprog.world.domains import Domain, get_domain
from vprog.world.paraphrases import get_part, reworded
from vprog.world.scene import (
    DEFAULT_SIZE,
    MAX_SIZE,
    MIN_SIZE,
    draw_scene,
    sample_specs,
)
from vprog.world.styles import Array

Task = Literal["gqa", "nlvr2", "tally", "pope"]
Split = Literal["train", "val", "test"]
TASKS: tuple[str, ...] = get_args(Task)
SPLITS: tuple[str, ...] = get_args(Split)
_Pool = ProcessPoolExecutor | None
_IDS = 10
"""Object ids that a picture may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What a worker needs to draw; the index is drawn by one worker, whichever."""

    task: str
    domain: str
    seed: int
    split: str
    size: int
    images: str
    phrasing: str = ""

    def rng(self, index: int, purpose: str = "scene") -> random.Random:
        """Chance of its own for every picture: splits and seeds never share a scene."""
        return random.Random(
            f"{self.task}/{self.domain}/{self.seed}/{self.split}/{index}/{purpose}"
        )

    def image_id(self, index: int) -> str:
        """Digits alone, as in GQA; the first names the split."""
        return f"{SPLITS.index(self.split) + 1}{index:07d}"


def write(
    task: Task,
    domain: str,
    n: int,
    seed: int,
    out: Path | str,
    *,
    split: Split = "val",
    size: int = DEFAULT_SIZE,
    workers: int = 2,
    phrasing: str | None = None,
) -> dict[str, Any]:
    """Draws pictures and writes questions about them; the same arguments give the same bytes.

    Args:
        task: Whose formats: ``gqa``, ``nlvr2``, ``tally`` or ``pope``.
        domain: Name of a look; see ``DOMAINS``.
        n: Number of questions of the split.
        seed: Any integer; different seeds draw different scenes.
        out: Folder of this task's files; other splits may lie in it.
        split: ``train``, ``val`` or ``test``: never the same scenes.
        size: Side of the pictures in pixels.
        workers: Processes that draw; the result does not depend on it. With more than one a script
            needs ``if __name__ == "__main__":``, because each of them imports it.
        phrasing: ``train`` or ``held-out``: ask in other words (``paraphrases``); None asks in the
            world's own.

    Returns:
        ``{task, domain, split, seed, size, n, pictures}`` as stored in ``<split>_world.json``, and
        ``phrasing`` where it was given.

    Raises:
        InputError: An argument is out of bounds, the folder cannot be written, or a process that
            draws died.
    """
    check(task, split, n, size, workers)
    look = get_domain(domain)
    part = get_part(phrasing) if phrasing is not None else ""
    folder = Path(out)
    images = folder / "images"
    settings: dict[str, Any] = {
        "task": task,
        "domain": look.name,
        "split": split,
        "seed": seed,
        "size": size,
        "n": n,
    }
    if part:
        settings["phrasing"] = part
    claim(folder, settings)
    try:
        images.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    job = _Job(task=task, domain=look.name, seed=seed, split=split, size=size, images=str(images),
               phrasing=part)  # fmt: skip
    pool = _pool(workers) if workers > 1 else None
    try:
        if task == "gqa":
            graphs = _write_gqa(job, look, n, folder, pool)
        elif task == "nlvr2":
            graphs = _write_nlvr2(job, n, folder, pool)
        elif task == "tally":
            graphs = _write_tally(job, look, n, folder, pool)
        else:
            graphs = _write_pope(job, n, folder, pool)
    except BrokenProcessPool:
        raise InputError(
            "a process that draws pictures died. A script that draws needs "
            '`if __name__ == "__main__":` around its calls; where memory is short, draw in one '
            "process (workers=1)"
        ) from None
    finally:
        _finish(pool)
    _save(folder / f"{split}_sceneGraphs.json", graphs)
    return finish(folder, settings, len(graphs))


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))


def check(task: str, split: str, n: int, size: int, workers: int) -> None:
    """Refuses arguments of ``write`` that are out of bounds.

    Raises:
        InputError: Names the argument and its bounds.
    """
    if task not in TASKS:
        raise InputError(f"unknown task {task!r}. {known_names(task, TASKS)}")
    if split not in SPLITS:
        raise InputError(f"unknown split {split!r}. {known_names(split, SPLITS)}")
    if n < 1 or workers < 1:
        raise InputError(f"n is {n} and workers is {workers}; both must be at least 1")
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"size is {size}; pictures have {MIN_SIZE} to {MAX_SIZE} pixels a side")


def _save(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def _save_lines(path: Path, rows: Iterable[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _save_picture(path: Path, pixels: Array) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(path, compress_level=1)


def draw(job: _Job, index: int) -> Scene:
    """Draws and saves the picture ``index`` of a job; returns its gold scene."""
    rng, domain = job.rng(index), get_domain(job.domain)
    if job.task == "tally":
        specs = tally.sample_counted(rng, domain)
    elif job.task == "pope":
        specs = pope.sample_themed(rng, domain)
    else:
        found = sample_specs(rng, domain)
        while found is None:
            found = sample_specs(rng, domain)
        specs = found
    pixels, scene = draw_scene(specs, domain, rng, job.size, _IDS * index)
    _save_picture(Path(job.images) / f"{job.image_id(index)}.png", pixels)
    return scene


def draw_pairs(job: _Job, index: int) -> tuple[list[dict[str, Any]], dict[str, Scene]]:
    """Draws and saves the pictures of statement ``index``; returns its rows and gold scenes."""
    rng, domain = job.rng(index), get_domain(job.domain)
    statement, pairs = nlvr2.draw_set(rng, domain, job.size, 2 * nlvr2.PAIRS * _IDS * index)
    rows, scenes = [], {}
    for number, (label, left, right) in enumerate(pairs):
        name = f"{job.split}-{index}-{number}"
        for side, (pixels, scene) in enumerate((left, right)):
            _save_picture(Path(job.images) / f"{name}-img{side}.png", pixels)
            scenes[f"{name}-img{side}"] = scene
        urls = [f"images/{name}-img{side}.png" for side in (0, 1)]
        row = nlvr2.row(statement, label, f"{name}-0", *urls)
        # Chance starts anew for every pair: they have their sentence in common.
        rows += _reworded(job, index, [row])
    return rows, scenes


def _reworded(job: _Job, index: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the wording that is asked for."""
    if not job.phrasing:
        return rows
    rng = job.rng(index, "phrasing")
    return [reworded(row, rng, get_part(job.phrasing)) for row in rows]


def _draw_one(work: tuple[_Job, int]) -> Scene:
    return draw(*work)


def _draw_pairs_one(work: tuple[_Job, int]) -> tuple[list[dict[str, Any]], dict[str, Scene]]:
    return draw_pairs(*work)


def _map(pool: _Pool, function: Any, job: _Job, indices: Iterable[int]) -> Iterator[Any]:
    work = [(job, index) for index in indices]
    if pool is None or len(work) < 8:
        return map(function, work)
    chunk = max(1, min(64, len(work) // 8))
    results: Iterator[Any] = pool.map(function, work, chunksize=chunk)
    return results


def _drawn(job: _Job, pool: _Pool, pictures: int) -> Iterator[tuple[int, Scene]]:
    """Draws pictures without end, ``pictures`` of them at a time."""
    start = 0
    while True:
        indices = range(start, start + pictures)
        yield from zip(indices, _map(pool, _draw_one, job, indices), strict=True)
        start += pictures
        pictures = max(8, pictures // 8)


def _drop_unused(job: _Job, graphs: dict[str, Any], folder: Path) -> None:
    """Removes pictures of this split that no question is about."""
    first = job.image_id(0)[0]
    for path in (folder / "images").glob(f"{first}*.png"):
        if path.stem not in graphs:
            path.unlink()


def _write_gqa(job: _Job, domain: Domain, n: int, folder: Path, pool: _Pool) -> dict[str, Any]:
    balance, graphs = Balance(), {}
    questions: dict[str, Any] = {}
    for index, scene in _drawn(job, pool, math.ceil(n / gqa.PER_PICTURE * 1.04)):
        id = job.image_id(index)
        rows = gqa.ask(scene, domain, job.rng(index, "questions"), balance, id, n - len(questions))
        if rows:
            graphs[id] = gqa.scene_graph(scene)
            questions |= dict(zip(rows, _reworded(job, index, [*rows.values()]), strict=True))
        if len(questions) >= n:
            break
    _finish(pool)
    _drop_unused(job, graphs, folder)
    _save(folder / f"{job.split}_balanced_questions.json", questions)
    return graphs


def _write_tally(job: _Job, domain: Domain, n: int, folder: Path, pool: _Pool) -> dict[str, Any]:
    balance, graphs = Balance(), {}
    rows: list[dict[str, Any]] = []
    for index, scene in _drawn(job, pool, math.ceil(n / tally.PER_PICTURE * 1.7)):
        id = job.image_id(index)
        asked = tally.ask(scene, domain, job.rng(index, "questions"), balance, n - len(rows))
        for row in _reworded(job, index, asked):
            number = int(f"{id}{len(rows) % 100:02d}")
            rows.append({**row, "image": f"images/{id}.png", "image_id": int(id),
                         "question_id": number})  # fmt: skip
        if asked:
            graphs[id] = gqa.scene_graph(scene)
        if len(rows) >= n:
            break
    _finish(pool)
    _drop_unused(job, graphs, folder)
    _save(folder / f"{job.split}.json", rows)
    return graphs


def _write_pope(job: _Job, n: int, folder: Path, pool: _Pool) -> dict[str, Any]:
    share = [n // 3 + (number < n % 3) for number in range(3)]
    pictures = math.ceil(max(share) / pope.PER_SETTING)
    named = [
        (f"{job.image_id(index)}.png", scene)
        for index, scene in enumerate(_map(pool, _draw_one, job, range(pictures)))
    ]
    for setting, rows in zip(pope.SETTINGS, share, strict=True):
        asked = pope.ask(named, job.rng(0, setting), setting)[:rows]
        said = _reworded(job, pope.SETTINGS.index(setting), asked)
        _save_lines(folder / f"{job.split}_pope_{setting}.jsonl", said)
    graphs = {Path(name).stem: gqa.scene_graph(scene) for name, scene in named}
    _drop_unused(job, graphs, folder)
    return graphs


def _write_nlvr2(job: _Job, n: int, folder: Path, pool: _Pool) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    graphs: dict[str, Any] = {}
    sets = math.ceil(n / nlvr2.PAIRS)
    for some, scenes in _map(pool, _draw_pairs_one, job, range(sets)):
        rows += some
        graphs |= {name: gqa.scene_graph(scene) for name, scene in scenes.items()}
    rows = rows[:n]
    used = {Path(row[url]).stem for row in rows for url in ("left_url", "right_url")}
    graphs = {name: graph for name, graph in graphs.items() if name in used}
    for path in (folder / "images").glob(f"{job.split}-*-img?.png"):
        if path.stem not in graphs:
            path.unlink()
    _save_lines(folder / f"{job.split}.jsonl", rows)
    return graphs


def _finish(pool: _Pool) -> None:
    """Lets workers end what they still draw, so that no file appears after the sweep."""
    if pool is not None:
        pool.shutdown(cancel_futures=True)
