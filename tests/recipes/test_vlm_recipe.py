"""The recipe of the vision-language model: its tokenizer, its questions, its packed batches."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vprog.evaluation.zoo.scenes import draw
from vprog.world.vocabulary import COLORS, KINDS, PATTERNS, SIZES

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
FOUND = "red ball : 2 at [3 4 9 12] and [20 21 25 28] ."
ASKED = "[3 4 9 12] what color is it ? blue ."


@pytest.fixture(scope="module")
def recipe() -> Iterator[SimpleNamespace]:
    """Modules of the recipe, which are no package; their names are forgotten afterwards."""
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    before, paths = set(sys.modules), list(sys.path)
    sys.path[:0] = [str(RECIPES / name) for name in ("vlm", "zoo", "writer")]
    try:
        import batches
        import measure
        import model
        import pictures
        import scenes
        import tasks
        import tokenizer
        import vlm

        words = tokenizer.build(300)
        yield SimpleNamespace(
            batches=batches, measure=measure, model=model, scenes=scenes, tasks=tasks,
            pictures=pictures, vlm=vlm, words=words,
        )  # fmt: skip
    finally:
        sys.path[:] = paths
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(RECIPES)):
                del sys.modules[name]


@pytest.fixture(scope="module")
def views(recipe):
    """A few scenes and grids."""
    rows = []
    for index in range(6):
        pixels, scene = draw("generalist", "val", 90, index)
        boxes, facts = np.zeros((7, 4), np.float32), np.full((7, 4), -1, np.int8)
        for slot, thing in enumerate(scene.objects):
            color, size, pattern = thing.attributes
            boxes[slot] = thing.box_xyxy
            facts[slot] = (
                KINDS.index(thing.name), COLORS.index(color), SIZES.index(size),
                PATTERNS.index(pattern),
            )  # fmt: skip
        rows.append((pixels, boxes, facts, scene.setting["background"] == "dark"))
    pictures = recipe.pictures.Pictures(*map(np.stack, zip(*rows, strict=True)))
    drawn = [recipe.scenes.drawn(pictures, row, mirrored=row % 2 == 1) for row in range(6)]
    return [*drawn, *(recipe.scenes.grid(random.Random(n)) for n in range(3))]


@pytest.mark.parametrize("text", [FOUND, ASKED, "red ball : none . so the answer is left ."])
def test_rationales_survive_the_tokenizer(recipe, text: str) -> None:
    ids = recipe.words(text).input_ids
    assert recipe.words.unk_token_id not in ids
    assert recipe.words.decode(ids) == text


def test_everything_that_is_asked_and_answered_has_words(recipe, views) -> None:
    for number, view in enumerate(views * 5):
        for prompt, answer in recipe.tasks.turns(random.Random(number), view, 8):
            known = re.sub("<unk>", "", f"{prompt} {answer}")
            assert recipe.words.unk_token_id not in recipe.words(known).input_ids, known
            assert recipe.words.decode(recipe.words(answer).input_ids) == answer


def test_finding_lists_the_boxes_of_which_the_phrase_is_true(recipe, views) -> None:
    for number, view in enumerate(views):
        for thing in view.things:
            same = [t.place for t in view.things if t.noun == thing.noun]
            rng = random.Random(number)
            prompt, answer = "", ""
            for _ in range(3000):
                prompt, answer = recipe.tasks.find(rng, view)
                if prompt == f"find {thing.noun}":
                    break
            assert prompt == f"find {thing.noun}"
            assert answer == f"{thing.noun} : {len(same)} at {' and '.join(same)} ."
            boxes = recipe.measure.boxes(answer)
            assert np.abs(np.array(boxes[same.index(thing.place)]) - thing.box_xyxy).max() < 1.6


def test_relations_name_their_anchor_and_its_side(recipe, views) -> None:
    seen = 0
    for number, view in enumerate(views[:6] * 40):
        prompt, answer = recipe.tasks.relation(random.Random(number), view)
        side = re.search(r"(left of|right of|above|below) (\[\d+ \d+ \d+ \d+\]) [^:]+: ", answer)
        if side is None:
            continue
        seen += 1
        anchor = recipe.measure.boxes(side[2])[0]
        axis, sign = recipe.tasks.SIDES[side[1]]
        for box in recipe.measure.boxes(answer[side.end() :]):
            gap = (box[axis] + box[axis + 2] - anchor[axis] - anchor[axis + 2]) / 2
            assert sign * gap > 0, (prompt, answer)
    assert seen > 50


def test_packed_questions_do_not_see_each_other(
    recipe, views, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import AyaVisionForConditionalGeneration
    from vlm import hidden

    monkeypatch.setattr(recipe.batches, "BUDGET", 999)
    torch.manual_seed(0)
    model = AyaVisionForConditionalGeneration(recipe.model.config(recipe.words)).eval()
    model.set_attn_implementation("eager")
    rng = random.Random(5)
    asked = [recipe.tasks.turns(rng, view, 4) for view in views[:3]]
    batch = recipe.batches.collate(recipe.words, views[:3], asked, rng)
    processor = recipe.model.processor(recipe.words)
    from PIL import Image

    with torch.no_grad():
        read = recipe.model.tokens(model, batch.pixels)
        packed = model.lm_head(hidden(model, batch, read)[batch.at])
        alone, said = [], []
        for view, turns in zip(views[:3], asked, strict=True):
            for prompt, answer in turns:
                user = [{"type": "text", "text": prompt}, {"type": "image"}]
                reply = [{"type": "text", "text": answer}]
                text = processor.apply_chat_template(
                    [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]
                )
                image = Image.fromarray(np.ascontiguousarray(view.pixels))
                inputs = processor(text=[text], images=[image], return_tensors="pt")
                length = len(recipe.words(answer).input_ids) + 1
                logits = model(**inputs).logits[0, -length - 1 : -1]
                alone.append(logits)
                said += inputs.input_ids[0, -length:].tolist()
    assert batch.said.tolist() == said
    assert torch.allclose(packed, torch.cat(alone), atol=2e-4)


def test_only_a_number_of_a_place_is_nearly_its_neighbours(recipe) -> None:
    import torch

    surprise = recipe.vlm.Surprise(recipe.words)
    said = torch.tensor(recipe.words("red ball : 2 at [3 4 9 31] .").input_ids)
    number = recipe.words.convert_tokens_to_ids(list(map(str, range(32))))
    at = {int(token): index for index, token in enumerate(said)}

    def cost(place: int, guess: int) -> float:
        """Of a guess that is nearly certain, where all else is right."""
        logits = 20.0 * torch.nn.functional.one_hot(said, len(recipe.words)).float()
        logits[at[number[place]]] = 0.0
        logits[at[number[place]], number[guess]] = 8.0
        return float(surprise(logits, said))

    assert cost(9, 9) < cost(9, 10) < cost(9, 12)
    assert cost(9, 8) == pytest.approx(cost(9, 10))
    assert cost(31, 30) < cost(31, 0)  # places do not go round
    assert cost(2, 3) == pytest.approx(cost(2, 20))  # a count is a count
