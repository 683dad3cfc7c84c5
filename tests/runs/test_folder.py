"""A run's folder: refused, damaged, in use, holding another run, on a disk that is full."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from counted_runs import Start, command
from test_resume import traces

from vprog.errors import InputError
from vprog.example import Example
from vprog.runs.folder import (
    NEEDED_SETTINGS,
    RunFolder,
    read_settings,
    read_traces,
    to_toml,
    write_atomically,
)
from vprog.runs.record import make_record
from vprog.trace import Trace

RUN = ("run", "world-gqa", "--data", "world", "--out", "run")


def parts(run: Path) -> list[Path]:
    return sorted((run / "traces").glob("part-*.parquet"))


@pytest.fixture
def run(inside, tmp_path: Path, world: Path) -> Path:
    """A finished run of the drawn world's 60 questions."""
    assert inside(*RUN).code == 0
    return tmp_path / "run"


@pytest.mark.parametrize("out", ["file/run", "file", "/proc/nothing/run"])
def test_a_folder_that_cannot_be_written(inside, tmp_path: Path, world: Path, out: str) -> None:
    (tmp_path / "file").write_text("I am a file")
    message = inside("run", "world-gqa", "--data", "world", "--out", out).message
    assert message.startswith(f"cannot write to {out}: ")
    assert message.endswith("Choose another --out")
    assert (tmp_path / "file").read_text() == "I am a file"


def test_another_command_in_the_folder(tmp_path: Path, start: Start) -> None:
    started = start(tmp_path / "log", tmp_path / "run", "steps", 20, "wait")
    started.wait_until_reached()
    second = subprocess.run(
        command(tmp_path / "log", tmp_path / "run", "steps"), capture_output=True, text=True
    )
    assert second.returncode == 2
    assert second.stderr == (
        f"vprog: error: {tmp_path / 'run'} is in use by another vprog command; wait for it or "
        "choose another --out\n"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("--seed", 1), "seed was 0, now 1"),
        (("--limit", 5), "limit was not set, now 5"),
        (("--language", "python"), "language was 'steps', now 'python'"),
        (("--toolbox", "pixels"), "toolbox was 'oracle', now 'pixels'"),
        (("--time-limit", 2), "limits.time_s was 5.0, now 2.0"),
        (("--writer", "replay:run"), "writer was 'gold', now 'replay:run'"),
        (("--data", "other"), "/world', now '"),
    ],
)
def test_a_different_run_in_the_folder(
    inside, tmp_path: Path, run: Path, change: tuple[str, object], says: str
) -> None:
    shutil.copytree(tmp_path / "world", tmp_path / "other")
    before = traces(run)
    message = inside(*RUN, *change).message
    assert message.startswith("run holds a different run: ")
    assert says in message
    assert traces(run) == before


def test_a_folder_of_others_stays_theirs(inside, tmp_path: Path, world: Path) -> None:
    del world
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "labels.csv").write_text("image,answer\n")
    message = inside(*RUN).message
    assert message == "run is a folder that holds other things (labels.csv); choose another --out"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["labels.csv"]


def test_other_programs_of_the_same_name(inside, tmp_path: Path, world: Path) -> None:
    questions = json.loads((world / "val_balanced_questions.json").read_text())
    for text in ("yes", "no"):
        rows = [
            {
                "id": id,
                "program": f"A=EVAL(expr=\"'{text}'\")\nF=RESULT(var=A)",
                "language": "steps",
            }
            for id in questions
        ]
        (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
        ended = inside(*RUN, "--writer", "replay:p.jsonl", "--json")
        if text == "yes":
            assert (ended.code, ended.json["answered"]) == (0, 60)
    assert "run holds a different run: the programs have changed" in ended.message


def test_other_labels_of_the_same_ids(inside, tmp_path: Path, run: Path) -> None:
    settings = run / "run.toml"
    kept = settings.read_text()
    file = tmp_path / "world" / "val_balanced_questions.json"
    questions = json.loads(file.read_text())
    next(iter(questions.values()))["answer"] = "zebra"
    file.write_text(json.dumps(questions))
    ended = inside(*RUN)
    assert "a different run: questions or labels of the examples have changed." in ended.message
    older = [line for line in kept.split("\n") if not line.startswith("examples_sha256")]
    settings.write_text("\n".join(older))  # from before this was written down
    assert inside(*RUN).code == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "benchmark, data, split, writer, toolbox, language, seed, n missing"),
        (b"benchmark = ", "run.toml is damaged (Invalid value (at end of document)"),
        (b'benchmark = "shapes"\n', "data, split, writer, toolbox, language, seed, n missing"),
        (b"\xff\x00", "run.toml is damaged ("),
    ],
)
def test_damaged_settings(inside, run: Path, content: bytes, says: str) -> None:
    (run / "run.toml").write_bytes(content)
    for args in (RUN, ("score", "run"), ("view", "run")):
        message = inside(*args).message
        assert says in message
        assert "Remove it and start the same command again: finished traces are kept" in message
    (run / "run.toml").unlink()
    ended = inside(*RUN, "--json")
    assert (ended.code, ended.json["resumed"]) == (0, 60)


