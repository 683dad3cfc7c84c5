"""``vprog distill`` with programs of a chat endpoint: asked once, refused before it begins."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from students import draw_world, make_student  # noqa: F401 (fixtures)

from vprog.distill import distill as distilling
from vprog.distill import pipeline
from vprog.distill.distill import distill
from vprog.distill.pipeline import DistillSettings
from vprog.distill.plan import plan_distill
from vprog.distill.sft_settings import SftSettings
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings
from vprog.teach.stage import Task
from vprog.writers.settings import WriterSettings

sys.path.append(str(Path(__file__).parents[1] / "writers"))

from faulty import PROGRAM, Act, completion, serving

pytest.importorskip("openai", reason="needs openai: pip install 'vprog[chat]'")


def test_nothing_is_asked_twice(
    world: Path,
    student: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text("[m]\nprompt = 1\ncompletion = 1\n")
    timed: list[RunSettings] = []

    def latency(run: RunSettings, student: str) -> dict[str, Any]:
        timed.append(run)
        one = {"programs_ms": 1.0, "student_ms": 1.0, "ratio": 1.0}
        return {"writer": run.writer, "n": 1, "ci95": None, "batches": {"size": 1, **one}, **one}

    def die(*args: Any, **more: Any) -> Any:
        raise InputError("died")

    monkeypatch.setattr(distilling, "latency", latency)
    out = tmp_path / "out"
    with serving(
        lambda body, number: Act(200, completion(*[PROGRAM] * body.get("n", 1)))
    ) as server:
        chat = WriterSettings(model="m", base_urls=(server.url,), prices=prices, budget=10.0)
        settings = DistillSettings(
            tasks=(Task(benchmark="world-gqa", data=world),), toolbox="oracle", writer="chat",
            k=2, writer_settings=chat, student=student("idefics3"), rows=("instruct",), jobs=1,
            limits={"train": 10, "test": 4},
            training=SftSettings(
                method="full", steps=1, batch_size=2, validate_every=0, choose="loss"
            ),
        )  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(pipeline, "train", die)
            with pytest.raises(InputError, match="died"):
                distill(settings, out)
        asked = len(server.bodies)
        assert 0 < asked <= 10
        # The budget is for all runs: of what is left the tests cannot be paid.
        spent = replace(chat, budget=asked * 110e-6 + 1e-6)
        with monkeypatch.context() as patch:
            patch.setattr(pipeline, "train", lambda *args, **more: None)
            with pytest.raises(InputError, match="budget"):
                distill(replace(settings, writer_settings=spent), out)
        assert len(server.bodies) == asked
        said = distill(settings, out)
        every = [json.dumps([body["messages"], body["temperature"]]) for body in server.bodies]
        assert len(every) == len(set(every)) > asked
        assert distill(settings, out)["records"] == said["records"]
        assert len(server.bodies) == len(every)
        parts = {part["name"]: part for part in plan_distill(settings).to_json()["plan"]["parts"]}
    assert parts["test programs"]["dollars"] > 0
    assert not parts["latency"].get("dollars")
    assert len((out / "exchanges.jsonl").read_text().splitlines()) == len(every)
    (run,) = timed
    assert run.writer == f"replay:{out / 'test/0/programs'}"
    assert run.ids is not None
    assert len(run.ids) == 4
    assert said["latency"]["writer"] == "chat, written before"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--writer", "chat"), "needs --model NAME"),
        (("--writer", "chat", "--model", "m"), "no key for the OpenAI API"),
        (("--writer", "chat", "--model", "m", "--budget", 1), "--budget needs the model's price"),
        (("--writer", "chatt"), "unknown writer 'chatt'"),
        (("--model", "m"), "--model is for --writer chat, and the writer is 'zoo'"),
        (("--writer", "gold", "--shots", 3), "asks no model for programs; leave out --shots"),
        (("--writer", "gold", "--top-p", 0.9), "asks no model for programs; leave out --top-p"),
    ],
)
def test_a_writer_that_cannot_write_is_refused_at_once(
    world: Path,
    student: Callable[[str], str],
    inside: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[Any, ...],
    message: str,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    told = inside(
        "distill", "world-gqa", "--data", world, "--student", student("idefics3"),
        "--toolbox", "oracle", "--out", "out", *options,
    )  # fmt: skip
    assert told.code == 2
    assert message in told.err
    assert not (tmp_path / "out").exists()


def test_how_an_endpoint_is_asked_may_change_but_not_what(world: Path) -> None:
    def table(**given: Any) -> Any:
        settings = DistillSettings(
            tasks=(Task(benchmark="world-gqa", data=world),),
            writer_settings=WriterSettings(**given),
        )
        return settings.table()["writer_settings"]

    assert table(base_urls=("http://localhost/v1",), concurrency=2, record=Path("r")) is None
    assert table(model="m", shots=4, budget=3.0) == {"model": "m", "shots": 4}
