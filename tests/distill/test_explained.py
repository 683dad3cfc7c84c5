"""Rationales of a run of a student, read back from its folder and measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vprog.distill.answerer import ANSWER
from vprog.distill.explained import run_quality, verified_rationales
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.tools.backend import Toolbox
from vprog.trace import Result


class Parrot:
    """Answers as it was told to, by question and picture."""

    batch_size = 100
    fingerprint = "parrot"

    def __init__(self, told: dict[tuple[str, str], tuple[str, str | None]]) -> None:
        self._told = told

    def answer(self, calls: Any, pictures: Any) -> list[Result]:
        found = []
        for call in calls:
            answer, rationale = self._told[call.args["question"], call.args["images"][0].picture]
            info = {} if rationale is None else {"rationale": rationale}
            found.append(Result(answer, info))
        return found


def run(world: Path, out: Path, box: Toolbox | None = None) -> Path:
    settings = RunSettings(
        benchmark="world-gqa", data=world, split="val", language="steps", limit=12,
        writer="gold" if box is None else "direct:explain",
        toolbox="oracle" if box is None else "model:parrot",
    )  # fmt: skip
    run_benchmark(settings, out, toolbox=box)
    return out


def student(told: dict[tuple[str, str], tuple[str, str | None]]) -> Toolbox:
    backends = {ANSWER.name: Parrot(told)}
    return Toolbox(name="model:parrot", tools={ANSWER.name: ANSWER}, backends=backends)


def test_a_student_that_repeats_the_programs_is_perfect_and_one_that_errs_is_not(
    world: Path, tmp_path: Path
) -> None:
    from vprog.teach.steps import load_examples

    programs = run(world, tmp_path / "programs")
    rationales = verified_rationales(programs, 100)
    assert len(rationales) == 12
    examples = {id: example for id, example in load_examples(programs).items() if id in rationales}
    told = {
        (example.question, example.pictures[0].id): (example.answers[0], rationales[id])
        for id, example in examples.items()
    }
    perfect = run(world, tmp_path / "perfect", student(dict(told)))
    figures = run_quality(perfect, grid=100, reference=programs)
    assert figures["n"] == 12
    for name in ("explained", "consistent", "box_f1_trace", "box_f1_scene"):
        assert figures[name]["value"] == 1, name

    wrong = {key: ("nonsense", text) for key, (_, text) in told.items()}
    erring = run(world, tmp_path / "erring", student(wrong))
    figures = run_quality(erring, grid=100)
    assert figures["explained"]["value"] == 1
    assert figures["consistent"]["value"] == 0
    assert figures["box_f1_trace"]["value"] is None

    silent = run(world, tmp_path / "silent", student({k: (a, None) for k, (a, _) in told.items()}))
    with pytest.raises(InputError, match=r"'parrot'.*give the places a side of its boxes: --grid"):
        run_quality(erring)
    with pytest.raises(InputError, match="holds no rationales; run the model with --explain"):
        run_quality(silent, grid=100)
