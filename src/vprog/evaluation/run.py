"""Runs a benchmark: examples -> candidate programs -> traces in a folder; resumable."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import vprog
from vprog.benchmarks import load_benchmark
from vprog.benchmarks.benchmark import Benchmark
from vprog.engine import Engine, EngineSettings, Limits
from vprog.engine.calls import Counts
from vprog.errors import InputError
from vprog.evaluation.questions import Questions
from vprog.evaluation.selection import examples_hash, ids_hash, select_examples
from vprog.evaluation.summary import RunSummary, summarise
from vprog.evaluation.writing import Asking, Known, Writing, Written
from vprog.example import Example
from vprog.program.program import Language, Program
from vprog.runs.folder import RunFolder
from vprog.runs.programs import ProgramLog
from vprog.runs.record import Record
from vprog.tools.backend import Toolbox
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import (
    BareVqa,
    Direct,
    Gold,
    Replay,
    Sampling,
    Writer,
    WriterSettings,
    load_writer,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Progress",
    "RunSettings",
    "RunSummary",
    "commit",
    "ids_hash",
    "run_benchmark",
    "select_examples",
]


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
    """Where programs come from; see ``load_writer``."""
    toolbox: str
    """What answers for tools; see ``load_toolbox``."""
    language: Language
    """Of the programs."""
    limit: int | None = None
    """At most this many examples, drawn with ``seed``; None is all."""
    ids: Collection[str] | None = None
    """Only these examples; None is all."""
    types: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Only examples of one of these values, for each kind of type."""
    seed: int = 0
    """For drawing examples and candidates."""
    limits: Limits = field(default_factory=Limits)
    """Bounds of a program."""
    tool_timeout_s: float | None = None
    """See ``EngineSettings``."""
    memory_gb: float | None = None
    """See ``EngineSettings``."""
    sampling: Sampling = field(default_factory=Sampling)
    """How the writer draws candidates."""
    vote: bool = False
    """Whether the candidates of an example vote on its answer, and run only while their vote can
    matter; otherwise all of them run and the first one's answer counts."""
    repair: bool = True
    """Whether programs that fail their check go back to a writer that asks a model, once."""
    writer_settings: WriterSettings = field(default_factory=WriterSettings)
    """Of writers that ask a model."""

    @property
    def engine(self) -> EngineSettings:
        """Those of the engine."""
        return EngineSettings(
            limits=self.limits, tool_timeout_s=self.tool_timeout_s, memory_gb=self.memory_gb
        )

    @property
    def folder_name(self) -> str:
        """The usual name of its folder: what it is, in short."""
        kind, _, rest = self.writer.partition(":")
        name = self.writer_settings.model if kind == "chat" else rest
        benchmark = self.benchmark.partition(":")[0]
        parts = [benchmark, self.split, kind]
        if benchmark == "own":
            parts.insert(1, self.data.stem)
        if name and kind != "replay":
            parts.append(Path(name).name)
        parts += [Path(self.toolbox).stem.rpartition(":")[2], self.language]
        if self.limit is not None:
            parts += [str(self.limit), str(self.seed)]
        if self.sampling.k > 1:
            parts.append(f"k{self.sampling.k}")
        if self.vote:
            parts.append("vote")
        if self.ids is not None or self.types:
            chosen = repr((sorted(self.ids or ()), sorted(self.types.items())))
            parts.append(hashlib.sha256(chosen.encode()).hexdigest()[:8])
        return "-".join(parts)


@dataclass(slots=True)
class Progress:
    """Where a run stands; handed to whoever shows it.

    Attributes:
        total: Examples of the run, those of earlier starts included.
        done: Examples whose answer is decided, those of earlier starts included.
        counts: Calls since this start.
        right: Answers judged right since this start.
        failed: Answers that failed since this start.
        failures: Of those, by kind how many, and the first message.
    """

    total: int
    done: int
    counts: Counts
    right: int = 0
    failed: int = 0
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)

    def end(self, judgement: str, failure: Mapping[str, Any] | None) -> None:
        """Counts an example whose answer is decided; ``failure`` has ``kind`` and ``message``."""
        self.done += 1
        self.right += judgement == "right"
        if failure is not None:
            self.failed += 1
            count, first = self.failures.get(failure["kind"], (0, failure["message"]))
            self.failures[failure["kind"]] = count + 1, first


