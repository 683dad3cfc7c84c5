"""Modules of the steps language: geometry of crops, choices among boxes, edited pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fakes import ANSWERS, Instant, answer, example, run, toolbox
from vprog.engine import Engine, Task
from vprog.errors import ToolError
from vprog.example import Picture, Region
from vprog.program import Program
from vprog.tools.catalogue import MODULES, TOOLS, modules_for
from vprog.tools.geometry import enlarged
from vprog.tools.toolboxes import load_toolbox

WHOLE = Region("p", 0, 0, 100, 60)
FOUND = [Region("p", 20, 10, 40, 30, "cup", 0.9), Region("p", 80, 40, 100, 60, "mug", 0.5)]


def gradient(id: str = "p") -> Picture:
    """100 x 60, every pixel of its own colour."""
    y, x = np.mgrid[0:60, 0:100]
    pixels = np.stack([x * 2, y * 4, (x + y) % 256], axis=-1).astype(np.uint8)
    return Picture(id, array_rgb=pixels)


def box(found: list[Region]) -> Any:
    return toolbox(Instant({**ANSWERS, "detect": lambda call, _: list(found)}))


def result(line: str, found: list[Region] | None = None, **more: Any) -> Any:
    text = f"B=LOC(image=IMAGE,object='cup')\n{line}\nR=RESULT(var=X)"
    backend = box(FOUND if found is None else found)
    return answer(Program(text, "steps"), on=example(gradient()), box=backend, **more)


CROPS = [
    ("CROP", Region("p", 15, 5, 45, 35, "cup", 0.9)),
    ("CROP_LEFTOF", Region("p", 0, 0, 30, 60)),
    ("CROP_RIGHTOF", Region("p", 30, 0, 100, 60)),
    ("CROP_ABOVE", Region("p", 0, 0, 100, 20)),
    ("CROP_BELOW", Region("p", 0, 20, 100, 60)),
    ("CROP_INFRONTOF", Region("p", 15, 5, 45, 35, "cup", 0.9)),
    ("CROP_FRONTOF", Region("p", 15, 5, 45, 35, "cup", 0.9)),
    ("CROP_BEHIND", Region("p", 15, 5, 45, 35, "cup", 0.9)),
]


@pytest.mark.parametrize(("module", "region"), CROPS)
def test_crops_look_at_the_first_box(module: str, region: Region) -> None:
    assert result(f"X={module}(image=IMAGE,box=B)") == region


@pytest.mark.parametrize("module", [m for m, _ in CROPS])
def test_a_crop_without_a_box_is_the_whole_image_and_says_so(module: str) -> None:
    text = f"B=LOC(image=IMAGE,object='no')\nX={module}(image=IMAGE,box=B)\nR=RESULT(var=X)"
    trace = run(Program(text, "steps"), on=example(gradient()), box=box([]))
    assert trace.answer == WHOLE
    assert trace.steps[1].info == {"note": "no box: the whole image is handed on"}


def test_crops_stay_inside_the_image_that_they_crop() -> None:
    part = Region("p", 10, 10, 60, 50)
    assert enlarged(Region("p", 0, 0, 100, 60), part) == part
    assert enlarged(Region("p", 12, 12, 16, 16), part) == Region("p", 11, 11, 17, 17)
    line = "C=CROP_RIGHTOF(image=IMAGE,box=B)\nX=CROP_LEFTOF(image=C,box=B)"
    assert result(line) == Region("p", 30, 0, 30, 60)
    outside = (
        "C=CROP_LEFTOF(image=IMAGE,box=B)\nD=LOC(image=C,object='x')\nX=CROP_RIGHTOF(image=C,box=D)"
    )
    assert result(outside, [FOUND[1]]) == Region("p", 90, 0, 90, 60)


@pytest.mark.parametrize(
    ("side", "region"),
    [
        ("TOP", Region("p", 0, 0, 100, 30, "TOP")),
        ("BOTTOM", Region("p", 0, 30, 100, 60, "BOTTOM")),
        ("LEFT", Region("p", 0, 0, 50, 60, "LEFT")),
        ("RIGHT", Region("p", 50, 0, 100, 60, "RIGHT")),
    ],
)
def test_halves_need_no_detector(side: str, region: Region) -> None:
    text = f"X=LOC(image=IMAGE,object='{side}')\nR=RESULT(var=X)"
    trace = run(Program(text, "steps"), on=example(gradient()), box=toolbox(bound=[]))
    assert trace.answer == [region]
    assert trace.steps[0].tool is None
    assert trace.steps[0].source == "inline"


def test_count() -> None:
    assert result("X=COUNT(box=B)") == 2
    assert result("X=COUNT(box=B)", []) == 0
    assert result("X=COUNT(box=[IMAGE])") == 1


def test_select_takes_the_best_and_knows_categories() -> None:
    by_size = {FOUND[0][:5]: [0.2, 0.6], FOUND[1][:5]: [0.7, 0.1]}
    answers = {
        **ANSWERS,
        "detect": lambda call, _: list(FOUND),
        "match": lambda call, _: by_size[call.args["image"][:5]][: len(call.args["options"])],  # type: ignore[index,arg-type]
    }
    backend = toolbox(Instant(answers))
    head = "B=LOC(image=IMAGE,object='x')\n"

    def select(args: str) -> Any:
        text = f"{head}X=SELECT(image=IMAGE,object={args})\nR=RESULT(var=X)"
        return answer(Program(text, "steps"), on=example(gradient()), box=backend)

    second = FOUND[1]._replace(label="big", score=0.7)
    assert select("B,query='big'") == [second]
    assert select("B,query='big',category='cup'") == [FOUND[0]._replace(label="big", score=0.2)]
    assert select("B,query='big',category='CUP'") == [FOUND[0]._replace(label="big", score=0.2)]
    assert select("B,query='big',category='horse'") == [second]
    assert select("[],query='big'") == []
    # Several queries have a box each; a query that is a label takes all boxes with that label.
    first = FOUND[0]._replace(label="small", score=0.6)
    assert FOUND[0].label == "cup"
    assert select("B,query='big, small'") == [FOUND[1]._replace(label="big", score=0.7), first]
    assert select("B,query='Cup'") == [box for box in FOUND if box.label == "cup"]
    assert select("B,query='cup,big'") == select("B,query='cup'")
    text = f"{head}X=CLASSIFY(image=IMAGE,object=B,categories={{}})\nR=RESULT(var=X)"
    for categories in ("['small', 'large']", "'small, large'"):
        found = answer(
            Program(text.format(categories), "steps"), on=example(gradient()), box=backend
        )
        assert found == [
            FOUND[0]._replace(label="large", score=0.6),
            FOUND[1]._replace(label="small", score=0.7),
        ]


@pytest.mark.parametrize(
    ("line", "tool", "said"),
    [
        ("X=SELECT(image=IMAGE,object=B,query='big')", "match", [0.7]),
        ("X=CLASSIFY(image=IMAGE,object=B,categories='big')", "match", [0.7]),
        ("X=LIST(query='pets',max=2)", "knowledge", "cat, dog, cow"),
    ],
)
def test_a_call_keeps_its_answer_beside_what_the_module_makes_of_it(
    line: str, tool: str, said: Any
) -> None:
    answers = {
        **ANSWERS,
        "detect": lambda call, _: [FOUND[0]],
        "match": lambda call, _: [0.7],
        "knowledge": lambda call, _: "cat, dog, cow",
    }
    text = f"B=LOC(image=IMAGE,object='x')\n{line}\nR=RESULT(var=X)"
    trace = run(Program(text, "steps"), on=example(gradient()), box=toolbox(Instant(answers)))
    call, made = trace.steps[1:3]
    assert (call.tool, call.value, call.target) == (tool, said, "")
    assert (made.tool, made.value, made.target) == (None, trace.answer, "X")
    best = FOUND[0]._replace(label="big", score=0.7)
    assert trace.answer == (["cat", "dog"] if tool == "knowledge" else [best])


@pytest.mark.parametrize("categories", ["[]", "[1]", "3", "['']", "''", "None"])
def test_categories_are_texts(categories: str) -> None:
    text = f"X=CLASSIFY(image=IMAGE,object=[IMAGE],categories={categories})\nR=RESULT(var=X)"
    trace = run(Program(text, "steps"))
    assert trace.failure is not None
    assert trace.failure.kind == "type"
    assert "CLASSIFY wants categories" in trace.failure.message


def edited(line: str, on: Picture | None = None, found: list[Region] | None = None) -> Any:
    """The pixels of the picture that a line makes, and its region."""
    text = f"B=LOC(image=IMAGE,object='cup')\n{line}\nR=RESULT(var=X)"
    task = Task(example(on or gradient()), Program(text, "steps"))
    with Engine(box(FOUND if found is None else found)) as engine:
        trace, pictures = engine.run_one(task)
    assert trace.failure is None, trace.failure
    assert isinstance(trace.answer, Region)
    image = pictures[trace.answer.picture].crop(trace.answer)
    assert image.size == pictures[trace.answer.picture].size
    return np.asarray(image).astype(int), trace.answer


ORIGINAL = np.asarray(gradient().load()).astype(int)
IN, OUT = (slice(18, 23), slice(28, 33)), (slice(30, 40), slice(45, 75))
"""Rows and columns in the middle of the first box, and far from every box."""


def test_color_pop_greys_everything_outside_of_the_boxes() -> None:
    pixels, region = edited("X=COLORPOP(image=IMAGE,object=B)")
    assert region[1:5] == (0, 0, 100, 60)
    assert (pixels[IN] == ORIGINAL[IN]).all()
    assert (pixels[OUT][..., 0] == pixels[OUT][..., 1]).all()
    assert (pixels[OUT][..., 1] == pixels[OUT][..., 2]).all()
    assert (pixels[OUT] != ORIGINAL[OUT]).any()


def test_background_blur_keeps_the_boxes_sharp() -> None:
    noise = Picture(
        "n", array_rgb=np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8)
    )
    sharp = np.asarray(noise.load()).astype(int)
    pixels, _ = edited("X=BGBLUR(image=IMAGE,object=B)", noise)
    assert (pixels[IN] == sharp[IN]).all()
    assert pixels[OUT].std() < sharp[OUT].std() / 2


def test_tag_draws_the_outline_and_the_label() -> None:
    pixels, _ = edited("X=TAG(image=IMAGE,object=B)")
    assert (pixels[20, 20] == (255, 200, 0)).all()
    assert (pixels[30, 30] == (255, 200, 0)).all()
    assert (pixels[IN] == ORIGINAL[IN]).all()
    label = pixels[0:10, 22:40]
    assert (label == (255, 200, 0)).all(axis=-1).any()
    without, _ = edited("X=TAG(image=IMAGE,object=B)", found=[FOUND[0]._replace(label="")])
    assert (without[0:8, 22:40] == ORIGINAL[0:8, 22:40]).all()


@pytest.mark.parametrize("mood", ["smiling", "sad", "winking_face", "Crying face"])
def test_emoji_covers_the_box_with_a_face(mood: str) -> None:
    pixels, _ = edited(f"X=EMOJI(image=IMAGE,object=B,emoji='{mood}')")
    assert (pixels[20, 30] == (255, 205, 50)).all()
    assert (pixels[OUT] == ORIGINAL[OUT]).all()
    face = pixels[10:30, 20:40]
    assert (face == (60, 40, 0)).all(axis=-1).sum() > 5


def test_moods_differ_and_the_nearest_is_drawn() -> None:
    smiling, _ = edited("X=EMOJI(image=IMAGE,object=B,emoji='smiling')")
    sad, _ = edited("X=EMOJI(image=IMAGE,object=B,emoji='sad')")
    assert (smiling != sad).any()
    for name, like in (("face_with_tongue", smiling), ("angry face", sad)):
        pixels, _ = edited(f"X=EMOJI(image=IMAGE,object=B,emoji='{name}')")
        assert (pixels == like).all()
    notes = []
    for name in ("face_with_tongue", "winking_face"):
        text = f"X=EMOJI(image=IMAGE,object=[IMAGE],emoji='{name}')\nR=RESULT(var=X)"
        notes.append(run(Program(text, "steps")).steps[0].info.get("note"))
    assert notes == ["no face 'face_with_tongue' to draw: a smiling one is drawn", None]


@pytest.mark.parametrize(
    ("emoji", "mood", "noted"),
    [
        ("winking_face_with_tongue", "winking", False), ("loudly_crying_face", "crying", False),
        ("face_with_tears_of_joy", "smiling", True), ("pouting_face", "sad", True),
        ("slightly-frowning face", "sad", True), ("unhappy", "sad", True), ("", "smiling", True),
        ("thumbs_up", "smiling", True), ("smiling_face_with_tear", "smiling", False),
    ],
)  # fmt: skip
def test_the_nearest_face_is_noted_where_the_name_is_another(
    emoji: str, mood: str, noted: bool
) -> None:
    step = "X=EMOJI(image=IMAGE,object=B,emoji='{}')"
    pixels, _ = edited(step.format(emoji))
    assert (pixels == edited(step.format(mood))[0]).all()
    text = f"B=FACEDET(image=IMAGE)\n{step.format(emoji)}\nR=RESULT(var=X)"
    note = run(Program(text, "steps")).steps[1].info.get("note", "")
    assert note == (f"no face {emoji!r} to draw: a {mood} one is drawn" if noted else "")


EDITS = ["COLORPOP(image={},object={})", "BGBLUR(image={},object={})", "TAG(image={},object={})",
         "EMOJI(image={},object={},emoji='sad')"]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_crop_has_the_size_of_the_crop(edit: str) -> None:
    line = "C=CROP(image=IMAGE,box=B)\nX=" + edit.format("C", "B")
    pixels, region = edited(line)
    assert pixels.shape == (30, 30, 3)
    assert region[1:5] == (0, 0, 30, 30)
    nothing, _ = edited("X=" + edit.format("IMAGE", "[]"))
    if not edit.startswith(("COLOR", "BG")):
        assert (nothing == ORIGINAL).all()


@pytest.mark.parametrize("edit", EDITS)
def test_edits_follow_each_other_and_leave_the_original_alone(edit: str) -> None:
    original = gradient()
    line = f"A={edit.format('IMAGE', 'B')}\nX=TAG(image=A,object=B)"
    pixels, region = edited(line, original)
    assert pixels.shape == (60, 100, 3)
    assert region.picture.startswith("tag:")
    assert (np.asarray(original.load()) == ORIGINAL).all()


@pytest.mark.parametrize("edit", EDITS)
def test_boxes_beyond_the_picture_are_harmless(edit: str) -> None:
    far = [
        Region("p", -50, -50, -10, -10, "a"), Region("p", 500, 500, 600, 600, "b"),
        Region("p", 40, 30, 20, 10, "c"), Region("p", 5, 5, 5, 5, "d"),
        Region("p", -1e6, -1e6, 1e6, 1e6, "é中\n"), Region("p", 0.5, 0.5, 99.5, 59.5, "x" * 500),
    ]  # fmt: skip
    for one in far:
        pixels, _ = edited("X=" + edit.format("IMAGE", "B"), found=[one])
        assert pixels.shape == (60, 100, 3)


def test_equal_edits_are_equal_pictures_and_share_their_calls() -> None:
    text = (
        "B=LOC(image=IMAGE,object='cup')\nT=COLORPOP(image=IMAGE,object=B)\n"
        "A=VQA(image=T,question='say 1')\nR=RESULT(var=A)"
    )
    backend = Instant({**ANSWERS, "detect": lambda call, _: list(FOUND)})
    with Engine(toolbox(backend)) as engine:
        tasks = [Task(example(gradient(id)), Program(text, "steps"), n)
                 for n, id in enumerate(("p", "p", "q"))]  # fmt: skip
        assert [t.answer for t in engine.run(tasks)] == ["1"] * 3
        assert engine.counts.computed == 2
    other = text.replace("COLORPOP", "BGBLUR")
    first = run(Program(text, "steps"), on=example(gradient())).steps[1].value
    second = run(Program(other, "steps"), on=example(gradient())).steps[1].value
    assert isinstance(first, Region)
    assert isinstance(second, Region)
    assert first.picture != second.picture


def test_every_module_has_what_writers_need() -> None:
    for name, module in MODULES.items():
        assert name == module.name == name.upper()
        assert module.doc.endswith(".")
        assert module.signature.startswith(f"{name}(")
        assert module.tool is None or module.tool in TOOLS
        assert (module.tool is None) == (module.calls is None)
        assert module.calls is not None or module.finish is not None


def test_tools_without_a_module_of_visprog_get_their_own_name() -> None:
    modules = modules_for(TOOLS)
    assert {"DEPTH", "OCR", "CAPTION"} <= set(modules)
    assert modules["DEPTH"].signature == "DEPTH(image: image) -> number"


def test_named_toolboxes() -> None:
    from vprog.errors import InputError

    assert set(load_toolbox("oracle").backends) == {"detect", "vqa", "match", "depth"}
    with pytest.raises(InputError, match="Did you mean 'oracle'"):
        load_toolbox("oracel")


def test_what_nothing_answers_says_so() -> None:
    with pytest.raises(ToolError, match=r"vprog brings no backend for it.*LIST, llm_query") as told:
        load_toolbox("oracle").backend("knowledge")
    assert "Bind" not in str(told.value), "no toolbox file can"
