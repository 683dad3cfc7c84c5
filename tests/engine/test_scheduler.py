"""The scheduler: equal calls are one call, batches are full, a bad call fails alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import pytest

from fakes import ANSWERS, Instant, example, picture, python, run_all, toolbox
from vprog.engine import Engine, EngineSettings, Limits, Task
from vprog.engine.watchdog import within
from vprog.errors import ToolError
from vprog.example import Picture, Region
from vprog.program import Language, Program
from vprog.tools.backend import Backend, Toolbox
from vprog.tools.tool import tool, tool_from_function
from vprog.trace import Call, Result

FOUR_CALLS: dict[Language, Program] = {
    "steps": Program(
        "B=LOC(image=IMAGE,object='cup')\nA=VQA(image=IMAGE,question='say 1')\n"
        "L=CROP_LEFTOF(image=IMAGE,box=B)\nC=VQA(image=L,question='say 2')\nD=FACEDET(image=L)\n"
        "R=RESULT(var=C)",
        "steps",
    ),
    "python": python(
        "cups = image.find('cup')\na = image.simple_query('say 1')\n"
        "c = cups[0].simple_query('say 2')\nd = cups[0].exists('face')\nreturn c"
    ),
}
LANGUAGES: tuple[Language, ...] = ("steps", "python")


def asking(language: Language, word: str) -> Program:
    """A program of one call."""
    if language == "python":
        return python(f"return image.simple_query('say {word}')")
    return Program(f"A=VQA(image=IMAGE,question='say {word}')\nR=RESULT(var=A)", "steps")


@pytest.mark.parametrize("language", LANGUAGES)
def test_five_equal_candidates_compute_their_calls_once(language: Language) -> None:
    with Engine(toolbox()) as engine:
        traces = run_all([FOUR_CALLS[language]] * 5, engine=engine)
        counts = engine.counts
    assert [t.answer for t in traces] == ["2"] * 5
    assert counts.requested == 20
    assert counts.computed == 4
    assert counts.shared + counts.remembered == 16
    assert counts.failed == 0
    calls = [step for t in traces for step in t.steps if step.tool]
    assert len(calls) == 20
    assert sum(step.source == "computed" for step in calls) == 4
    assert sum(step.source == "shared" for step in calls) == counts.shared
    assert all(step.ms == 0 for step in calls if step.source != "computed")


def test_calls_in_flight_are_shared_and_later_ones_remembered() -> None:
    with Engine(toolbox()) as engine:
        run_all([asking("steps", "x")] * 3, engine=engine)
        assert (engine.counts.shared, engine.counts.remembered) == (2, 0)
        (later,) = run_all([asking("python", "x")], engine=engine)
        assert (engine.counts.shared, engine.counts.remembered) == (2, 1)
    assert later.steps[0].source == "remembered"
    assert later.answer == "x"


@pytest.mark.parametrize("language", LANGUAGES)
def test_batches_are_full_when_there_is_enough_to_do(language: Language) -> None:
    backend = Instant(batch_size=8)
    run_all([asking(language, str(n)) for n in range(50)], toolbox(backend))
    assert sorted(len(b) for b in backend.batches) == [2, 8, 8, 8, 8, 8, 8]


def test_a_batch_never_exceeds_its_size_and_holds_one_tool() -> None:
    backend = Instant(batch_size=3)
    programs = [FOUR_CALLS[k] for k in LANGUAGES] + [asking("steps", str(n)) for n in range(20)]
    run_all(programs, toolbox(backend))
    assert all(1 <= len(batch) <= 3 for batch in backend.batches)
    assert all(len({call.tool for call in batch}) == 1 for batch in backend.batches)


def test_a_single_program_does_not_wait_for_company() -> None:
    backend = Instant(batch_size=1000)
    traces = run_all([asking("steps", "x")], toolbox(backend))
    assert traces[0].answer == "x"
    assert [len(b) for b in backend.batches] == [1]


@dataclass
class Moody(Instant):
    """Does to a batch whatever its mood is."""

    mood: str = "raises"
    tries: list[int] = field(default_factory=list)

    def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> Any:
        self.tries.append(len(calls))
        bad = [c for c in calls if "bad" in str(c.args)]
        if not bad:
            return super().answer(calls, pictures)
        good = [Result("fine") for _ in calls]
        if self.mood == "raises":
            raise ValueError("no such thing\nsecond line")
        if self.mood == "memory":
            raise MemoryError
        if self.mood == "few":
            return good[:-1]
        if self.mood == "none":
            return None
        if self.mood == "refuses":
            return [ToolError("not this one") if c in bad else Result("fine") for c in calls]
        return [Result(7 if c in bad else "fine") for c in calls]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("mood", "message"),
    [
        ("raises", "ValueError: no such thing"),
        ("memory", "out of memory on"),
        ("few", "0 answers to 1 calls"),
        ("none", "TypeError"),
        ("kind", "answered number 7, not text"),
        ("refuses", "not this one"),
    ],
)
def test_a_bad_call_fails_its_own_program_alone(
    mood: str, message: str, language: Language
) -> None:
    backend = Moody(mood=mood)
    words = [f"w{n}" for n in range(15)]
    words.insert(5, "bad")
    with Engine(toolbox(backend)) as engine:
        traces = run_all([asking(language, word) for word in words], engine=engine)
        assert engine.counts.failed == 1
    for word, trace in zip(words, traces, strict=True):
        if word != "bad":
            assert trace.failure is None
            assert trace.answer in (word, "fine")
            continue
        assert trace.failure is not None
        assert trace.failure.kind == "tool"
        assert message in trace.failure.message
        assert "second line" not in trace.failure.message
        assert trace.failure.step == 0
        assert trace.steps[0].error == trace.failure.message
        assert trace.answer is None
        assert trace.steps[0].value is None
    if mood in ("raises", "memory", "few"):
        assert max(backend.tries) == 16
        assert len(backend.tries) <= 1 + 2 * 4  # halved four times from 16 to 1


def test_a_failed_call_is_shared_but_not_remembered() -> None:
    backend = Moody()
    with Engine(toolbox(backend)) as engine:
        traces = run_all([asking("steps", "bad")] * 3, engine=engine)
        assert {t.failure.kind for t in traces if t.failure} == {"tool"}
        assert (engine.counts.requested, engine.counts.computed) == (3, 1)
        backend.mood = "kindly"
        backend.answers = {**ANSWERS, "vqa": lambda call, _: "healed"}
        backend.fingerprint = "instant 1"
        backend.__class__ = Instant  # type: ignore[assignment]
        (again,) = run_all([asking("steps", "bad")], engine=engine)
    assert again.answer == "healed"


BAD_BOXES = [
    [Region("p", float("nan"), 0, 1, 1)],
    [Region("p", 0, 0, 1, 1), Region("p", 0, 0, float("inf"), 1)],
    [Region("p", 0, 0, np.float32(1), 1)],
    [("p", 0, 0, 1, 1)],
    Region("p", 0, 0, 1, 1),
    [None],
    None,
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("found", BAD_BOXES, ids=repr)
def test_boxes_that_are_none_never_reach_a_program(found: Any, language: Language) -> None:
    backend = Instant({**ANSWERS, "detect": lambda call, _: found})
    if language == "python":
        program = python("return len(image.find('x'))")
    else:
        program = Program("B=LOC(image=IMAGE,object='x')\nR=RESULT(var=B)", "steps")
    (trace,) = run_all([program], toolbox(backend))
    assert trace.failure is not None
    assert trace.failure.kind == "tool"
    assert "the backend of 'detect' answered" in trace.failure.message


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_tool_without_a_backend_says_so(language: Language) -> None:
    (trace,) = run_all([asking(language, "x")], toolbox(bound=["detect"]))
    assert trace.failure is not None
    assert trace.failure.kind == "tool"
    assert "no backend bound for 'vqa'" in trace.failure.message
    assert "detect" in trace.failure.message


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_broken_picture_fails_its_own_program(language: Language, tmp_path: Any) -> None:
    text, cut = tmp_path / "text.png", tmp_path / "cut.png"
    text.write_text("not a picture")
    from PIL import Image

    Image.effect_noise((64, 64), 50).save(cut)
    cut.write_bytes(cut.read_bytes()[:900])
    broken = [Picture("a", path=tmp_path / "missing.png"), Picture("b", path=text)]
    examples = [example(), example(broken[0]), example(), example(broken[1]), example()]

    class Looking(Instant):
        """Reads the pixels that it is asked about."""

        def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> Any:
            for call in calls:
                region = call.args["image"]
                assert isinstance(region, Region)
                pictures[region.picture].crop(region)
            return super().answer(calls, pictures)

    examples.append(example(Picture("c", path=cut)))
    backend = Looking()
    traces = run_all([asking(language, "x")] * 6, toolbox(backend), examples)
    for n in (0, 2, 4):
        assert traces[n].answer == "x"
    for n, file in ((1, "missing.png"), (3, "text.png"), (5, "cut.png")):
        failure = traces[n].failure
        assert failure is not None
        assert failure.kind == "picture"
        assert file in failure.message


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_limit_of_calls_is_exact(language: Language) -> None:
    def calling(times: int) -> Program:
        if language == "python":
            return python(f"for i in range({times}):\n    image.exists(str(i))\nreturn 'done'")
        lines = [f"A=VQA(image=IMAGE,question='{n}')" for n in range(times)]
        return Program("\n".join([*lines, "R=RESULT(var='done')"]), "steps")

    fits, exceeds = run_all([calling(5), calling(6)], calls=5)
    assert fits.answer == "done"
    assert exceeds.failure is not None
    assert exceeds.failure.kind == "limit"
    assert "5 tool calls" in exceeds.failure.message
    assert len(exceeds.steps) <= 6


def test_a_module_of_many_calls_counts_each() -> None:
    program = Program(
        "A=LOC(image=IMAGE,object='x')\nB=CLASSIFY(image=IMAGE,object=A,categories='a,b')\n"
        "R=RESULT(var=B)",
        "steps",
    )
    assert run_all([program], calls=3)[0].failure is None
    failure = run_all([program], calls=2)[0].failure
    assert failure is not None
    assert failure.kind == "limit"


def mixed(language: Language) -> list[Program]:
    """Programs of many kinds: equal, different, failing in every way."""
    many = [FOUR_CALLS[language]] * 4 + [asking(language, str(n % 9)) for n in range(40)]
    many.append(asking(language, "bad"))
    if language == "python":
        many += [
            python("return 1 / 0"),
            python("return image.find('cup')[7]"),
            python("x = image.find('no')\nreturn x[0].simple_query('say 1')"),
            python("return [p.simple_query('say 4') for p in image.find('a') + image.find('b')]"),
            python("return undefined"),
            python("return image.find('cup')"),
            python("import random\nreturn [random.random(), image.exists('x'), random.random()]"),
        ]
    else:
        many += [
            Program("R=RESULT(var=X)", "steps"),
            Program("A=EVAL(expr='1 / 0')\nR=RESULT(var=A)", "steps"),
            Program(
                "A=LOC(image=IMAGE,object='x')\nB=SELECT(image=IMAGE,object=A,query='a')\n"
                "C=TAG(image=IMAGE,object=B)\nD=VQA(image=C,question='say 3')\nR=RESULT(var=D)",
                "steps",
            ),
        ]
    return many


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_results_do_not_depend_on_the_order_of_work(language: Language, batch_size: int) -> None:
    programs = mixed(language)
    seen = []
    for in_flight in (1, 7, 4096):
        traces = run_all(programs, toolbox(Moody(batch_size=batch_size)), in_flight=in_flight)
        seen.append(
            [
                (t.answer, t.failure, [(s.module, s.args, s.value, s.error) for s in t.steps])
                for t in traces
            ]
        )
    assert seen[0] == seen[1] == seen[2]
    assert any(failure for _, failure, _ in seen[0])


def test_both_languages_share_one_call() -> None:
    backend = Instant()
    traces = run_all([asking(k, "x") for k in LANGUAGES * 3], toolbox(backend))
    assert {t.answer for t in traces} == {"x"}
    assert len(backend.calls) == 1


def test_equal_pictures_under_two_names_share_their_calls() -> None:
    backend = Instant()
    examples = [example(picture(f"copy {n}", shade=5), id=str(n)) for n in range(4)]
    examples.append(example(picture("other", shade=6), id="other"))
    find = Program("B=LOC(image=IMAGE,object='cup')\nR=RESULT(var=B)", "steps")
    for program in (find, python("return image.find('cup')")):
        traces = run_all([program] * 5, toolbox(backend), examples)
        for n, trace in enumerate(traces):
            assert isinstance(trace.answer, list)
            assert {r.picture for r in trace.answer} == {examples[n].pictures[0].id}
    assert len(backend.calls) == 4


def test_two_pictures_with_one_id_are_never_mixed_up() -> None:
    class Seeing(Instant):
        """Answers with the shade of grey that it sees."""

        def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> Any:
            self.batches.append(list(calls))
            return [Result(str(pictures["same"].load().getpixel((0, 0))[0])) for _ in calls]

    examples = [example(picture("same", shade=n)) for n in (1, 2)]
    traces = run_all([asking("steps", "x")] * 2, toolbox(Seeing()), examples)
    assert [t.answer for t in traces] == ["1", "2"]


@tool
def which(first: str, second: str) -> str:
    """Which is it?"""
    raise AssertionError


def test_equal_values_of_other_parameters_are_other_calls() -> None:
    asked = tool_from_function(which.function, inline=False)  # type: ignore[arg-type]
    backend = Instant({**ANSWERS, "which": lambda call, _: f"{call.args['first']} first"})
    box = toolbox(backend, [asked], [*ANSWERS, "which"])
    say = "X=VQA(image=IMAGE,question='say {}')\nA=WHICH({})\nR=RESULT(var=A)"
    traces = run_all(
        [
            Program(say.format("b", "first='a',second=X"), "steps"),
            Program(say.format("b", "first=X,second='a'"), "steps"),
            Program(say.format("a", "second='b',first=X"), "steps"),
            python("return which(second='b', first='a')"),
        ],
        box,
    )
    assert [t.answer for t in traces] == ["a first", "b first", "a first", "a first"]
    assert sum(call.tool == "which" for call in backend.calls) == 2


def test_tasks_are_read_no_further_ahead_than_in_flight() -> None:
    taken = 0

    def tasks() -> Any:
        nonlocal taken
        for n in range(100):
            taken += 1
            yield Task(example(), asking("python" if n % 2 else "steps", str(n)), n)

    settings = EngineSettings(in_flight=8, limits=Limits(time_s=2))
    with Engine(toolbox(), settings) as engine:
        for ended, _ in enumerate(engine.run(tasks()), 1):
            assert taken <= ended + 8
            assert engine.in_flight <= 8
    assert taken == 100


def test_an_engine_runs_again_after_a_run() -> None:
    with Engine(toolbox()) as engine:
        for word in ("a", "b", "a"):
            traces = run_all([asking(k, word) for k in LANGUAGES], engine=engine)
            assert [t.answer for t in traces] == [word, word]
        assert engine.counts.computed == 2
        assert list(engine.run([])) == []


def test_a_run_that_is_broken_off_leaves_nothing_to_the_next() -> None:
    words = [asking(LANGUAGES[n % 2], str(n)) for n in range(150)]
    with Engine(toolbox(Instant(batch_size=4))) as engine:
        for _ in engine.run(Task(example(), p, n) for n, p in enumerate(words)):
            break
        assert engine.in_flight == 0
        traces = run_all([asking(k, "after") for k in LANGUAGES], engine=engine)
        assert [t.answer for t in traces] == ["after", "after"]


def test_a_run_that_is_killed_leaves_nothing_to_the_next() -> None:
    class Interrupted(Instant):
        """The user stops the run inside of the second batch."""

        def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> Any:
            if len(self.batches) == 1:
                self.batches.append([])
                raise KeyboardInterrupt
            return super().answer(calls, pictures)

    words = [asking(LANGUAGES[n % 2], str(n)) for n in range(20)]
    with Engine(toolbox(Interrupted(batch_size=4))) as engine:
        with pytest.raises(KeyboardInterrupt):
            run_all(words, engine=engine)
        assert engine.in_flight == 0
        assert [t.answer for t in run_all(words, engine=engine)] == [str(n) for n in range(20)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_tasks_that_come_of_traces(language: Language) -> None:
    """Each program is known only when the one before has ended, in two chains at once."""
    due = [Task(example(), asking(language, f"{chain}0"), n) for n, chain in enumerate("ab")]
    ended: list[str] = []

    def tasks() -> Iterator[Task | None]:
        while len(ended) < 10:
            yield due.pop(0) if due else None

    with Engine(toolbox()) as engine:
        for trace in engine.run(tasks()):
            word = str(trace.answer)
            ended.append(word)
            following = f"{word[0]}{int(word[1]) + 1}"
            due.append(Task(example(), asking(language, following), trace.candidate))
            if word[1] == "4":
                due.pop()
    assert sorted(ended) == [f"{chain}{n}" for chain in "ab" for n in range(5)]


def test_the_backend_protocol_is_what_the_fake_follows() -> None:
    assert isinstance(Instant(), Backend)
    box = toolbox()
    assert isinstance(box, Toolbox)
    assert box.backend("vqa").fingerprint == "instant 1"


def test_what_a_backend_says_beside_its_answer_must_be_plain_data() -> None:
    class Numpy:
        fingerprint = "numpy"
        batch_size = 4

        def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> list[Result]:
            del pictures
            return [Result("red", {"score": np.float32(0.5)}) for _ in calls]

    trace = run_all(
        [asking("steps", "x")],
        Toolbox(name="numpy", tools=toolbox().tools, backends={"vqa": Numpy()}),
    )[0]
    assert trace.failure is not None
    assert trace.failure.kind == "tool"
    assert "plain data" in trace.failure.message


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_can_be_given_answers_of_its_own(language: Language) -> None:
    """The call with the given answer reaches no backend, and equal calls of others do."""
    backend = Instant()

    def given(call: Call) -> Result | None:
        return Result("given", {"by": "me"}) if call.args.get("question") == "say 2" else None

    tasks = [Task(example(), FOUR_CALLS[language], n, given if n else None) for n in range(2)]
    with Engine(toolbox(backend)) as engine:
        traces = {trace.candidate: trace for trace in engine.run(tasks)}
    assert [traces[n].answer for n in range(2)] == ["2", "given"]
    assert [len(traces[n].steps) for n in range(2)] == [len(traces[0].steps)] * 2
    step = next(s for s in traces[1].steps if s.value == "given")
    assert step.info == {"by": "me"}
    assert sum(call.args.get("question") == "say 2" for call in backend.calls) == 1


def test_a_program_whose_calls_are_all_given_asks_nobody() -> None:
    backend = Instant()
    program = Program(
        "A=VQA(image=IMAGE,question='x')\nB=VQA(image=IMAGE,question='y')\nR=RESULT(var=B)", "steps"
    )
    with Engine(toolbox(backend)) as engine:
        traces = list(engine.run([Task(example(), program, 0, lambda _: Result("z"))]))
    assert traces[0].answer == "z"
    assert backend.calls == []
    assert engine.counts.requested == 0


class Waiting:
    """The watchdog's wait without a clock: a backend says itself that it hangs."""

    latest: Waiting

    def __init__(self) -> None:
        self._done: SimpleQueue[Any] = SimpleQueue()
        Waiting.latest = self

    def put(self, item: Any) -> None:
        self._done.put(item)

    def get(self, timeout: float) -> Any:
        assert timeout == 7
        item = self._done.get()
        if item == "it hangs":
            raise Empty
        return item


class Hanging(Instant):
    """Never answers a batch in which somebody says ``hang``."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> list[Any]:
        if any(call.args.get("question") == "say hang" for call in calls):
            Waiting.latest.put("it hangs")
            self.released.wait()
        return super().answer(calls, pictures)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_call_that_hangs_fails_alone(language: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprog.engine.watchdog.SimpleQueue", Waiting)
    backend = Hanging()
    words = ["one", "two", "hang", "three", "four"]
    with Engine(toolbox(backend), EngineSettings(tool_timeout_s=7)) as engine:
        traces = run_all([asking(language, word) for word in words], engine=engine)
    backend.released.set()
    assert [t.answer for t in traces] == ["one", "two", None, "three", "four"]
    failure = traces[2].failure
    assert failure is not None
    assert failure.kind == "tool"
    assert failure.message.startswith("vqa did not answer within 7 s")
    assert failure.step == 0
    assert engine.counts.failed == 1


def test_a_backend_that_raises_in_time_fails_as_ever() -> None:
    settings = EngineSettings(tool_timeout_s=60)
    with Engine(toolbox(), settings) as engine:
        assert [t.answer for t in run_all([asking("steps", "1")] * 2, engine=engine)] == ["1", "1"]
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0, "vqa")
