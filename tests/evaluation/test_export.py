"""A run in other forms: every row is there, whatever its values."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError
from vprog.evaluation.export import columns, export_run, to_pandas
from vprog.evaluation.view import write_run_report
from vprog.example import Example
from vprog.runs.folder import RunFolder
from vprog.runs.record import make_record
from vprog.trace import Failure, Step, Trace

Make = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path) -> Make:
    """Writes a run of three questions, one with two candidates."""

    def make(**settings: Any) -> Path:
        folder = tmp_path / "run"
        given = {
            "benchmark": "gqa", "data": "/data", "split": "val", "writer": "gold",
            "toolbox": "zoo", "language": "steps", "seed": 0, "n": 3,
        }  # fmt: skip
        steps = [Step("VQA", "vqa", {"question": 'Größe, "x"\n?'}, [1, "ü"], "A", 1, "computed")]
        traces = [
            Trace("q2", 0, "steps", "A=B(\n", failure=Failure("syntax", "no, never\nso")),
            Trace("q1", 0, "steps", "A=VQA()\n", steps, 'Größe, "x"\nzwei', logprob=-1.5),
            Trace("q1", 1, "steps", "second", [], True, logprob=-2.5),
            Trace("q3", 0, "steps", "\ud800", [], 3.0),
        ]
        with RunFolder(folder, {**given, **settings}) as opened:
            for trace in traces:
                example = Example(
                    id=trace.example_id, pictures=(), question='Größe, "x"?\n', answers=("3", "b"),
                    types={"structural": "query"},
                )  # fmt: skip
                opened.append(make_record(trace, example))
        return folder

    return make


def check_rows(rows: list[dict[str, Any]]) -> None:
    assert [list(row) for row in rows] == [columns().names] * 4
    by_id = {(row["id"], row["candidate"]): row for row in rows}
    first = by_id["q1", 0]
    assert (first["question"], first["program"]) == ('Größe, "x"?\n', "A=VQA()\n")
    assert (first["answers"], first["logprob"], first["chosen"]) == (["3", "b"], -1.5, True)
    assert (first["answer"], first["verdict"]) == ('größe, "x" zwei', "wrong")
    (step,) = json.loads(first["steps"])
    assert (step["module"], step["args"], step["value"]) == (
        "VQA",
        {"question": 'Größe, "x"\n?'},
        [1, "ü"],
    )
    assert json.loads(first["types"]) == {"structural": "query"}
    assert (by_id["q1", 1]["chosen"], by_id["q1", 1]["answer"]) == (False, "yes")
    failed = by_id["q2", 0]
    assert (failed["verdict"], failed["error_kind"]) == ("failed", "syntax")
    assert (failed["error"], failed["answer"], failed["logprob"]) == ("no, never\nso", None, None)
    right = by_id["q3", 0]
    assert (right["answer"], right["verdict"], right["credit"]) == ("3", "right", 1.0)
    assert right["program"] == "\\ud800"


def test_parquet(run: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprog.evaluation.export._CHUNK", 3)
    out = export_run(run(), "parquet", tmp_path / "new" / "a.parquet")
    check_rows(pq.read_table(out).to_pylist())
    assert [p.name for p in out.parent.iterdir()] == ["a.parquet"]


def test_csv(run: Make, tmp_path: Path) -> None:
    out = export_run(run(), "csv", tmp_path / "a.csv")
    with open(out, encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        for name in ("answers", "candidate", "count", "logprob", "credit"):
            row[name] = json.loads(row[name]) if row[name] else None
        row["chosen"] = row["chosen"] == "True"
        row.update({k: None for k in ("answer", "error", "error_kind") if row[k] == ""})
    check_rows(rows)


def test_datasets(run: Make, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    folder = run()
    for _ in range(2):  # an earlier export is replaced
        out = export_run(folder, "datasets", tmp_path / "set")
        check_rows(list(datasets.load_from_disk(str(out))))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    with pytest.raises(InputError, match="holds other things; choose another --out"):
        export_run(folder, "datasets", tmp_path / "mine")
    assert (tmp_path / "mine" / "file").read_text() == "mine"


def test_pandas(run: Make) -> None:
    pytest.importorskip("pandas")
    frame = to_pandas(run())
    assert list(frame.columns) == columns().names
    assert frame[frame.chosen].set_index("id").answer["q3"] == "3"
    assert frame.groupby("verdict").size().to_dict() == {"failed": 1, "right": 1, "wrong": 2}


def test_the_file_for_the_server_of_a_benchmark(run: Make, tmp_path: Path) -> None:
    out = export_run(run(), "submission", tmp_path / "a.json")
    assert json.loads(out.read_text()) == [
        {"questionId": "q1", "prediction": 'größe, "x" zwei'},
        {"questionId": "q2", "prediction": ""},
        {"questionId": "q3", "prediction": "3"},
    ]


def test_popes_answers_are_in_the_order_of_its_files(tmp_path: Path) -> None:
    ids = [
        f"{setting}-{n}" for setting in ("random", "popular", "adversarial") for n in range(1, 12)
    ]
    settings = {
        "benchmark": "pope", "data": "/data", "split": "coco", "writer": "gold",
        "toolbox": "zoo", "language": "steps", "seed": 0, "n": len(ids),
    }  # fmt: skip
    with RunFolder(tmp_path / "run", settings) as opened:
        for id in reversed(ids):
            failed = Failure("tool", "broken") if id == "popular-1" else None
            trace = Trace(id, 0, "steps", "", [], None if failed else "yes", failure=failed)
            example = Example(id=id, pictures=(), question=id, answers=("yes",))
            opened.append(make_record(trace, example, load_benchmark("pope").verify))
    out = export_run(tmp_path / "run", "submission", tmp_path / "answers.jsonl")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["question"] for row in rows] == ids
    # The official script reads everything that does not say no as yes.
    assert [row["question"] for row in rows if row["answer"] == "no"] == ["popular-1"]


def test_what_cannot_be_exported(
    run: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"unknown form 'parket'.*Did you mean 'parquet'\?"):
        export_run(run(), "parket", tmp_path / "x")
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*x/y: "):
        export_run(tmp_path / "run", "csv", tmp_path / "x" / "y")
    with pytest.raises(InputError, match="is no run"):
        export_run(tmp_path / "nothing", "csv", tmp_path / "y")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r'pip install "vprog\[datasets\]"'):
        export_run(tmp_path / "run", "datasets", tmp_path / "y")
    assert not (tmp_path / "y").exists()


def test_files_of_others_stay_theirs(run: Make, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("image,question\na.png,what?\n")
    for form in ("csv", "parquet", "submission"):
        with pytest.raises(InputError, match="holds something else than such an export"):
            export_run(run(), form, mine)
    assert mine.read_text() == "image,question\na.png,what?\n"
    questions = tmp_path / "questions.json"
    questions.write_text('[{"questionId": "q1", "question": "what?"}]')
    with pytest.raises(InputError, match="holds something else"):
        export_run(run(), "submission", questions)
    with pytest.raises(InputError, match="is there and no report"):
        write_run_report(tmp_path / "run", mine)
    for form, name in (("csv", "a.csv"), ("parquet", "a.parquet"), ("submission", "a.json")):
        for _ in range(2):  # an export takes the place of an earlier one
            export_run(run(), form, tmp_path / name)


def test_an_unfinished_run_is_not_handed_in(run: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not finished: 3 of 4 answers; start its command"):
        export_run(run(n=4), "submission", tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == [tmp_path / "run"]


def test_a_benchmark_without_a_server(run: Make, tmp_path: Path) -> None:
    assert load_benchmark("shapes").submission is None
    with pytest.raises(InputError, match="shapes has no server"):
        export_run(run(benchmark="shapes"), "submission", tmp_path / "a.json")


def test_the_command(inside, tmp_path: Path, world: Path) -> None:
    inside("run", "world-gqa", "--data", "world", "--limit", 5, "--out", "run")
    ended = inside("export", "run", "--to", "csv", "--json")
    assert ended.json == {"run": "run", "to": "csv", "out": "run/export.csv"}
    with open(tmp_path / "run" / "export.csv", newline="") as file:
        assert len(list(csv.reader(file))) == 6
    assert inside("export", "run", "--out", "b.parquet").out == "b.parquet\n"
    assert pq.read_table(tmp_path / "b.parquet").num_rows == 5
    assert inside("export", "run", "--to", "submission").out == "run/testdev_predictions.json\n"
    assert len(json.loads((tmp_path / "run" / "testdev_predictions.json").read_text())) == 5
    assert "unknown form 'x'" in inside("export", "run", "--to", "x").message
    for _ in range(2):  # a report takes the place of a report, whatever its name
        assert inside("view", "run", "--out", "page").out == "page\n"
    assert "b.parquet is there and no report" in inside("view", "run", "--out", "b.parquet").message
