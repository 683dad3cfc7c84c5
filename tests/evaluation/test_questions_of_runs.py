"""From what a writer writes to the answers of a run."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted

from vprog.errors import InputError
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.evaluation.score import score_run
from vprog.evaluation.summary import RunSummary
from vprog.evaluation.writing import Asking
from vprog.example import Example
from vprog.program.program import Program
from vprog.runs.folder import read_traces
from vprog.runs.programs import ProgramLog
from vprog.runs.record import Record
from vprog.writers import Sampling

BROKEN = "BOX0=LOCC(image=IMAGE,object='cup')\nR=RESULT(var=BOX0)\n"
WRONG = "A=EVAL(expr=\"'nothing'\")\nR=RESULT(var=A)\n"
FAILING = "A=EVAL(expr='1 / 0')\nR=RESULT(var=A)\n"

Run = Callable[..., RunSummary]


def gold(example: Example) -> str:
    return example.programs["steps"]


def renamed(example: Example) -> str:
    return "# another\n" + gold(example).replace("FINAL_ANSWER", "LAST")


@pytest.fixture
def run(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs questions of the drawn world with a scripted writer."""

    def go(writer: Scripted, *, k: int = 5, show: Any = lambda _: None, **more: Any) -> RunSummary:
        monkeypatch.setattr("vprog.evaluation.run.load_writer", lambda *_, **__: writer)
        given = {
            "benchmark": "world-gqa", "data": drawn, "split": "val", "writer": "scripted",
            "toolbox": "oracle", "language": "steps", "limit": 12, "sampling": Sampling(
                k=k, temperature=0.5
            ),
        }  # fmt: skip
        return run_benchmark(RunSettings(**{**given, **more}), tmp_path / "run", show)

    return go


def records(tmp_path: Path) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in read_traces(tmp_path / "run"):
        found.setdefault(record.trace.example_id, []).append(record)
    return {id: sorted(rs, key=lambda r: r.trace.candidate) for id, rs in found.items()}


def test_without_a_vote_all_run_and_the_first_counts(run: Run, tmp_path: Path) -> None:
    writer = Scripted(
        lambda e: [(WRONG, -1.0), (gold(e), -2.0), (renamed(e), -3.0), (FAILING, -4.0)]
    )
    summary = run(writer)
    assert (summary.n, summary.answered, summary.failed) == (12, 12, 0)
    assert summary.to_json()["candidates"] == {
        "written": 48, "merged": 12, "repaired": 0, "skipped": 0,
    }  # fmt: skip
    assert summary.to_json()["usage"]["requests"] == 12
    assert (summary.errors, summary.candidate_errors) == (
        {"wrong answer": 12},
        {"runtime": 12, "wrong answer": 12},
    )
    for rows in records(tmp_path).values():
        assert [r.verdict.judgement for r in rows] == ["wrong", "right", "failed"]
        assert [(r.chosen, r.count) for r in rows] == [(True, 1), (False, 2), (False, 1)]
    figures = score_run(tmp_path / "run").figures
    assert (figures["n"], figures["finished"]) == (12, True)
    assert figures["metrics"]["accuracy"]["value"] == 0
    assert figures["metrics"]["best_candidate"]["value"] == 1
    assert figures["errors"] == {"wrong answer": 12}
    assert figures["candidate_errors"] == {"runtime": 12, "wrong answer": 12}


def test_candidates_of_a_question_share_their_calls(run: Run, tmp_path: Path) -> None:
    alone = run(Scripted(lambda e: [(gold(e), -1.0)])).counts
    shutil.rmtree(tmp_path / "run")
    padded = "PAD=EVAL(expr='1')\n"
    both = run(Scripted(lambda e: [(gold(e), -1.0), (padded + gold(e), -2.0)])).counts
    assert both.requested == 2 * alone.requested
    assert both.computed == alone.computed > 0


def test_the_vote_decides_what_is_scored(run: Run, tmp_path: Path) -> None:
    writer = Scripted(
        lambda e: [(WRONG, -1.0), (gold(e), -2.0), (renamed(e), -2.5), (gold(e), -2.0)]
    )
    summary = run(writer, vote=True)
    assert summary.to_json()["candidates"] == {
        "written": 48, "merged": 24, "repaired": 0, "skipped": 12,
    }  # fmt: skip
    assert summary.ran == 12
    for rows in records(tmp_path).values():
        assert [(r.chosen, r.verdict.judgement) for r in rows] == [
            (False, "skipped"),
            (True, "right"),
        ]
        assert rows[0].trace.steps == []
        assert rows[0].verdict.why == "the vote was decided without it"
    figures = score_run(tmp_path / "run").figures
    assert figures["metrics"]["accuracy"]["value"] == 1
    assert "best_candidate" not in figures["metrics"], "nobody knows what the skipped ones answer"
    assert (figures["errors"], figures["candidate_errors"]) == ({}, {})
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == figures


def test_a_vote_that_goes_on(run: Run, tmp_path: Path) -> None:
    other = WRONG.replace("nothing", "something")
    run(
        Scripted(lambda e: [(WRONG, -1.0), (FAILING, -1.5), (other, -2.0), (gold(e), -3.0),
                            (gold(e).replace("'LEFT'", "'LEFT'") + "# x\n", -4.0)]),
        vote=True,
    )  # fmt: skip
    for rows in records(tmp_path).values():
        assert [r.verdict.judgement for r in rows] == ["wrong", "failed", "wrong", "right"]
        assert [r.chosen for r in rows] == [False, False, False, True]


