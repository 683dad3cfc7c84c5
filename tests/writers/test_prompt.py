"""Prompts, golden; worked examples that check, run and are right; retrieval."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vprog import tool
from vprog.engine import Engine, Task
from vprog.errors import InputError
from vprog.example import Example, Picture, Scene, SceneObject
from vprog.program import Program
from vprog.program.check import Checker
from vprog.program.program import Language
from vprog.tools.catalogue import TOOLS
from vprog.tools.toolboxes import load_toolbox
from vprog.verify import answer_text
from vprog.writers.prompt import Prompter, bare_prompt, check_fits
from vprog.writers.reference import reference, usable_tools
from vprog.writers.shots import FAMILIES, Retriever, all_shots, fitting_shots, words
from vprog.writers.writer import Repair

GOLDEN = Path(__file__).with_name("golden")


def example(question: str, pictures: int = 1, **more: object) -> Example:
    files = tuple(Picture(f"p{n}", path=f"p{n}.png") for n in range(pictures))
    return Example(id="q", pictures=files, question=question, extra=more)


@tool
def touching(first: str, margin: float = 2.0) -> bool:
    """Whether any two boxes of that name touch."""
    return bool(first) and margin > 0


@pytest.mark.parametrize(
    ("name", "language", "pictures", "toolbox"),
    [
        ("steps-1-oracle", "steps", 1, "oracle"),
        ("python-1-oracle", "python", 1, "oracle"),
        ("steps-2-pixels", "steps", 2, "pixels"),
        ("python-2-pixels", "python", 2, "pixels"),
        ("python-8-oracle", "python", 8, "oracle"),
    ],
)
def test_golden_prompts(name: str, language: Language, pictures: int, toolbox: str) -> None:
    tools = load_toolbox(toolbox).with_tools([touching])
    (message,) = Prompter(tools, "full", 3).messages(
        example("How many red  cups are on the table?", pictures, choices=["1", "2"]), language
    )
    assert message["role"] == "user"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("VPROG_GOLDEN") == "write":
        path.write_text(message["content"] + "\n", "utf-8")
    assert message["content"] + "\n" == path.read_text("utf-8")


def test_the_bare_prompt_is_the_question() -> None:
    asked = example("Is  the Cup\nRED?", 2)
    assert bare_prompt("python", asked) == "python 2 is the cup red?"
    prompter = Prompter(load_toolbox("oracle"), "bare", 3)
    assert prompter.messages(asked, "steps") == [
        {"role": "user", "content": "steps 2 is the cup red?"}
    ]
    assert prompter.repair(Repair(asked, Program("x", "steps"), "no"), "steps") is None


def test_only_tools_of_the_run_are_shown() -> None:
    for name, there, missing in (
        ("oracle", ("DEPTH(", "compute_depth"), ("LIST(", "llm_query", "SEG(", "REPLACE(", "OCR(")),
        ("pixels", ("LOC(", "simple_query"), ("DEPTH(", "compute_depth", "llm_query")),
    ):
        tools = usable_tools(load_toolbox(name))
        text = reference(tools, "steps", 1) + reference(tools, "python", 1)
        assert [n for n in there if n not in text] == []
        assert [n for n in missing if n in text] == []
        for language in ("steps", "python"):
            shown = [s.programs[language] for s in fitting_shots(tools, language, 1)]
            assert [n for n in missing if any(n in s for s in shown)] == []
    whole = reference(TOOLS, "python", 1)
    assert "def llm_query(query" in whole
    assert "def ocr(image: image) -> text" in whole
    assert "VideoSegment" not in whole
    assert "VideoSegment" in reference(TOOLS, "python", 8)
    assert "_vp" not in reference(TOOLS, "python", 8)


def test_there_are_examples_of_all_four_families_in_the_languages_that_can() -> None:
    count = {f: [s for s in all_shots() if s.family == f] for f in FAMILIES}
    assert all(len(shots) >= 6 for shots in count.values())
    for family in ("gqa", "nlvr2"):
        assert all("python" in s.programs for s in count[family])
    assert len({s.question for s in all_shots()}) == len(all_shots())


@pytest.mark.parametrize("language", ["steps", "python"])
def test_every_worked_example_passes_the_check(language: Language) -> None:
    checker = Checker(TOOLS)
    for shot in all_shots():
        if language in shot.programs:
            checker.check(Program(shot.programs[language], language), shot.pictures)


def thing(
    name: str, x: int, y: int, *attributes: str, depth: float = 1, size: int = 30
) -> SceneObject:
    kinds = {"dog": ("animal",), "cat": ("animal",), "bird": ("animal",), "man": ("person",),
             "woman": ("person",)}  # fmt: skip
    box = (x - size, y - size, x + size, y + size)
    return SceneObject(
        id=f"{name}{x}-{y}",
        name=name,
        box_xyxy=box,
        attributes=attributes,
        names=kinds.get(name, ()),
        depth=depth,
    )


def scene(*objects: SceneObject) -> Scene:
    return Scene(width=640, height=480, objects=objects)


PARK = scene(
    thing("man", 300, 200, depth=1.0),
    thing("dog", 100, 220, "brown"),
    thing("table", 450, 300, size=60),
    thing("cup", 450, 270, "red", size=10),
    thing("ball", 460, 420, "red", size=15),
    thing("bench", 150, 400),
    thing("cat", 560, 420, "gray", "small", depth=2.0, size=15),
    thing("bus", 300, 60, "yellow"),
    thing("bird", 40, 40, size=8),
    thing("bird", 80, 40, size=8),
)
LEFT = scene(
    thing("dog", 100, 100, "white"),
    thing("cat", 400, 200, size=20),
    thing("sofa", 400, 210, size=80),
    thing("bottle", 200, 400, size=10),
    thing("chair", 560, 400, "red"),
)
RIGHT = scene(
    thing("dog", 100, 100, "black"),
    thing("dog", 300, 100, "black"),
    thing("cat", 500, 100),
    thing("cup", 200, 400, size=10),
    thing("lamp", 400, 400),
)
ANSWERS = {
    "What color is the dog to the left of the man?": "brown",
    "Is there a cup or a bottle on the table?": "yes",
    "Are there both a bench and a bus in this picture?": "yes",
    "How many birds are there?": "2",
    "Is the bus yellow or white?": "yellow",
    "On which side of the picture is the bench, the left or the right?": "left",
    "Do the cup and the ball have the same color?": "yes",
    "What kind of animal is to the right of the bench?": "cat",
    "Is the small cat gray?": "yes",
    "Is the ball below the table?": "yes",
    "Which is closer to the bus, the man or the cat?": "man",
    "Of the man and the cat, which one is nearer to the viewer?": "man",
    "There are exactly three dogs in total.": "yes",
    "The left image shows a single cat that is on a sofa.": "yes",
    "At least one image contains both a bottle and a cup.": "no",
    "Both images contain the same number of cats.": "yes",
    "In exactly one of the images there is a lamp.": "yes",
    "The dog in the right image is black.": "yes",
    "There are no people in either image.": "yes",
    "The right image has more cups than the left image.": "yes",
    "All of the chairs in the left image are red.": "yes",
}
"""What is true of the pictures above; the other worked examples ask what the oracle cannot know."""
EDITS = {"Tag each animal as cat, dog or bird", "Blur everything but the dog",
         "Make a color pop of the yellow bus", "Put a winking emoji over the cat with the gray fur",
         "Draw boxes around the birds and blur the rest"}  # fmt: skip


def test_worked_examples_run_and_are_right() -> None:
    park = Picture("park", array_rgb=None, scene=PARK, digest="park")
    pair = tuple(Picture(n, scene=s, digest=n) for n, s in (("left", LEFT), ("right", RIGHT)))
    wanted, tasks = {}, []
    for shot in all_shots():
        for language, text in shot.programs.items():
            if shot.question in ANSWERS or shot.question in EDITS:
                id = f"{language}: {shot.question}"
                pictures = (park,) if shot.pictures == 1 else pair
                asked = Example(id=id, pictures=pictures, question=shot.question)
                tasks.append(Task(asked, Program(text, language)))  # type: ignore[arg-type]
                wanted[id] = ANSWERS.get(shot.question)
    with Engine(load_toolbox("oracle")) as engine:
        traces = {t.example_id: t for t in engine.run(tasks)}
    assert [f"{id}: {t.failure}" for id, t in traces.items() if t.failure] == []
    found = {id: answer_text(trace.answer) for id, trace in traces.items()}
    assert found == wanted
    assert len(found) >= 45


def test_retrieval_finds_the_like_and_puts_it_last() -> None:
    retriever = Retriever(fitting_shots(TOOLS, "steps", 1))
    for question, wanted in (
        ("How many dogs are there?", "How many birds are there?"),
        ("Blur the background but keep the dogs sharp", "Blur everything but the dog"),
        ("Tag the planets", "Tag the planets of the solar system on this poster"),
        ("Is the chair blue or white?", "Is the bus yellow or white?"),
    ):
        found = retriever.find(question, 4)
        assert found[-1].question == wanted
        assert retriever.find(question, 4) == found
        assert retriever.find(question, 1) == found[-1:]
    assert retriever.find("How many dogs?", 0) == []
    assert len(retriever.find("How many dogs?", 999)) == len(fitting_shots(TOOLS, "steps", 1))
    assert Retriever([]).find("How many dogs?", 3) == []
    assert words("The Dogs' bus is RED") == ["the", "dog", "bus", "is", "red"]


def test_what_does_not_fit_is_told_with_numbers() -> None:
    check_fits(example("x"), 488, 512, 1000)
    with pytest.raises(InputError) as refused:
        check_fits(example("x"), 489, 512, 1000)
    assert str(refused.value) == (
        "the prompt for example 'q' has 489 tokens and its program may take 512, but the model "
        "takes 1,000 together. Lower --shots or --max-tokens, or take a model with a longer context"
    )
