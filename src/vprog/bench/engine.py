"""Measures the engine: cost of a program, memory in flight, merging, batch efficiency.

Tools are instant here, so that what remains is vprog itself. Times are the fastest of several runs,
because everything else on a machine only makes a run slower.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vprog.engine import Engine, EngineSettings, Task
from vprog.example import Example, Picture, Region
from vprog.program import Language, Program
from vprog.tools.backend import Toolbox
from vprog.tools.catalogue import TOOLS
from vprog.trace import Call, Result

STEPS_PROGRAM = """\
BOX0=LOC(image=IMAGE,object='table')
IMAGE0=CROP(image=IMAGE,box=BOX0)
BOX1=LOC(image=IMAGE0,object='cup')
ANSWER0=COUNT(box=BOX1)
ANSWER1=EVAL(expr="'yes' if {ANSWER0} > 1 else 'no'")
FINAL=RESULT(var=ANSWER1)
"""
"""Six steps that count, after VisProg's GQA programs."""

PYTHON_PROGRAM = """\
def execute_command(image):
    cups = image.find("cup")
    colour = cups[0].simple_query("What colour is it?")
    kind = cups[1].simple_query("What is it for?")
    place = image.simple_query("Where is the " + colour + " one?")
    return colour + kind + place
"""
"""Six lines with four calls, each of which depends on an earlier one or follows it."""

CHAIN_PROGRAM = """\
def execute_command(image):
    answer = "start"
    for step in range(4):
        answer = image.simple_query(answer)
    return answer
"""
"""Four calls, each with the answer of the one before."""


class Instant:
    """Answers at once; ``detect`` always finds three boxes."""

    fingerprint = "instant"
    batch_size = 64

    def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> list[Result]:
        """See ``Backend``."""
        del pictures
        results = []
        for call in calls:
            if call.tool == "detect":
                image = call.args["image"]
                assert isinstance(image, Region)
                boxes = [Region(image.picture, x, 1, 6, 7, "cup", 0.9) for x in range(3)]
                results.append(Result(boxes))
            else:
                results.append(Result("red"))
        return results


class Costly:
    """A tool whose batch costs ``a + b n`` seconds, as a model's forward pass does."""

    fingerprint = "costly"

    def __init__(self, batch_size: int, a_s: float, b_s: float) -> None:
        """Sets the cost of a batch."""
        self.batch_size = batch_size
        self._a_s = a_s
        self._b_s = b_s

    def cost_s(self, n: int) -> float:
        """Seconds of a batch of ``n``."""
        return self._a_s + self._b_s * n

    def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> list[Result]:
        """See ``Backend``; each answer differs, so that the next question does too."""
        del pictures
        end = time.perf_counter() + self.cost_s(len(calls))
        results = [Result(f"{call.args['question']}.") for call in calls]
        while time.perf_counter() < end:
            pass
        return results


_SHORT = 5
"""Runs of ``steps`` programs take a tenth of the others', so there are more of them."""


def _toolbox(backend: Any) -> Toolbox:
    return Toolbox(name="bench", tools=TOOLS, backends=dict.fromkeys(("detect", "vqa"), backend))


def _examples(n: int) -> list[Example]:
    """Examples with one distinct picture each, digests known, as after their first use."""
    examples = []
    for number in range(n):
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels.flat[:4] = np.frombuffer(number.to_bytes(4, "big"), np.uint8)
        picture = Picture(str(number), array_rgb=pixels)
        _ = picture.digest
        examples.append(Example(id=str(number), pictures=(picture,), question=""))
    return examples


def _tasks(examples: Sequence[Example], text: str, language: Language) -> list[Task]:
    return [Task(example, Program(text, language)) for example in examples]


def _fastest_us(run: Callable[[], float], repeat: int) -> float:
    return round(min(run() for _ in range(repeat)) * 1e6, 1)


def _time_programs(text: str, language: Language, examples: Sequence[Example]) -> float:
    """Seconds a program, the engine warm: program checked, sandbox started."""
    with Engine(_toolbox(Instant())) as engine:
        warm = _examples(64)
        for _ in engine.run(_tasks(warm, text, language)):
            pass
    with Engine(_toolbox(Instant())) as engine:
        for _ in engine.run(_tasks(warm[:1], text, language)):
            pass
        tasks = _tasks([e for e in examples if e.id != "0"], text, language)
        gc.collect()
        started = time.perf_counter()
        failed = sum(trace.failure is not None for trace in engine.run(tasks))
        elapsed = time.perf_counter() - started
    assert not failed, "a program of the benchmark failed"
    return elapsed / len(tasks)


def _resident_mb() -> float:
    """Resident memory of this process and its children in MB (Linux)."""
    total = 0.0
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    for pid in ("self", *children):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) / 1024
    return total


