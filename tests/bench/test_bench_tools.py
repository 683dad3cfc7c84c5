"""Figures of learned tools: what is counted as forward time, and that every way answers alike."""

from __future__ import annotations

import pytest
import torch

from vprog.bench.tools import forward_time, measure_tools


class Nested(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.isnan().any():
            raise ValueError("nan")
        return self.inner(self.inner(x))


def test_forward_time_counts_outermost_modules_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(1000))
    monkeypatch.setattr("vprog.bench.tools.time.perf_counter", lambda: float(next(ticks)))
    model = Nested()
    with forward_time() as spent:
        model(torch.zeros(1, 4))
        model.inner(torch.zeros(1, 4))
    assert spent.seconds == 2.0  # two outermost calls, one tick each; the inner ones are not added
    model(torch.zeros(1, 4))
    assert spent.seconds == 2.0


def test_forward_time_survives_a_module_that_raises() -> None:
    model = Nested()
    with forward_time() as spent:
        with pytest.raises(ValueError, match="nan"):
            model(torch.full((1, 4), torch.nan))
        before = spent.seconds
        model(torch.zeros(1, 4))
    assert spent.seconds > before


@pytest.mark.parametrize("language", ["steps", "python"])
def test_every_way_gives_the_same_answers(language: str) -> None:
    figures = measure_tools(toolbox="oracle", programs=24, language=language)  # type: ignore[arg-type]
    assert figures["same_answers"] == figures["programs"] == 24
    assert figures["ratio"] > 0
    assert figures["forward_share"] == 0.0
    assert figures["calls"]["requested"] >= figures["calls"]["computed"] > 0
