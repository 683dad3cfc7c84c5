"""The recipe of the student for SHAPES: what sentences denote, its rationales, its batches."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fakes import PAINTS_RGB, grid_rgb
from vprog import zoo
from vprog.benchmarks.shapes import BENCHMARK, parse_expression, steps_program
from vprog.distill.rationale import render
from vprog.distill.settings import RationaleSettings
from vprog.engine import Engine, Task
from vprog.example import Example, Picture
from vprog.program import Program
from vprog.tools.backend import Toolbox
from vprog.tools.backends.pixels import Pixels
from vprog.tools.catalogue import TOOLS

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
SENTENCES = {
    "is a red shape a square": "(is red square)",
    "is a green shape left of a circle": "(is green (left_of circle))",
    "is a circle above a blue shape": "(is circle (above blue))",
    "is a triangle right of below a red shape": "(is triangle (right_of (below red)))",
}


@pytest.fixture(scope="module")
def recipe() -> Iterator[SimpleNamespace]:
    """Modules of the recipe, which are no package; their names are forgotten afterwards."""
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    before, paths = set(sys.modules), list(sys.path)
    sys.path[:0] = [str(RECIPES / name) for name in ("vlm", "zoo", "writer")]
    try:
        import asked_of_cells
        import cells
        from transformers import AutoTokenizer

        words = AutoTokenizer.from_pretrained(zoo.path("vlm"))
        yield SimpleNamespace(asked=asked_of_cells, cells=cells, words=words)
    finally:
        sys.path[:] = paths
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(RECIPES)):
                del sys.modules[name]


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Random grids, uint8 [40, 30, 30, 3]."""
    rng = random.Random(4)
    shapes = ("square", "circle", "triangle")
    return np.stack(
        [
            grid_rgb(
                {
                    (column, row): (rng.choice(list(PAINTS_RGB)), rng.choice(shapes))
                    for column in range(3)
                    for row in range(3)
                    if rng.random() < 0.6
                }
            )
            for _ in range(40)
        ]
    )


def test_answers_and_rationales_are_those_of_the_gold_programs(recipe, pictures) -> None:
    cells, grids = recipe.cells.read(pictures, mirrored=False)
    examples = [
        Example(id=f"{row}/{query}", pictures=(Picture(f"{row}", array_rgb=one),), question="is it")
        for row, one in enumerate(pictures)
        for query in SENTENCES.values()
    ]
    queries = [*SENTENCES.values()] * len(pictures)
    toolbox = Toolbox(name="pixels", tools=TOOLS, backends={"detect": Pixels()})
    toolbox = toolbox.with_tools(BENCHMARK.tools)
    with Engine(toolbox) as engine:
        programs = [Program(steps_program(parse_expression(query)), "steps") for query in queries]
        traces = {t.example_id: t for t in engine.run(map(Task, examples, programs))}
    seen = set()
    for index, (example, query) in enumerate(zip(examples, queries, strict=True)):
        expression, row = parse_expression(query), index // len(SENTENCES)
        told = render(
            traces[example.id], example, RationaleSettings(grid=32), tools=toolbox.tools
        ).text
        said = recipe.cells.rationale(expression, cells, grids[row])
        ids = recipe.words.convert_tokens_to_ids([word for word, _ in said])
        assert recipe.words.decode(ids) == told
        masks = cells.masks(grids[row : row + 1])
        right = bool(recipe.cells.denoted(expression, masks).any())
        assert told.endswith(f"so the answer is {'yes' if right else 'no'} .")
        seen.add((query, right))
    assert len(seen) == 2 * len(SENTENCES)


def test_without_a_relation_as_many_are_true_though_most_could_not_be(recipe, pictures) -> None:
    cells, grids = recipe.cells.read(pictures, mirrored=False)
    colors = ("red", "green", "blue")
    found = {
        f"is a {a} shape {b}": parse_expression(f"(is {a} {b})") for a in colors for b in colors
    }
    asked = recipe.asked.read_sentences(recipe.words, found)
    many = np.tile(grids, (40, 1))
    masks = cells.masks(many)
    chosen = recipe.asked.choose(random.Random(1), asked, masks, 1)
    truth = [
        bool(recipe.cells.denoted(asked[one].expression, masks)[row].any())
        for row, (one,) in enumerate(chosen)
    ]
    assert len(truth) > 200
    assert sum(truth) / len(truth) == pytest.approx(0.5, abs=0.1)