class _Holding(Instant):
    """Keeps every call open until all programs wait, and looks at memory then."""

    def __init__(self, in_flight: int) -> None:
        self.batch_size = in_flight
        self.resident_mb = 0.0

    def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> list[Result]:
        self.resident_mb = max(self.resident_mb, _resident_mb())
        return super().answer(calls, pictures)


def _in_flight_mb(in_flight: int) -> float:
    examples = _examples(in_flight)
    backend = _Holding(in_flight)
    with Engine(_toolbox(backend), EngineSettings(in_flight=in_flight)) as engine:
        for _ in engine.run(_tasks(_examples(1), PYTHON_PROGRAM, "python")):
            pass
        backend.resident_mb = 0.0
        gc.collect()
        idle = _resident_mb()
        for _ in engine.run(_tasks(examples[1:], PYTHON_PROGRAM, "python")):
            pass
    return round(backend.resident_mb - idle, 1)


def _merging() -> tuple[int, int]:
    example = _examples(1)[0]
    tasks = [Task(example, Program(PYTHON_PROGRAM, "python"), n) for n in range(5)]
    with Engine(_toolbox(Instant())) as engine:
        for _ in engine.run(tasks):
            pass
        return engine.counts.requested, engine.counts.computed


def _efficiency(language: Language, programs: int, batch: int, a_s: float, b_s: float) -> float:
    """Time of the fewest full batches over wall time."""
    tool = Costly(batch, a_s, b_s)
    text = CHAIN_PROGRAM
    if language == "steps":
        lines = ["A0=VQA(image=IMAGE,question='start')"]
        lines += [f"A{n}=VQA(image=IMAGE,question=A{n - 1})" for n in range(1, 4)]
        text = "\n".join([*lines, "FINAL=RESULT(var=A3)"])
    tasks = _tasks(_examples(programs), text, language)
    with Engine(_toolbox(tool)) as engine:
        started = time.perf_counter()
        for trace in engine.run(tasks):
            assert trace.answer == "start....", trace
        wall = time.perf_counter() - started
    full, rest = divmod(4 * programs, batch)
    least = full * tool.cost_s(batch) + (tool.cost_s(rest) if rest else 0.0)
    return round(least / wall, 4)


def measure_engine(
    *, programs: int = 1000, in_flight: int = 10_000, repeat: int = 5
) -> dict[str, Any]:
    """Measures the engine on this machine.

    Args:
        programs: Programs in each timed run.
        in_flight: Suspended programs whose memory is measured.
        repeat: Timed runs, five times as many of ``steps_us``; the fastest counts.

    Returns:
        ``steps_us``: microseconds of a six-step program, checked before, trace on.
        ``steps_cold_us``: the same with a text that was not seen before (parse and check).
        ``python_us``: microseconds of a six-line program with four calls, amortised.
        ``in_flight_mb``: megabytes of ``in_flight`` suspended ``python`` programs, worker processes
        included, beyond the idle engine.
        ``calls_requested``, ``calls_computed``: of five identical candidates with four calls.
        ``efficiency``: of 1,000-program runs of four dependent calls on a tool whose batch costs
        20 ms + 1 ms a call, the lower of both languages; ``efficiency_steps`` and
        ``efficiency_python`` apart.
    """
    examples = _examples(programs + 1)
    in_flight_mb = _in_flight_mb(in_flight)
    requested, computed = _merging()
    steps = _efficiency("steps", programs, 32, 0.020, 0.001)
    python = _efficiency("python", programs, 32, 0.020, 0.001)
    return {
        "steps_us": _fastest_us(
            lambda: _time_programs(STEPS_PROGRAM, "steps", examples), _SHORT * repeat
        ),
        "steps_cold_us": _fastest_us(lambda: _time_cold(examples), repeat),
        "python_us": _fastest_us(
            lambda: _time_programs(PYTHON_PROGRAM, "python", examples), repeat
        ),
        "in_flight_mb": in_flight_mb,
        "calls_requested": requested,
        "calls_computed": computed,
        "efficiency": min(steps, python),
        "efficiency_steps": steps,
        "efficiency_python": python,
        "programs": programs,
        "in_flight": in_flight,
        "repeat": repeat,
    }


def _time_cold(examples: Sequence[Example]) -> float:
    tasks = [
        Task(e, Program(STEPS_PROGRAM.replace("cup", f"cup{e.id}"), "steps")) for e in examples
    ]
    with Engine(_toolbox(Instant())) as engine:
        gc.collect()
        started = time.perf_counter()
        for _ in engine.run(tasks):
            pass
        return (time.perf_counter() - started) / len(tasks)
