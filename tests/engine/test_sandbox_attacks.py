"""Hostile programs: each is contained, its neighbours and the host do not notice.

Every attack runs between two honest programs in one run. It must end as the table says, in a
failure of the right kind or in a harmless answer; no secret of the host may turn up in its trace.
"""

from __future__ import annotations

import builtins
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attacks import PYTHON_ATTACKS, RESOURCES, STEPS_ATTACKS, WORDS, Attack

from fakes import ANSWERS, Instant, example, picture, python, run, run_all, toolbox
from vprog.engine import Engine, EngineSettings, Limits, Task
from vprog.engine.python_run import PythonRun
from vprog.engine.sandbox import Job, Sandbox
from vprog.program import Program
from vprog.program.python import check_python
from vprog.program.python_api import api_for
from vprog.tools.catalogue import TOOLS
from vprog.trace import Trace

CANARY = "canary-5f1c0e7a"
"""In a host global, the environment and a file; in no trace."""

NEIGHBOUR = python(
    "found = image.find('cup')\n"
    "return f'{len(found)} {found[1].left} {image.simple_query(\"say red\")} {[1].count(1)}'"
)
NEIGHBOUR_SAYS = "2 20.0 red 1"


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("host") / "secret.txt"
    path.write_text(CANARY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANARY", CANARY)
        yield path


def state_of_host(secret: Path) -> tuple[Any, ...]:
    """What an attack could have changed in this process and around it."""
    import json

    return (
        dict(os.environ),
        os.getcwd(),
        sorted(secret.parent.iterdir()),
        secret.read_text(),
        {name: id(value) for name, value in vars(builtins).items() if name != "_"},
        {name: id(value) for name, value in vars(json).items()},
        random.getstate(),
        sys.getrecursionlimit(),
        CANARY,
    )


def check(attack: Attack, trace: Trace) -> None:
    shown = repr((trace.answer, trace.failure, trace.steps))
    assert CANARY not in shown
    if attack.kinds:
        assert trace.failure is not None, f"answered {trace.answer!r:.200}"
        assert trace.failure.kind in attack.kinds, trace.failure
        assert trace.failure.message
        assert len(trace.failure.message) < 1000
        assert trace.answer is None
    else:
        assert trace.failure is None, trace.failure
        assert trace.answer in attack.answers


def test_the_table_is_as_large_as_it_claims() -> None:
    attacks = PYTHON_ATTACKS + STEPS_ATTACKS
    assert len({a.name for a in attacks}) == len(attacks)
    assert len({a.text for a in attacks}) == len(attacks)
    assert len(attacks) >= 150


@pytest.mark.parametrize("attack", PYTHON_ATTACKS, ids=lambda a: a.name)
def test_python_attack_is_contained(attack: Attack, secret: Path) -> None:
    before = state_of_host(secret)
    program = Program(attack.text.replace("SECRET", str(secret)), "python")
    first, attacked, last = run_all([NEIGHBOUR, program, NEIGHBOUR], time_s=0.6, memory_mb=32)
    check(attack, attacked)
    for neighbour in (first, last):
        assert neighbour.failure is None
        assert neighbour.answer == NEIGHBOUR_SAYS
    assert state_of_host(secret) == before


def test_all_python_attacks_at_once_leave_every_neighbour_right(secret: Path) -> None:
    quick = [a for a in PYTHON_ATTACKS if a not in RESOURCES and "limit" not in a.kinds]
    mixed = [p for a in quick for p in (Program(a.text, "python"), NEIGHBOUR)]
    before = state_of_host(secret)
    traces = run_all(mixed)
    for attack, trace in zip(quick, traces[::2], strict=True):
        check(attack, trace)
    assert {t.answer for t in traces[1::2]} == {NEIGHBOUR_SAYS}
    assert state_of_host(secret) == before


def eval_of(expr: str) -> str:
    return f"A=VQA(image=IMAGE,question='what')\nX=EVAL(expr={expr!r})\nR=RESULT(var=X)"


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_an_answer_of_a_model_is_a_value_in_eval(word: str, secret: Path) -> None:
    backend = Instant({**ANSWERS, "vqa": lambda call, _: word})
    before = state_of_host(secret)
    traces = run_all(
        [
            Program(eval_of(expr), "steps")
            for expr in ("{A}", "{A} == 'yes'", "'yes' if {A} == 'no' else 'no'", "'{A}' == {A}",
                         "str({A}) + '!'", "len([{A}, {A}])", "{A} + 1", "{A} in ['red', 'no']")
        ],
        toolbox(backend),
    )  # fmt: skip
    answers = [t.answer for t in traces]
    assert answers[:6] == [word, False, "no", True, word + "!", 2]
    plus = traces[6].failure
    assert plus is not None
    assert plus.kind == "type"
    assert answers[7] is False
    assert state_of_host(secret) == before


@pytest.mark.parametrize("attack", STEPS_ATTACKS, ids=lambda a: a.name)
def test_steps_attack_is_contained(attack: Attack, secret: Path) -> None:
    before = state_of_host(secret)
    honest = Program("A=LOC(image=IMAGE,object='cup')\nB=COUNT(box=A)\nR=RESULT(var=B)", "steps")
    program = Program(attack.text.replace("SECRET", str(secret)), "steps")
    first, attacked, last = run_all([honest, program, honest])
    assert (first.answer, last.answer) == (2, 2)
    check(attack, attacked)
    assert state_of_host(secret) == before


@pytest.mark.parametrize(
    "body",
    [
        "import random\nreturn random.random()",
        "import random\nx = [1, 2, 3, 4, 5, 6, 7]\nrandom.shuffle(x)\nreturn x",
        "import time\nreturn [time.time(), time.perf_counter(), time.monotonic()]",
        "import datetime\nreturn str(datetime.datetime.now()) + str(datetime.date.today())",
        "return list({'d', 'a', 'c', 'b', 'zz'})",
        "return [p.left for p in {p for p in image.find('x')}]",
        "return str(image)",
        "return str(lambda: 1)",
    ],
)
def test_a_program_answers_the_same_in_any_company(body: str) -> None:
    alone = run(python(body))
    among = run_all([NEIGHBOUR] * 5 + [python(body)] * 2 + [NEIGHBOUR] * 3 + [python(body)])
    assert alone.failure is None
    assert [among[n].answer for n in (5, 6, 10)] == [alone.answer] * 3


def test_programs_do_not_see_each_others_globals() -> None:
    writes = Program("kept = []\ndef execute_command(image):\n    global kept\n    kept.append(7)\n"
                     "    return len(kept)", "python")  # fmt: skip
    reads = python("try:\n    return kept\nexcept NameError:\n    return 'nothing'")
    traces = run_all([writes, writes, reads, writes, reads])
    assert [t.answer for t in traces[:2] + traces[3:4]] == [1, 1, 1]
    assert [t.failure and t.failure.kind for t in (traces[2], traces[4])] == ["name", "name"]


def test_defaults_of_functions_are_fresh_in_every_execution() -> None:
    program = Program(
        "def execute_command(image):\n    return add(len(image.find('x')))\n"
        "def add(x, seen=[]):\n    seen.append(x)\n    return seen",
        "python",
    )
    assert [t.answer for t in run_all([program] * 4)] == [[2]] * 4


def test_a_program_that_leaves_its_recorded_way_fails() -> None:
    checked = check_python(NEIGHBOUR.text, api_for(TOOLS))
    other = '["detect",[["p",0,0,40,30],"another phrase"],[]]'
    with Sandbox(TOOLS, Limits()) as sandbox:
        job = Job(checked, [other], '[["p",40,30]],false,{}')
        (outcome,) = sandbox.submit([job]).result()
    started = PythonRun(Task(example(), NEIGHBOUR), checked, {}, TOOLS, Limits())
    assert started.take(outcome) is None
    assert started.ended
    assert started.trace.failure is not None
    assert started.trace.failure.kind == "runtime"
    assert "does not repeat itself" in started.trace.failure.message


def test_an_endless_loop_stops_within_a_tenth_of_its_limit() -> None:
    time_s = 1.5
    settings = EngineSettings(limits=Limits(time_s=time_s))
    endless = Task(example(), python("while True:\n    pass"))
    taken = []
    with Engine(toolbox(), settings) as engine:
        list(engine.run([Task(example(), NEIGHBOUR)]))  # starts the workers
        for _ in range(3):
            started = time.perf_counter()
            (trace,) = engine.run([endless])
            taken.append(time.perf_counter() - started)
            assert trace.failure is not None
            assert trace.failure.kind == "limit"
            if taken[-1] < 1.1 * time_s:
                break
    assert min(taken) < 1.1 * time_s
    assert min(taken) > 0.95 * time_s


def test_pictures_of_another_program_are_out_of_reach() -> None:
    mine, other = example(picture("mine")), example(picture("other"), id="o")
    theft = python("setattr(image, '_vp_pict' + 'ure', ['other', 30])\nreturn image.find('x')")
    traces = run_all([NEIGHBOUR, theft], on=[other, mine])
    assert traces[0].answer == NEIGHBOUR_SAYS
    assert traces[1].failure is not None
    assert traces[1].failure.kind == "runtime"
    assert traces[1].steps == []
