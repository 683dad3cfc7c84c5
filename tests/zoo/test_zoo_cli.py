"""`vprog zoo`: what it lists, and what it says of wrong names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vprog.cli.app import main
from vprog.errors import InputError
from vprog.zoo import NAMES
from vprog.zoo.train import train


def _run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(args)
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_list_names_every_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "zoo", "list", "--json")
    rows = json.loads(out)["checkpoints"]
    assert code == 0
    assert [row["name"] for row in rows] == list(NAMES)
    assert all(Path(row["folder"]).name == row["name"] for row in rows)


@pytest.mark.parametrize("args", [("score", "--only", "detct"), ("train", "detct")])
def test_the_nearest_checkpoint_is_offered(
    capsys: pytest.CaptureFixture[str], args: tuple[str, ...]
) -> None:
    code, out, err = _run(capsys, "zoo", *args)
    assert (code, out) == (2, "")
    assert "unknown zoo checkpoint 'detct'" in err
    assert "'detect'" in err


def test_train_refuses_negative_minutes() -> None:
    with pytest.raises(InputError, match="minutes is -1"):
        train("detect", minutes=-1, steps=None, seed=1)