class Workers(Protocol):
    """Other processes that run the programs of a run."""

    def run(
        self, settings: RunSettings, out: Path, written: Sequence[Written], fingerprints: Any
    ) -> Iterator[tuple[pa.Table, Counts]]:
        """Runs programs.

        Args:
            settings: Of the run.
            out: Its folder, of which this process writes the traces.
            written: Examples with their programs.
            fingerprints: Of this process's backends by tool; a worker's must be the same.

        Yields:
            Traces as rows of ``runs.record.schema``, those of an example together, and what
            became of their calls.
        """


def run_benchmark(
    settings: RunSettings,
    out: Path,
    show: Callable[[Progress], None] = lambda _: None,
    toolbox: Toolbox | None = None,
    workers: Workers | None = None,
) -> RunSummary:
    """Runs a benchmark, or goes on with a run that was interrupted.

    Args:
        settings: The run.
        out: Its folder.
        show: Is called now and then with the progress.
        toolbox: In place of the one that ``settings.toolbox`` names.
        workers: Run the programs in place of this process; writers that ask a model need None.

    Raises:
        InputError: Anything wrong with settings, data, folder or the writer's model; finished
            traces and written programs are kept.
    """
    started = time.perf_counter()
    benchmark = load_benchmark(settings.benchmark)
    toolbox = (toolbox or load_toolbox(settings.toolbox)).with_tools(benchmark.tools)
    writer = load_writer(
        settings.writer,
        toolbox=toolbox,
        benchmark=settings.benchmark,
        settings=replace(
            settings.writer_settings,
            record=settings.writer_settings.record or out / "exchanges.jsonl",
        ),
    )
    examples = select_examples(
        settings.benchmark,
        settings.data,
        settings.split,
        settings.limit,
        settings.seed,
        settings.ids,
        settings.types,
    )
    known: list[Written] | None = None
    selected = len(examples)
    if isinstance(writer, BareVqa | Direct | Gold | Replay):
        known = _known(writer, examples, settings)
        examples = [written.example for written in known]
    left_out = selected - len(examples)
    fingerprints = {name: backend.fingerprint for name, backend in toolbox.backends.items()}
    resolved = _resolved(settings, fingerprints, writer, examples, known)
    if workers is not None and (known is None or isinstance(writer, Direct)):
        raise InputError(
            f"the writer {settings.writer!r} asks a model, which happens in one process alone; run "
            "once without --on, and replay that run's programs with --writer replay:RUN"
        )
    with ExitStack() as stack:
        folder = stack.enter_context(RunFolder(out, resolved))
        before = len(folder.finished)
        finished = {id for id, _ in folder.finished}
        progress = Progress(len(examples), len(finished), Counts())
        show(progress)
        if workers is not None:
            assert known is not None
            due = [w for w in known if w.example.id not in finished]
            for table, counts in workers.run(settings, out, due, fingerprints) if due else ():
                for row in folder.append_table(table):
                    if row["chosen"]:
                        progress.end(row["judgement"], row["failure"])
                progress.counts.add(counts)
                show(progress)
        else:
            engine = stack.enter_context(Engine(toolbox, settings.engine, out / "memo.sqlite"))
            progress.counts = engine.counts
            writing: Known | Asking
            repaired: Mapping[tuple[str, str], Program | None] = {}
            if known is not None:
                due = [w for w in known if w.example.id not in finished]
                known.clear()  # an example that has ended is nobody's any more
                examples.clear()
                writing = Known(_handed_out(due))
            else:
                todo = {e.id: e for e in examples if e.id not in finished}
                log = stack.enter_context(ProgramLog(out, settings.language))
                writing, repaired = _go_on_writing(settings, writer, todo, log)
                stack.enter_context(writing)
            for records in run_written(settings, engine, benchmark, writing, repaired):
                folder.append(*records)
                chosen = next(r for r in records if r.chosen)
                failure = chosen.trace.failure
                progress.end(chosen.verdict.judgement, None if failure is None else asdict(failure))
                show(progress)
            if writing.error is not None:
                raise writing.error
    return summarise(
        out,
        folder.finished,
        before=before,
        resumed=len(finished),
        asked=known is None,
        left_out=left_out,
        ids_sha256=resolved["ids_sha256"],
        counts=progress.counts,
        usage=writer.usage,
        seconds=time.perf_counter() - started,
        failures=progress.failures,
    )


