"""Measures learned tools: calls of many programs in batches against one call at a time.

Both sides run the same programs over the same pictures with the same weights. *One at a time* is
how programs are usually run: a program after the other, every call by itself, nothing shared
between calls. *One at a time, kept* differs in one thing: models keep what they know of a picture,
and equal calls are remembered, as in vprog.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.console import note
from vprog.engine import Engine, EngineSettings, Task
from vprog.errors import ToolError
from vprog.example import Example, Picture
from vprog.program.program import Language, Program
from vprog.tools.backend import Backend, Loading, Toolbox
from vprog.tools.backends.hf.views import Kept
from vprog.tools.tool import Tool
from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Call, Result, Value

TURNS = 3
"""How often all ways are measured, in turns: others' work on a machine comes and goes."""


@dataclass(slots=True)
class ForwardTime:
    """Seconds inside models: from entering an outermost ``torch.nn.Module`` to leaving it."""

    seconds: float = 0.0


@contextlib.contextmanager
def forward_time() -> Iterator[ForwardTime]:
    """Counts the time that this process spends inside modules of torch."""
    from torch.nn.modules import module

    spent, depth, began = ForwardTime(), 0, 0.0

    def enter(*_: Any) -> None:
        nonlocal depth, began
        depth += 1
        if depth == 1:
            began = time.perf_counter()

    def leave(*_: Any) -> None:
        nonlocal depth
        depth -= 1
        if depth == 0:
            spent.seconds += time.perf_counter() - began

    handles = [
        module.register_module_forward_pre_hook(enter),
        module.register_module_forward_hook(leave, always_call=True),
    ]
    try:
        yield spent
    finally:
        for handle in handles:
            handle.remove()


class OneByOne:
    """A backend that gets every call by itself."""

    batch_size = 1

    def __init__(self, backend: Backend) -> None:
        """Takes the backend that answers."""
        self._backend = backend
        self.fingerprint = backend.fingerprint

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> Sequence[Result | ToolError]:
        """See ``Backend``."""
        return self._backend.answer(calls, pictures)


def measure_tools(
    *, toolbox: str = "zoo", programs: int = 600, language: Language = "steps", seed: int = 0
) -> dict[str, Any]:
    """Measures a toolbox on freshly drawn questions of world-gqa with their gold programs.

    Args:
        toolbox: Name or file.
        programs: How many; all of them are run every way.
        language: Of the programs.
        seed: Of the world.

    Returns:
        See ``measure_programs``, and ``seed``.

    Raises:
        InputError: The toolbox cannot be loaded.
    """
    from vprog.world import write

    with tempfile.TemporaryDirectory(prefix="vprog-bench-") as folder:
        note(f"drawing {programs:,} questions")
        write("gqa", "generalist", programs, seed, Path(folder), split="test")
        benchmark = load_benchmark("world-gqa")
        examples = list(benchmark.load(Path(folder), "test"))
        figures = measure_programs(examples, benchmark.tools, toolbox=toolbox, language=language)
        return figures | {"seed": seed}


def measure_programs(
    examples: Sequence[Example], tools: Sequence[Tool], *, toolbox: str, language: Language
) -> dict[str, Any]:
    """Measures a toolbox on the gold programs of examples.

    Args:
        examples: All of them are run every way.
        tools: Of the benchmark, beside the toolbox's.
        toolbox: Name or file.
        language: Of the programs.

    Returns:
        ``ratio``: wall time of one call at a time over wall time in batches, median of the turns'
        ``ratios``; ``ratio_kept``: the same where one call at a time keeps and remembers.
        ``same_answers``: programs whose answer is the same every way and time. ``forward_share``:
        share of the batched run's wall time inside the models' forward passes, median of
        ``forward_shares``. ``programs_per_s``, ``calls``: of the batched run.

    Raises:
        InputError: The toolbox cannot be loaded.
    """
    tasks = [Task(e, Program(e.programs[language], language)) for e in examples]
    for example in examples:  # decoded anew by each way, but read from a warm disk
        _warm(example)
    turns = []
    for number in range(1, TURNS + 1):
        note(f"turn {number} of {TURNS}: in batches, then one call at a time")
        together = _run(load_toolbox(toolbox).with_tools(tools), tasks, EngineSettings())
        alone, kept = (
            _run(_one_by_one(toolbox, kept=keep).with_tools(tools), tasks, _alone(remember=keep))
            for keep in (False, True)
        )
        turns.append((together, alone, kept))
    answers = [run.answers for turn in turns for run in turn]
    same = sum(len({found[key] for found in answers}) == 1 for key in answers[0])
    ratios = [alone.wall_s / together.wall_s for together, alone, _ in turns]
    ratios_kept = [kept.wall_s / together.wall_s for together, _, kept in turns]
    shares = [together.forward_s / together.wall_s for together, _, _ in turns]
    return {
        "toolbox": toolbox,
        "language": language,
        "programs": len(tasks),
        "same_answers": same,
        "ratio": round(median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "ratio_kept": round(median(ratios_kept), 2),
        "forward_share": round(median(shares), 3),
        "forward_shares": [round(share, 3) for share in shares],
        "programs_per_s": round(len(tasks) / median(one.wall_s for one, _, _ in turns), 1),
        "calls": turns[0][0].calls,
    }


@dataclass(frozen=True, slots=True)
class _Measured:
    wall_s: float
    forward_s: float
    answers: Mapping[str, Value]
    calls: Mapping[str, int]


def _run(toolbox: Toolbox, tasks: Sequence[Task], settings: EngineSettings) -> _Measured:
    """Runs the programs, models loaded before the clock starts."""
    for backend in toolbox.backends.values():
        if isinstance(backend, Loading):
            backend.prepare()
    with Engine(toolbox, settings) as engine, forward_time() as forward:
        started = time.perf_counter()
        answers = {
            trace.example_id: trace.answer if trace.failure is None else trace.failure.kind
            for trace in engine.run(tasks)
        }
        wall = time.perf_counter() - started
        counts = engine.counts
    calls = {name: getattr(counts, name) for name in ("requested", "computed", "shared")}
    return _Measured(wall, forward.seconds, answers, calls)


def _alone(*, remember: bool) -> EngineSettings:
    return EngineSettings(in_flight=1, memo_entries=200_000 if remember else 0)


def _one_by_one(name: str, *, kept: bool) -> Toolbox:
    """The toolbox with every call by itself; models keep nothing of a picture unless ``kept``."""
    toolbox = load_toolbox(name)
    backends: dict[str, Backend] = {}
    for tool, backend in toolbox.backends.items():
        if isinstance(backend, Loading):
            backend.prepare()
            settings: Any = getattr(backend, "settings", None)
            if not kept and hasattr(settings, "cache_mb"):
                backend.settings = replace(settings, cache_mb=0)  # type: ignore[attr-defined]
                backend.load()  # type: ignore[attr-defined]
            if not kept and hasattr(backend, "pictures"):
                backend.pictures = Kept(0)
        backends[tool] = OneByOne(backend)
    return Toolbox(name=name, tools=toolbox.tools, backends=backends)


def _warm(example: Example) -> None:
    for picture in example.pictures:
        picture.read_bytes()
        _ = picture.digest, picture.region
