"""Plans: what a sample says of the whole."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vprog.engine.calls import Counts
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.example import Example, Picture
from vprog.scale.plan import Measured, by_picture, extrapolate, imports, plan_run, run_part
from vprog.writers import Usage


def measured(given: int, seconds: float, backend_s: float = 0.0, **usage: Any) -> Measured:
    summary = SimpleNamespace(
        n=given,
        seconds=seconds,
        asked=bool(usage),
        counts=Counts(requested=5 * given, computed=3 * given, backend_s=backend_s),
        usage=Usage(**usage),
    )
    return Measured(summary, given, given / 100)  # type: ignore[arg-type]


def test_what_is_paid_once_is_told_from_what_is_paid_for_each() -> None:
    plan = extrapolate(measured(100, 12.0), measured(300, 16.0, 4.5), 10_000)
    assert plan.start_s == 10.0
    assert plan.seconds == 10.0 + 0.02 * 10_000
    assert plan.calls == {"requested": 50_000, "computed": 30_000}
    assert plan.storage_mb == 100.0
    assert plan.shares == {"tools": 0.75, "programs": 0.25}
    assert (plan.stage, plan.n, plan.dollars) == ("tools", 10_000, None)
    assert plan.memory_mb > 10


def test_tokens_and_money_of_a_writer() -> None:
    used = {"requests": 300, "prompt_tokens": 30_000, "completion_tokens": 600, "cost": 0.3}
    plan = extrapolate(measured(100, 10.0, requests=1), measured(300, 30.0, 3.0, **used), 3_000)
    assert plan.tokens == {"read": 300_000, "written": 6_000}
    assert plan.dollars == 3.0
    assert plan.stage == "writer"


def test_a_sample_that_came_out_slower_is_no_price() -> None:
    plan = extrapolate(measured(100, 9.0), measured(300, 6.0), 3_000)
    assert plan.seconds == 60.0
    assert plan.start_s == 0.0


def test_runs_of_one_command_import_once_and_load_models_each() -> None:
    plan = extrapolate(measured(100, 3.0), measured(300, 7.0), 1_000, first=measured(10, 10.2))
    assert (plan.start_s, plan.again_s, plan.seconds) == (10.0, 1.0, 30.0)
    assert imports(plan).seconds == 9.0
    assert run_part("runs", plan, 5_000, starts=4).seconds == 5_000 * 0.02 + 4 * 1.0


def test_samples_hold_all_questions_of_a_picture() -> None:
    examples = [
        Example(id=f"{n}", pictures=(Picture(f"p{n // 4}", size=(1, 1)),), question="")
        for n in range(40)
    ]
    ids = by_picture(examples, 10, 0)
    assert len(ids) == 12
    assert all(len({n for n in ids if int(n) // 4 == p}) in (0, 4) for p in range(10))
    assert ids == by_picture(examples, 10, 0) != by_picture(examples, 10, 1)
    assert len(by_picture(examples, 1000, 0)) == 40


@pytest.mark.parametrize("language", ["steps", "python"])
def test_calls_of_a_plan_are_those_of_the_run(drawn: Path, tmp_path: Path, language: Any) -> None:
    settings = RunSettings(
        benchmark="world-gqa", data=drawn, split="val", writer="gold", toolbox="oracle",
        language=language,
    )  # fmt: skip
    plan = plan_run(settings, sample=30)
    run = run_benchmark(settings, tmp_path / "run")
    assert 30 <= plan.sample < 60
    assert plan.n == run.n
    for name in ("requested", "computed"):
        assert plan.calls[name] == pytest.approx(getattr(run.counts, name), rel=0.25)
    assert sum(plan.work.values()) > 0  # ``seconds`` is rounded, and this takes few of them
    stored = sum(f.stat().st_size for f in (tmp_path / "run").rglob("*") if f.is_file()) / 1e6
    assert plan.storage_mb == pytest.approx(stored, rel=1.0)