@pytest.mark.parametrize("vote", [False, True])
def test_broken_programs_are_repaired_once(run: Run, tmp_path: Path, vote: bool) -> None:
    def mend(repair: Any) -> str | None:
        return gold(repair.example) if repair.program.text == BROKEN else WRONG + "X=("

    writer = Scripted(lambda e: [(BROKEN, -1.0), ("A=(", -2.0), (BROKEN, -1.0)], mend)
    summary = run(writer, vote=vote)
    assert len(writer.mended) == 24, "each text once, whatever became of it"
    assert {m for t, m in writer.mended if t == BROKEN} == {
        next(m for t, m in writer.mended if t == BROKEN)
    }
    assert "unknown module 'LOCC'" in dict(writer.mended)[BROKEN]
    assert summary.candidates.repaired == 24
    assert summary.answered == 12
    for rows in records(tmp_path).values():
        first, second = rows
        assert (first.original, first.count, first.chosen) == (BROKEN, 2, True)
        assert first.complaint.startswith("name error: unknown module 'LOCC'. Known: ")
        assert first.trace.logprob == -2.0
        assert second.original == "A=("
        assert second.verdict.judgement == ("skipped" if vote else "failed")


def test_without_repair_nothing_is_sent_back(run: Run, tmp_path: Path) -> None:
    writer = Scripted(lambda e: [(BROKEN, -1.0)], lambda r: gold(r.example))
    summary = run(writer, k=1, repair=False)
    assert (writer.mended, summary.failed, summary.errors) == ([], 12, {"name": 12})
    assert all(r.original is None for rows in records(tmp_path).values() for r in rows)


def test_a_writer_without_a_program_has_failed(run: Run, tmp_path: Path) -> None:
    first: list[str] = []

    def texts(example: Example) -> list[tuple[str, float]]:
        first.append(example.id)
        return [] if len(first) <= 3 else [(gold(example), -1.0)]

    summary = run(Scripted(texts), k=1)
    assert (summary.n, summary.failed, summary.without_program) == (12, 3, 3)
    assert summary.candidates.written == 9
    assert score_run(tmp_path / "run").figures["n"] == 12


def test_writing_and_running_overlap(run: Run) -> None:
    ran = threading.Event()

    def wait_for_the_first(example: Example) -> None:
        if len(writer.asked) == 1:
            assert ran.wait(60), "nothing runs while the writer writes"

    writer = Scripted(lambda e: [(gold(e), -1.0)], hindrance=wait_for_the_first)
    summary = run(writer, k=1, show=lambda p: ran.set() if p.done else None)
    assert summary.answered == 12


def test_a_writer_that_gives_up(run: Run, tmp_path: Path) -> None:
    def give_up(example: Example) -> None:
        if len(writer.asked) == 7:
            raise InputError("the budget is spent")

    writer = Scripted(
        lambda e: [(BROKEN, -1.0), (gold(e), -2.0)], lambda r: gold(r.example), give_up
    )
    with pytest.raises(InputError, match="the budget is spent"):
        run(writer)
    kept = records(tmp_path)
    assert len(writer.asked) == 7
    first, writer.hindrance = list(writer.asked), lambda example: None
    summary = run(writer)
    assert (summary.n, summary.answered, summary.resumed) == (12, 12, len(kept))
    assert len(writer.asked) == len(set(writer.asked)) == 12
    assert writer.asked[:7] == first
    assert len(writer.mended) == 12, "no repair is asked for twice"
    assert summary.candidates.repaired == 12
    again = run(writer)
    assert (again.resumed, len(writer.asked)) == (12, 12)


def test_a_fault_of_a_writer_is_not_hidden(run: Run) -> None:
    def texts(example: Example) -> list[tuple[str, float]]:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run(Scripted(texts))


def test_what_makes_the_run_is_written_down(run: Run, tmp_path: Path) -> None:
    writer = Scripted(lambda e: [(gold(e), -1.0)])
    run(writer, vote=True)
    assert writer.samplings == [Sampling(k=5, temperature=0.5)]
    for change, says in [
        ({"vote": False}, "vote was True, now not set"),
        ({"repair": False}, "repair was True, now False"),
        ({"k": 3}, "sampling.k was 5, now 3"),
    ]:
        with pytest.raises(InputError, match=says):
            run(writer, **{"vote": True, **change})
    writer.fingerprint = "scripted 2"
    with pytest.raises(InputError, match="writer_fingerprint was 'scripted 1', now 'scripted 2'"):
        run(writer, vote=True)


def test_a_writer_is_only_so_far_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprog.evaluation.writing.AHEAD", 4)
    examples = [Example(id=f"q{n}", pictures=(), question="?") for n in range(40)]
    writer = Scripted(lambda e: [("x", None)])
    with (
        ProgramLog(tmp_path, "steps") as log,
        Asking(writer, [], examples, "steps", Sampling(), log) as asking,
    ):
        for taken in range(40):
            assert len(writer.asked) - taken <= 6
            item = asking.next(wait=True)
            assert item is not None
        assert asking.next(wait=True) is None
        assert asking.ended
    assert len(writer.samplings) == 10, "it is asked for four at a time"


def test_a_log_that_was_cut_short(tmp_path: Path) -> None:
    program = Program("A\ud800\u2028", "steps", -1.5)
    with ProgramLog(tmp_path, "steps") as log:
        log.write("q1", [program])
        log.write("q2", [])
    file = tmp_path / "programs.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"id": "q3", "programs": [{"te')
    with ProgramLog(tmp_path, "steps") as log:
        assert log.written == {"q1", "q2"}
        assert log.read({"q1": 1, "q2": 2}) == ({"q1": [program], "q2": []}, {})
    assert file.read_bytes() == whole
    file.write_bytes(whole.replace(b'{"id": "q1"', b'{"id" "q1"'))
    with pytest.raises(InputError, match="line 1 is damaged"):
        ProgramLog(tmp_path, "steps")
