"""The engine's own figures, on a small scale: that they are measured, not how large they are."""

from __future__ import annotations

import pytest

from vprog.bench.engine import measure_engine


def test_figures() -> None:
    figures = measure_engine(programs=32, in_flight=64, repeat=1)
    assert {
        "steps_us", "python_us", "in_flight_mb", "calls_requested", "calls_computed", "efficiency",
    } <= set(figures)  # fmt: skip
    assert (figures["calls_requested"], figures["calls_computed"]) == (20, 4)
    assert figures["steps_us"] > 0
    assert figures["python_us"] > 0
    assert 0 < figures["efficiency"] <= 1
    assert figures["efficiency"] == min(figures["efficiency_steps"], figures["efficiency_python"])


@pytest.mark.parametrize("option", ["--programs", "--in-flight", "--repeat"])
def test_too_little_to_measure(inside, option: str) -> None:
    assert f"Invalid value for '{option}'" in inside("bench", "engine", option, "0").message
