"""The recipe of NLVR's writer: its grammar, its languages, and what it takes for verified."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vprog.benchmarks.nlvr import BENCHMARK
from vprog.engine import Engine, Task
from vprog.example import Example, Picture
from vprog.program.check import Checker
from vprog.program.program import Program
from vprog.tools.toolboxes import load_toolbox

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "nlvr"


@pytest.fixture(scope="module")
def recipe() -> Iterator[SimpleNamespace]:
    """Modules of the recipe, which are no package; their names are forgotten afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(RECIPE))
    try:
        import boxes
        import corpus
        import meaning
        import steps
        import things
        import towers
        import verified
        import words

        yield SimpleNamespace(
            boxes=boxes, corpus=corpus, meaning=meaning, steps=steps, things=things, towers=towers,
            verified=verified, words=words,
        )  # fmt: skip
    finally:
        sys.path.remove(str(RECIPE))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(RECIPE)):
                del sys.modules[name]


@pytest.fixture(scope="module")
def toolbox():
    return load_toolbox("pixels").with_tools(BENCHMARK.tools)


def drawing(*boxes: list[tuple[str, int, int, int]]) -> np.ndarray:
    """A picture of three boxes with squares: colour, left, top, side."""
    pixels = np.full((100, 400, 3), 128, np.uint8)
    colors = {"yellow": (255, 255, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
    for place, squares in enumerate(boxes):
        left = 150 * place
        pixels[:, left : left + 100] = 211
        for color, x, y, side in squares:
            pixels[y : y + side, left + x : left + x + side] = colors[color]
    return pixels


TOWERS = drawing(
    [("black", 40, 80, 20), ("blue", 40, 59, 20)],
    [("yellow", 40, 80, 20), ("yellow", 40, 59, 20), ("black", 40, 38, 20)],
    [("blue", 40, 80, 20)],
)
SCATTERED = drawing(
    [("black", 0, 30, 20), ("blue", 50, 50, 30)],
    [("yellow", 10, 10, 10), ("black", 60, 80, 20), ("black", 20, 40, 10)],
    [("blue", 70, 20, 20), ("blue", 20, 60, 20), ("yellow", 80, 80, 20)],
)


def count(things: tuple, op: str = ">=", n: int = 1) -> tuple:
    return ("count", things, op, n)


SAME_NUMBER = (
    "numbers", ("boxes", count(("find", "", "item"), "==", "number"), ">=", 2), ">=", 1,
)  # fmt: skip
THREE_BASES = (
    "colors", ("towers", count(("at", ("find", "<color>", "block"), 1)), "==", 1), "==", 3,
)  # fmt: skip


def run(toolbox, meaning, recipe, pixels: np.ndarray) -> list[bool]:
    """The answers of a meaning's programs, one a language that can say it."""
    example = Example(id="x", pictures=(Picture("x", array_rgb=pixels),), question="?")
    programs = [Program(recipe.meaning.program(meaning), "python")]
    if (text := recipe.steps.program(meaning)) is not None:
        programs.append(Program(text, "steps"))
    with Engine(toolbox) as engine:
        traces = list(engine.run(Task(example, p, n) for n, p in enumerate(programs)))
    assert [t.failure for t in traces] == [None] * len(programs)
    assert all(isinstance(t.answer, bool) for t in traces)
    return [t.answer for t in traces]


def test_drawn_programs_pass_the_check(recipe, toolbox):
    checker = Checker(toolbox.tools)
    rng = random.Random(3)
    said = 0
    for _ in range(150):
        sentence, meaning = recipe.corpus.draw(rng)
        assert sentence == " ".join(sentence.split())
        checker.check(Program(recipe.meaning.program(meaning), "python"), 1)
        if (text := recipe.steps.program(meaning)) is not None:
            said += 1
            checker.check(Program(text, "steps"), 1)
    assert said > 130


def test_both_languages_say_the_same(recipe, toolbox):
    rng = random.Random(4)
    seen = set()
    for number in range(40):
        _, meaning = recipe.corpus.draw(rng)
        answers = run(toolbox, meaning, recipe, (TOWERS, SCATTERED)[number % 2])
        assert len(set(answers)) == 1, meaning
        seen |= set(answers)
    assert seen == {True, False}


BLACK = ("find", "black", "item")


@pytest.mark.parametrize(
    ("meaning", "towers", "scattered"),
    [
        (count(BLACK, "==", 2), True, False),
        (("boxes", count(BLACK, "==", 2), ">=", 1), False, True),
        (("boxes", count(("find", "", "item"), ">=", 2), "all", 3), False, True),
        (("towers", count(("at", ("find", "black", "block"), -1)), ">=", 1), True, True),
        (("towers", count(("at", ("find", "yellow", "block"), 2)), "==", 1), True, False),
        (count(("on", ("find", "blue", "block"), ("find", "black", "block"))), True, False),
        (count(("off", BLACK, "any"), "==", 1), True, True),
        (count(("edge", BLACK, "bottom"), "==", 1), True, True),
        (count(("edge", BLACK, "left"), "==", 1), False, True),
        (("compare", ("find", "blue", "item"), ">", ("find", "yellow", "item")), False, True),
        (SAME_NUMBER, False, True),
        (THREE_BASES, True, False),
    ],
)
def test_what_meanings_say_of_drawings(recipe, toolbox, meaning, towers, scattered):
    assert set(run(toolbox, meaning, recipe, TOWERS)) == {towers}
    assert set(run(toolbox, meaning, recipe, SCATTERED)) == {scattered}


def test_misspelled_sentences_stay_near(recipe):
    rng = random.Random(1)
    sentence = "there is a box with three yellow items"
    slips = {recipe.words.misspelled(sentence, rng) for _ in range(60)}
    assert len(slips) > 20
    assert all(abs(len(s) - len(sentence)) < 8 for s in slips)


def test_boxes_in_another_order(recipe):
    example = Example(id="x", pictures=(Picture("x", array_rgb=SCATTERED),), question="?")
    turned = recipe.verified.reordered(example, (2, 0, 1))
    pixels = np.asarray(turned.pictures[0].load())
    assert (pixels[:, :100] == SCATTERED[:, 300:400]).all()
    assert (pixels[:, 150:250] == SCATTERED[:, :100]).all()
    assert (pixels[:, 100:150] == 128).all()
    assert turned.id != example.id


@pytest.mark.parametrize(
    ("program", "mentioned"),
    [
        ('return any(len(box.find("yellow item")) == 3 for box in grey_boxes(image))', True),
        ('return any(len(box.find("yellow item")) > 2 for box in grey_boxes(image))', True),
        ('return any(len(box.find("yellow item")) >= 1 for box in grey_boxes(image))', False),
        ('return any(len(box.find("item")) == 3 for box in grey_boxes(image))', False),
    ],
)
def test_a_program_must_mention_what_the_statement_does(recipe, program, mentioned):
    statement = "There is a box with three yellow items."
    assert recipe.verified.covered(statement, program) is mentioned


def test_held_out_statements_are_a_fifth_whatever_their_spelling(recipe):
    held = [recipe.verified.held_out(f"there are {n} items") for n in range(1000)]
    assert 150 < sum(held) < 250
    assert recipe.verified.held_out("There is a Box.") == recipe.verified.held_out("there is a box")
