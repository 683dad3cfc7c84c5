"""Drawn questions in the official files of benchmarks of photographs, laid out as published.

What a loader reads here is what it reads there: names, columns, types of values, JPEG files. Rows
have one column more, ``semantic``, and ``<split>_sceneGraphs.json`` lies beside them, so that gold
programs and the oracle work as for the other drawn benchmarks.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from vprog.errors import InputError, known_names
from vprog.world.claim import claim, finish
from vprog.world.domains import get_domain
from vprog.world.official_rows import FORMATS, Drawn, Question
from vprog.world.paraphrases import get_part
from vprog.world.scene import DEFAULT_SIZE
from vprog.world.write import Split, Task, check, write

_SPARE = 4
"""So many drawn questions for one that is wanted, as formats take some kinds alone."""


def write_official(
    task: str,
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
        task: Whose files; see ``OFFICIAL_TASKS``.
        domain: Name of a look; see ``DOMAINS``.
        n: Number of questions; for ``openimages``, whose loader asks, the number of pictures.
        seed: Any integer.
        out: Folder of this task's files; other splits may lie in it.
        split: ``train``, ``val`` or ``test``; the files have the benchmark's own name for it.
        size: Side of the pictures in pixels.
        workers: Processes that draw.
        phrasing: As for ``write``.

    Returns:
        ``{task, domain, split, seed, size, n, pictures}``; ``split`` is the benchmark's.

    Raises:
        InputError: An argument is out of bounds, the benchmark has no such split, or the folder
            cannot be written.
    """
    if task not in FORMATS:
        raise InputError(f"unknown task {task!r}. {known_names(task, FORMATS)}")
    format = FORMATS[task]
    if split not in format.splits:
        raise InputError(f"{task} has no split {split!r}. {known_names(split, format.splits)}")
    if n < 1:
        raise InputError(f"n is {n}; it must be at least 1")
    check(format.drawn, split, n, size, workers)
    if phrasing is not None:
        get_part(phrasing)
    official, folder = format.splits[split], Path(out)
    settings: dict[str, Any] = {
        "task": task,
        "domain": get_domain(domain).name,
        "split": official,
        "seed": seed,
        "size": size,
        "n": n,
    }
    if phrasing is not None:
        settings["phrasing"] = phrasing
    claim(folder, settings)
    try:
        with tempfile.TemporaryDirectory(dir=folder) as inside:
            drawn = Path(inside)
            many = n * _SPARE
            write(cast(Task, format.drawn), domain, many, seed, drawn, split=split, size=size,
                  workers=workers, phrasing=phrasing)  # fmt: skip
            graphs = json.loads((drawn / f"{split}_sceneGraphs.json").read_text("utf-8"))
            rng = random.Random(f"{task}/{domain}/{seed}/{split}")
            questions = _questions(format.drawn, drawn, split)
            source = Drawn(drawn / "images", graphs, questions, rng)
            used = format.write(source, official, folder, n)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    _save(folder / f"{official}_sceneGraphs.json", used)
    return finish(folder, settings, len(used))


def _save(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def _questions(task: str, drawn: Path, split: str) -> list[Question]:
    """The questions that ``write`` drew, whatever their format."""
    if task == "gqa":
        content = json.loads((drawn / f"{split}_balanced_questions.json").read_text("utf-8"))
        return [_from_gqa(row) for row in content.values()]
    if task == "tally":
        rows = json.loads((drawn / f"{split}.json").read_text("utf-8"))
        return [
            Question(Path(r["image"]).stem, r["question"], str(r["answer"]), "", r["semantic"])
            for r in rows
        ]
    text = (drawn / f"{split}_pope_random.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line]
    return [Question(Path(r["image"]).stem, r["text"], r["label"], "", r["semantic"]) for r in rows]


def _from_gqa(row: Mapping[str, Any]) -> Question:
    kind = row["types"]["structural"]
    return Question(row["imageId"], row["question"], row["answer"], kind, row["semantic"])
