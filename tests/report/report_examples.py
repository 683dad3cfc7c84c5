"""Drawn pictures and traces for the tests of reports."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from vprog.example import Example, Picture, Region
from vprog.report.item import ReportItem
from vprog.trace import Failure, Step, Trace


def desk(id: str = "desk", shift: int = 0) -> Picture:
    """320 x 200: a red cup at (40, 70, 90, 130), a blue book at (150, 60, 250, 140)."""
    image = Image.new("RGB", (320, 200), (236, 228, 214))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 130, 320, 200), fill=(150, 108, 72))
    draw.rounded_rectangle((40 + shift, 70, 89 + shift, 129), 8, fill=(208, 48, 44))
    draw.arc((80 + shift, 84, 104 + shift, 114), 270, 90, fill=(208, 48, 44), width=5)
    draw.rectangle((150 + shift, 60, 249 + shift, 139), fill=(44, 92, 190))
    draw.rectangle((158 + shift, 70, 240 + shift, 80), fill=(220, 226, 240))
    return Picture(id, array_rgb=np.asarray(image))


def tiny(id: str = "tiny") -> Picture:
    """30 x 30: a black grid with a red cell at (10, 10, 20, 20)."""
    pixels = np.zeros((30, 30, 3), np.uint8)
    pixels[11:19, 11:19] = (220, 40, 40)
    pixels[1:9, 21:29] = (40, 90, 230)
    return Picture(id, array_rgb=pixels)


CUP = ("desk", 40, 70, 90, 130, "red cup", 0.92)
BOOK = ("desk", 150, 60, 250, 140, "book", 0.81)


def right_item(id: str = "desk-1") -> ReportItem:
    """A ``steps`` program with boxes, a crop, shared and remembered calls."""
    picture = desk()
    whole, cup, book = picture.region, Region(*CUP), Region(*BOOK)
    crop = Region("desk", 65, 0, 320, 200)
    program = (
        "BOX0=LOC(image=IMAGE, object='red cup')\n"
        "IMAGE0=CROP_RIGHTOF(image=IMAGE, box=BOX0)\n"
        "BOX1=LOC(image=IMAGE0, object='book')\n"
        "BOX2=SELECT(image=IMAGE, object=BOX1, query='blue')\n"
        "ANSWER0=VQA(image=IMAGE0, question='What is this?')\n"
        "FINAL=RESULT(var=ANSWER0)\n"
    )
    steps = [
        Step(
            "LOC",
            "detect",
            {"image": whole, "phrase": "red cup"},
            [cup],
            "BOX0",
            1,
            "computed",
            ms=12.4,
        ),
        Step("CROP_RIGHTOF", None, {"image": whole, "box": [cup]}, crop, "IMAGE0", 2),
        Step("LOC", "detect", {"image": crop, "phrase": "book"}, [book], "BOX1", 3, "shared"),
        Step(
            "SELECT",
            "match",
            {"image": book, "options": ["blue", "red", "something else"]},
            [0.91, 0.06, 0.03],
            "BOX2",
            4,
            "remembered",
        ),
        Step(
            "VQA",
            "vqa",
            {"image": crop, "question": "What is this?"},
            "book",
            "ANSWER0",
            5,
            "computed",
            {"distribution": {"book": 0.83, "box": 0.1, "laptop": 0.04}},
            34.0,
        ),
        Step("RESULT", None, {"var": "book"}, "book", "FINAL", 6),
    ]
    example = Example(
        id=id,
        pictures=(picture,),
        question="What is to the right of the red cup?",
        answers=("book",),
        types={"structural": "query", "semantic": "rel"},
    )
    return ReportItem(example, Trace(id, 0, "steps", program, steps, "book"), "right")


def wrong_item(id: str = "pair-2") -> ReportItem:
    """A ``python`` program over two pictures, wrong, with many boxes on one."""
    left, right = desk("a/left.png"), desk("a/right.png", 40)
    many = [
        Region("a/right.png", 10 + 24 * i, 20 + 6 * (i % 4), 30 + 24 * i, 60, "thing", 0.3 + i / 20)
        for i in range(9)
    ]
    program = (
        "def execute_command(left, right):\n"
        "    # as many on both sides?\n"
        '    a = len(left.find("cup"))\n'
        '    b = len(right.find("thing"))\n'
        "    return a == b and b > 0\n"
    )
    steps = [
        Step(
            "find",
            "detect",
            {"image": left.region, "phrase": "cup"},
            [Region("a/left.png", 40, 70, 90, 130, "cup", 0.77)],
            "",
            3,
            "computed",
            ms=9.6,
        ),
        Step(
            "find",
            "detect",
            {"image": right.region, "phrase": "thing"},
            many,
            "",
            4,
            "computed",
            ms=1260.0,
        ),
    ]
    example = Example(
        id=id,
        pictures=(left, right),
        question="Both pictures show as many cups.",
        answers=("yes",),
        types={"structural": "compare"},
    )
    return ReportItem(example, Trace(id, 0, "python", program, steps, False, None, -4.213), "wrong")


def failed_item(id: str = "shapes-3") -> ReportItem:
    """A program that fails at its second step, on a tiny picture."""
    picture = tiny()
    message = "LOC wants object: text, got number 3. Put the phrase in quotes"
    program = (
        "BOX0=LOC(image=IMAGE, object='red shape')\n"
        "BOX1=LOC(image=IMAGE, object=3)\n"
        "FINAL=RESULT(var=BOX1)"
    )
    steps = [
        Step(
            "LOC",
            "detect",
            {"image": picture.region, "phrase": "red shape"},
            [Region("tiny", 10, 10, 20, 20, "red shape", 1.0)],
            "BOX0",
            1,
            "computed",
            ms=0.42,
        ),
        Step(
            "LOC", "detect", {"image": picture.region, "phrase": 3}, None, "BOX1", 2, error=message
        ),
    ]
    failure = Failure("type", message, 1, 2)
    example = Example(
        id=id,
        pictures=(picture,),
        question="Is there a red shape left of a blue shape?",
        answers=("no",),
        types={"structural": "verify"},
    )
    return ReportItem(example, Trace(id, 1, "steps", program, steps, None, failure), "failed")


def unlabelled_item(id: str = "free-4") -> ReportItem:
    """An answer without a label, over a picture that cannot be read and one that a step made."""
    missing = Picture("gone.png", path="/nowhere/gone.png")
    edited = tiny("edit-1")
    program = "IMAGE0=REPLACE(image=IMAGE, object='cup', prompt='a vase')\nFINAL=RESULT(var=IMAGE0)"
    made, lost = Region("edit-1", 0, 0, 30, 30), Region("edit-2", 1, 2, 3, 4.5)
    steps = [
        Step(
            "REPLACE",
            "inpaint",
            {"image": Region("gone.png", 0, 0, 9, 9), "prompt": "a vase"},
            made,
            "IMAGE0",
            1,
            "computed",
            ms=800.0,
        ),
        Step("CROP", None, {"image": lost}, lost, "IMAGE1", 2),
    ]
    example = Example(id=id, pictures=(missing,), question="Put a vase there")
    trace = Trace(id, 0, "steps", program, steps, made)
    return ReportItem(example, trace, "unlabelled", {"edit-1": edited})


HOSTILE = (
    "<script>window.ran=1</script><img src=x onerror=\"window.ran=1\"><svg onload='window.ran=1'>"
    '</style></title></textarea></pre>--><a href="javascript:window.ran=1">" '
    "onmouseover=window.ran=1 x=' &lt;b&gt; [red]x[/red] {0.__class__} http://192.0.2.1/x.png "
    "\u202egnp.exe \u2028 \x00 \x1b[31m \ud800 ]]>"
)
"""Text that tries to become markup, an attribute, a style, a terminal escape or a request."""


def hostile_item() -> ReportItem:
    """The hostile text in every field that an example, a program or a tool can fill."""
    h = HOSTILE
    pixels = np.full((20, 20, 3), 200, np.uint8)
    picture = Picture(h, array_rgb=pixels)
    broken = Picture(h + "2", path="/nowhere/" + h.replace("\x00", "").replace("/", "_"))
    nested: list[object] = [h]
    for _ in range(60):
        nested = [nested]
    steps = [
        Step(
            h,
            h,
            {h: h, "image": picture.region, "options": [h, h + "2"], "deep": nested},
            [0.5, 7.0],
            h,
            1,
            "shared",
            {h: h, "distribution": {h: 0.5, "b": 0.1}, "list": [h, {h: h}]},
            1.0,
        ),
        Step(
            h,
            None,
            {"box": Region(h, 1, 2, 9, 9, h, 0.3)},
            [
                Region(h, 1, 2, 9, 9, h, 0.3),
                Region(h, float("nan"), 2, float("inf"), 9, h, float("nan")),
                Region(h, 9, 9, 1, 1, h, 12.5),
                Region(h, -1e300, -5, 1e300, 1e9, h),
                Region("elsewhere" + h, 0, 0, 5, 5, h),
            ],
            h,
            2,
            "remembered",
        ),
        Step(
            h, h, {"n": 10**6000, "none": None, "x": float("inf")}, {h: [h], "n": -(10**6000)}, h, 3
        ),
        Step(h, h, {"q": h * 50}, None, h, 4, error=h),
    ]
    example = Example(
        id=h, pictures=(picture, broken), question=h, answers=(h, "yes"), types={h: h}, group=h
    )
    failure = Failure("tool", h + " again", 3, 4)
    trace = Trace(
        h, 3, "steps", "\n".join(["# " + h.replace("\u2028", "")] * 5), steps, None, failure
    )
    return ReportItem(example, trace, "failed", {h + "3": Picture(h + "3", array_rgb=pixels)})
