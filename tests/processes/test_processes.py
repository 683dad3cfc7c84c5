"""Several processes come to what one comes to, and one goes on where several were killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")
pytest.importorskip("accelerate", reason="needs accelerate: pip install 'vprog[teach]'")

from safetensors.torch import load_file  # noqa: E402

SCRIPT = Path(__file__).with_name("in_processes.py")
STUDENTS = {"teach": "vilt", "distill": "idefics3"}


@pytest.fixture(scope="module", params=sorted(STUDENTS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What is trained, the student, and the folder of a training in one process."""
    sys.path.append(str(Path(__file__).parents[1] / "tools" / "hf"))
    from tiny import make

    kind = str(request.param)
    folder = tmp_path_factory.mktemp(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        student = make(STUDENTS[kind], folder)
    done = run(kind, student, folder / "one", 1)
    assert done.returncode == 0, done.stderr
    return kind, student, folder / "one"


def run(kind: str, student: Path, out: Path, processes: int, *more: str) -> Any:
    start = [sys.executable]
    if processes > 1:
        start += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    return subprocess.run(
        [*start, str(SCRIPT), kind, str(student), str(out), *more],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )


def curve(out: Path) -> list[dict[str, float]]:
    lines = (out / "training" / "log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def same(one: Path, two: Path) -> None:
    first, second = curve(one), curve(two)
    assert [line["step"] for line in first] == [0, 1, 2, 3, 4]
    assert len({line["score"] for line in first}) == 5  # it learns
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert b[name] == pytest.approx(a[name], abs=1e-3), name


def same_weights(one: Path, two: Path) -> None:
    first, second = (load_file(folder / "model.safetensors") for folder in (one, two))
    assert first.keys() == second.keys()
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, atol=2e-3, rtol=0)


def test_two_processes_have_the_loss_curve_of_one(made: Any, tmp_path: Path) -> None:
    kind, student, one = made
    done = run(kind, student, tmp_path / "two", 2)
    assert done.returncode == 0, done.stderr
    assert "2 process(es), MULTI_CPU" in done.stderr
    same(one, tmp_path / "two")
    outcome = json.loads((tmp_path / "two" / "training" / "outcome.json").read_text())
    assert (outcome["processes"], outcome["distributed"]) == (2, "MULTI_CPU")


def test_sharded_processes_learn_the_same_and_any_number_goes_on(made: Any, tmp_path: Path) -> None:
    kind, student, one = made
    killed = run(kind, student, tmp_path / "two", 2, "sharded", "die")
    assert "as if killed" in killed.stderr
    assert "2 process(es), FSDP over MULTI_CPU" in killed.stderr
    same(one, tmp_path / "two")
    shutil.copytree(tmp_path / "two", tmp_path / "alone")
    for name, processes in (("two", 2), ("alone", 1)):
        again = run(kind, student, tmp_path / name, processes, "sharded")
        assert again.returncode == 0, again.stderr
        assert "goes on at step 2" in again.stderr
        same(one, tmp_path / name)
        same_weights(one, tmp_path / name)


def test_sharded_processes_learn_the_same_adapter(made: Any, tmp_path: Path) -> None:
    kind, student, _ = made
    if kind != "distill":
        pytest.skip("the loop is the same")
    for name, processes in (("one", 1), ("two", 2)):
        done = run("adapt", student, tmp_path / name, processes, "sharded")
        assert done.returncode == 0, done.stderr
    same(tmp_path / "one", tmp_path / "two")
    same_weights(tmp_path / "one", tmp_path / "two")


def test_one_process_goes_on_where_two_were_killed(made: Any, tmp_path: Path) -> None:
    kind, student, one = made
    killed = run(kind, student, tmp_path / "two", 2, "die")
    assert "as if killed" in killed.stderr
    assert (tmp_path / "two" / "training" / "state.pt").is_file()
    again = run(kind, student, tmp_path / "two", 1)
    assert again.returncode == 0, again.stderr
    assert "goes on at step 2" in again.stderr
    same(one, tmp_path / "two")


def test_processes_share_the_passes_of_a_step(made: Any, tmp_path: Path) -> None:
    kind, student, _ = made
    if kind != "teach":
        pytest.skip("examples, not passes, are shared out")
    done = run(kind, student, tmp_path / "three", 3)
    assert "accumulate must be a multiple of 3, got 2" in done.stderr