def test_sentences_of_two_colours_are_asked_as_often_as_those_of_other_kinds(
    recipe, pictures
) -> None:
    cells, grids = recipe.cells.read(pictures, mirrored=False)
    two = {"is a red shape green": "(is red green)", "is a blue shape blue": "(is blue blue)"}
    found = {text: parse_expression(query) for text, query in {**SENTENCES, **two}.items()}
    asked = recipe.asked.read_sentences(recipe.words, found)
    many = np.tile(grids, (20, 1))
    chosen = recipe.asked.choose(random.Random(1), asked, cells.masks(many), 1)
    texts = [asked[one].text for (one,) in chosen]
    shares = [text in two for text in texts], [text.endswith("a square") for text in texts]
    assert np.mean(shares, axis=1) == pytest.approx([0.25, 0.25], abs=0.05)


def test_a_batch_holds_answers_and_where_to_look_for_them(recipe, pictures) -> None:
    cells, grids = recipe.cells.read(pictures[:5], mirrored=True)
    found = {text: parse_expression(query) for text, query in SENTENCES.items()}
    asked = recipe.asked.read_sentences(recipe.words, found)
    chosen = recipe.asked.choose(random.Random(1), asked, cells.masks(grids), 3)
    assert [len(set(one)) for one in chosen] == [3] * 5
    batch = recipe.asked.collate(recipe.words, cells, grids, asked, chosen, 1)
    ids = batch.ids.flatten().tolist()
    text = recipe.words.convert_ids_to_tokens

    at, said = batch.answers
    assert len(at) == 2 * 2 * 5  # the answer and the end of two short questions a picture
    assert [ids[place + 1] for place in at.tolist()] == said.tolist()
    at, said, share = batch.told
    assert [ids[place + 1] for place in at.tolist()] == said.tolist()
    assert float(share.sum()) == pytest.approx(5)
    assert recipe.words.unk_token_id not in ids

    nouns, beside, whole = batch.steps
    width, masks = batch.ids.shape[1], cells.masks(grids)
    for place, look in zip(nouns[0].tolist(), nouns[1], strict=True):
        word = text(ids[place])
        word = text(ids[place - 1]) if word == "shape" else word
        expected = masks[word][place // width]
        tokens = look[1:].reshape(3, 2, 3, 2)
        assert (tokens == tokens[:, :1, :, :1]).all()  # four tokens a cell
        assert tokens[:, 0, :, 0].flatten().tolist() == expected.tolist()
        assert bool(look[0]) == (not expected.any())
    numbers = [one for row in chosen for one in row]
    for index, number in enumerate(numbers):
        row = index // 3
        for (_, looks), part in ((beside, asked[number].expression.operands[1]),
                                 (whole, asked[number].expression)):  # fmt: skip
            here = {word: mask[row : row + 1] for word, mask in masks.items()}
            expected = recipe.cells.denoted(part, here)[0]
            assert looks[index][1:].reshape(3, 2, 3, 2)[:, 0, :, 0].flatten().tolist() == (
                expected.tolist()
            )

    at, look = batch.decided
    begun = [text(ids[place]) for place in at.tolist()]
    assert set(begun) == {":", "is"}
    for place, cells_ in zip(at.tolist(), look, strict=True):
        found = text(ids[place + 1]) not in ("none", "no")
        assert bool(cells_[1:].any()) == found
        assert bool(cells_[0]) != found


def test_what_follows_weighs_more_than_what_is_copied(recipe) -> None:
    text = "red : none . nothing also in [ 1 ] : none . so the answer is no ."
    said = text.split()
    weights = recipe.asked.deciding(said)
    assert [w for word, w in zip(said, weights, strict=True) if word in ":is"] == [4, 12, 4]
    assert sum(weights) == len(said) - 3 + 20


def test_disguised_colours_are_new_ones_in_pixels_and_words(recipe, pictures) -> None:
    cells, grids = recipe.cells.read(pictures[:4], mirrored=False)
    found = {text: parse_expression(query) for text, query in SENTENCES.items()}
    asked = recipe.asked.read_sentences(recipe.words, found)
    chosen = [[0, 1, 2, 3]] * 4
    plain = recipe.asked.collate(recipe.words, cells, grids, asked, chosen, 2)
    worn = [{"red": "yellow"}, {}, {"green": "cyan", "blue": "white"}, {"blue": "purple"}]
    other = recipe.asked.collate(recipe.words, cells, grids, asked, chosen, 2, worn)
    for row, disguise in enumerate(worn):
        before = recipe.words.decode(plain.ids[row]).split()
        after = recipe.words.decode(other.ids[row]).split()
        assert [disguise.get(word, word) for word in before] == after
        painted, was = other.pixels[row], plain.pixels[row]
        assert bool((painted != was).any()) == bool(set(disguise) & set(_colors(cells, grids[row])))
    width = other.ids.shape[1]
    at, said, _ = other.told
    assert [int(other.ids.flatten()[place + 1]) for place in at] == said.tolist()
    assert int(at[-1]) // width == 3
    plainly = cells.draw(grids[:1], 30)[0]
    swapped = cells.draw(grids[:1], 30, [{"red": "green", "green": "red"}])[0]
    full = plainly.max(-1) > 100
    assert (swapped.argmax(-1) == plainly[..., [1, 0, 2]].argmax(-1))[full].all()
    yellow = cells.draw(grids[:1], 30, [{"red": "yellow"}])[0].astype(int)
    was = cells.draw(grids[:1], 30)[0].astype(int)
    red = (was[..., 0] > 100) & (was[..., 1] < 60) & (was[..., 2] < 60)
    assert red.any()
    assert (yellow[red][:, 0] == was[red][:, 0]).all()
    assert (yellow[red][:, 1] == was[red][:, 0]).all()
    assert (yellow[~red & (was.max(-1) > 100)] == was[~red & (was.max(-1) > 100)]).all()


def test_disguises_keep_colours_apart_and_sentences_out(recipe) -> None:
    rng, asked = random.Random(0), ["is a red shape green", "is a circle above a blue shape"]
    never = {"is a green shape red", "is a circle above a red shape"}
    made = [recipe.cells.disguised(rng, asked, never) for _ in range(300)]
    assert {old for one in made for old in one} == {"red", "green", "blue"}
    assert {new for one in made for new in one.values()} == set(recipe.cells.PAINTS)
    for one in made:
        assert len({one.get(color, color) for color in recipe.cells.COLORS}) == 3
        said = {" ".join(one.get(word, word) for word in text.split()) for text in asked}
        assert not said & never
    assert recipe.cells.disguised(rng, asked, {asked[0], "is a yellow shape green"}) != {}
    every = [f"is a {a} shape {b}" for a in recipe.cells.PAINTS for b in recipe.cells.PAINTS]
    assert recipe.cells.disguised(rng, asked, set(every)) == {}


def test_what_can_only_be_false_is_seldom_asked(recipe) -> None:
    never = {"is a red shape red"}
    two = [f"is a {a} shape {b}" for a in recipe.cells.PAINTS for b in ("red", "cyan")]
    lopsided = [text for text in two if recipe.cells.lopsided(text, never)]
    reds = {f"is a {a} shape red" for a in recipe.cells.PAINTS if a != "red"}
    assert set(lopsided) == {"is a red shape cyan", *reds}
    assert not recipe.cells.lopsided("is a red shape left of a green shape", never)
    rng = random.Random(0)
    made = [recipe.cells.disguised(rng, ["is a blue shape green"], never) for _ in range(300)]
    said = [f"is a {one.get('blue', 'blue')} shape {one.get('green', 'green')}" for one in made]
    assert 0 < sum(recipe.cells.lopsided(text, never) for text in said) < 15


def _colors(cells, grid) -> list[str]:
    return [("red", "green", "blue")[index] for index in cells.colors[grid] if index >= 0]


def test_new_pictures_are_made_of_the_cells_of_real_ones(recipe, pictures) -> None:
    cells, grids = recipe.cells.read(pictures, mirrored=False)
    from PIL import Image

    scaled = [Image.fromarray(one).resize((96, 96), Image.Resampling.BILINEAR) for one in pictures]
    assert (cells.draw(grids, 96) == np.stack([np.asarray(one) for one in scaled])).all()
    both, _ = recipe.cells.read(pictures, mirrored=True)
    assert len(both.colors) == 2 * len(cells.colors) - 1  # the empty cell has no mirror image


def test_words_are_exchanged_for_others_of_their_kind(recipe) -> None:
    made = recipe.cells.exchanged(["is a red shape left of a circle"])
    assert len(made) == 3 * 4 * 3
    for text in ("is a green shape above a square", "is a red shape right of a circle"):
        assert text in made
    query = "(is blue (right_of triangle))"
    assert made["is a blue shape right of a triangle"] == parse_expression(query)
    written = {text: parse_expression(query) for text, query in SENTENCES.items()}
    more = recipe.cells.exchanged(written)
    assert len(more) == 9 + 36 + 36 + 3 * 16 * 3
    assert {text: more[text] for text in written} == written
