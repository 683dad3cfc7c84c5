"""A student answers benchmarks in one pass: an ordinary run, scored and compared like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from students import images, make_student

from vprog.example import Example, Picture
from vprog.runs.folder import read_traces
from vprog.world import write
from vprog.writers import Direct, Sampling

__all__ = ["make_student"]


def example(pictures: int, **more: Any) -> Example:
    import numpy as np

    shown = tuple(
        Picture(f"p{n}", array_rgb=np.asarray(image)) for n, image in enumerate(images(pictures))
    )
    return Example(id="q", pictures=shown, question="is there a 'red' \"dog\" ?", **more)


@pytest.mark.parametrize("pictures", [1, 2, 3])
@pytest.mark.parametrize("language", ["steps", "python"])
def test_the_program_hands_the_question_over(
    pictures: int, language: Any, student: Callable[[str], str]
) -> None:
    from vprog.distill.answerer import student_toolbox
    from vprog.engine import Engine, Task

    one = example(pictures, extra={"choices": ["a cat", "a dog"]})
    (programs,) = Direct().write([one], language, Sampling())
    if (language, pictures) == ("python", 3):
        assert programs == []
        return
    with Engine(student_toolbox(student("idefics3"))) as engine:
        (trace,) = engine.run([Task(one, programs[0])])
    assert trace.failure is None, trace.failure
    step = trace.steps[0]
    assert step.tool == "answer"
    assert [region.picture for region in step.args["images"]] == [p.id for p in one.pictures]  # type: ignore[union-attr]
    assert step.args["question"] == one.with_choices(one.question)
    assert trace.answer == step.value
    assert "rationale" not in step.info


def test_what_is_asked_is_what_was_trained(student: Callable[[str], str]) -> None:
    """The prompt of an answer is the user's turn of a record about the same example."""
    from vprog.distill.answerer import Answerer, answerer_settings
    from vprog.distill.prompt import user_turn
    from vprog.distill.settings import PromptSettings

    for plain in (False, True):
        prompts = PromptSettings(plain=plain)
        backend = Answerer(answerer_settings(student("idefics3"), plain=plain), "student")
        backend.prepare()
        asked: list[tuple[str, int]] = []

        def prepare(prompt: str, images: Any, asked: Any = asked) -> dict[str, Any]:
            asked.append((prompt, len(images)))
            return {}

        backend.answerer.prepare = prepare  # type: ignore[method-assign]

        def write(asked: Any, row: Any, most: int, *, scored: bool) -> list[tuple[str, float]]:
            return [(str(row(one)), 0.0) for one in asked]

        backend.answerer.write = write  # type: ignore[method-assign]
        one = example(2)
        for kind in ("answer", "rationale"):
            backend.say([(one.with_choices(one.question), [1, 2])], kind)  # type: ignore[arg-type]
            content = user_turn(one, kind, prompts)["content"]  # type: ignore[arg-type]
            assert asked[-1] == (content[-1]["text"], len(content) - 1)


def test_a_run_of_a_student_is_a_run(
    inside: Any, student: Callable[[str], str], tmp_path: Path, world: Path
) -> None:
    model = student("idefics3")
    run = ("run", "world-gqa", "--data", "world", "--limit", 8, "--seed", 1)
    made = inside(*run, "--model", model, "--out", "runs/direct", "--json").json
    assert (made["n"], made["answered"], made["failed"]) == (8, 8, 0)
    again = inside(*run, "--model", model, "--out", "runs/direct", "--json").json
    assert again["calls"]["computed"] == 0
    explained = inside(*run, "--model", model, "--explain", "--out", "runs/explained", "--json")
    assert explained.json["answered"] == 8
    one = [record.trace for record in read_traces(tmp_path / "runs/direct")]
    two = [record.trace for record in read_traces(tmp_path / "runs/explained")]
    assert [t.answer for t in one] == [t.answer for t in two]
    assert all(isinstance(t.steps[0].info["rationale"], str) for t in two)
    assert all("rationale" not in t.steps[0].info for t in one)
    inside(*run, "--out", "runs/gold")
    scored = inside("score", "runs/gold", "runs/direct", "--json").json
    assert scored["comparison"]["n"] == 8
    assert 0 <= inside("score", "runs/direct", "--json").json["metrics"]["accuracy"]["value"] < 1
    settings = (tmp_path / "runs/explained/run.toml").read_text()
    assert 'writer = "direct:explain"' in settings
    assert f'toolbox = "model:{model}"' in settings
    refused = inside(*run, "--model", model, "--explain", "--out", "runs/direct")
    assert "holds a different run" in refused.message


def test_pairs_of_pictures_are_answered_in_one_pass(
    inside: Any, student: Callable[[str], str], tmp_path: Path
) -> None:
    write("nlvr2", "generalist", 6, 0, tmp_path / "pairs", workers=1)
    made = inside(
        "run", "world-nlvr2", "--data", "pairs", "--limit", 4, "--model", student("llava"),
        "--out", "runs/pairs", "--json",
    ).json  # fmt: skip
    assert (made["answered"], made["calls"]["requested"]) == (4, 4)
    (trace, *_) = [record.trace for record in read_traces(tmp_path / "runs/pairs")]
    assert len(trace.steps[0].args["images"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--explain",), "--explain is for a model that answers by itself: --model PATH"),
        (("--writer", "direct"), "the writer direct needs a model: --model PATH"),
        (("--model", "x", "--toolbox", "pixels"), "leave out --toolbox pixels"),
        (("--model", "nowhere"), "--model: model 'nowhere' does not exist"),
        (("--model", "zoo:vlmm"), "--model: unknown zoo checkpoint 'vlmm'"),
        (("--model", "zoo:detect"), "which cannot answer answer"),
    ],
)
def test_options_that_do_not_go_together(
    options: tuple[str, ...], message: str, inside: Any, world: Path
) -> None:
    assert message in inside("run", "world-gqa", "--data", "world", *options).message
