"""Runs a benchmark: examples -> programs -> traces in a folder; resumable."""

from __future__ import annotations

import hashlib
import os
import platform
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vprog
from vprog.benchmarks import load_benchmark
from vprog.engine import Engine, EngineSettings, Limits, Task
from vprog.engine.calls import Counts
from vprog.errors import InputError, known_names
from vprog.example import Example
from vprog.program.program import Language
from vprog.runs.folder import RunFolder
from vprog.runs.record import make_record
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import Sampling, WriterSettings, load_writer


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What makes a run; the same settings on the same folder go on with it."""

    benchmark: str
    """Name of the benchmark."""
    data: Path
    """Folder with its official files."""
    split: str
    """Which part of it."""
    writer: str
    """Where programs come from: ``gold``, ``replay:PATH``."""
    toolbox: str
    """What answers for tools: ``oracle``, ``pixels``."""
    language: Language
    """Of the programs."""
    limit: int | None = None
    """At most this many examples, drawn with ``seed``; None is all."""
    seed: int = 0
    """For drawing examples."""
    limits: Limits = field(default_factory=Limits)
    """Bounds of a program."""
    sampling: Sampling = field(default_factory=Sampling)
    """How the writer draws candidates."""
    writer_settings: WriterSettings = field(default_factory=WriterSettings)
    """Of writers that ask a model."""


@dataclass(slots=True)
class Progress:
    """Where a run stands; handed to whoever shows it.

    Attributes:
        total: Programs to run, those of earlier starts included.
        done: Programs ended, those of earlier starts included.
        right: Answers judged right since this start.
        failed: Programs that failed since this start.
        counts: Calls since this start.
    """

    total: int
    done: int
    counts: Counts
    right: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run came to.

    Attributes:
        run: The folder.
        n: Programs of the run.
        answered: Programs of the run that gave an answer.
        failed: Programs of the run that failed.
        resumed: How many of both an earlier start had finished.
        without_program: Examples for which the writer had no program; they are no part of the run.
        counts: Calls since this start.
        seconds: Wall time of this start.
        failures: Of the programs that failed since this start: by kind how many, and the first
            message.
    """

    run: Path
    n: int
    answered: int
    failed: int
    resumed: int
    without_program: int
    counts: Counts
    seconds: float
    failures: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The object that ``vprog run --json`` prints."""
        counts = self.counts
        ran = self.n - self.resumed
        return {
            "run": str(self.run),
            "n": self.n,
            "answered": self.answered,
            "failed": self.failed,
            "resumed": self.resumed,
            "without_program": self.without_program,
            "calls": {
                "requested": counts.requested,
                "computed": counts.computed,
                "shared": counts.shared,
                "remembered": counts.remembered,
            },
            "programs_per_s": round(ran / self.seconds, 2) if self.seconds else 0.0,
        }


def ids_hash(ids: Sequence[str]) -> str:
    """SHA-256 over the sorted ids, one a line: names a selection of examples."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def select_examples(
    benchmark: str, data: Path, split: str, limit: int | None, seed: int
) -> list[Example]:
    """The examples of a run.

    Raises:
        InputError: Unknown benchmark, missing or wrong files, no example, or doubled ids.
    """
    if limit is not None and limit < 1:
        raise InputError(f"--limit must be at least 1, got {limit}")
    known = load_benchmark(benchmark)
    try:
        examples = list(known.load(data, split))
    except InputError as error:
        if split in known.splits:
            raise
        hint = known_names(split, known.splits)
        raise InputError(f"{error}. {benchmark} has no usual split {split!r}. {hint}") from None
    if not examples:
        raise InputError(f"{benchmark}: split {split!r} in {data} has no example")
    doubled = [id for id, count in Counter(e.id for e in examples).items() if count > 1]
    if doubled:
        raise InputError(
            f"{benchmark}: split {split!r} in {data} has {len(doubled)} doubled ids, such as "
            f"{doubled[0]!r}; ids must be unique"
        )
    if limit is not None and limit < len(examples):
        chosen = set(random.Random(seed).sample(range(len(examples)), limit))
        examples = [e for n, e in enumerate(examples) if n in chosen]
    return examples


