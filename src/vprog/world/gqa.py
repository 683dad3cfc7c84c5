"""Questions in GQA's manner about drawn scenes (Hudson and Manning, CVPR 2019)."""

from __future__ import annotations

import random
from typing import Any

from vprog.example import Scene
from vprog.world.balance import Balance
from vprog.world.candidate import Candidate, Context, Template
from vprog.world.domains import Domain
from vprog.world.entailment import decide
from vprog.world.reference import read_marks
from vprog.world.templates_logical import COMPARE, LOGICAL
from vprog.world.templates_open import CHOOSE, QUERY
from vprog.world.templates_verify import VERIFY

PER_PICTURE = 10
"""Most questions about one picture."""
_TRIES = 45

STRUCTURES: tuple[tuple[tuple[tuple[Template, float], ...], float], ...] = (
    (QUERY, 0.35),
    (VERIFY, 0.24),
    (CHOOSE, 0.15),
    (LOGICAL, 0.13),
    (COMPARE, 0.13),
)
"""Templates by structural type, with the share of questions each is tried for."""


def ask(
    scene: Scene, domain: Domain, rng: random.Random, balance: Balance, image_id: str, limit: int
) -> dict[str, dict[str, Any]]:
    """Asks balanced questions about one scene.

    Args:
        scene: The gold scene.
        domain: Which answers are possible.
        rng: Source of chance.
        balance: Shared by all questions of a file.
        image_id: Digits and letters; question ids are ``<image id>-<number>``.
        limit: The most questions.

    Returns:
        Rows of GQA's questions file by question id.
    """
    context = Context(scene, domain, rng)
    chosen: list[tuple[Candidate, str, str]] = []
    seen: set[str] = set()
    for _ in range(_TRIES):
        if len(chosen) >= min(limit, PER_PICTURE):
            break
        group = rng.choices([g for g, _ in STRUCTURES], [w for _, w in STRUCTURES])[0]
        template = rng.choices([t for t, _ in group], [w for _, w in group])[0]
        candidate = template(context)
        if candidate is None:
            continue
        program = candidate.program
        if program in seen or not _balanced(balance, candidate):
            continue
        seen.add(program)
        texts = list(candidate.texts)
        rng.shuffle(texts)
        chosen.append((candidate, program, texts[0]))
        if len(texts) > 1 and rng.random() < 0.25 and _balanced(balance, candidate):
            chosen.append((candidate, program, texts[1]))
    chosen = chosen[:limit]
    ids = [f"{image_id}{number:02d}" for number in range(len(chosen))]
    return {id: _row(index, ids, chosen, image_id) for index, id in enumerate(ids)}


def _balanced(balance: Balance, candidate: Candidate) -> bool:
    return balance.accepts(candidate.keys, candidate.answer)


def _row(
    index: int, ids: list[str], chosen: list[tuple[Candidate, str, str]], image_id: str
) -> dict[str, Any]:
    candidate, program, text = chosen[index]
    question, in_question = read_marks(text)
    full, in_full = read_marks(candidate.full)
    entailed, equivalent = [], []
    for id, (other, other_program, _) in zip(ids, chosen, strict=True):
        if other_program == program:
            equivalent.append(id)
        elif other.need is not None and decide(other.need, candidate.facts) is not None:
            entailed.append(id)
    return {
        "semantic": candidate.semantic.operations,
        "entailed": [*entailed, *(id for id in equivalent if id != ids[index])],
        "equivalent": equivalent,
        "question": question,
        "imageId": image_id,
        "isBalanced": True,
        "groups": {"global": candidate.group[0], "local": candidate.group[1]},
        "answer": candidate.answer,
        "semanticStr": program,
        "annotations": {
            "answer": {str(i): id for i, id in enumerate(candidate.answer_ids)},
            "question": in_question,
            "fullAnswer": in_full,
        },
        "types": {
            "detailed": candidate.detailed,
            "semantic": candidate.semantic_type,
            "structural": candidate.structural,
        },
        "fullAnswer": full,
    }


def scene_graph(scene: Scene) -> dict[str, Any]:
    """A scene in the form of GQA's scene graph files, with ``depth`` and ``background`` added."""
    objects = {}
    for thing in scene.objects:
        left, top, right, bottom = (round(edge) for edge in thing.box_xyxy)
        objects[thing.id] = {
            "name": thing.name,
            "x": left,
            "y": top,
            "w": right - left,
            "h": bottom - top,
            "attributes": list(thing.attributes),
            "relations": [{"name": name, "object": other} for name, other in thing.relations],
            "names": list(thing.names),
            "depth": thing.depth,
        }
    return {"width": scene.width, "height": scene.height, "objects": objects, **scene.setting}
