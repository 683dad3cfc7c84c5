"""Options of `vprog run` about examples and candidates."""

from __future__ import annotations

import json
import re
from pathlib import Path

RUN = ("run", "world-gqa", "--data", "world")
DOCS = Path(__file__).parents[2] / "docs"


def write_candidates(world: Path, file: Path) -> None:
    """Two wrong programs that differ and one that is right in three forms, for ten questions."""
    rows = []
    questions = json.loads((world / "val_balanced_questions.json").read_text())
    for id, question in list(questions.items())[:10]:
        wrong = "A=EVAL(expr=\"'{}'\")\nR=RESULT(var=A)"
        right = f"A=EVAL(expr=\"'{question['answer']}'\")\nR=RESULT(var=A)"
        renamed = right.replace("A=", "B=").replace("var=A", "var=B")
        texts = [wrong.format("so"), right, wrong.format("or"), renamed, "# so\n" + right]
        rows += [{"id": id, "program": t, "language": "steps", "logprob": -1.0} for t in texts]
    file.write_text("\n".join(map(json.dumps, rows)))


def test_candidates_and_their_vote(inside, tmp_path: Path, world: Path) -> None:
    write_candidates(world, tmp_path / "p.jsonl")
    replay = (*RUN, "--writer", "replay:p.jsonl", "--json")
    first = inside(*replay, "--out", "a").json
    assert (first["n"], first["candidates"]) == (
        10,
        {"written": 50, "merged": 20, "repaired": 0, "skipped": 0},
    )
    assert first["errors"] == {"wrong answer": 10}
    assert first["candidate_errors"] == {"wrong answer": 20}
    voted = inside(*replay, "--vote", "--out", "b").json
    assert (voted["answered"], voted["errors"]) == (10, {})
    assert voted["candidates"] == {"written": 50, "merged": 20, "repaired": 0, "skipped": 20}
    assert voted["ids_sha256"] == first["ids_sha256"]
    scores = [inside("score", run, "--json").json for run in ("a", "b")]
    assert [s["metrics"]["accuracy"]["value"] for s in scores] == [0.0, 1.0]
    assert [s["ids_sha256"] for s in scores] == [first["ids_sha256"]] * 2
    told = inside(*RUN, "--writer", "replay:p.jsonl", "--vote", "--out", "c").out
    assert "10 questions: 10 answered, 0 failed" in told
    assert "50 programs were written: 20 merged with equal ones, 0 repaired, 20 not run" in told
    assert f"ids {first['ids_sha256'][:12]}" in told
    # What was merged keeps its votes when the run is replayed.
    again = inside(*RUN, "--writer", "replay:a", "--vote", "--out", "d", "--json").json
    assert (again["candidates"], again["errors"]) == (voted["candidates"], {})
    assert inside("view", "b").code == 0


def test_a_plan_runs_a_sample_and_leaves_nothing(inside, tmp_path: Path, world: Path) -> None:
    plan = inside(*RUN, "--dry-run", "--json").json["plan"]
    assert plan["n"] == plan["sample"] == 60
    assert plan["calls"]["requested"] >= plan["calls"]["computed"] > 0
    assert plan["stage"] in plan["shares"]
    assert not (tmp_path / "runs").exists()
    (tmp_path / "prices.toml").write_text('["cpu"]\nhour = 1.0\n')
    assert inside(*RUN, "--dry-run", "--prices", "prices.toml").code == 0
    assert "asks no model for programs" in inside(*RUN, "--prices", "prices.toml").message
    assert "--on must be here or ray" in inside(*RUN, "--dry-run", "--on", "moon").message
    assert "belong to --on ray" in inside(*RUN, "--dry-run", "--actors", 3).message
    told = inside(*RUN, "--dry-run").out
    assert "60 examples, from a sample of 60 in this process:" in told
    assert re.search(r"^storage  [0-9.]+ MB$", told, re.MULTILINE)


def test_selection(inside, tmp_path: Path, world: Path) -> None:
    questions = json.loads((world / "val_balanced_questions.json").read_text())
    (tmp_path / "ids").write_text("\n".join(list(questions)[5:9]))
    done = inside(*RUN, "--ids", "ids", "--json").json
    assert done["n"] == 4
    assert re.fullmatch(r"runs/world-gqa-val-gold-oracle-steps-[0-9a-f]{8}", done["run"])
    kind = next(iter(questions.values()))["types"]["structural"]
    done = inside(*RUN, "--types", f"structural={kind}", "--json").json
    assert done["n"] == sum(q["types"]["structural"] == kind for q in questions.values())
    assert "--types wants KIND=VALUE" in inside(*RUN, "--types", "query").message
    assert "no example with 1 of the 1 ids" in inside(*RUN, "--ids", write(tmp_path)).message


def write(tmp_path: Path) -> Path:
    (tmp_path / "unknown").write_text("q?")
    return tmp_path / "unknown"


def test_values_out_of_range(inside, world: Path) -> None:
    for options, says in [
        (("--k", 0), "k must be 1 to 1000 candidates, got 0"),
        (("--k", 2, "--temperature", 0), "k = 2 candidates at temperature 0 are all the same"),
        (("--top-p", 0), "top-p must be above 0"),
        (("--prompt", "long"), "--prompt must be full or bare, got 'long'"),
        (("--budget", -1), "the budget must be above 0 dollars"),
    ]:
        assert says in inside(*RUN, *options).message


def test_options_that_nobody_would_heed(inside, world: Path) -> None:
    for options, leave in [
        (("--k", 3), "--k"),
        (("--vote",), "--vote"),
        (("--writer", "vqa", "--temperature", 0.5), "--temperature"),
        (("--writer", "replay:x", "--base-url", "http://localhost/v1"), "--base-url"),
        (("--writer", "gold", "--model", "zoo:vlm"), "--model"),
    ]:
        said = inside(*RUN, *options).message
        assert said.endswith(f"asks no model for programs; leave out {leave}")
    for options, who in [
        (("--writer", "zoo", "--budget", 1), "--writer chat, and the writer is 'zoo'"),
        (("--writer", "local:x", "--record", "f"), "--writer chat, and the writer is 'local:x'"),
        (("--writer", "local", "--model", "x"), "a model on this machine is --writer local:x"),
        (("--writer", "chat", "--grammar"), "--writer local:MODEL, and the writer is 'chat'"),
    ]:
        assert inside(*RUN, *options).message.endswith(who)
    assert "--key belongs to a study's filled CSV" in inside("score", "a", "--key", "k").message
    assert "--grid belongs to --rationales" in inside("score", "a", "--grid", 50).message
    assert "--markdown belongs to runs" in inside("score", "a.csv", "--markdown").message


def test_the_page_about_runs(inside, tmp_path: Path, world: Path, monkeypatch, capsys) -> None:
    inside(*RUN, "--limit", 5, "--out", "runs/mine")
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "runs.md").read_text("utf-8"), re.S)
    exec(compile(code, "runs.md", "exec"), {})
    assert "right    5" in capsys.readouterr().out
