"""The chat writer against a server that works, and against every fault that servers have."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faulty import PROGRAM, Act, completion, refusal, serving

from vprog.errors import InputError
from vprog.example import Example, Picture
from vprog.program import Program
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import Repair, Sampling, Writer, WriterSettings, load_writer
from vprog.writers.replay import Replay

ONE = Sampling()
FIVE = Sampling(k=5, temperature=0.7)


def example(question: str, id: str = "") -> Example:
    picture = Picture("cup.png", path="cup.png")
    return Example(id=id or question, pictures=(picture,), question=question)


CUPS = example("How many cups are there?")
BIRDS = example("How many birds are there?")
DOGS = example("How many dogs are there?")
OK = Act(200, completion(PROGRAM))


@pytest.fixture(autouse=True)
def _quick(waits: list[float]) -> None:
    del waits


def chat(url: str | None, **more: Any) -> Writer:
    settings: dict[str, Any] = {
        "model": "m",
        "base_urls": () if url is None else (url,),
        "concurrency": 1,
        "retries": 2,
    }
    return load_writer(
        "chat",
        toolbox=load_toolbox("oracle"),
        benchmark="world-gqa",
        settings=WriterSettings(**settings | more),
    )


def texts(writer: Writer, *examples: Example, sampling: Sampling = ONE) -> list[list[str]]:
    return [[p.text for p in found] for found in writer.write(examples, "steps", sampling)]


def says(act: Act) -> Callable[[dict[str, Any], int], Act]:
    return lambda body, number: act


def test_a_question_becomes_a_program_and_is_never_asked_again(tmp_path: Path) -> None:
    record = tmp_path / "run" / "exchanges.jsonl"
    fenced = f"Here it is:\n```\n{PROGRAM}\n```\nIt counts cups."
    with serving(says(Act(200, completion(fenced)))) as server:
        writer = chat(server.url, record=record)
        assert texts(writer, CUPS, BIRDS) == [[PROGRAM], [PROGRAM]]
        assert [b["messages"][0]["role"] for b in server.bodies] == ["user", "user"]
        assert "How many birds are there?" in server.bodies[1]["messages"][0]["content"]
        assert server.bodies[0]["temperature"] == 0
        assert "n" not in server.bodies[0]
        usage = writer.usage
        assert (usage.requests, usage.prompt_tokens, usage.completion_tokens) == (2, 200, 20)
        assert usage.cost is None
    # The server is gone: the same command answers from its record, in parts and order of its own.
    offline = chat(server.url, record=record)
    assert texts(offline, BIRDS, CUPS) == [[PROGRAM], [PROGRAM]]
    assert offline.usage.requests == 0
    assert offline.fingerprint == writer.fingerprint
    # And so does a replay of the record.
    replay = load_writer(
        f"replay:{record}",
        toolbox=load_toolbox("oracle"),
        benchmark="world-gqa",
        settings=WriterSettings(),
    )
    assert texts(replay, CUPS, BIRDS, DOGS) == [[PROGRAM], [PROGRAM], []]


def test_k_samples_come_in_one_request_the_likeliest_first() -> None:
    answer = completion("A=X()", "B=X()", "C=X()", "D=X()", "E=X()",
                        logprobs=[[-3, -1], [-1, -1], [-2, -1], [-9], [-0.5]])  # fmt: skip
    with serving(says(Act(200, answer))) as server:
        (found,) = chat(server.url).write([CUPS], "steps", FIVE)
        assert [b["n"] for b in server.bodies] == [5]
    assert [(p.text, p.logprob) for p in found] == [
        ("E=X()", -0.5), ("B=X()", -2), ("C=X()", -3), ("A=X()", -4), ("D=X()", -9)
    ]  # fmt: skip


def test_a_server_that_ignores_n_is_asked_once_a_sample() -> None:
    def one_of(body: dict[str, Any], number: int) -> Act:
        return Act(200, completion(f"A{number}=X()"))

    with serving(one_of) as server:
        found = texts(chat(server.url), CUPS, BIRDS, sampling=Sampling(k=3, temperature=1))
        assert [b.get("n") for b in server.bodies] == [3, None, None, None, None, None]
        assert len({b["seed"] for b in server.bodies}) == 6
    assert found == [["A0=X()", "A1=X()", "A2=X()"], ["A3=X()", "A4=X()", "A5=X()"]]


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("logprobs", refusal(400, "This model does not support it.", param="logprobs")),
        ("n", refusal(400, "'n' must be 1")),
        ("seed", refusal(422, "unknown field `seed`")),
        ("max_tokens", refusal(400, "Use 'max_completion_tokens' instead.", param="max_tokens")),
    ],
)
def test_what_a_server_does_not_know_is_left_out_from_then_on(name: str, act: Act) -> None:
    def picky(body: dict[str, Any], number: int) -> Act:
        return act if name in body else OK

    with serving(picky) as server:
        found = texts(chat(server.url), CUPS, BIRDS, sampling=Sampling(k=2, temperature=1))
        assert found == [[PROGRAM] * 2] * 2
        assert [name in b for b in server.bodies].count(True) == 1


def test_equal_questions_are_asked_once(tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    with serving(says(OK)) as server:
        again = example("How many  cups are there?", id="2")
        assert texts(chat(server.url, record=record), CUPS, again) == [[PROGRAM]] * 2
        assert len(server.bodies) == 1
    kept = json.loads(record.read_text())
    assert kept["ids"] == [CUPS.id, "2"]
    assert kept["questions"] == {CUPS.id: CUPS.question, "2": again.question}
    other = example("How many dogs are there?", id="2")
    with pytest.raises(InputError, match="its programs of '2' are for 'How many  cups"):
        list(Replay(record).write([other], "steps", Sampling()))


def test_too_many_requests_waits_as_long_as_it_is_told(waits: list[float], tmp_path: Path) -> None:
    def busy(body: dict[str, Any], number: int) -> Act:
        wait = ({"retry-after": "7"}, {"retry-after-ms": "1500"})
        return Act(429, {"error": {"message": "slow"}}, wait[number]) if number < 2 else OK

    record = tmp_path / "r.jsonl"
    with serving(busy) as server:
        assert texts(chat(server.url, record=record), CUPS) == [[PROGRAM]]
        assert len(server.bodies) == 3
    assert waits == [7.0, 1.5]
    assert json.loads(record.read_text())["errors"] == ["HTTP 429: slow", "HTTP 429: slow"]


def test_a_wait_beyond_patience_is_not_begun(waits: list[float]) -> None:
    busy = Act(429, {"error": {"message": "come back tomorrow"}}, {"retry-after": "86400"})
    with serving(says(busy)) as server:
        with pytest.raises(InputError, match=r"1 tries \(bound: 600 s\).*come back tomorrow"):
            texts(chat(server.url), CUPS)
        assert (len(server.bodies), waits) == (1, [])


FAULTS = {
    "error 500": (Act(500, {"error": {"message": "boom"}}), "HTTP 500: boom"),
    "overload": (Act(503, "<html>busy</html>"), "HTTP 503"),
    "silence": (Act(fault="hang"), r"no answer within 0\.\d+ s"),
    "drops for ever": (Act(200, completion(PROGRAM), fault="drip"), r"no answer within 0\.\d+ s"),
    "cut stream": (Act(200, completion(PROGRAM), fault="cut"), "the connection broke"),
    "no JSON": (Act(200, "<html>hello</html>"), "garbage: no JSON but '<html>"),
    "other JSON": (Act(200, {"hello": "there"}), "garbage: no chat completion"),
    "no choice": (Act(200, {"choices": []}), "garbage: no chat completion"),
    "odd choice": (Act(200, {"choices": [7]}), "garbage: a choice without a message"),
    "no number": (
        Act(200, completion(PROGRAM, logprobs=[[float("nan")]])),
        "garbage: a log-probability is nan: .* serve it in bfloat16 or float32",
    ),
    "too large a number": (
        Act(200, json.dumps(completion(PROGRAM)).replace("100", "1e999")),
        "garbage: Out of range float values",
    ),
    "error in disguise": (Act(200, {"error": {"message": "upstream"}}), "garbage: upstream"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_ends_the_run_within_its_bound(fault: str, tmp_path: Path) -> None:
    act, message = FAULTS[fault]
    healed = False

    def script(body: dict[str, Any], number: int) -> Act:
        birds = BIRDS.question in body["messages"][0]["content"].rpartition("Now write")[2]
        if birds and not healed:
            # The first error is the one that is told, not the last.
            return act if number == 1 else Act(500, {"error": {"message": "later error"}})
        return OK

    more: dict[str, Any] = {"record": tmp_path / "r.jsonl", "timeout_s": 0.5}
    with serving(script) as server:
        writer = chat(server.url, **more)
        written = writer.write([CUPS, BIRDS, DOGS], "steps", ONE)
        assert next(written)[0].text == PROGRAM
        with pytest.raises(InputError, match=rf"in 3 tries \(bound: 2 retries\).*{message}"):
            next(written)
        assert len(server.bodies) == 1 + 3
        assert writer.usage.requests == 4
        # Started again, it asks for what is missing and nothing else.
        healed = True
        again = chat(server.url, **more)
        assert texts(again, CUPS, BIRDS, DOGS) == [[PROGRAM]] * 3
        assert len(server.bodies) == 4 + 2


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (refusal(404, "no such model"), r"does not serve the model 'm'.*no such model"),
        (refusal(401, "wrong key"), r"refuses the key in OPENAI_API_KEY: HTTP 401: wrong key"),
        (refusal(403, "not yours"), r"refuses the key in OPENAI_API_KEY"),
        (refusal(429, "no money", code="insufficient_quota"), r"will not serve this account"),
    ],
)
def test_what_no_retry_can_mend_is_asked_once(act: Act, message: str) -> None:
    with serving(says(act)) as server:
        with pytest.raises(InputError, match=message):
            texts(chat(server.url), CUPS, BIRDS)
        assert len(server.bodies) == 1


def test_a_refused_question_is_left_out_and_counted() -> None:
    def strict(body: dict[str, Any], number: int) -> Act:
        return refusal(400, "not such a question") if number == 1 else OK

    with serving(strict) as server:
        writer = chat(server.url)
        assert texts(writer, CUPS, BIRDS, DOGS) == [[PROGRAM], [], [PROGRAM]]
        assert len(server.bodies) == 3
    assert writer.usage.failed == 1
    assert writer.usage.first_failure == (
        "example 'How many birds are there?': HTTP 400: not such a question"
    )


def test_an_endpoint_that_refuses_everything_ends_the_run() -> None:
    with serving(says(refusal(400, "temperature is fixed"))) as server:
        with pytest.raises(InputError, match=r"refused the first 3 requests.*temperature is fixed"):
            texts(chat(server.url), *(example(f"Question {n}?") for n in range(9)))
        assert len(server.bodies) == 3


def test_a_dead_endpoint_is_told_at_once() -> None:
    with serving(says(OK)) as server:
        url = server.url
    with pytest.raises(InputError, match=r"cannot reach the chat endpoint http://127.*/v1\)\?"):
        texts(chat(url), CUPS)


def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"no key for the OpenAI API: set .* OPENAI_API_KEY"):
        texts(chat(None), CUPS)
    with pytest.raises(InputError, match=r"no key for http://example\.org/v1"):
        texts(chat("http://example.org/v1"), CUPS)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:99999/v1", "http://localhost:abc/v1", "http://[::1/v1", "http://[zz]/v1",
     "localhost:8000/v1", "ftp://localhost/v1", "http:///v1", "http://localhost:1/v1\n"],
)  # fmt: skip
def test_a_base_url_that_is_none(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    with pytest.raises(InputError, match=r"--base-url .* is no address .* http://HOST:PORT/v1"):
        texts(chat(url), CUPS)


def test_a_host_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    with pytest.raises(InputError, match=r"http://999.1.1.1/v1: Invalid .* Check --base-url"):
        texts(chat("http://999.1.1.1/v1"), CUPS)


@pytest.mark.parametrize("key", ["sk-\u2026", "sk-1\n"])
def test_a_key_that_cannot_be_sent(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(InputError, match=r"the key in OPENAI_API_KEY .* copy it again"):
        texts(chat("http://127.0.0.1:1/v1"), CUPS)


def test_no_model() -> None:
    with pytest.raises(InputError, match="needs --model"):
        chat("http://127.0.0.1:1/v1", model=None)


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(InputError, match=r'pip install "vprog\[chat\]"'):
        texts(chat("http://127.0.0.1:1/v1"), CUPS)


def test_a_budget_is_never_passed(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('["m"]\nprompt = 10.0\ncompletion = 100.0\n')  # 0.002 dollars an answer
    more: dict[str, Any] = {"prices": prices, "record": tmp_path / "r.jsonl", "concurrency": 4}
    many = [example(f"How many cups are there in row {n}?") for n in range(100)]
    with serving(says(OK)) as server:
        writer = chat(server.url, budget=0.2, max_tokens=10, **more)
        with pytest.raises(InputError, match=r"budget of 0\.2 dollars is used up: 0\.\d+ spent"):
            texts(writer, *many)
        sent = len(server.bodies)
        assert 10 < sent < 100
        assert writer.usage.cost == pytest.approx(sent * 0.002)
        assert 0.1 < sent * 0.002 <= 0.2
        # What was spent before counts.
        with pytest.raises(InputError, match="is used up"):
            texts(chat(server.url, budget=0.2, max_tokens=10, **more), *many)
        assert len(server.bodies) == sent
        assert len(texts(chat(server.url, budget=2.0, max_tokens=10, **more), *many)) == 100


def test_what_a_server_does_not_say_counts_as_the_most_that_it_can_be(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('["m"]\nprompt = 0.0\ncompletion = 100000.0\n')  # 1 dollar for 10 tokens
    more: dict[str, Any] = {
        "prices": prices, "record": tmp_path / "r.jsonl", "max_tokens": 10, "budget": 4.5,
    }  # fmt: skip
    silent = completion(PROGRAM)
    del silent["usage"]
    many = [example(f"How many cups are there in row {n}?") for n in range(9)]
    with serving(says(Act(200, silent))) as server:
        writer = chat(server.url, **more)
        with pytest.raises(InputError, match=r"4\.0000 spent"):
            texts(writer, *many)
        assert (len(server.bodies), writer.usage.cost) == (4, pytest.approx(4))
        assert writer.usage.completion_tokens == 0  # nothing was said
        with pytest.raises(InputError, match=r"4\.0000 spent"):
            texts(chat(server.url, **more), *many)
        assert len(server.bodies) == 4


def test_answers_that_are_garbage_are_on_the_bill_all_the_same(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('["m"]\nprompt = 0.0\ncompletion = 100000.0\n')
    more: dict[str, Any] = {
        "prices": prices, "record": tmp_path / "r.jsonl", "max_tokens": 10, "retries": 9,
    }  # fmt: skip

    def fault(body: dict[str, Any], number: int) -> Act:
        return Act(200, completion(PROGRAM) if number % 3 == 2 else completion(PROGRAM) | garbage)

    garbage: dict[str, Any] = {"choices": []}
    with serving(fault) as server:
        writer = chat(server.url, budget=3.5, **more)
        assert texts(writer, CUPS) == [[PROGRAM]]
        assert (len(server.bodies), writer.usage.cost) == (3, pytest.approx(3))
        # A run that goes on knows of them.
        with pytest.raises(InputError, match=r"3\.0000 spent"):
            texts(chat(server.url, budget=3.5, **more), CUPS, BIRDS)
        assert len(server.bodies) == 3
        with pytest.raises(InputError, match=r"5\.0000 spent, and the next request may cost 1"):
            texts(chat(server.url, budget=5.5, **more), CUPS, BIRDS)
        assert len(server.bodies) == 5


def test_half_a_character_in_a_question_is_asked_as_a_question_mark(tmp_path: Path) -> None:
    with serving(says(OK)) as server:
        cut = example("What \ud83d is it?", id="cut")
        assert texts(chat(server.url, record=tmp_path / "r.jsonl"), cut) == [[PROGRAM]]
        assert "What ? is it?" in server.bodies[0]["messages"][0]["content"]
        assert texts(chat(server.url, record=tmp_path / "r.jsonl"), cut) == [[PROGRAM]]
        assert len(server.bodies) == 1


def test_a_budget_needs_a_price(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--budget needs the model's price"):
        chat("http://127.0.0.1:1/v1", budget=1.0)
    prices = tmp_path / "prices.toml"
    prices.write_text('["mm"]\nprompt = 1\ncompletion = 2\n')
    with pytest.raises(InputError, match=r"no price for 'm'\. .*Did you mean 'mm'"):
        chat("http://127.0.0.1:1/v1", budget=1.0, prices=prices)


def test_a_prompt_that_does_not_fit_is_not_sent() -> None:
    models = Act(200, {"data": [{"id": "m", "max_model_len": 1000}]})
    with serving(says(OK), models) as server:
        with pytest.raises(InputError, match=r"has about 1,\d\d\d tokens .* 512, but .* 1,000"):
            texts(chat(server.url), CUPS)
        assert server.bodies == []
    with pytest.raises(InputError, match=r"the model takes 700 together. Lower --shots"):
        texts(chat(server.url, context=700), CUPS)


def test_requests_run_side_by_side_up_to_the_limit() -> None:
    meet = threading.Barrier(3)
    lock, at_once, most = threading.Lock(), 0, 0

    def script(body: dict[str, Any], number: int) -> Act:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        meet.wait(30)  # three must be here before any goes on
        with lock:
            at_once -= 1
        return Act(200, completion(str(number)))

    with serving(script) as server:
        many = [example(f"Question {n}?") for n in range(9)]
        assert len(texts(chat(server.url, concurrency=3), *many)) == 9
    assert most == 3


def test_whoever_stops_listening_ends_the_requests() -> None:
    def script(body: dict[str, Any], number: int) -> Act:
        asked = body["messages"][0]["content"].rpartition("Question: ")[2]
        return OK if asked.startswith(CUPS.question) else Act(fault="hang")

    with serving(script) as server:
        written = chat(server.url, concurrency=2).write([CUPS, BIRDS, DOGS], "steps", ONE)
        assert next(written)
        written.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name == "vprog-requests"]


def test_a_failed_program_goes_back_with_its_message(tmp_path: Path) -> None:
    broken = [
        Repair(CUPS, Program("A=LOCK()", "steps"), "name error: unknown module 'LOCK'"),
        Repair(BIRDS, Program("", "steps"), "syntax error: the program has no step"),
    ]
    more: dict[str, Any] = {"record": tmp_path / "r.jsonl"}
    with serving(says(OK)) as server:
        found = list(chat(server.url, **more).repair(broken, "steps", FIVE))
        assert found == [Program(PROGRAM, "steps")] * 2
        assert [m["role"] for m in server.bodies[0]["messages"]] == ["user", "assistant", "user"]
        assert "unknown module 'LOCK'" in server.bodies[0]["messages"][2]["content"]
        assert "n" not in server.bodies[0]
        bare = chat(server.url, prompt="bare")
        assert list(bare.repair(broken, "steps", FIVE)) == [None, None]
        assert len(server.bodies) == 2


def test_a_cut_record_goes_on_and_a_foreign_one_is_refused(tmp_path: Path) -> None:
    record = tmp_path / "r.jsonl"
    with serving(says(OK)) as server:
        texts(chat(server.url, record=record), CUPS, BIRDS)
        whole = record.read_bytes()
        record.write_bytes(whole[:-30])
        assert texts(chat(server.url, record=record), CUPS, BIRDS) == [[PROGRAM]] * 2
        assert len(server.bodies) == 3
    assert len(record.read_bytes().splitlines()) == 2
    record.write_text('{"id": "q", "program": "x", "language": "steps"}\n')
    with pytest.raises(InputError, match=r"r\.jsonl, line 1: no exchange of a chat endpoint"):
        chat(server.url, record=record)
