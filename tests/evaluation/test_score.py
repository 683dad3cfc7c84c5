"""Scores of runs that were written by hand, so that every figure is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError
from vprog.evaluation.score import compare_runs, score_run, score_runs
from vprog.evaluation.statistics import wilson
from vprog.evaluation.view import write_run_report
from vprog.example import Example
from vprog.report.scores import print_scores
from vprog.runs.folder import RunFolder
from vprog.runs.record import make_record
from vprog.trace import Failure, Trace

ROWS: list[tuple[str, Any, str, str]] = [
    # id, answer or failure, label, type
    ("q1", True, "yes", "verify"),
    ("q2", "No.", "no", "verify"),
    ("q3", "red", "blue", "query"),
    ("q4", Failure("runtime", "division by zero", 2, 3), "yes", "query"),
    ("q5", Failure("tool", "no backend", 0, 1), "yes", "query"),
    ("q6", "the cup", "cup", "query"),
]

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a run with these rows."""

    def run(
        name: str,
        rows: list[tuple[str, Any, str, str]] = ROWS,
        *,
        n: int = 0,
        extra: Mapping[str, Any] = MappingProxyType({}),
        **settings: Any,
    ) -> Path:
        folder = tmp_path / name
        given = {
            "benchmark": "shapes", "data": "/data", "split": "val", "writer": "gold",
            "toolbox": "pixels", "language": "steps", "seed": 0,
            "n": n or len({id.partition("#")[0] for id, *_ in rows}),
            "facts": {"vprog": "0", "commit": "abc"},
        }  # fmt: skip
        with RunFolder(folder, {**given, **settings}) as opened:
            for id, answer, label, kind in rows:
                id, _, candidate = id.partition("#")
                failed = isinstance(answer, Failure)
                trace = Trace(
                    id, int(candidate or 0), "steps", "text",
                    answer=None if failed else answer, failure=answer if failed else None,
                )  # fmt: skip
                labels = (label,) if label else ()
                types = {"structural": kind}
                example = Example(
                    id=id, pictures=(), question="?", answers=labels, types=types, group="g",
                    extra=extra.get(id, {}),
                )  # fmt: skip
                judge = load_benchmark(str(settings.get("benchmark", "shapes"))).verify
                opened.append(make_record(trace, example, judge))
        return folder

    return run


def test_every_figure(make: Make) -> None:
    figures = score_run(make("a")).figures
    low, high = wilson(3, 6)
    assert figures["metrics"] == {
        "accuracy": {
            "value": 0.5,
            "ci95": [round(low, 6), round(high, 6)],
            "n": 6,
            "interval": "wilson",
            "unit": "share",
        }
    }
    assert (figures["n"], figures["finished"], figures["commit"]) == (6, True, "abc")
    assert figures["errors"] == {"wrong answer": 1, "runtime": 1, "tool": 1}
    assert figures["majority"] == {"answer": "yes", "value": 0.5}
    by_type = figures["by_type"]["structural"]
    assert {kind: (e["value"], e["n"]) for kind, e in by_type.items()} == {
        "query": (0.25, 4),
        "verify": (1.0, 2),
    }
    lines = b"q1\nq2\nq3\nq4\nq5\nq6"
    assert figures["ids_sha256"] == hashlib.sha256(lines).hexdigest()


def test_the_order_of_traces_does_not_matter(make: Make) -> None:
    one = score_run(make("a")).figures
    other = score_run(make("b", ROWS[::-1])).figures
    assert {**one, "run": ""} == {**other, "run": "", "errors": one["errors"]}
    assert one["errors"].items() == other["errors"].items()


def test_the_majority_is_the_most_frequent_label_in_normal_form(make: Make) -> None:
    rows = [(f"q{n}", "x", label, "t") for n, label in enumerate(("two", "2", "Two.", "no", "no"))]
    assert score_run(make("a", rows)).figures["majority"] == {"answer": "2", "value": 0.6}


