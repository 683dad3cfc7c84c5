"""Reading rationales back, and figures of them: hand-computed, and true on gold scenes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import example, picture
from vprog.benchmarks import load_benchmark
from vprog.distill.quality import Explained, box_f1, rationale_quality
from vprog.distill.rationale import render
from vprog.distill.reading import boxes_in, call_of, read_rationale, region_of
from vprog.distill.settings import RationaleSettings
from vprog.engine import Engine, Task
from vprog.example import Example, Scene, SceneObject
from vprog.program.program import LANGUAGES, Program
from vprog.tools.toolboxes import load_toolbox
from vprog.world.write import write


def scene(*objects: tuple[str, str, tuple[float, float, float, float]]) -> Scene:
    return Scene(
        width=64,
        height=64,
        objects=tuple(
            SceneObject(id=str(n), name=name, box_xyxy=box, attributes=(look,))
            for n, (name, look, box) in enumerate(objects)
        ),
    )


def balls() -> Example:
    shown = picture("p", 64, 64)
    shown._scene = scene(
        ("ball", "red", (8, 16, 24, 32)), ("ball", "blue", (40, 0, 64, 20)),
        ("cat", "black", (0, 40, 20, 64)),
    )  # fmt: skip
    return example(shown, id="balls")


RED, BLUE, CAT = "[4 8 12 16]", "[20 0 32 10]", "[0 20 10 32]"  # on a grid of 33 places


def test_sentences() -> None:
    told = read_rationale(
        f"ball : 2 at {RED} and {BLUE} . right of {RED} blue ball : none . "
        f"{RED} what color is the ball ? red . {BLUE} blue ball : yes . yes and no : no . "
        "so the answer is no ."
    )
    assert [(s.kind, s.phrase, s.value) for s in told.sentences] == [
        ("where", "ball", f"2 at {RED} and {BLUE}"),
        ("where", "blue ball", "none"),
        ("ask", "what color is the ball?", "red"),
        ("check", "blue ball", "yes"),
        ("other", "yes and no", "no"),
    ]
    assert told.sentences[1].place == (("right of", (4, 8, 12, 16)),)
    assert told.sentences[2].place == (("", (4, 8, 12, 16)),)
    assert told.answer == "no"
    assert told.boxes == ((0, (4, 8, 12, 16)), (0, (20, 0, 32, 10)))
    assert told.explains
    assert told.malformed == 0


def test_places() -> None:
    told = read_rationale(f"left half above {RED} ball : none . so the answer is no .")
    region = region_of(told.sentences[0], balls(), 33)
    assert region is not None
    assert region.box_xyxy == (0, 0, 32, 24)
    call = call_of(told.sentences[0], balls(), 33)
    assert call is not None
    assert (call.tool, call.args["phrase"]) == ("detect", "ball")


def test_pictures() -> None:
    told = read_rationale(
        "left picture red boat : 1 at [1 2 3 4] . right picture [5 6 7 8] what is this ? dog . "
        "picture 3 cat : 2 at [1 2 3 4] and left picture [2 2 3 3] . so the answer is yes ."
    )
    assert told.boxes == (
        (0, (1, 2, 3, 4)), (1, (5, 6, 7, 8)), (2, (1, 2, 3, 4)), (0, (2, 2, 3, 3)),
    )  # fmt: skip
    assert [s.picture for s in told.sentences] == [0, 1, 2]
    assert region_of(told.sentences[2], balls(), 33) is None


def test_what_models_write_is_read_as_far_as_it_can_be() -> None:
    told = read_rationale("There is a ball at [4, 8, 12, 16].\nSo the answer is Red.")
    assert (told.answer, told.boxes) == ("red", ((0, (4, 8, 12, 16)),))
    cut = read_rationale("ball : 2 at [4 8 12 16] and [20 0")
    assert (cut.answer, cut.explains, cut.malformed) == (None, False, 1)
    assert boxes_in("[a b c d] [1 2 3] [1 2 3 4 5]") == []
    assert read_rationale("so the answer is red .").explains is False
    assert read_rationale("so the answer is [1 2 3 4] .").answer == "[1 2 3 4]"
    for text in ("", " . . ", "so the answer is", "] [ : ? .", "picture 0 : yes ."):
        read_rationale(text)


def test_boxes_against_another_rationale() -> None:
    reference = f"ball : 2 at {RED} and {BLUE} . {RED} red ball : yes . so the answer is yes ."
    assert box_f1(reference, reference, balls(), 33) == (2, 2, 2)
    near = f"ball : 1 at [4 8 12 15] . cat : 1 at {CAT} . so the answer is yes ."
    assert box_f1(near, reference, balls(), 33) == (1, 2, 2)
    assert box_f1("", reference, balls(), 33) == (0, 0, 2)
    assert box_f1("picture 2 ball : 1 at [4 8 12 16] .", reference, balls(), 33) == (0, 1, 2)


def test_figures_by_hand() -> None:
    right = f"ball : 2 at {RED} and {BLUE} . {RED} what color is the ball ? red ."
    wrong = f"ball : 1 at {CAT} . {RED} blue ball : yes . left of {RED} dog : none ."
    items = [
        Explained(
            example=balls(),
            text=f"{right} so the answer is red .",
            answer="red",
            reference=f"{right} so the answer is red .",
        ),
        Explained(
            example=balls(),
            text=f"{wrong} so the answer is red .",
            answer="blue",
            reference=f"ball : 1 at {CAT} . so the answer is blue .",
        ),
        Explained(example=balls(), text="", answer="blue"),
        Explained(example=balls(), text="ball : none .", answer=None),
    ]
    figures = rationale_quality(items, 33)
    values = {name: f["value"] for name, f in figures.items() if name != "n"}
    assert values == {
        "explained": 0.5,
        "consistent": 0.5,
        # 2 of 2 and 2, 1 (the cat) of 2 and 1
        "box_f1_trace": pytest.approx(6 / 7, abs=1e-6),
        # balls 2 of 2 and 2; 0 of 1 and 2; no dog; none of 2
        "box_f1_scene": pytest.approx(4 / 9, abs=1e-6),
        # two; of the second only that there is no dog; not that there is no ball
        "facts": 0.5,
        "factual": pytest.approx(1 / 3, abs=1e-6),
        "malformed": 0.0,
    }
    assert figures["n"] == 4


@pytest.mark.parametrize("task", ["gqa", "nlvr2", "tally"])
def test_rendered_rationales_over_gold_scenes_are_true(task: str, tmp_path: Path) -> None:
    write(task, "generalist", 40, 3, tmp_path / "world", workers=1)
    examples = list(load_benchmark(f"world-{task}").load(tmp_path / "world", "val"))
    for language in LANGUAGES:
        tasks = [Task(e, Program(e.programs[language], language)) for e in examples]
        with Engine(load_toolbox("oracle")) as engine:
            traces = {t.example_id: t for t in engine.run(iter(tasks))}
        items = []
        for e in examples:
            text = render(traces[e.id], e, RationaleSettings(grid=48)).text
            items.append(Explained(example=e, text=text, answer=e.answers[0], reference=text))
        figures = rationale_quality(items, 48)
        wanted = ("explained", "consistent", "box_f1_trace", "box_f1_scene", "facts", "factual")
        assert {name: figures[name]["value"] for name in wanted} == dict.fromkeys(wanted, 1.0)
        assert figures["facts"]["n"] >= 40


def test_without_gold_scenes_nothing_is_told_of_facts() -> None:
    item = Explained(example=example(), text="ball : none . so the answer is no .", answer="no")
    figures = rationale_quality([item], 100)
    assert figures["facts"]["value"] is None
    assert figures["box_f1_trace"]["value"] is None
    assert figures["consistent"]["value"] == 1.0


def test_a_letter_and_its_choice_are_the_same_answer() -> None:
    asked = example(extra={"choices": ["a red car", "a bus"]})
    for letter, wanted in (("b", 1.0), ("a", 0.0)):
        item = Explained(example=asked, text="bus : none . so the answer is a bus .", answer=letter)
        assert rationale_quality([item], 100)["consistent"]["value"] == wanted
