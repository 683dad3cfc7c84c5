"""Writers: gold programs, and replay of runs and files."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from vprog.errors import InputError
from vprog.example import Example
from vprog.program import Program
from vprog.program.program import Language
from vprog.runs.folder import RunFolder
from vprog.runs.record import make_record
from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Failure, Trace
from vprog.writers import Gold, Replay, Sampling, Writer, WriterSettings, load_writer

EXAMPLE = Example(id="q 杯", pictures=(), question="?", programs={"steps": "A=B()"})


def load(name: str) -> Writer:
    return load_writer(
        name, toolbox=load_toolbox("oracle"), benchmark="world-gqa", settings=WriterSettings()
    )


def write(writer: Writer, example: Example, language: Language) -> list[Program]:
    (programs,) = writer.write([example], language, Sampling())
    return list(programs)


def test_gold() -> None:
    writer = load("gold")
    assert writer.name == "gold"
    assert write(writer, EXAMPLE, "steps") == [Program("A=B()", "steps")]
    assert write(Gold(), EXAMPLE, "python") == []


def test_replay_of_a_run(tmp_path: Path) -> None:
    settings = dict.fromkeys(("benchmark", "data", "split", "writer", "toolbox"), "x")
    settings |= {"language": "python", "seed": 0, "n": 4}
    texts = ["def execute_command(image):\n    return 'ü \u2028'\n", "second", "third"]
    with RunFolder(tmp_path / "run", settings) as folder:
        for candidate in (2, 0, 1):
            failure = Failure("syntax", "no") if candidate else None
            trace = Trace(
                "q 杯", candidate, "python", texts[candidate], failure=failure,
                logprob=-candidate / 3 if candidate else None,
            )  # fmt: skip
            folder.append(make_record(trace, EXAMPLE))
    writer = load(f"replay:{tmp_path / 'run'}")
    assert writer.name == f"replay:{tmp_path / 'run'}"
    assert write(writer, EXAMPLE, "python") == [
        Program(texts[0], "python", None),
        Program(texts[1], "python", -1 / 3),
        Program(texts[2], "python", -2 / 3),
    ]
    assert write(writer, EXAMPLE, "steps") == []
    other = dataclasses.replace(EXAMPLE, question="how many?")
    for language in ("python", "steps"):
        with pytest.raises(InputError, match=r"its programs of 'q 杯' are for '\?', and here"):
            write(writer, other, language)


def test_replay_of_a_file(tmp_path: Path) -> None:
    rows = [
        {"id": "q 杯", "program": "A=B()\u2028", "language": "steps", "logprob": -2},
        {"id": 7, "program": "x", "language": "python"},
        {"id": "q 杯", "program": "C=D()", "language": "steps", "more": "is ignored"},
    ]
    text = "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (tmp_path / "p.jsonl").write_text("\ufeff" + text + "\n", "utf-8")
    writer = Replay(tmp_path / "p.jsonl")
    assert write(writer, EXAMPLE, "steps") == [
        Program("A=B()\u2028", "steps", -2),
        Program("C=D()", "steps", None),
    ]
    seven = Example(id="7", pictures=(), question="")
    assert write(writer, seven, "python") == [Program("x", "python")]
    assert write(writer, seven, "steps") == []
    (tmp_path / "q.jsonl").write_text(json.dumps(rows[1] | {"question": "who?"}))
    with pytest.raises(InputError, match=r"of '7' are for 'who\?', and here '7' is ''"):
        write(Replay(tmp_path / "q.jsonl"), seven, "python")
    # Rows of several splits may have one id.
    both = [rows[1] | {"question": "who?"}, rows[1] | {"program": "y", "question": ""}]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, both)))
    assert write(Replay(tmp_path / "q.jsonl"), seven, "python") == [Program("y", "python")]
    (tmp_path / "q.jsonl").write_text(json.dumps(rows[1] | {"question": 3}))
    with pytest.raises(InputError, match="line 1: question must be text"):
        Replay(tmp_path / "q.jsonl")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"ids": 5, "programs": [{"program": "x"}]}, "ids must be a list of ids, got 5"),
        (
            {"ids": ["1"], "questions": 5, "programs": [{"program": "x"}]},
            "questions must be an object, got 5",
        ),
        ({"id": "1", "program": "x", "logprob": 10**400}, "logprob must be a number or left out"),
        ({"id": "1", "program": "x", "logprob": math.nan}, "logprob must be a number or left out"),
    ],
)
def test_rows_that_cannot_be_replayed(tmp_path: Path, row: dict[str, object], said: str) -> None:
    (tmp_path / "p.jsonl").write_text(json.dumps(row | {"language": "steps"}))
    with pytest.raises(InputError, match=f"line 1: {said}"):
        Replay(tmp_path / "p.jsonl")


def test_a_replayed_run_gives_the_same_answers(inside, tmp_path: Path, world: Path) -> None:
    run = ("run", "world-gqa", "--data", "world", "--limit", 30, "--language", "python")
    assert inside(*run, "--out", "first").code == 0
    ended = inside(*run, "--writer", "replay:first", "--out", "second", "--json")
    assert ended.json["n"] == 30
    compared = inside("score", "first", "second", "--json").json["comparison"]
    assert (compared["n"], compared["same_answers"]) == (30, 30)


def test_a_damaged_run_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("x = ")
    with pytest.raises(InputError, match=r"run\.toml is damaged"):
        Replay(tmp_path)
