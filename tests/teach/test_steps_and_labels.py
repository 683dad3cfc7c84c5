"""Steps of real runs, what teachers say of them, and the process-supervision data set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from vprog.engine.codec import from_json
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.example import Picture
from vprog.program import Language
from vprog.runs.folder import read_traces
from vprog.teach.agreement import agree
from vprog.teach.arrow import picture_cell
from vprog.teach.label import label, reason
from vprog.teach.process import export_process, schema
from vprog.teach.steps import ARGUMENTS, collect_steps, with_phrases
from vprog.teach.teachers.load import load_teacher
from vprog.teach.teachers.teacher import Teacher
from vprog.tools.backends.oracle import Oracle

LANGUAGES: tuple[Language, ...] = ("steps", "python")


@pytest.fixture(scope="module")
def runs(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Language, Path]:
    """The gold programs of the drawn world over the oracle, in both languages."""
    folder = tmp_path_factory.mktemp("runs")
    for language in LANGUAGES:
        settings = RunSettings(
            benchmark="world-gqa", data=drawn, split="val", writer="gold", toolbox="oracle",
            language=language, limit=25,
        )  # fmt: skip
        run_benchmark(settings, folder / language)
    return {language: folder / language for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_steps_stand_for_every_call_of_a_learnable_tool(
    runs: dict[Language, Path], language: Language
) -> None:
    found = collect_steps([runs[language]])
    calls = [s for r in read_traces(runs[language]) for s in r.trace.steps if s.tool in ARGUMENTS]
    assert found.calls == len(calls) > 25
    assert found.left_out == {}
    keys = [(s.tool, s.region.picture, s.region.box_xyxy, s.argument) for s in found.steps]
    assert len(set(keys)) == len(keys)
    assert max(step.weight for step in found.steps) > 1
    assert {step.region.picture for step in found.steps} == set(found.pictures)
    for step in found.steps:
        assert step.region.label == ""
        assert step.value is not None


def test_both_languages_share_their_steps(runs: dict[Language, Path]) -> None:
    """The tools are shared: what both languages ask is one step."""
    alone = [collect_steps([runs[language]]) for language in LANGUAGES]
    both = collect_steps(list(runs.values()))
    assert both.calls == sum(one.calls for one in alone)
    assert len(both.steps) < sum(len(one.steps) for one in alone)
    assert any({"LOC", "find"} <= set(step.modules) for step in both.steps)


def test_only_learnable_tools_have_steps(runs: dict[Language, Path]) -> None:
    assert {s.tool for s in collect_steps([runs["steps"]], ["detect"]).steps} == {"detect"}
    with pytest.raises(InputError, match="'depth' cannot be taught"):
        collect_steps([runs["steps"]], ["depth"])


def test_phrases_that_no_program_asks_are_asked_of_every_picture(
    runs: dict[Language, Path],
) -> None:
    steps = collect_steps([runs["python"]], ["detect"])
    asked = steps.steps[0]
    both = with_phrases(steps, ["red thing", str(asked.argument), "red thing"])
    assert both.steps[: len(steps.steps)] == steps.steps
    more = both.steps[len(steps.steps) :]
    assert {s.region for s in more} == {p.region for p in steps.pictures.values()}
    calls = [(s.region.box_xyxy, s.region.picture, s.argument) for s in both.steps]
    assert len(set(calls)) == len(calls)
    assert sum(s.argument == "red thing" for s in more) == len(steps.pictures)
    assert (asked.region, asked.argument) not in {(s.region, s.argument) for s in more}
    labels = label(both, load_teacher("oracle")).supervised()
    assert {len(one.boxes or ()) > 0 for one in labels if one.argument == "red thing"} == {
        True, False,
    }  # fmt: skip


def test_pictures_are_asked_what_programs_ask_of_others(runs: dict[Language, Path]) -> None:
    steps = collect_steps([runs["python"]], ["detect"])
    words = {str(s.argument) for s in steps.steps}
    at_least = len(words) // 2
    assert at_least >= 4
    filled = with_phrases(steps, ["red thing"], at_least=at_least, seed=3)
    assert filled == with_phrases(steps, ["red thing"], at_least=at_least, seed=3)
    assert filled != with_phrases(steps, ["red thing"], at_least=at_least, seed=4)
    asked: dict[str, list[str]] = {}
    for step in filled.steps:
        if step.region == steps.pictures[step.region.picture].region:
            asked.setdefault(step.region.picture, []).append(str(step.argument))
    own = {
        name: {str(s.argument) for s in steps.steps if s.region.picture == name} for name in asked
    }
    assert asked.keys() == steps.pictures.keys()
    for name, said in asked.items():
        assert len(said) == len(set(said)) >= at_least
        assert set(said) <= words | {"red thing"}
        assert len(said) == at_least or set(said) <= own[name] | {"red thing"}
    # All of them where more is wanted than there is; the frequent ones come first elsewhere.
    every = with_phrases(steps, [], at_least=1000)
    assert {
        len({str(s.argument) for s in every.steps if s.region.picture == n}) for n in asked
    } == {len(words)}


def test_a_teacher_that_is_the_student_agrees_everywhere(runs: dict[Language, Path]) -> None:
    steps = collect_steps([runs["python"]])
    labels = label(steps, load_teacher("oracle"))
    assert labels.unanswered == {}
    assert all(same == all_ for same, all_ in labels.agreed.values())
    learned = labels.supervised()
    assert len(learned) == len(steps.steps)
    for step, one in zip(steps.steps, learned, strict=True):
        assert (one.tool, one.region, one.argument) == (step.tool, step.region, step.argument)
        assert one.weight == step.weight
        if step.tool == "detect":
            assert one.boxes is not None
            assert [b.box_xyxy for b in one.boxes] == [b.box_xyxy for b in step.value]  # type: ignore[union-attr]
        elif step.tool == "vqa":
            assert one.distribution == {step.value: 1.0}
        else:
            assert list(one.distribution or {}) == list(step.argument)


def test_nothing_is_asked_twice(runs: dict[Language, Path], tmp_path: Path) -> None:
    class Counting(Oracle):
        def __init__(self) -> None:
            super().__init__(batch_size=7)
            self.batches: list[int] = []

        def answer(self, calls, pictures):  # type: ignore[no-untyped-def]
            self.batches.append(len(calls))
            return super().answer(calls, pictures)

    oracle = Counting()
    teacher = Teacher(name="counted", backends=dict.fromkeys(ARGUMENTS, oracle))
    steps = collect_steps(list(runs.values()))
    first = label(steps, teacher, tmp_path / "memo.sqlite")
    assert sum(oracle.batches) == len(steps.steps)
    assert max(oracle.batches) == 7
    again = label(steps, teacher, tmp_path / "memo.sqlite")
    assert sum(oracle.batches) == len(steps.steps)
    assert again.supervised() == first.supervised()


def test_what_a_teacher_does_not_answer_is_left_out_and_counted(
    runs: dict[Language, Path],
) -> None:
    steps = collect_steps([runs["steps"]])
    labels = label(steps, load_teacher("pixels"))
    learned = labels.supervised()
    assert len(learned) + sum(labels.unanswered.values()) == len(steps.steps)
    assert len(labels.unanswered) < sum(labels.unanswered.values())
    assert any(why.startswith("detect: pixels does not know …") for why in labels.unanswered)


@pytest.mark.parametrize("embed", [False, True])
def test_the_process_export_holds_every_step(
    runs: dict[Language, Path], tmp_path: Path, embed: bool
) -> None:
    out = tmp_path / "process"
    done = export_process(runs["steps"], out, load_teacher("oracle"), embed)
    rows = pq.read_table(out / "process-00000.parquet").to_pylist()
    records = {r.trace.example_id: r for r in read_traces(runs["steps"])}
    assert pq.read_schema(out / "process-00000.parquet").names == schema().names
    assert len(rows) == len(records) == done.rows == 25
    answered = 0
    for row in rows:
        record = records[row["question_id"]]
        assert row["verified"] is (record.verdict.judgement == "right")
        assert row["label"] == list(record.answers)
        assert (row["image"][0]["bytes"] is not None) is embed
        assert len(row["steps"]) == len(record.trace.steps)
        for n, (said, step) in enumerate(zip(row["steps"], record.trace.steps, strict=True)):
            assert said["index"] == n
            assert said["module"] == step.module
            assert from_json(json.loads(said["student"])) == step.value
            if step.tool is None:
                assert said["teacher"] is None
                assert said["agree"] is None
                continue
            answered += 1
            assert said["agree"] is True
            assert agree(step.tool, step.value, from_json(json.loads(said["teacher"])))
            assert said["teacher_confidence"] == 1.0
            assert said["image_ref"]["image_id"] == row["image_ids"][0]
            assert len(said["image_ref"]["box"]) == 4
    assert done.answered == done.agreed == answered > 0
    card = (out / "README.md").read_text("utf-8")
    assert "25 programs" in card
    assert "world-gqa" in card


def test_a_file_of_an_export_ends_before_its_pictures_are_too_many_bytes(
    runs: dict[Language, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "process"
    export_process(runs["steps"], out, None, True)
    whole = pq.read_table(out / "process-00000.parquet")
    mean_mb = sum(len(row["bytes"]) for cell in whole["image"].to_pylist() for row in cell) / 25e6
    monkeypatch.setattr("vprog.teach.arrow.PICTURES_MB", 5 * mean_mb)
    export_process(runs["steps"], out, None, True)
    parts = [pq.read_table(file) for file in sorted(out.glob("*.parquet"))]
    assert 4 <= len(parts) <= 6
    assert [row for part in parts for row in part.to_pylist()] == whole.to_pylist()


def test_without_a_teacher_its_columns_are_null(runs: dict[Language, Path], tmp_path: Path) -> None:
    export_process(runs["python"], tmp_path / "p")
    steps = [
        s
        for row in pq.read_table(tmp_path / "p" / "process-00000.parquet").to_pylist()
        for s in row["steps"]
    ]
    assert steps
    assert all(s["teacher"] is s["teacher_confidence"] is s["agree"] is None for s in steps)


@pytest.mark.parametrize("embed", [False, True])
def test_datasets_loads_an_export_with_its_pictures(
    runs: dict[Language, Path], tmp_path: Path, embed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    export_process(runs["steps"], tmp_path / "p", None, embed)
    datasets.disable_progress_bars()
    data = datasets.load_dataset(
        str(tmp_path / "p"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert len(data) == 25
    assert data[0]["image"][0].size == (96, 96)
    assert data[0]["steps"][0]["module"]


def test_what_a_table_holds_has_no_path_to_refer_to(tmp_path: Path) -> None:
    inner = Picture("7", path=tmp_path / "all.parquet", encoded=lambda: b"pixels")
    assert picture_cell(inner, embed=False) == {"bytes": b"pixels", "path": "all.parquet"}


def test_an_export_replaces_only_an_export(runs: dict[Language, Path], tmp_path: Path) -> None:
    out = tmp_path / "p"
    export_process(runs["steps"], out)
    export_process(runs["steps"], out)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        export_process(runs["steps"], out)
    assert (out / "notes.txt").read_text() == "mine"


def test_commands(runs: dict[Language, Path], inside: Callable[..., Any], tmp_path: Path) -> None:
    run = runs["steps"]
    out = tmp_path / "data set"
    made = inside("export", "process", run, "--teacher", "oracle", "--out", out, "--json").json
    assert made["rows"] == 25
    assert made["answered"] == made["agreed"] > 0
    assert (out / "README.md").is_file()
    table = inside("export", run, "--out", tmp_path / "t.parquet", "--json").json
    assert table["to"] == "parquet"
    table = inside("export", "--to", "csv", "--out", tmp_path / "t.csv", run, "--json").json
    assert table["to"] == "csv"
    found = inside("blame", run, "--teacher", "oracle", "--json").json
    assert found["n"] == 25
    assert found["accuracy"]["value"] == found["upper"]["accuracy"]["value"] == 1.0
    assert found["wrong"]["n"] == 0
    shown = inside("blame", run)
    assert shown.code == 0
    assert "25 answers, accuracy 100.0" in shown.out
    assert "0 wrong" in shown.out
    assert "unknown teacher 'oracel'" in inside("blame", run, "--teacher", "oracel:x").message or (
        "oracel" in inside("blame", run, "--teacher", "oracel:x").message
    )
    assert "is no run" in inside("blame", tmp_path / "none").message
    assert "is no run" in inside("export", "process", tmp_path / "none").message
    for kind in ((), ("process",), ("distill",)):
        told = inside("export", *kind, run, "--out", "").message
        assert told == "--out must name a file or folder of its own, got '.'"


def test_blame_refuses_a_toolbox_that_has_changed(
    runs: dict[Language, Path], inside: Callable[..., Any], tmp_path: Path
) -> None:
    import shutil

    run = Path(shutil.copytree(runs["steps"], tmp_path / "old"))
    text = (run / "run.toml").read_text("utf-8")
    (run / "run.toml").write_text(text.replace("oracle/1", "oracle/0"), "utf-8")
    assert "no longer answers detect as it did" in inside("blame", run).message


def test_reasons_leave_out_what_is_particular() -> None:
    from vprog.errors import ToolError

    assert reason(ToolError("pixels does not know 'cat' in 'a cat'. Known: red")) == (
        "pixels does not know … in …"
    )
