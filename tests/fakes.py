"""Instant stand-ins for what programs meet: pictures, backends, toolboxes, and one way to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vprog.engine import Engine, EngineSettings, Limits, Task
from vprog.errors import ToolError
from vprog.example import Example, Picture, Region
from vprog.program import Language, Program
from vprog.tools.backend import Toolbox
from vprog.tools.catalogue import TOOLS
from vprog.tools.tool import Tool
from vprog.trace import Call, Result, Trace, Value

Answer = Callable[[Call, Mapping[str, Picture]], Value]


def halves(call: Call, pictures: Mapping[str, Picture]) -> Value:
    """Finds the left and the right half of the image; nothing if the phrase says nothing."""
    del pictures
    image, phrase = call.args["image"], str(call.args["phrase"])
    assert isinstance(image, Region)
    if phrase.startswith("no"):
        return []
    middle = (image.left + image.right) / 2
    return [
        image._replace(right=middle, label=phrase, score=0.9),
        image._replace(left=middle, label=phrase, score=0.8),
    ]


def scores(call: Call, pictures: Mapping[str, Picture]) -> Value:
    """The share of vowels in each option."""
    del pictures
    options = call.args["options"]
    assert isinstance(options, list)
    return [sum(c in "aeiou" for c in o) / max(len(o), 1) for o in options]


ANSWERS: Mapping[str, Answer] = {
    "detect": halves,
    "vqa": lambda call, _: str(call.args["question"]).removeprefix("say "),
    "match": scores,
    "depth": lambda call, _: call.args["image"].left,  # type: ignore[union-attr]
    "knowledge": lambda call, _: str(call.args["prompt"]).removeprefix("say "),
}
"""``vqa`` and ``knowledge`` repeat what follows "say "."""


@dataclass
class Instant:
    """A backend that answers at once and keeps the batches that it got."""

    answers: Mapping[str, Answer] = field(default_factory=lambda: dict(ANSWERS))
    batch_size: int = 32
    fingerprint: str = "instant 1"
    batches: list[list[Call]] = field(default_factory=list)

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> Sequence[Result | ToolError]:
        self.batches.append(list(calls))
        return [Result(self.answers[call.tool](call, pictures)) for call in calls]

    @property
    def calls(self) -> list[Call]:
        return [call for batch in self.batches for call in batch]


def toolbox(
    backend: Any = None, tools: Iterable[Tool] = (), bound: Iterable[str] = tuple(ANSWERS)
) -> Toolbox:
    """The catalogue and further tools, everything in ``bound`` answered by one backend."""
    backend = backend or Instant()
    return Toolbox(name="fake", tools=TOOLS, backends=dict.fromkeys(bound, backend)).with_tools(
        tools
    )


def picture(id: str = "p", width: int = 40, height: int = 30, shade: int = 0) -> Picture:
    """A plain picture of one shade of grey."""
    return Picture(id, array_rgb=np.full((height, width, 3), shade, np.uint8))


def example(*pictures: Picture, id: str = "e", **more: Any) -> Example:
    return Example(id=id, pictures=pictures or (picture(),), question="what?", **more)


def python(body: str, args: str = "image") -> Program:
    """A ``python`` program with this body."""
    lines = "\n".join("    " + line if line else "" for line in body.strip("\n").split("\n"))
    return Program(f"def execute_command({args}):\n{lines}\n", "python")


def steps(text: str) -> Program:
    """A ``steps`` program; one line is an expression to EVAL and return."""
    if "\n" not in text and "=" not in text.split("(")[0]:
        text = f"X=EVAL(expr={text!r})\nR=RESULT(var=X)"
    return Program(text, "steps")


def run_all(
    programs: Iterable[Program],
    box: Toolbox | None = None,
    on: Example | Sequence[Example] | None = None,
    *,
    time_s: float = 2.0,
    calls: int = 64,
    memory_mb: int = 32,
    in_flight: int = 4096,
    engine: Engine | None = None,
) -> list[Trace]:
    """Runs programs together and returns their traces in the order of the programs."""
    programs = list(programs)
    limits = Limits(time_s=time_s, calls=calls, memory_mb=memory_mb)
    settings = EngineSettings(limits=limits, in_flight=in_flight)
    examples = [on or example()] * len(programs) if not isinstance(on, list) else on
    tasks = [Task(e, p, n) for n, (e, p) in enumerate(zip(examples, programs, strict=True))]
    if engine is not None:
        traces = {trace.candidate: trace for trace in engine.run(tasks)}
    else:
        with Engine(box or toolbox(), settings) as own:
            traces = {trace.candidate: trace for trace in own.run(tasks)}
    assert sorted(traces) == list(range(len(programs)))
    return [traces[n] for n in range(len(programs))]


def run(program: Program | str, language: Language = "steps", **more: Any) -> Trace:
    """Runs one program."""
    if isinstance(program, str):
        program = Program(program, language)
    return run_all([program], **more)[0]


def answer(program: Program | str, **more: Any) -> Value:
    """The answer of a program that must not fail."""
    trace = run(program, **more)
    assert trace.failure is None, trace.failure
    return trace.answer


PAINTS_RGB = {"red": (255, 20, 0), "green": (0, 200, 30), "blue": (30, 0, 220)}


def grid_rgb(cells: dict[tuple[int, int], tuple[str, str]]) -> np.ndarray:
    """A picture as SHAPES has them, 30 x 30; cells by (column, row) -> (colour, shape)."""
    picture = np.zeros((30, 30, 3), np.uint8)
    y, x = np.mgrid[0:10, 0:10] + 0.5
    masks = {
        "square": (abs(x - 5) < 3) & (abs(y - 5) < 3),
        "circle": (x - 5) ** 2 + (y - 5) ** 2 < 14,
        "triangle": (y < 8) & (abs(x - 5) < (y - 1) / 2 + 0.01),
    }
    for (column, row), (colour, shape) in cells.items():
        part = picture[10 * row : 10 * row + 10, 10 * column : 10 * column + 10]
        part[masks[shape]] = PAINTS_RGB[colour]
    return picture