def test_an_unfinished_run_says_so(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    figures = score_run(make("a", n=7)).figures
    assert figures["finished"] is False
    print_scores([figures], None, markdown=False)
    assert "NOT FINISHED: start its command again" in capsys.readouterr().out


def test_the_first_candidate_counts(make: Make) -> None:
    rows = [("q1#1", "yes", "yes", "t"), ("q1#0", "no", "yes", "t"), ("q2", "yes", "yes", "t")]
    figures = score_run(make("a", rows)).figures
    assert (figures["n"], figures["finished"]) == (2, True)
    assert figures["metrics"]["accuracy"]["value"] == 0.5


def test_unlabelled_examples_are_left_out(make: Make) -> None:
    rows = [("q1", "yes", "yes", "t"), ("q2", "yes", "", "t")]
    figures = score_run(make("a", rows)).figures
    assert (figures["n"], figures["metrics"]["accuracy"]["n"]) == (2, 1)
    assert figures["metrics"]["accuracy"]["value"] == 1.0
    with pytest.raises(InputError, match="no example of 'val' has a label to score by"):
        score_run(make("b", [("q2", "yes", "", "t")]))


def test_official_metrics_stand_beside_accuracy(make: Make) -> None:
    extra = {id: {"group_size": len(ROWS)} for id, *_ in ROWS}
    figures = score_run(make("a", benchmark="nlvr", extra=extra)).figures
    low, high = wilson(0, 1)  # all are of one group
    assert figures["metrics"]["consistency"] == {
        "value": 0.0, "ci95": [low, round(high, 6)], "n": 1, "interval": "wilson", "unit": "share",
    }  # fmt: skip


def test_a_run_of_some_pictures_of_a_statement_has_no_consistency(make: Make) -> None:
    extra = {id: {"group_size": len(ROWS)} for id, *_ in ROWS}
    some = score_run(make("a", ROWS[:2], benchmark="nlvr", extra=extra)).figures["metrics"]
    assert some["accuracy"]["value"] == 1.0
    assert some["consistency"]["value"] is None
    assert "needs all pictures of a statement; run without" in some["consistency"]["missing"]


def test_two_runs_are_compared_over_what_both_have(make: Make) -> None:
    rows = [
        ("q1", "no", "yes", "t"),  # lost
        ("q3", "blue", "blue", "t"),  # gained
        ("q4", "yes", "yes", "t"),  # gained from a failure
        ("q5", Failure("name", "x", None, None), "yes", "t"),  # failed in both: the same
        ("q6", "cup", "cup", "t"),  # the same answer
        ("q9", "cup", "cup", "t"),  # not in the first
    ]
    found = compare_runs(score_run(make("a")), score_run(make("b", rows)))
    assert (found["n"], found["same_answers"]) == (5, 2)
    assert (found["gained"], found["lost"]) == (2, 1)
    assert found["difference"] == pytest.approx(1 / 5)
    assert found["p_value"] == 1.0
    assert found["ids_sha256"] == hashlib.sha256(b"q1\nq3\nq4\nq5\nq6").hexdigest()
    with pytest.raises(InputError, match="have no labelled example in common"):
        compare_runs(score_run(make("a2")), score_run(make("c", rows[-1:])))
    other = [*rows[:4], ("q6", "cup", "mug", "t")]  # the ids of other data
    with pytest.raises(InputError, match="'q6' has another question or other labels there"):
        compare_runs(score_run(make("a3")), score_run(make("d", other)))


def test_what_does_not_count_in_the_accuracy_counts_nowhere_beside_it(make: Make) -> None:
    """GQA's figures are over balanced questions."""
    extra = {id: {"balanced": False} for id in ("q1", "q2", "q3")}
    about: dict[str, Any] = {"benchmark": "gqa", "extra": extra}
    rows = [(id, "blue", label, kind) for id, _, label, kind in ROWS]
    candidates = [(f"{id}#1", *rest) for id, *rest in ROWS if id in ("q1", "q6")]
    first, second = make("a", **about), make("b", rows, **about)
    figures, other = score_run(first), score_run(second)
    assert figures.figures["metrics"]["accuracy"]["value"] == pytest.approx(1 / 3)
    assert other.figures["metrics"]["accuracy"]["value"] == 0
    found = compare_runs(figures, other)
    assert (found["n"], found["lost"], found["gained"]) == (3, 1, 0)
    assert found["difference"] == pytest.approx(-1 / 3, abs=1e-6)
    voted = score_run(make("c", [*rows, *candidates], **about)).figures["metrics"]
    assert voted["best_candidate"]["value"] == pytest.approx(1 / 3)
    assert voted["best_candidate"]["n"] == 3


def test_a_report_of_some_shows_what_went_wrong_first(make: Make) -> None:
    page = write_run_report(make("a"), limit=3).read_text()
    shown = [id for id, *_ in ROWS if f">{id}<" in page]
    assert shown == ["q3", "q4", "q5"]


def test_figures_are_kept_in_the_folder(make: Make) -> None:
    run = make("a")
    figures = score_run(run).figures
    assert json.loads((run / "metrics.json").read_text()) == figures


@pytest.mark.parametrize("markdown", [False, True])
def test_tables(
    make: Make, capsys: pytest.CaptureFixture[str], markdown: bool, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    first = score_run(make("world-gqa-val-gold-oracle-steps"))
    second = score_run(make("b", ROWS[:4], language="python"))
    short = [{**s.figures, "run": s.path.name} for s in (first, second)]
    print_scores(short, compare_runs(first, second), markdown=markdown)
    out = capsys.readouterr().out
    words = " ".join(out.split())
    assert "50.0 [18.8, 81.2]" in words
    assert "errors: wrong answer" in words
    assert "second - first: +0.0 points [-32.7, +32.7], McNemar p = 1" in words
    assert "on 4 common examples, 4 of them with the same answer" in words
    if markdown:
        assert "| split | writer | toolbox | language | seed |" in words
    else:
        assert "b: val, gold over pixels, python, seed 0" in words
        assert max(map(len, out.splitlines())) <= 80


VQA = {"fingerprints": {"vqa": "model 7"}}


def test_the_bare_vqa_tool_stands_beside(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    run = make("a", **VQA)
    alone = score_run(run).figures["vqa"]
    assert alone["value"] is None
    assert (
        "vprog run shapes --data /data --split val --writer vqa --toolbox pixels"
        in (alone["missing"])
    )
    asked = [("q1", "yes", "yes", "t"), ("q3", "red", "blue", "t"), ("q9", "yes", "yes", "t")]
    make("other split", asked, writer="vqa", split="train", **VQA)
    make("other model", asked, writer="vqa", fingerprints={"vqa": "model 8"})
    make("other data", [*asked, ("q2", "no", "yes", "t")], writer="vqa", **VQA)
    bare = make("z", asked, writer="vqa", **VQA)
    low, high = wilson(1, 2)
    found = score_run(run).figures
    assert found["vqa"] == {  # over q1 and q3: the run has no q9
        "run": str(bare), "value": 0.5, "ci95": [round(low, 6), round(high, 6)], "n": 2,
        "interval": "wilson", "unit": "share",
    }  # fmt: skip
    assert score_run(bare).figures["vqa"] is None
    print_scores([found, score_run(bare).figures], None, markdown=True)
    assert "| vqa " in capsys.readouterr().out


def test_a_run_given_is_asked_for_the_bare_tool_first(make: Make, tmp_path: Path) -> None:
    run = make("here/a", **VQA)
    elsewhere = make("there/bare", ROWS[:2], writer="vqa", **VQA)
    figures, comparison = score_runs([run, elsewhere])
    assert figures[0]["vqa"]["run"] == str(elsewhere)
    assert comparison is not None
    assert comparison["n"] == 2
    figures, comparison = score_runs([run])
    assert (figures[0]["vqa"]["value"], comparison) == (None, None)


def test_a_toolbox_without_vqa_says_so(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    figures = score_run(make("a")).figures
    assert figures["vqa"] == {"value": None, "missing": "the toolbox binds no vqa tool"}
    print_scores([figures], None, markdown=False)
    assert "vqa: the toolbox binds no vqa tool" in capsys.readouterr().out


def test_the_command_that_makes_the_bare_run_puts_it_beside(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make("my run", limit=20, **VQA)
    monkeypatch.chdir(run)
    hint = score_run(Path()).figures["vqa"]["missing"]
    assert hint.endswith(f"--limit 20 --seed 0 --out '{run}-vqa'")


def test_words_are_no_baseline_for_regions(make: Make) -> None:
    rows = [("q1", "cat", "[0, 0, 9, 9]", "t")]
    run = make("a", rows, benchmark="refcoco", extra={"q1": {"box_xyxy": [0, 0, 9, 9]}}, **VQA)
    figures = score_run(run).figures
    assert figures["vqa"]["missing"] == "answers are regions, and vqa answers in words"
    assert figures["majority"]["value"] == 0.0


def test_numbers_are_in_order_and_many_values_are_left_to_markdown(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(f"q{n}", "yes", "yes", str(n)) for n in range(13)]
    figures = score_run(make("a", rows)).figures
    assert list(figures["by_type"]["structural"]) == [str(n) for n in range(13)]
    print_scores([figures], None, markdown=False)
    assert "by structural: --markdown or --json" in capsys.readouterr().out
    print_scores([figures], None, markdown=True)
    out = capsys.readouterr().out
    assert "| structural | 12 " in out
    assert "--markdown" not in out


def test_a_damaged_neighbour_is_no_obstacle(make: Make, tmp_path: Path) -> None:
    run = make("a", **VQA)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "run.toml").write_text("no toml [")
    assert score_run(run).figures["vqa"]["value"] is None


def test_by_type_has_the_official_figures_too(make: Make) -> None:
    rows = [
        ("q1", "yes", "yes", "a"), ("q2", "no", "yes", "a"), ("q3", "yes", "no", "b"),
        ("q4", "no", "no", "b"),
    ]  # fmt: skip
    figures = score_run(make("a", rows, benchmark="pope")).figures
    assert figures["metrics"]["precision"]["value"] == 0.5
    assert figures["metrics"]["recall"]["ci95"] == [round(x, 6) for x in wilson(1, 2)]
    assert figures["metrics"]["f1"]["interval"] in ("bootstrap", "wilson")
    by_type = figures["by_type"]["structural"]
    assert by_type["a"]["metrics"] == {
        "precision": 1.0, "recall": 0.5, "f1": round(2 / 3, 6), "yes_ratio": 0.5,
    }  # fmt: skip
    assert by_type["b"]["metrics"] == {"precision": 0.0, "f1": 0.0, "yes_ratio": 0.5}


def test_figures_that_need_files_are_said_to_be_missing(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = score_run(make("a", benchmark="gqa")).figures
    assert figures["metrics"]["validity"]["value"] is None
    assert "val_choices.json" in figures["metrics"]["validity"]["missing"] or (
        "/data does not exist" in figures["metrics"]["validity"]["missing"]
    )
    print_scores([figures], None, markdown=True)
    assert "validity, plausibility: needs GQA's choices file" in capsys.readouterr().out


def test_only_balanced_questions_count_in_gqa(make: Make) -> None:
    rows = [("q1", "red", "red", "query"), ("q2", "red", "blue", "query"),
            ("q3", "yes", "yes", "verify")]  # fmt: skip
    run = make("a", rows, benchmark="gqa", extra={"q1": {"balanced": False}})
    figures = score_run(run).figures
    assert figures["n"] == 3
    assert (figures["metrics"]["accuracy"]["value"], figures["metrics"]["accuracy"]["n"]) == (
        0.5,
        2,
    )
    assert figures["by_type"]["structural"]["query"]["n"] == 1
    assert figures["majority"] == {"answer": "blue", "value": 0.5}


def test_runs_of_two_benchmarks_are_not_compared(make: Make) -> None:
    with pytest.raises(InputError, match=r"cannot compare .* of shapes with .* of pope"):
        score_runs([make("a"), make("b", benchmark="pope")])
