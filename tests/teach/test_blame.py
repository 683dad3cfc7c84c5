"""Blame finds the fault that was put in, and its upper bound is the teacher everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vprog.benchmarks.benchmark import Benchmark
from vprog.engine import Engine, Task
from vprog.errors import ToolError
from vprog.example import Example, Picture, Scene, SceneObject
from vprog.program import Language, Program
from vprog.report.blame import print_blame
from vprog.runs.record import Record, make_record
from vprog.teach.blame import Blame, blame
from vprog.teach.blame_figures import blame_figures, pattern
from vprog.teach.teachers.teacher import Teacher
from vprog.tools.backend import Toolbox
from vprog.tools.backends.oracle import Oracle
from vprog.tools.catalogue import TOOLS
from vprog.trace import Call, Result

LANGUAGES: tuple[Language, ...] = ("steps", "python")
BENCHMARK = Benchmark(name="fake", doc="fake", splits=("x",), load=lambda data, split: iter(()))


@dataclass
class Faulty:
    """The oracle with a known fault."""

    fault: str = ""
    fingerprint: str = "faulty"
    batch_size: int = 16
    asked: list[Call] = field(default_factory=list)

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        self.asked += calls
        answers: list[Result | ToolError] = []
        for call, answer in zip(calls, Oracle().answer(calls, pictures), strict=True):
            if self.fault == "cups" and "cup" in str(call.args.get("phrase")):
                answers.append(Result([]))
            elif self.fault == "colours" and call.tool == "vqa":
                answers.append(Result("mauve"))
            elif self.fault == "fails" and call.tool == "vqa":
                answers.append(ToolError("broken"))
            else:
                answers.append(answer)
        return answers


def drawn(n: int, *names: tuple[str, str]) -> Example:
    """A picture with things side by side."""
    things = tuple(
        SceneObject(
            id=str(i), name=name, box_xyxy=(20 * i, 0, 20 * i + 18, 18), attributes=(colour,)
        )
        for i, (colour, name) in enumerate(names)
    )
    pixels = np.full((20, 100, 3), n, np.uint8)
    scene = Scene(width=100, height=20, objects=things)
    return Example(
        id=f"e{n}",
        pictures=(Picture(f"p{n}", array_rgb=pixels, scene=scene),),
        question="?",
        answers=("red",) if n % 2 else ("2",),
        types={"kind": "colour" if n % 2 else "count"},
    )


def program(language: Language, n: int) -> Program:
    """Counts cups (even), or names the colour of the cup right of the dog (odd)."""
    texts = {
        ("steps", 0): "B=LOC(image=IMAGE,object='cup')\nC=COUNT(box=B)\nR=RESULT(var=C)",
        ("steps", 1): (
            "B=LOC(image=IMAGE,object='dog')\nI=CROP_RIGHTOF(image=IMAGE,box=B)\n"
            "A=VQA(image=I,question='What color is the cup?')\nR=RESULT(var=A)"
        ),
        ("python", 0): "def execute_command(image):\n    return len(image.find('cup'))\n",
        ("python", 1): (
            "def execute_command(image):\n    dog = image.find('dog')[0]\n"
            "    rest = image.crop(dog.right, 0, image.width, image.height)\n"
            "    return rest.simple_query('What color is the cup?')\n"
        ),
    }
    return Program(texts[language, n % 2], language)


EXAMPLES = [
    drawn(0, ("red", "cup"), ("blue", "cup"), ("red", "dog")),
    drawn(1, ("blue", "cup"), ("red", "dog"), ("red", "cup")),
    drawn(2, ("red", "cup"), ("blue", "dog"), ("blue", "cup")),
    drawn(3, ("blue", "cup"), ("blue", "dog"), ("red", "cup")),
]


def boxed(backend: Any) -> Toolbox:
    bound = dict.fromkeys(("detect", "vqa", "match"), backend)
    return Toolbox(name="fake", tools=TOOLS, backends=bound)


def run(student: Toolbox, language: Language) -> list[tuple[Record, Example]]:
    by_id = {e.id: e for e in EXAMPLES}
    tasks = [Task(e, program(language, n)) for n, e in enumerate(EXAMPLES)]
    with Engine(student) as engine:
        records = [make_record(t, by_id[t.example_id]) for t in engine.run(tasks)]
    return [(r, by_id[r.trace.example_id]) for r in records]


def blamed(backend: Any, language: Language, teacher: Teacher | None = None) -> Blame:
    teacher = teacher or Teacher(name="oracle", backends=boxed(Oracle()).backends)
    student = boxed(backend)
    return blame(run(student, language), student, teacher, BENCHMARK)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_detector_that_misses_cups_is_found(language: Language) -> None:
    figures = blame_figures(blamed(Faulty("cups"), language))
    assert figures["wrong"] == {"n": 2, "one_step": 2, "several_steps": 0, "not_by_teacher": 0}
    rows = {row["name"]: row for row in figures["by_tool"]}
    assert rows["detect"]["repaired"] == 2
    assert rows["detect"]["share"] == 1.0
    assert rows["detect"]["gain"] == 0.5
    assert rows["detect"]["upper"]["gain"] == 0.5
    assert "vqa" not in rows  # no wrong trace asks it
    assert figures["by_argument"][0]["name"] == "detect(cup)"
    assert figures["by_type"]["kind"]["count"]["repaired"] == 2
    assert figures["by_type"]["kind"]["count"]["by_tool"] == {"detect": 2}
    assert figures["by_type"]["kind"]["colour"]["wrong"] == 0
    assert figures["upper"]["accuracy"]["value"] == 1.0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fault", ["colours", "fails"])
def test_wrong_and_failing_calls_are_found(language: Language, fault: str) -> None:
    figures = blame_figures(blamed(Faulty(fault), language))
    rows = {row["name"]: row for row in figures["by_tool"]}
    assert rows["vqa"]["repaired"] == 2
    assert rows["vqa"]["differ"] == 2
    assert rows["detect"]["repaired"] == 0
    assert rows["detect"]["differ"] == 0
    assert rows["detect"]["calls"] == 2
    assert figures["by_argument"][0]["name"] == "vqa(what color is the ...)"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fault", ["", "cups", "colours", "fails"])
def test_the_upper_bound_of_a_perfect_teacher_is_the_teacher_everywhere(
    language: Language, fault: str
) -> None:
    found = blamed(Faulty(fault), language)
    everywhere = {r.trace.example_id: r for r, _ in run(boxed(Oracle()), language)}
    credits = [everywhere[r.trace.example_id].verdict.credit for r in found.records]
    assert list(found.upper["detect", "vqa", "match"]) == credits
    assert len(found.wrong) == (2 if fault else 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_teacher_that_says_what_the_student_says_repairs_nothing(language: Language) -> None:
    """Executed again without a new answer, a program gives the same answer."""
    same = Teacher(name="student", backends=boxed(Faulty("cups")).backends)
    found = blamed(Faulty("cups"), language, same)
    assert found.substitutions
    assert not any(s.repairs or s.differs for s in found.substitutions)
    for worth in found.upper.values():
        assert list(worth) == [r.verdict.credit for r in found.records]


def test_only_the_substituted_call_is_the_teachers() -> None:
    """Two calls are wrong: no single one repairs, both together do."""

    class Blind(Faulty):
        def answer(
            self, calls: Sequence[Call], pictures: Mapping[str, Picture]
        ) -> list[Result | ToolError]:
            return [Result([]) for _ in calls]

    text = (
        "B=LOC(image=IMAGE,object='cup')\nD=LOC(image=IMAGE,object='dog')\nC=COUNT(box=B)\n"
        "E=COUNT(box=D)\nS=EVAL(expr='{C} + {E}')\nR=RESULT(var=S)"
    )
    one = drawn(4, ("red", "cup"), ("red", "dog"))
    student = boxed(Blind())
    with Engine(student) as engine:
        trace = next(iter(engine.run([Task(one, Program(text, "steps"))])))
    teacher = Teacher(name="oracle", backends={"detect": Oracle()})
    found = blame([(make_record(trace, one), one)], student, teacher, BENCHMARK)
    assert [s.repairs for s in found.substitutions] == [False, False]
    assert found.upper == {("detect",): [1.0]}
    assert blame_figures(found)["wrong"]["several_steps"] == 1


def test_what_the_teacher_cannot_answer_is_counted_and_left_to_the_student() -> None:
    class Silent(Faulty):
        def answer(
            self, calls: Sequence[Call], pictures: Mapping[str, Picture]
        ) -> list[Result | ToolError]:
            return [ToolError("knows no 'cup' here. Ask for less") for _ in calls]

    silent = Teacher(name="silent", backends={"detect": Silent()})
    found = blamed(Faulty("cups"), "steps", silent)
    assert found.substitutions == []
    assert found.unanswered == {"detect: knows no … here": 2}
    assert list(found.upper["detect",]) == [r.verdict.credit for r in found.records]


def test_a_memo_makes_blame_ask_only_what_is_new(tmp_path: Path) -> None:
    backend = Faulty("cups")
    student = boxed(backend)
    pairs = run(student, "steps")
    teacher = Teacher(name="oracle", backends=boxed(Oracle()).backends)
    first = blame(pairs, student, teacher, BENCHMARK, memo=tmp_path / "memo.sqlite")
    backend.asked.clear()
    again = blame(pairs, student, teacher, BENCHMARK, memo=tmp_path / "memo.sqlite")
    assert backend.asked == []
    assert again.substitutions == first.substitutions
    assert again.upper == first.upper


@pytest.mark.parametrize(
    ("tool", "said", "expected"),
    [
        ("detect", "cup", "cup"),
        ("detect", "the red cup", "... cup"),
        ("detect", "a red object", "red object"),
        ("vqa", "What color is the cup?", "what color is the ..."),
        ("vqa", "How many cups are there?", "how many ..."),
        ("vqa", "What is this?", "what is this"),
        ("match", ["red cup", "blue cup"], "... cup"),
        ("match", ["red", "blue"], "red | blue"),
    ],
)
def test_patterns_leave_out_what_is_particular(tool: str, said: Any, expected: str) -> None:
    name = {"detect": "phrase", "vqa": "question", "match": "options"}[tool]
    assert pattern(Call(tool, {name: said})) == expected


def test_the_page_shows_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[2]
    figures = json.loads((root / "docs/results/blame.json").read_text("utf-8"))
    print_blame({**figures, "by_argument": [], "by_type": {}})
    page = (root / "docs/teach.md").read_text("utf-8").splitlines()
    shown = {" ".join(line.split()) for line in page}
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    told = [line for line in printed if line and not line.startswith("─")]
    assert len(told) == 8
    assert [line for line in told if line not in shown] == []
