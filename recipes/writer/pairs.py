"""Questions of the drawn world with their meaning and gold programs, without drawing a pixel."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vprog.benchmarks.gqa_programs import gqa_programs
from vprog.benchmarks.world_gqa import FAMILIES
from vprog.benchmarks.world_programs import statement_programs
from vprog.example import Scene, SceneObject
from vprog.world import gqa, nlvr2, tally
from vprog.world.balance import Balance
from vprog.world.domains import Domain, get_domain
from vprog.world.paraphrase_frames import Part
from vprog.world.paraphrases import paraphrase_semantic, paraphrase_statement
from vprog.world.reference import read_marks
from vprog.world.scene import DEFAULT_SIZE, LENGTH_PX, Spec, relations_between, sample_specs
from vprog.world.statements import count
from vprog.world.vocabulary import CATEGORY, KINDS, with_article

TASKS = ("gqa", "nlvr2", "tally", "pope")
SHARES = (0.66, 0.19, 0.11, 0.04)
"""How often each task is drawn for training."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question by its meaning.

    Attributes:
        task: One of ``TASKS``.
        text: As the world asks it.
        semantic: GQA's functional program, or an expression of ``vprog.world.statements``.
        programs: The gold program of each language.
    """

    task: str
    text: str
    semantic: Any
    programs: dict[str, str]

    def said(self, rng: random.Random, part: Part) -> str:
        """Another wording."""
        if self.task == "gqa":
            return read_marks(paraphrase_semantic(self.semantic, rng, part))[0]
        return paraphrase_statement(self.semantic, rng, part)


def arrange(specs: list[Spec], domain: Domain, rng: random.Random) -> Scene:
    """A scene of boxes where ``vprog.world.scene.draw_scene`` would also paint them."""
    size = DEFAULT_SIZE
    boxes: list[tuple[float, float, float, float]] = []
    for spec in specs:
        long = rng.choice(LENGTH_PX[spec.size])
        short = max(6, round(long * rng.uniform(0.5, 1)))
        width, height = (long, short) if rng.random() < 0.5 else (short, long)
        for _ in range(30):
            left, top = rng.randint(0, size - width), rng.randint(0, size - height)
            box = (float(left), float(top), float(left + width), float(top + height))
            if not any(
                box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in boxes
            ):
                break
        boxes.append(box)
    objects = tuple(
        SceneObject(
            id=str(index),
            name=spec.kind,
            box_xyxy=boxes[index],
            attributes=(spec.color, spec.size, spec.pattern),
            names=(CATEGORY[spec.kind],),
            relations=tuple(
                (name, str(other))
                for other in range(len(specs))
                if other != index
                for name in relations_between(boxes[index], boxes[other], size)
            ),
            depth=0.0,
        )
        for index, spec in enumerate(specs)
    )
    setting = {"background": rng.choice(domain.brightness), "style": domain.styles[0]}
    return Scene(width=size, height=size, objects=objects, setting=setting)


def draw(seed: str) -> Iterator[Asked]:
    """Questions without end, tasks mixed by ``SHARES``; the same seed gives the same ones."""
    rng = random.Random(seed)
    sources = {
        "gqa": _gqa(random.Random(f"{seed}/gqa")),
        "nlvr2": _nlvr2(random.Random(f"{seed}/nlvr2")),
        "tally": _tally(random.Random(f"{seed}/tally")),
        "pope": _pope(random.Random(f"{seed}/pope")),
    }
    while True:
        yield next(sources[rng.choices(TASKS, SHARES)[0]])


def _domain(rng: random.Random) -> Domain:
    """Colours and kinds in all pairs: a writer reads words, it sees no picture."""
    return get_domain(rng.choice(("generalist", "pairs")))


def _gqa(rng: random.Random) -> Iterator[Asked]:
    while True:
        domain = _domain(rng)
        specs = sample_specs(rng, domain)
        if specs is None:
            continue
        scene = arrange(specs, domain, rng)
        for row in gqa.ask(scene, domain, rng, Balance(), "0", gqa.PER_PICTURE).values():
            programs = dict(gqa_programs(row["semantic"], FAMILIES))
            yield Asked("gqa", row["question"], row["semantic"], programs)


def _statement(task: str, text: str, expression: Any) -> Asked:
    return Asked(task, text, expression, statement_programs(expression, text))


def _nlvr2(rng: random.Random) -> Iterator[Asked]:
    templates, weights = zip(*nlvr2.TEMPLATES, strict=True)
    while True:
        statement = rng.choices(templates, weights)[0](rng, _domain(rng))
        yield _statement("nlvr2", statement.sentence, statement.expression)


def _tally(rng: random.Random) -> Iterator[Asked]:
    while True:
        domain = _domain(rng)
        scene = arrange(tally.sample_counted(rng, domain), domain, rng)
        for row in tally.ask(scene, domain, rng, Balance(), tally.PER_PICTURE):
            yield _statement("tally", row["question"], row["semantic"])


def _pope(rng: random.Random) -> Iterator[Asked]:
    while True:
        kind = rng.choice(KINDS)
        text = f"Is there {with_article(kind)} in the image?"
        yield _statement("pope", text, [">=", count("image", kind), 1])