def test_settings_that_cannot_be_read(inside, run: Path) -> None:
    (run / "run.toml").unlink()
    (run / "run.toml").mkdir()
    assert inside("score", "run").message == "cannot read run/run.toml: Is a directory"


def cut(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-100])


def flip(part: Path) -> None:
    data = bytearray(part.read_bytes())
    for at in range(100, len(data) // 2, 50):
        data[at] ^= 0xFF
    part.write_bytes(bytes(data))


def foreign(part: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2]}), part)


@pytest.mark.parametrize("damage", [cut, flip, foreign, lambda part: part.write_bytes(b"")])
def test_a_damaged_part(
    inside, tmp_path: Path, run: Path, damage: Callable[[Path], object]
) -> None:
    before = traces(run)
    damage(parts(run)[0])
    for args in (("score", "run"), ("view", "run")):
        message = inside(*args).message
        assert message.startswith("run/traces/part-00000.parquet is damaged (")
        assert "Remove it and start the same command again" in message
    ended = inside(*RUN, "--json")
    if ended.json["resumed"]:  # the columns that say which traces are there can be whole
        parts(run)[0].unlink()
        ended = inside(*RUN, "--json")
    assert (ended.code, ended.json["n"], ended.json["resumed"]) == (0, 60, 0)
    assert ended.json["calls"]["computed"] == 0, "the memo knows the calls of the lost traces"
    assert traces(run) == before


def test_a_damaged_part_is_put_aside_once(inside, run: Path) -> None:
    cut(parts(run)[0])
    noted = inside(*RUN).err
    assert "part-00000.parquet is damaged" in noted
    assert "kept as part-00000.damaged, its programs run again" in noted
    assert sorted(p.name for p in (run / "traces").iterdir()) == [
        "part-00000.damaged",
        "part-00001.parquet",
    ]
    assert "damaged" not in inside(*RUN).err


@pytest.mark.parametrize("where", ["header", "pages"])
def test_a_damaged_memo(inside, run: Path, where: str) -> None:
    memo = run / "memo.sqlite"
    data = memo.read_bytes()
    assert len(data) > 8192
    memo.write_bytes(b"x" * 4000 if where == "header" else data[:4096] + b"\x55" * len(data))
    before = traces(run)
    lost = parts(run)[0]
    lost.unlink()
    message = inside(*RUN).message
    assert "run/memo.sqlite" in message
    assert "start the same command again" in message
    memo.unlink()
    ended = inside(*RUN, "--json")
    assert (ended.code, ended.json["answered"]) == (0, 60)
    assert traces(run) == before


def test_a_memo_entry_that_is_no_result(inside, run: Path) -> None:
    memo = sqlite3.connect(run / "memo.sqlite")
    with memo:
        memo.execute("UPDATE results SET result = '{'")
    memo.close()
    parts(run)[0].unlink()
    assert "the memo run/memo.sqlite is damaged" in inside(*RUN).message


@pytest.mark.parametrize("name", ["nothing", "world", "file"])
@pytest.mark.parametrize("verb", ["score", "view"])
def test_a_folder_that_is_no_run(inside, tmp_path: Path, world: Path, verb: str, name: str) -> None:
    (tmp_path / "file").write_text("")
    message = inside(verb, name).message
    assert message == (
        f"{name} is no run: it has no run.toml. `vprog run ... --out {name}` makes one"
    )


def test_a_run_without_traces(inside, run: Path) -> None:
    shutil.rmtree(run / "traces")
    assert inside("score", "run").message == ("run has no finished trace; start its command again")


