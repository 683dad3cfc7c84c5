"""What other programs rely on: one JSON object on stdout, its keys, the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from vprog.cli.options import print_json

RUN = ("run", "world-gqa", "--data", "world")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (60, 40), "white").save(tmp_path / "cup.png")
    return tmp_path / "cup.png"


def test_run(vprog, tmp_path: Path, world: Path) -> None:
    done = vprog(*RUN, "--out", "a", "--limit", 20, "--seed", 3, "--json").json
    assert set(done) == {
        "run", "n", "answered", "failed", "resumed", "without_program", "calls", "programs_per_s",
        "ids_sha256", "candidates", "errors", "candidate_errors", "usage",
    }  # fmt: skip
    assert done["candidates"] == {"written": 20, "merged": 0, "repaired": 0, "skipped": 0}
    assert done["usage"]["requests"] == 0
    assert done["usage"]["cost"] is None
    assert (done["run"], done["n"], done["answered"], done["failed"]) == ("a", 20, 20, 0)
    assert set(done["calls"]) == {"requested", "computed", "shared", "remembered"}
    calls = done["calls"]
    assert calls["requested"] == calls["computed"] + calls["shared"] + calls["remembered"] > 0
    assert done["programs_per_s"] > 0
    again = vprog(*RUN, "--out", "a", "--limit", 20, "--seed", 3, "--json").json
    assert (again["n"], again["answered"], again["failed"], again["resumed"]) == (20, 20, 0, 20)
    assert again["calls"]["requested"] == 0


def test_a_run_without_out_names_its_own_folder(inside, tmp_path: Path, world: Path) -> None:
    assert inside(*RUN, "--json").json["run"] == "runs/world-gqa-val-gold-oracle-steps"
    done = inside(*RUN, "--limit", 5, "--seed", 1, "--json").json
    assert (done["run"], done["n"]) == ("runs/world-gqa-val-gold-oracle-steps-5-1", 5)
    assert inside("score", done["run"]).code == 0


def test_failed_programs_stay_counted(inside, tmp_path: Path, world: Path) -> None:
    questions = json.loads((world / "val_balanced_questions.json").read_text())
    rows = [{"id": id, "program": "A=B(", "language": "steps"} for id in list(questions)[:7]]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for resumed in (0, 7):
        ended = inside(*RUN, "--writer", "replay:p.jsonl", "--out", "a", "--json")
        done = ended.json
        assert ended.code == 0
        assert (done["n"], done["answered"], done["failed"]) == (7, 0, 7)
        assert (done["resumed"], done["without_program"]) == (resumed, 53)
    told = inside(*RUN, "--writer", "replay:p.jsonl", "--out", "b").out
    assert "7 programs: 0 answered, 7 failed" in told
    assert "53 examples have no program and are left out" in told
    assert "syntax errors: 7, the first: " in told


def test_score_of_one_and_of_two(vprog, inside, tmp_path: Path, world: Path) -> None:
    inside(*RUN, "--out", "a")
    inside(*RUN, "--out", "b", "--language", "python")
    one = vprog("score", "a", "--json").json
    assert {
        "benchmark", "split", "n", "ids_sha256", "metrics", "by_type", "errors", "majority",
    } <= set(one)  # fmt: skip
    assert (one["benchmark"], one["split"], one["n"]) == ("world-gqa", "val", 60)
    assert len(one["ids_sha256"]) == 64
    accuracy = one["metrics"]["accuracy"]
    assert accuracy["value"] == 1.0
    low, high = accuracy["ci95"]
    assert low < 1.0 == high
    assert {"structural", "semantic"} <= set(one["by_type"])
    assert sum(e["n"] for e in one["by_type"]["structural"].values()) == 60
    assert one["errors"] == {}
    assert 0 < one["majority"]["value"] < 1
    assert json.loads((tmp_path / "a" / "metrics.json").read_text()) == one
    two = inside("score", "a", "b", "--json").json
    assert set(two) == {"runs", "comparison"}
    assert [f["run"] for f in two["runs"]] == ["a", "b"]
    comparison = two["comparison"]
    assert 1 < comparison.pop("groups") < 60  # pictures
    low, high = comparison.pop("ci95_groups")
    assert (low, comparison.pop("p_value_groups")) == (-high, 1.0)
    low, high = comparison.pop("ci95")
    assert 0 < high == -low < 0.04  # all are the same, but there are only sixty
    assert comparison == {
        "first": "a", "second": "b", "n": 60, "ids_sha256": one["ids_sha256"],
        "difference": 0.0, "p_value": 1.0, "same_answers": 60,
        "gained": 0, "lost": 0,
    }  # fmt: skip
    three = inside("score", "a", "b", "a", "--json").json
    assert (len(three["runs"]), three["comparison"]) == (3, None)


@pytest.mark.parametrize(
    ("language", "text", "answer"),
    [
        ("steps", 'A=EVAL(expr="1 + 2")\nF=RESULT(var=A)\n', "3"),
        ("python", "def execute_command(image):\n    return image.width > 1e9\n", "no"),
        ("python", "def execute_command(image):\n    return None\n", None),
        (
            "python",
            "def execute_command(image):\n    return 'a \\ud800 \\U0001f600'\n",
            "\ufffd 😀",
        ),
    ],
)
def test_ask(vprog, tmp_path: Path, picture: Path, language: str, text: str, answer) -> None:
    (tmp_path / "p").write_text(text)
    ended = vprog("ask", picture, "Grösse?", "--program", "p", "--language", language, "--json")
    assert ended.code == 0
    assert set(ended.json) == {"answer", "program", "error", "steps"}
    assert ended.json["program"] == text.replace("\r\n", "\n")
    assert ended.json["answer"] == answer
    assert ended.json["error"] is None
    for step in ended.json["steps"]:
        assert set(step) == {
            "module", "tool", "target", "line", "args", "value", "source", "info", "error",
        }  # fmt: skip
    assert ended.err == ""


def test_ask_about_a_region(inside, tmp_path: Path, picture: Path) -> None:
    (tmp_path / "p").write_text(
        "def execute_command(image):\n    return image.crop(1, 2, 30, 20)\n"
    )
    args = ("ask", "cup.png", "Which?", "--program", "p", "--language", "python", "--json")
    answer = inside(*args, "--save", "part.png").json["answer"]
    assert answer["picture"] == "cup.png"
    assert answer["box"] == [1, 20, 30, 38]
    with Image.open(tmp_path / "part.png") as saved:
        assert saved.size == (29, 18)
    assert inside(*args, "--save", "part.nothing").message.startswith("cannot save part.nothing")


def test_numbers_that_json_does_not_have(capsys) -> None:
    print_json({"a": float("inf"), "b": [float("nan"), 1.5, {"c": -float("inf")}], "d": "\ud800"})
    assert capsys.readouterr().out == (
        '{"a": null, "b": [null, 1.5, {"c": null}], "d": "\\ud800"}\n'
    )


@pytest.mark.parametrize(
    ("language", "text", "kind", "step", "line"),
    [
        ("steps", "A=LCO(image=IMAGE)", "name", None, 1),
        ("steps", "A=LOC(image=IMAGE", "syntax", None, 1),
        ("steps", 'A=EVAL(expr="1 / 0")\nF=RESULT(var=A)', "runtime", 0, 1),
        ("steps", "D=DEPTH(image=IMAGE)\nF=RESULT(var=D)", "tool", 0, 1),
        ("python", "def execute_command(image):\n    return 1 +", "syntax", None, 2),
        ("python", "def execute_command(image):\n    return [][0]", "runtime", 0, 2),
        ("python", "def execute_command(image):\n    while True:\n        pass", "limit", 0, None),
    ],
)
def test_ask_with_a_program_that_fails(
    inside, tmp_path: Path, picture: Path, language: str, text: str, kind: str, step, line
) -> None:
    (tmp_path / "p").write_text(text)
    ended = inside(
        "ask", "cup.png", "?", "--program", "p", "--language", language, "--toolbox", "pixels",
        "--time-limit", "0.2", "--save", "no.png", "--json",
    )  # fmt: skip
    assert ended.code == 1
    assert ended.err == ""
    error = ended.json["error"]
    assert {"kind", "message", "step"} <= set(error)
    assert (error["kind"], error["step"], error["line"]) == (kind, step, line)
    assert error["message"]
    assert ended.json["answer"] is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot read program p: No such file or directory"),
        (b"", "program p is empty"),
        (b" \n\t", "program p is empty"),
        (b"A=\xff", "program p is no text in UTF-8; save it as UTF-8 first"),
    ],
)
@pytest.mark.parametrize("verb", ["ask", "check"])
def test_a_program_that_cannot_be_read(
    inside, tmp_path: Path, picture: Path, verb: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "p").write_bytes(content)
    start = ("ask", "cup.png", "?", "--program") if verb == "ask" else ("check",)
    ended = inside(*start, "p", "--json")
    assert ended.message == says
    assert ended.out == ""


def test_a_program_from_standard_input(vprog, picture: Path) -> None:
    text = "\ufeff# Größe\r\nA=EVAL(expr=\"'größer'\")\r\nF=RESULT(var=A)\r\n".encode()
    ask = ("ask", picture, "?", "--program", "-", "--json")
    assert vprog(*ask, stdin=text).json["answer"] == "größer"
    assert vprog(*ask).message == "program from standard input is empty"
    assert "from standard input is no text" in vprog(*ask, stdin=b"\xff").message


def test_ask_with_a_scene(inside, tmp_path: Path, world: Path) -> None:
    image = sorted((world / "images").iterdir())[0]
    graphs = json.loads((world / "val_sceneGraphs.json").read_text())
    (tmp_path / "one.json").write_text(json.dumps(graphs[image.stem]))
    (tmp_path / "p").write_text(
        "B=LOC(image=IMAGE,object='object')\nN=COUNT(box=B)\nF=RESULT(var=N)"
    )
    ask = ("ask", image, "?", "--program", "p", "--toolbox", "oracle", "--json", "--scene")
    for scene in (world / "val_sceneGraphs.json", "one.json"):
        assert inside(*ask, scene).json["answer"] == str(len(graphs[image.stem]["objects"]))
    (tmp_path / "other.json").write_text(json.dumps({image.stem[:-1]: {}}))
    assert f"no scene graph for '{image.stem}'. Known: " in inside(*ask, "other.json").message
    (tmp_path / "other.json").write_text(json.dumps({"objects": []}))
    assert "has no column 'width'" in inside(*ask, "other.json").message
    assert inside(*ask, "nothing.json").message == "missing file nothing.json"


def test_check(vprog, inside, tmp_path: Path) -> None:
    (tmp_path / "good").write_text("B=LOC(image=IMAGE,object='cup')\nF=RESULT(var=B)\n")
    ended = vprog("check", "good", "--json")
    assert (ended.code, ended.json) == (0, {"ok": True, "error": None})
    assert inside("check", "good").out == "good: ok\n"
    ended = inside("check", "good", "--pictures", 2, "--json")
    assert ended.code == 1
    assert set(ended.json["error"]) == {"kind", "message", "line", "column"}
    assert inside("check", "good", "--pictures", 2).out.startswith("good: name error: ")


def test_check_knows_a_benchmarks_tools(inside, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(
        "B=LOC(image=IMAGE,object='cup')\nA=ADJACENT(image=IMAGE,boxes=B,side='above')\nF=RESULT(var=A)\n"
    )
    assert inside("check", "p").code == 1
    assert inside("check", "p", "--benchmark", "shapes").code == 0


def test_list_and_doctor(vprog, inside) -> None:
    listed = vprog("list", "--json").json
    assert set(listed) == {"benchmarks", "toolboxes", "writers", "tools", "modules"}
    assert set(listed["benchmarks"]["shapes"]) == {"doc", "splits", "tools"}
    assert listed["benchmarks"]["shapes"]["splits"][0] == "val"
    assert "adjacent" in listed["benchmarks"]["shapes"]["tools"]
    told = inside("list").out
    for name, benchmark in listed["benchmarks"].items():
        assert f"  {name}: {benchmark['doc']}\n    splits: {benchmark['splits'][0]}" in told
    named = ["oracle", "pixels", "zoo", "hub", "zoo:shapes", "zoo:nlvr"]
    assert listed["toolboxes"] == named
    examined = inside("doctor", "--json")
    assert (examined.code, examined.json["ok"]) == (0, True)
    names = [f["name"] for f in examined.json["findings"]]
    assert {"python", "sandbox", "toolbox oracle", "toolbox pixels"} <= set(names)
    for finding in examined.json["findings"]:
        assert set(finding) == {"name", "ok", "text"}


def test_doctor_says_what_is_missing(inside, monkeypatch) -> None:
    import importlib.metadata

    version = importlib.metadata.version

    def without_pyarrow(name: str) -> str:
        if name == "pyarrow":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_pyarrow)
    ended = inside("doctor")
    assert ended.code == 2
    assert "MISS pyarrow: missing; pip install pyarrow\n" in ended.out


def test_view(vprog, inside, tmp_path: Path, world: Path) -> None:
    inside(*RUN, "--out", "a", "--limit", 5)
    ended = vprog("view", "a", "--json")
    assert (ended.code, ended.json) == (0, {"report": "a/report.html"})
    assert "<!DOCTYPE html>" in (tmp_path / "a" / "report.html").read_text()[:20]
    assert inside("view", "a", "--out", "other.html").out == "other.html\n"
    assert (tmp_path / "other.html").exists()


def test_a_report_without_the_pictures_says_so(inside, tmp_path: Path, world: Path) -> None:
    inside(*RUN, "--out", "a", "--limit", 5)
    world.rename(tmp_path / "gone")
    ended = inside("view", "a")
    assert ended.code == 0
    assert "the report shows no pictures: missing file" in ended.err
    assert (tmp_path / "a" / "report.html").exists()


def test_world_draw(inside, tmp_path: Path) -> None:
    drawn = inside("world", "draw", "--task", "pope", "--n", 6, "--out", "w", "--json").json
    assert (drawn["task"], drawn["n"], drawn["split"]) == ("pope", 6, "val")


def test_a_fault_of_vprog_is_no_traceback(inside, monkeypatch) -> None:
    from vprog.tools import toolboxes

    monkeypatch.setattr(toolboxes, "NAMES", None)
    message = inside("doctor").message
    assert message.startswith("a fault in vprog itself: TypeError: ")
    assert message.endswith("Please report it with what --debug prints")


@pytest.mark.parametrize("args", [("--debug", "score", "x"), ("score", "x", "--debug")])
def test_debug_shows_the_traceback(args: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vprog", *args], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "InputError: x is no run" in done.stderr


@pytest.mark.parametrize("where", ["closed pipe", "/dev/full"])
def test_an_output_that_nobody_takes(tmp_path: Path, where: str) -> None:
    if where == "closed pipe":
        read, write = os.pipe()
        os.close(read)
    elif not Path(where).exists():
        pytest.skip(f"needs {where}")
    else:
        write = os.open(where, os.O_WRONLY)
    done = subprocess.run(
        [sys.executable, "-m", "vprog", "list"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    if where == "closed pipe":
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, done.stderr) == (2, "vprog: error: No space left on device\n")
