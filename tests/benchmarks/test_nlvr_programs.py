"""NLVR's hand-written programs: checked, and run on the published pictures."""

from pathlib import Path

import pytest

from vprog.benchmarks.nlvr import BENCHMARK, gold_programs, load, normalised
from vprog.engine import Engine, Task
from vprog.example import Example
from vprog.program.check import Checker
from vprog.program.program import Program
from vprog.tools.backend import Toolbox
from vprog.tools.backends.pixels import Pixels
from vprog.tools.catalogue import TOOLS

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "nlvr"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"NLVR's files are not in {SHARED}: download them from lil-lab/nlvr"
)


@pytest.fixture(scope="module")
def toolbox() -> Toolbox:
    pixels = Pixels()
    return Toolbox(
        name="pixels", tools=TOOLS, backends={"detect": pixels, "match": pixels}
    ).with_tools(BENCHMARK.tools)


@pytest.fixture(scope="module")
def with_programs() -> dict[str, list[Example]]:
    return {split: [e for e in load(SHARED, split) if e.programs] for split in ("dev", "train")}


def run(toolbox: Toolbox, examples: list[Example], language: str) -> dict[str, str]:
    """Answers by example, every program having ended with one."""
    tasks = [
        Task(e, Program(e.programs[language], language)) for e in examples if language in e.programs
    ]
    answers = {}
    with Engine(toolbox) as engine:
        for trace in engine.run(tasks):
            assert trace.failure is None, f"{trace.example_id}: {trace.failure}"
            assert isinstance(trace.answer, bool)
            answers[trace.example_id] = "yes" if trace.answer else "no"
    return answers


def test_enough_sentences_in_both_languages():
    programs = gold_programs().values()
    assert len(programs) >= 72
    assert all("python" in p for p in programs)
    assert sum("steps" in p for p in programs) >= 60


@pytest.mark.parametrize("language", ["steps", "python"])
def test_every_program_passes_the_check(toolbox, language):
    checker = Checker(toolbox.tools)
    for languages in gold_programs().values():
        if language in languages:
            checker.check(Program(languages[language], language), 1)


def test_every_tool_is_shown_by_a_program():
    texts = "".join(text for p in gold_programs().values() for text in p.values())
    for tool in BENCHMARK.tools:
        assert f"{tool.name.upper()}(" in texts


@needs_shared
def test_sentences_are_of_the_train_sample():
    sentences = {normalised(e.question) for e in load(SHARED, "train")}
    assert set(gold_programs()) <= sentences


@needs_shared
def test_answers_on_a_fixed_sample(toolbox, with_programs):
    sample = with_programs["dev"][::6] + with_programs["train"]
    steps, python = (run(toolbox, sample, language) for language in ("steps", "python"))
    right = [python[e.id] in e.answers for e in sample]
    assert len(right) > 400
    assert sum(right) / len(right) >= 0.97
    assert len(steps) > 400
    assert {i: python[i] for i in steps} == steps


@needs_shared
def test_an_answer_does_not_depend_on_the_order_of_the_boxes(toolbox, with_programs):
    sample = with_programs["dev"][: 6 * 40]
    answers = run(toolbox, sample, "python")
    by_item: dict[str, set[str]] = {}
    for example in sample:
        by_item.setdefault(example.id.rpartition("-")[0], set()).add(answers[example.id])
    assert len(by_item) == 40
    assert all(len(given) == 1 for given in by_item.values())
