"""Selection of examples, and what a run keeps of its settings."""

from __future__ import annotations

import random
import subprocess
import tomllib
from pathlib import Path

import pytest

import vprog
from vprog.errors import InputError
from vprog.evaluation.run import (
    Progress,
    RunSettings,
    commit,
    ids_hash,
    run_benchmark,
    select_examples,
)


def ids(data: Path, limit: int | None = None, seed: int = 0) -> list[str]:
    return [e.id for e in select_examples("world-gqa", data, "val", limit, seed)]


def test_a_limit_draws_by_the_seed_and_keeps_the_order(drawn: Path) -> None:
    everything = ids(drawn)
    assert len(everything) == 60
    some = ids(drawn, 20, 1)
    assert len(some) == 20
    assert some == [id for id in everything if id in set(some)]
    assert some == ids(drawn, 20, 1)
    assert some != ids(drawn, 20, 2)
    assert some != everything[:20]
    assert set(some) == {everything[n] for n in random.Random(1).sample(range(60), 20)}
    assert ids(drawn, 60, 5) == ids(drawn, 999, 5) == everything


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_nothing(drawn: Path, limit: int) -> None:
    with pytest.raises(InputError, match=f"--limit must be at least 1, got {limit}"):
        ids(drawn, limit)


def test_the_hash_of_ids_is_that_of_a_set(drawn: Path) -> None:
    names = ids(drawn)
    assert ids_hash(names) == ids_hash(names[::-1]) != ids_hash(names[1:])
    assert len(ids_hash(["q\ud800"])) == 64, "a JSON file may hold half of a pair"


def settings(data: Path, **more: object) -> RunSettings:
    given = {
        "benchmark": "world-gqa", "data": data, "split": "val", "writer": "gold",
        "toolbox": "oracle", "language": "steps",
    }  # fmt: skip
    return RunSettings(**{**given, **more})  # type: ignore[arg-type]


def test_what_a_run_was_is_written_down(drawn: Path, tmp_path: Path) -> None:
    run_benchmark(settings(drawn, limit=7, seed=2), tmp_path / "run")
    kept = tomllib.loads((tmp_path / "run" / "run.toml").read_text("utf-8"))
    facts = kept.pop("facts")
    assert facts["vprog"] == vprog.__version__
    assert set(facts) == {"vprog", "python", "commit", "started"}
    prints = kept.pop("fingerprints")
    assert set(prints) == {"detect", "vqa", "match", "depth"}
    assert all(prints.values())
    assert len(kept.pop("programs_sha256")) == len(kept.pop("examples_sha256")) == 64
    assert kept.pop("limits") == {"calls": 256, "time_s": 5.0, "memory_mb": 64}
    assert kept == {
        "benchmark": "world-gqa", "data": str(drawn), "split": "val", "writer": "gold",
        "toolbox": "oracle", "language": "steps", "limit": 7, "seed": 2, "n": 7,
        "ids_sha256": ids_hash(ids(drawn, 7, 2)),
    }  # fmt: skip


def test_progress_counts_up_to_the_whole(drawn: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, int, int]] = []

    def show(progress: Progress) -> None:
        seen.append((progress.done, progress.total, progress.right, progress.failed))

    summary = run_benchmark(settings(drawn), tmp_path / "run", show)
    assert [done for done, *_ in seen] == list(range(61))
    assert seen[-1] == (60, 60, 60, 0)
    assert (summary.n, summary.answered, summary.resumed) == (60, 60, 0)
    seen.clear()
    run_benchmark(settings(drawn), tmp_path / "run", show)
    assert seen == [(60, 60, 0, 0)]


def test_the_commit_is_that_of_this_code() -> None:
    root = Path(vprog.__file__).parents[2]
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a git checkout")
    said = commit().removesuffix("-dirty")
    assert len(said) >= 12
    assert head.startswith(said)


def test_no_commit_below_somebody_elses_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / ".venv" / "lib" / "vprog" / "evaluation"
    installed.mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monkeypatch.setattr("vprog.evaluation.run.__file__", str(installed / "run.py"))
    assert commit() == ""
