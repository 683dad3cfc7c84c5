"""Unknown names of every sort: one message, the known names, the nearest one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vprog.world import write

RUN = ("run", "world-gqa", "--data", "world", "--out", "run")


@pytest.mark.parametrize(
    ("args", "wrong", "meant"),
    [
        (("run", "world-gpa", "--data", "world"), "unknown benchmark 'world-gpa'", "world-gqa"),
        ((*RUN, "--toolbox", "orcale"), "unknown toolbox 'orcale'", "oracle"),
        ((*RUN, "--writer", "glod"), "unknown writer 'glod'", "gold"),
        ((*RUN, "--writer", "replay"), "unknown writer 'replay'", "replay:PATH"),
        ((*RUN, "--writer", "gold:x"), "unknown writer 'gold:x'", "gold"),
        ((*RUN, "--language", "pyhton"), "unknown language 'pyhton'", "python"),
        ((*RUN, "--split", "vla"), "no usual split 'vla'", "val"),
        (("scroe", "run"), "No such command 'scroe'", "score"),
        (("world", "draw", "--task", "gpa", "--out", "w"), "unknown task 'gpa'", "gqa"),
        (
            ("world", "draw", "--task", "gqa", "--domain", "generalits", "--out", "w"),
            "unknown domain 'generalits'",
            "generalist",
        ),
        (("check", "p.txt", "--benchmark", "shaeps"), "unknown benchmark 'shaeps'", "shapes"),
        (("check", "p.txt", "--language", "step"), "unknown language 'step'", "steps"),
        (
            ("ask", "x.png", "q", "--program", "p.txt", "--toolbox", "pixel"),
            "unknown toolbox 'pixel'",
            "pixels",
        ),
    ],
)
def test_the_nearest_name_is_offered(
    inside, tmp_path: Path, world: Path, args: tuple[str, ...], wrong: str, meant: str
) -> None:
    (tmp_path / "p.txt").write_text("FINAL=RESULT(var=IMAGE)")
    (tmp_path / "x.png").write_bytes(next((world / "images").iterdir()).read_bytes())
    ended = inside(*args)
    assert wrong in ended.message
    assert meant in ended.message.partition("Did you mean")[2]
    assert ended.out == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("language", "text", "wrong", "meant"),
    [
        ("steps", "A=LCO(image=IMAGE,object='x')\nFINAL=RESULT(var=A)", "LCO", "LOC"),
        ("steps", "A=LOC(image=IMAGE,objct='x')\nFINAL=RESULT(var=A)", "objct", "object"),
        ("steps", "A=LOC(image=IMGE,object='x')\nFINAL=RESULT(var=A)", "IMGE", "IMAGE"),
        ("python", "def execute_command(image):\n    return image.fnd('x')", "fnd", "find"),
        (
            "python",
            "def execute_command(image):\n    return bool_to_yesn(True)",
            "bool_to_yesn",
            "bool_to_yesno",
        ),
    ],
)
def test_a_program_with_an_unknown_name(
    inside, tmp_path: Path, language: str, text: str, wrong: str, meant: str
) -> None:
    (tmp_path / "p.txt").write_text(text)
    ended = inside("check", "p.txt", "--language", language, "--json")
    assert (ended.code, ended.json["ok"]) == (1, False)
    error = ended.json["error"]
    assert error["kind"] in ("name", "type")
    assert repr(wrong) in error["message"]
    assert f"Did you mean {meant!r}?" in error["message"]
    assert error["line"] == (1 if language == "steps" else 2)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--limit", 0, "--limit must be at least 1, got 0"),
        ("--limit", -3, "--limit must be at least 1, got -3"),
        ("--limit", "many", "Invalid value for '--limit'"),
        ("--time-limit", "nan", "--time-limit must be a number of seconds above 0, got nan"),
        ("--time-limit", "inf", "--time-limit must be a number of seconds above 0, got inf"),
        ("--time-limit", 0, "--time-limit must be a number of seconds above 0, got 0"),
        ("--time-limit", -1, "--time-limit must be a number of seconds above 0, got -1"),
        ("--seed", "x", "Invalid value for '--seed'"),
        ("--tool-timeout", 0, "--tool-timeout must be a number of seconds above 0, got 0"),
        ("--actors", 0, "Invalid value for '--actors'"),
        ("--actors", 2, "--address and --actors belong to --on ray"),
        ("--on", "mars", "--on must be here or ray, got 'mars'"),
    ],
)
def test_impossible_numbers(
    inside, tmp_path: Path, world: Path, option: str, value: object, says: str
) -> None:
    assert says in inside(*RUN, option, value).message
    assert not (tmp_path / "run").exists()


def test_an_unknown_option(inside) -> None:
    message = inside("run", "shapes", "--dta", "x").message
    assert message.startswith("No such option: --dta (Possible options: ")
    assert "--data" in message
    assert message.endswith("See `vprog run --help`")


def test_time_limit_of_ask(inside, tmp_path: Path) -> None:
    ended = inside("ask", "x.png", "q", "--program", "p", "--time-limit", "nan")
    assert "above 0, got nan" in ended.message


def test_a_world_is_not_drawn_by_halves(inside, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    message = inside("world", "draw", "--task", "gqa", "--n", "5", "--out", "file/w").message
    assert message == "cannot write to file/w: Not a directory"


def test_doubled_examples_are_refused(inside, tmp_path: Path, monkeypatch) -> None:
    from vprog.benchmarks import world_gqa
    from vprog.benchmarks.benchmark import Benchmark
    from vprog.example import Example

    def load(data, split):
        return iter([Example(id="a", pictures=(), question="")] * 2)

    monkeypatch.setattr(
        world_gqa, "BENCHMARK", Benchmark(name="x", doc="", splits=("val",), load=load)
    )
    assert "1 doubled ids, such as 'a'" in inside(*RUN).message


def test_no_program_in_that_language(inside, tmp_path: Path, world: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"id": "x", "program": "p", "language": "steps"}\n')
    message = inside(*RUN, "--writer", "replay:p.jsonl").message
    assert message == "the writer 'replay:p.jsonl' has no steps program for any of the 60 examples"


def test_a_benchmark_without_gold_programs_says_who_may_write_them(inside, world: Path) -> None:
    row = {"image": next((world / "images").iterdir()).name, "question": "How many cups?"}
    (world / "mine.jsonl").write_text(json.dumps(row))
    message = inside("run", "own", "--data", "world/mine.jsonl", "--writer", "gold").message
    assert message == (
        "the writer 'gold' has no steps program for any of the 1 examples. Where the benchmark has "
        "no gold programs, somebody must write them: --writer chat, local:MODEL, zoo or replay:FILE"
    )


def test_drawn_worlds_serve_every_task(inside, tmp_path: Path) -> None:
    for task in ("nlvr2", "tally", "pope"):
        write(task, "generalist", 12, 1, tmp_path / task, workers=1)
        ended = inside("run", f"world-{task}", "--data", task, "--out", f"run-{task}", "--json")
        assert (ended.code, ended.json["answered"]) == (0, 12)
        scored = inside("score", f"run-{task}", "--json").json
        assert scored["metrics"]["accuracy"]["value"] == 1