def run_benchmark(
    settings: RunSettings, out: Path, show: Callable[[Progress], None] = lambda _: None
) -> RunSummary:
    """Runs a benchmark, or goes on with a run that was interrupted.

    Args:
        settings: The run.
        out: Its folder.
        show: Is called now and then with the progress.

    Raises:
        InputError: Anything wrong with settings, data or folder; finished traces are kept.
    """
    started = time.perf_counter()
    benchmark = load_benchmark(settings.benchmark)
    toolbox = load_toolbox(settings.toolbox).with_tools(benchmark.tools)
    writer = load_writer(
        settings.writer,
        toolbox=toolbox,
        benchmark=settings.benchmark,
        settings=settings.writer_settings,
    )
    examples = select_examples(
        settings.benchmark, settings.data, settings.split, settings.limit, settings.seed
    )
    tasks: list[Task] = []
    without_program = 0
    written = writer.write(examples, settings.language, settings.sampling)
    for example, programs in zip(examples, written, strict=True):
        without_program += not programs
        tasks.extend(Task(example, program, n) for n, program in enumerate(programs))
    if not tasks:
        raise InputError(
            f"the writer {settings.writer!r} has no {settings.language} program for any of the "
            f"{len(examples)} examples"
        )
    fingerprints = {name: backend.fingerprint for name, backend in toolbox.backends.items()}
    failures: dict[str, tuple[int, str]] = {}
    with RunFolder(out, _resolved(settings, fingerprints, tasks)) as folder:
        todo = [t for t in tasks if (t.example.id, t.candidate) not in folder.finished]
        resumed = len(tasks) - len(todo)
        failed_before = sum(folder.finished.values())
        by_id = {t.example.id: t.example for t in todo}
        with Engine(toolbox, EngineSettings(limits=settings.limits), out / "memo.sqlite") as engine:
            progress = Progress(len(tasks), resumed, engine.counts)
            show(progress)
            for trace in engine.run(todo):
                record = make_record(trace, by_id[trace.example_id], benchmark.verify)
                folder.append(record)
                progress.done += 1
                progress.right += record.verdict.judgement == "right"
                if trace.failure is not None:
                    progress.failed += 1
                    count, first = failures.get(trace.failure.kind, (0, trace.failure.message))
                    failures[trace.failure.kind] = count + 1, first
                show(progress)
    failed = failed_before + progress.failed
    return RunSummary(
        out,
        len(tasks),
        len(tasks) - failed,
        failed,
        resumed,
        without_program,
        progress.counts,
        time.perf_counter() - started,
        failures,
    )


def _resolved(
    settings: RunSettings, fingerprints: dict[str, str], tasks: Sequence[Task]
) -> dict[str, Any]:
    """What makes the run this run, as ``run.toml`` holds it."""
    programs = hashlib.sha256()
    for task in tasks:
        parts = (task.example.id, task.candidate, task.program.text)
        programs.update(repr(parts).encode())
    return {
        "benchmark": settings.benchmark,
        "data": os.fsencode(settings.data.resolve()).decode("utf-8", "backslashreplace"),
        "split": settings.split,
        "writer": settings.writer,
        "toolbox": settings.toolbox,
        "language": settings.language,
        "limit": settings.limit,
        "seed": settings.seed,
        "n": len(tasks),
        "ids_sha256": ids_hash(sorted({task.example.id for task in tasks})),
        "programs_sha256": programs.hexdigest(),
        "limits": {
            "calls": settings.limits.calls,
            "time_s": settings.limits.time_s,
            "memory_mb": settings.limits.memory_mb,
        },
        "fingerprints": fingerprints,
        "facts": {
            "vprog": vprog.__version__,
            "python": platform.python_version(),
            "commit": commit(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    }


def commit() -> str:
    """The commit of the code that runs, "" outside of a checkout of it."""
    folder = Path(__file__).parent
    inside = _git(folder, "rev-parse", "--show-prefix")
    if inside != "src/vprog/evaluation/":  # installed below somebody else's checkout
        return ""
    return _git(folder, "describe", "--always", "--dirty", "--abbrev=12")


def _git(folder: Path, *args: str) -> str:
    try:
        out = subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return ""
    return out.stdout.strip() if out.returncode == 0 else ""
