"""What seconds come to, in hours and money, here and elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from vprog.errors import InputError
from vprog.scale.cost import cost_of, merged, outline, part


def test_a_faster_machine_helps_what_it_is_faster_at() -> None:
    cost = cost_of({"start": 360.0, "models": 7200.0, "writer": 0.0, "programs": 1440.0}, None)
    assert cost.hours == 2.5
    assert (cost.bound, cost.share) == ("models", 0.8)
    assert cost.other_hours == pytest.approx(0.5 + 0.2)  # Amdahl: a tenth of 2 h, and the rest
    assert cost.dollars is None
    assert cost.memory_mb > 10
    assert cost_of({"start": 9.0, "models": 1.0, "programs": 2.0}, None).bound == "programs"


def test_hours_are_paid_by_device(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('["m"]\nprompt = 1.0\ncompletion = 2.0\n[cpu]\nhour = 0.5\n')
    assert cost_of({"programs": 7200.0}, prices).dollars == 1.0
    prices.write_text('["m"]\nprompt = 1.0\ncompletion = 2.0\n')
    assert cost_of({"programs": 7200.0}, prices).dollars is None
    for wrong in ('hour = "two"', "hour = -1", "hour = inf"):
        prices.write_text(f"[cpu]\n{wrong}\n")
        with pytest.raises(InputError, match="dollars an hour"):
            cost_of({"programs": 7200.0}, prices)
    with pytest.raises(InputError, match="cannot read prices"):
        cost_of({"programs": 1.0}, tmp_path / "none.toml")


def test_parts_add_up() -> None:
    parts = [
        part("train", "models", 30.0, 2.0, examples=5),
        merged("runs", [part("a", "programs", 10.0), part("b", "models", 20.0, 1.5)]),
    ]
    plan = outline(parts, None, sample=3).to_json()["plan"]
    assert [p["seconds"] for p in plan["parts"]] == [30.0, 30.0]
    assert (plan["seconds"], plan["storage_mb"], plan["sample"]) == (60.0, 3.5, 3)
    assert plan["parts"][0]["examples"] == 5
    assert (plan["cost"]["bound"], plan["cost"]["share"]) == ("models", 0.833)


def test_a_gpu_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Cuda:
        is_available = is_initialized = staticmethod(lambda: True)
        get_device_name = staticmethod(lambda: "NVIDIA H100 80GB HBM3")
        max_memory_allocated = staticmethod(lambda: 3_000_000)

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=Cuda))
    (tmp_path / "prices.toml").write_text('["NVIDIA H100 80GB HBM3"]\nhour = 2.5\n')
    cost = cost_of({"models": 3600.0}, tmp_path / "prices.toml")
    assert (cost.device, cost.device_memory_mb) == ("NVIDIA H100 80GB HBM3", 3.0)
    assert (cost.hours, cost.dollars) == (1.0, 2.5)
    Cuda.is_initialized = staticmethod(lambda: False)  # all models were on the CPU
    assert cost_of({"models": 3600.0}, tmp_path / "prices.toml").device == "cpu"
