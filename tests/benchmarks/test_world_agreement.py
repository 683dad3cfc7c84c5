"""Question, gold program and oracle agree exactly, in both languages, for every drawn benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.benchmark import Answered, Answers
from vprog.engine import Engine, Task
from vprog.example import Example
from vprog.program import Program
from vprog.program.check import Checker
from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Trace
from vprog.verify import answer_text
from vprog.world import TASKS, write

N = 200


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Example]]:
    loaded = {}
    for seed, task in enumerate(TASKS):
        folder = tmp_path_factory.mktemp(task)
        write(task, "generalist", N, seed, folder, split="test", workers=1)  # type: ignore[arg-type]
        loaded[task] = list(load_benchmark(f"world-{task}").load(folder, "test"))
    return loaded


@pytest.mark.parametrize("language", ["steps", "python"])
@pytest.mark.parametrize("task", TASKS)
def test_gold_programs_over_the_oracle_give_the_answer(
    examples: dict[str, list[Example]], task: str, language: Any
) -> None:
    by_id = {example.id: example for example in examples[task]}
    assert len(by_id) == N
    with Engine(load_toolbox("oracle")) as engine:
        tasks = [Task(e, Program(e.programs[language], language)) for e in by_id.values()]
        traces = list(engine.run(tasks))
    assert len(traces) == N
    for trace in traces:
        example = by_id[trace.example_id]
        said = answer_text(trace.answer)
        assert said in example.answers, (example.question, trace.program, trace.failure)


@pytest.mark.parametrize("task", TASKS)
def test_examples_are_complete(examples: dict[str, list[Example]], task: str) -> None:
    benchmark = load_benchmark(f"world-{task}")
    binary = True
    for example in examples[task]:
        assert len(example.pictures) == (2 if task == "nlvr2" else 1)
        assert set(example.programs) == {"steps", "python"}
        assert all(example.types.values())
        for picture in example.pictures:
            assert picture.scene is not None
            assert picture.load().size == (picture.scene.width, picture.scene.height)
        binary &= example.answers[0] in ("yes", "no")
    assert benchmark.binary == binary
    items = []
    for example in examples[task]:
        trace = Trace(example.id, 0, "steps", "", answer=example.answers[0])
        items.append(Answered(example=example, trace=trace, text=example.answers[0], credit=1.0))
    metrics = benchmark.metrics(Answers(items=items, data=Path(), split="test"))
    figures = {name: metric.value() for name, metric in metrics.items()}
    missing = {name for name, value in figures.items() if value is None}
    # No choices file is drawn, and these traces have no step that looked at something.
    assert missing == ({"validity", "plausibility", "grounding"} if task == "gqa" else set())
    assert figures.pop("yes_ratio", 0.5) == pytest.approx(0.5, abs=0.01)
    for name, value in figures.items():
        assert value in (None, 0 if name in ("rmse", "distribution") else 1), name


def test_programs_pass_the_check(examples: dict[str, list[Example]]) -> None:
    checker = Checker(load_toolbox("oracle").tools)
    for task in TASKS:
        for example in examples[task]:
            for language, text in example.programs.items():
                checker.check(Program(text, language), len(example.pictures))  # type: ignore[arg-type]
