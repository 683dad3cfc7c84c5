"""A folder is for one purpose; times of phases survive a process that was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from vprog.errors import InputError
from vprog.runs.held import held, phase, phases


def test_a_torn_line_costs_its_own_phase_alone(tmp_path: Path) -> None:
    with phase(tmp_path, "run"):
        pass
    with (tmp_path / "phases.jsonl").open("a") as file:
        file.write('\n{"phase": "train", "sec')
    assert list(phases(tmp_path)) == ["run"]
    with phase(tmp_path, "test"):
        pass
    assert list(phases(tmp_path)) == ["run", "test"]


def test_what_decides_nothing_may_change(tmp_path: Path) -> None:
    with held(tmp_path, {"seed": 0, "training": {"steps": 5, "micro_batch": 16}}):
        pass
    now = {"seed": 0, "training": {"steps": 5, "micro_batch": 2, "workers": 1}}
    with held(tmp_path, now, but=("micro_batch", "workers")):
        pass
    with (
        pytest.raises(InputError, match=r"training\.steps was 5, now 6\. Choose another --out"),
        held(tmp_path, {"training": {"steps": 6}}, but=("micro_batch", "workers")),
    ):
        pass
    tables = {"training": {"steps": 5, "all": {"workers": 2}, "detect": {"micro_batch": 1}}}
    with held(tmp_path, tables, but=("micro_batch", "workers")):
        pass


def test_a_folder_of_others_stays_theirs(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,answer\n")
    with (
        pytest.raises(
            InputError, match=r"holds other things \(labels\.csv\); choose another --out"
        ),
        held(tmp_path, {"seed": 0}),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]
    for name in ("training.toml", "nohup.out", "a.log", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "labels.csv").rename(tmp_path / "settings.json")
    (tmp_path / "settings.json").write_text('{"seed": 0}')
    with (
        pytest.raises(InputError, match="another command or version of vprog, which knew no teach"),
        held(tmp_path, {"seed": 0, "teacher": "oracle"}),
    ):
        pass
    with held(tmp_path, {"seed": 0, "thresholds": []}):  # new, and not used
        pass
