"""Several endpoints of one chat writer: load, rests, tries elsewhere, the end of all."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from faulty import PROGRAM, Act, completion, refusal, serving

from vprog.errors import InputError
from vprog.example import Example, Picture
from vprog.runs.folder import read_traces
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import Sampling, Writer, WriterSettings, load_writer

OK = Act(200, completion(PROGRAM))
DOWN = refusal(503, "down")
PICTURE = Picture("cup.png", path="cup.png")


pytestmark = pytest.mark.usefixtures("waits")


def examples(n: int) -> list[Example]:
    questions = [f"How many cups are in row {k}?" for k in range(n)]
    return [Example(id=q, pictures=(PICTURE,), question=q) for q in questions]


def chat(*urls: str, **more: Any) -> Writer:
    settings: dict[str, Any] = {"model": "m", "base_urls": urls, "concurrency": 1, "retries": 2}
    return load_writer(
        "chat",
        toolbox=load_toolbox("oracle"),
        benchmark="world-gqa",
        settings=WriterSettings(**settings | more),
    )


def texts(writer: Writer, n: int) -> list[str]:
    return [found[0].text for found in writer.write(examples(n), "steps", Sampling())]


def listing(*names: str) -> Act:
    return Act(200, {"data": [{"id": name, "max_model_len": 100_000} for name in names]})


def test_load_is_fair_and_the_bound_on_requests_is_for_each_endpoint() -> None:
    meet = threading.Barrier(4)
    lock = threading.Lock()
    at_once, most = {"a": 0, "b": 0}, {"a": 0, "b": 0}

    def script(name: str) -> Any:
        def play(body: dict[str, Any], number: int) -> Act:
            with lock:
                at_once[name] += 1
                most[name] = max(most[name], at_once[name])
            meet.wait(30)  # four must be under way before any is answered
            with lock:
                at_once[name] -= 1
            return OK

        return play

    with serving(script("a")) as a, serving(script("b")) as b:
        assert texts(chat(a.url, b.url, concurrency=2), 16) == [PROGRAM] * 16
        assert (len(a.bodies), len(b.bodies)) == (8, 8)
    assert most == {"a": 2, "b": 2}


def test_a_slow_endpoint_gets_less() -> None:
    others_done = threading.Event()

    def slow(body: dict[str, Any], number: int) -> Act:
        others_done.wait(30)
        return OK

    def fast(body: dict[str, Any], number: int) -> Act:
        if number == 8:
            others_done.set()
        return OK

    with serving(slow) as a, serving(fast) as b:
        assert texts(chat(a.url, b.url), 10) == [PROGRAM] * 10
        assert (len(a.bodies), len(b.bodies)) == (1, 9)


def test_an_endpoint_that_dies_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    third, gone = threading.Event(), threading.Event()

    def dying(body: dict[str, Any], number: int) -> Act:
        if number == 2:
            third.set()
            return Act(fault="hang")  # until it is closed, then without an answer
        return OK

    def steady(body: dict[str, Any], number: int) -> Act:
        if number > 1:
            gone.wait(30)
        return OK

    record = tmp_path / "r.jsonl"
    with serving(dying) as a, serving(steady) as b:
        writer = chat(a.url, b.url, record=record)
        written = writer.write(examples(12), "steps", Sampling())
        found = [next(written)]
        assert third.wait(30)
        a.close()
        gone.set()
        found += written
        assert [f[0].text for f in found] == [PROGRAM] * 12
        assert (len(a.bodies), len(b.bodies)) == (3, 10)
        assert writer.usage.requests == 13
    rows = [json.loads(line) for line in record.read_text().splitlines()]
    assert sorted(id for row in rows for id in row["ids"]) == sorted(e.id for e in examples(12))
    (errors,) = [row["errors"] for row in rows if row["errors"]]
    assert errors[0].startswith(f"{a.url}: the connection broke")
    assert capsys.readouterr().err.count(f"the chat endpoint {a.url} rests after a failure") == 1
    # What is known does not depend on who answered.
    assert texts(chat("http://127.0.0.1:1/v1", record=record), 12) == [PROGRAM] * 12


def test_when_all_rest_the_first_to_come_back_is_waited_for(waits: list[float]) -> None:
    def busy(wait: str) -> Any:
        def play(body: dict[str, Any], number: int) -> Act:
            if number == 0:
                return Act(429, {"error": {"message": "slow"}}, {"retry-after": wait})
            return OK

        return play

    with serving(busy("7")) as a, serving(busy("3")) as b:
        assert texts(chat(a.url, b.url), 6) == [PROGRAM] * 6
        assert (len(a.bodies), len(b.bodies)) == (1, 7)
    assert waits == [3.0]


def test_one_that_failed_comes_back_with_a_single_request(waits: list[float]) -> None:
    back, answered = threading.Event(), threading.Event()
    tried: list[int] = []

    def failing(body: dict[str, Any], number: int) -> Act:
        if number < 3:
            return DOWN
        if number == 3:
            back.set()
            answered.wait(30)
            tried.append(len(a.bodies))
        return OK

    def steady(body: dict[str, Any], number: int) -> Act:
        if number == 9:
            waits.append(60.0)  # a minute later
        if number == 11:
            back.wait(30)
        if number == 20:
            answered.set()
        return OK

    with serving(failing) as a, serving(steady) as b:
        assert texts(chat(a.url, b.url, concurrency=3, retries=3), 60) == [PROGRAM] * 60
        assert tried == [4]
        assert len(a.bodies) > 5
        assert len(a.bodies) + len(b.bodies) == 63


def test_when_all_are_gone_the_run_ends_with_the_first_error_and_goes_on_later(
    world: Path, inside: Any, tmp_path: Path
) -> None:
    gone = True

    def script(name: str) -> Any:
        def play(body: dict[str, Any], number: int) -> Act:
            return refusal(503, f"{name} is down, {number}") if gone and number > 1 else OK

        return play

    with serving(script("a")) as a, serving(script("b")) as b:
        run = ("run", "world-gqa", "--data", "world", "--limit", 8, "--json", "--out", "run")
        asks = ("--writer", "chat", "--model", "m", "--concurrency", 1)
        both = ("--base-url", a.url, "--base-url", b.url)
        ended = inside(*run, *asks, *both)
        assert ended.code == 2
        assert "Traceback" not in ended.err
        said = [line for line in ended.err.splitlines() if "gave no answer" in line]
        assert len(said) == 1
        assert f"the chat endpoints {a.url}, {b.url} gave no answer in 5 tries" in said[0]
        assert "(bound: 4 retries). The first error: " in said[0]
        assert "is down, 2" in said[0]
        assert len(a.bodies) + len(b.bodies) <= 4 + 2 * 5
        kept = (tmp_path / "run" / "exchanges.jsonl").read_text().splitlines()
        assert len(kept) == 4
        # Started again, it asks for what is missing and nothing else.
        gone = False
        asked = len(a.bodies) + len(b.bodies)
        assert inside(*run, *asks, *both).code == 0
        assert len(a.bodies) + len(b.bodies) == asked + 4
    traces = [record.trace.example_id for record in read_traces(tmp_path / "run")]
    assert len(traces) == len(set(traces)) == 8


def test_one_that_is_down_at_the_start_rests() -> None:
    with serving(lambda body, number: OK) as b:
        with serving(lambda body, number: OK) as a:
            pass
        assert texts(chat(a.url, b.url), 4) == [PROGRAM] * 4
        assert len(b.bodies) == 4
    with pytest.raises(InputError, match=rf"cannot reach the chat endpoint {a.url}"):
        texts(chat(a.url, b.url), 4)


def test_all_must_serve_the_model_by_the_same_name() -> None:
    def ok(body: dict[str, Any], number: int) -> Act:
        return OK

    with serving(ok, listing("m")) as a, serving(ok, listing("n", "o")) as b:
        message = rf"{b.url} does not serve the model 'm', .* It has: n, o\."
        with pytest.raises(InputError, match=message):
            texts(chat(a.url, b.url), 4)
        assert a.bodies == b.bodies == []
        # A name that no list has may still be known, and a server may have no list.
        assert texts(chat(a.url, b.url, model="alias"), 2) == [PROGRAM] * 2
        with serving(ok, refusal(404, "no such page")) as c:
            assert texts(chat(a.url, c.url), 2) == [PROGRAM] * 2


def test_an_endpoint_is_named_once() -> None:
    with pytest.raises(InputError, match="--base-url names an endpoint twice"):
        chat("http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1/")