def small_files(limit: int) -> Callable[[], None]:
    """What a full disk looks like to a process: no file grows beyond ``limit`` bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@pytest.mark.parametrize(
    ("limit", "says"), [(50, "run.toml: File too large"), (3000, "memo.sqlite: ")]
)
def test_no_room_from_the_start(vprog, tmp_path: Path, world: Path, limit: int, says: str) -> None:
    message = vprog(*RUN, before=small_files(limit)).message
    assert says in message
    assert "start the same command again" in message
    ended = vprog(*RUN, "--json")
    assert ended.json["answered"] == 60
    assert not list((tmp_path / "run").glob(".run.toml*"))


def test_no_room_for_the_memo_in_the_middle(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "run"
    ended = subprocess.run(
        command(log, out, "steps"),
        preexec_fn=small_files(140_000),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "cannot write the memo" in ended.stderr
    assert "Finished traces are kept; free some space" in ended.stderr
    first = {line.split(" ", 3)[3] for line in log.read_text().split("\n") if line}
    assert len(first) > 100
    subprocess.run(command(log, out, "steps"), capture_output=True, check=True)
    whole = tmp_path / "whole"
    subprocess.run(command(log, whole, "steps"), capture_output=True, check=True)
    assert traces(out) == traces(whole)


def test_an_interruption_adds_all_candidates_of_an_example_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dict.fromkeys(NEEDED_SETTINGS, "x") | {"n": 1, "seed": 0, "facts": {}}
    example = Example(id="e", pictures=(), question="q", answers=("a",))
    records = [make_record(Trace("e", n, "steps", "", answer="a"), example) for n in range(3)]
    rows = iter([{}, {}])  # what the first two become; the third is interrupted

    def interrupted(record: object) -> dict[str, object]:
        for row in rows:
            return row
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patched.setattr("vprog.runs.folder.to_row", interrupted)
        with RunFolder(tmp_path / "run", settings) as folder:
            folder.append(*records)
    with RunFolder(tmp_path / "run", settings) as folder:
        assert not folder.finished
        folder.append(*records)
    with RunFolder(tmp_path / "run", settings) as folder:
        assert sorted(folder.finished) == [("e", 0), ("e", 1), ("e", 2)]


def test_a_folder_removed_while_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its folder was removed while this ran; start the same"):
        write_atomically(tmp_path / "gone" / "part.parquet", b"rows")


def test_no_room_for_traces_in_the_middle(vprog, tmp_path: Path) -> None:
    draw = random.Random(0)
    rows = []
    for number in range(200):
        length = 10 if number < 120 else 3000
        text = f"A=EVAL(expr=\"'{draw.randbytes(length).hex()}'\")\nB=RESULT(var=A)"
        rows.append({"id": f"q{number:05d}", "program": text, "language": "steps"})
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    args = [
        tmp_path / "log", 0, "die", "run", "counted", "--data", ".", "--split", 200,
        "--toolbox", "counted", "--writer", "replay:p.jsonl", "--out", "run", "--json",
    ]  # fmt: skip
    counted = Path(__file__).with_name("counted.py")
    message = vprog(*args, program=counted, before=small_files(100_000)).message
    assert message.startswith("cannot write run/traces/part-00003.parquet: File too large.")
    assert "What was written before is kept; make room and start the same command" in message
    assert len(traces(tmp_path / "run")) == 120
    ended = vprog(*args, program=counted)
    assert (ended.json["n"], ended.json["resumed"], ended.json["answered"]) == (200, 120, 200)
    assert len(traces(tmp_path / "run")) == 200


def test_no_room_for_figures_and_report(vprog, inside, run: Path) -> None:
    ended = vprog("score", "run", "--json", before=small_files(100))
    assert ended.code == 0
    assert ended.json["metrics"]["accuracy"]["value"] == 1.0
    assert "metrics.json is not kept: cannot write run/metrics.json" in ended.err
    ended = vprog("view", "run", before=small_files(5000))
    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith(
        "vprog: error: cannot write report run/report.html: File too large"
    )
    assert not (run / "report.html").exists()
    assert inside("view", "run").code == 0


def test_what_a_killed_process_left_behind_goes(run: Path) -> None:
    left = run / "traces" / ".part-00007.parquet.4711"
    left.write_bytes(b"half a part")
    with RunFolder(run, read_settings(run)) as folder:
        assert len(folder.finished) == 60
    assert not left.exists()


def test_settings_survive_as_toml() -> None:
    settings = {
        "benchmark": 'quotes " and \\ and \x7f and \t and ü 杯',
        "n": 3,
        "share": 1e-07,
        "flag": True,
        "list": ["a", 1],
        "limits": {"time_s": 0.5, "odd key": "x", "none": None},
    }
    read = tomllib.loads(to_toml(settings))
    assert read == {**settings, "limits": {"time_s": 0.5, "odd key": "x"}}


def test_a_run_over_a_folder_with_an_odd_name(inside, tmp_path: Path, world: Path) -> None:
    odd = tmp_path / 'wörld "1" \udce9'
    shutil.copytree(world, odd)
    for resumed in (0, 60):
        ended = inside("run", "world-gqa", "--data", odd, "--out", "run", "--json")
        assert (ended.code, ended.json["resumed"]) == (0, resumed)


def test_reading_nothing_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run"):
        next(read_traces(tmp_path))