def _handed_out(due: list[Written]) -> Iterator[Written]:
    """Items in their order; the list lets go of each, so that what has ended needs no memory."""
    due.reverse()
    while due:
        yield due.pop()


def run_written(
    settings: RunSettings,
    engine: Engine,
    benchmark: Benchmark,
    writing: Writing,
    repaired: Mapping[tuple[str, str], Program | None] | None = None,
) -> Iterator[list[Record]]:
    """Runs written programs; yields the records of an example once its answer is decided."""
    questions = Questions(
        writing,
        engine.checker,
        benchmark,
        settings.language,
        vote=settings.vote,
        repaired=repaired,
    )
    for trace in engine.run(questions.tasks()):
        records = questions.end(trace)
        if records:
            yield records


def _known(
    writer: BareVqa | Direct | Gold | Replay, examples: Sequence[Example], settings: RunSettings
) -> list[Written]:
    """The programs of gold and recorded examples; those without one are no part of the run.

    Raises:
        InputError: None has a program.
    """
    programs = writer.write(examples, settings.language, settings.sampling)
    known = [Written(e, p) for e, p in zip(examples, programs, strict=True) if p]
    if not known:
        hint = (
            ". Where the benchmark has no gold programs, somebody must write them: --writer chat, "
            "local:MODEL, zoo or replay:FILE"
        )
        raise InputError(
            f"the writer {settings.writer!r} has no {settings.language} program for any of the "
            f"{len(examples)} examples" + (hint if isinstance(writer, Gold) else "")
        )
    return known


def _go_on_writing(
    settings: RunSettings, writer: Writer, todo: Mapping[str, Example], log: ProgramLog
) -> tuple[Asking, Mapping[tuple[str, str], Program | None]]:
    """The writer with what is left to write, and the repairs that are known already."""
    written, repaired = log.read(todo)
    asking = Asking(
        writer,
        [Written(todo[id], programs) for id, programs in written.items()],
        [example for id, example in todo.items() if id not in written],
        settings.language,
        settings.sampling,
        log,
        repairs=settings.repair,
    )
    return asking, repaired


def _resolved(
    settings: RunSettings,
    fingerprints: dict[str, str],
    writer: Writer,
    examples: Sequence[Example],
    known: Sequence[Written] | None,
) -> dict[str, Any]:
    """What makes the run this run, as ``run.toml`` holds it."""
    types = [f"{kind}={','.join(values)}" for kind, values in settings.types.items()]
    sampling = settings.sampling
    return {
        "benchmark": settings.benchmark,
        "data": os.fsencode(settings.data.resolve()).decode("utf-8", "backslashreplace"),
        "split": settings.split,
        "writer": settings.writer,
        "writer_fingerprint": writer.fingerprint if known is None else None,
        "toolbox": settings.toolbox,
        "language": settings.language,
        "limit": settings.limit,
        "types": types or None,
        "seed": settings.seed,
        "n": len(examples),
        "ids_sha256": ids_hash([e.id for e in examples]),
        "examples_sha256": examples_hash(examples),
        "programs_sha256": None if known is None else _programs_hash(known),
        "vote": settings.vote or None,
        "repair": settings.repair if known is None else None,
        "sampling": {
            "k": sampling.k,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if known is None
        else None,
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


def _programs_hash(known: Sequence[Written]) -> str:
    programs = hashlib.sha256()
    for written in known:
        for number, program in enumerate(written.programs):
            programs.update(repr((written.example.id, number, program.text)).encode())
    return programs.hexdigest()


def commit() -> str:
    """The commit of the code that runs, "" outside of a checkout of it."""
    folder = Path(__file__).parent
    inside = _git(folder, "rev-parse", "--show-prefix")
    if inside != "src/vprog/evaluation/":  # installed below somebody else's checkout
        return ""
    return _git(folder, "describe", "--always", "--dirty", "--abbrev=12")


def _git(folder: Path, *args: str) -> str:
    try:
        out = subprocess.run(
            ["git", "--no-optional-locks", *args],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return out.stdout.strip() if out.returncode == 0 else ""
