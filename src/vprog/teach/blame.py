"""Blame: which tool, argument and question type carries a run's loss, and what teaching could give.

For each wrong trace one call at a time is answered by the teacher in place of the student, and the
program runs again: every other call is answered as before, or by the student where the new answer
led to new calls. Equal calls of one program are one call. What makes the answer right is a repair.
Beside it all programs run with a tool, and with all tools, answered by the teacher: the most that
teaching them could give.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.benchmark import Benchmark
from vprog.engine import Engine, EngineSettings, Limits, Task
from vprog.errors import InputError
from vprog.example import Example, Region
from vprog.program.program import Program, to_language
from vprog.runs.folder import read_settings, read_traces
from vprog.runs.record import Record
from vprog.teach.agreement import agree
from vprog.teach.label import ask, reason
from vprog.teach.steps import ARGUMENTS, Argument, asked, example_of, load_examples
from vprog.teach.teachers.teacher import Teacher
from vprog.tools.backend import Toolbox
from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Call, Result, Step
from vprog.verify import RIGHT

Key = tuple[str, str, tuple[float, float, float, float], Argument]
"""A call inside one program: tool, picture, box, argument."""

Show = Callable[[int, int], None]
"""Is called with the programs that have run again, and all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitution:
    """One call of one wrong trace, answered by the teacher.

    Attributes:
        index: Of the trace among those of the run.
        call: The call.
        differs: Whether student and teacher say something else.
        credit: What the program's answer is worth then.
    """

    index: int
    call: Call
    differs: bool
    credit: float

    @property
    def repairs(self) -> bool:
        """Whether the answer is right then."""
        return self.credit >= RIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """What substitution found.

    Attributes:
        records: The labelled answers of the run.
        substitutions: Every call of a wrong trace that the teacher answers.
        upper: Tools that the teacher answered together -> what each record's answer is worth then.
        unanswered: Calls of wrong traces that the teacher does not answer, counted by reason.
    """

    records: Sequence[Record]
    substitutions: Sequence[Substitution]
    upper: Mapping[tuple[str, ...], Sequence[float]]
    unanswered: Mapping[str, int]

    @property
    def wrong(self) -> list[int]:
        """Indices of the records whose answer is not right."""
        return [n for n, r in enumerate(self.records) if r.verdict.credit < RIGHT]


def blame_run(run: Path, teacher: Teacher, show: Show = lambda done, total: None) -> Blame:
    """Blames a finished or unfinished run; its memo is used and extended.

    Raises:
        InputError: No run, files that are gone, a toolbox that no longer is what it was, or no
            labelled answer.
    """
    settings = read_settings(run)
    benchmark = load_benchmark(str(settings["benchmark"]))
    student = load_toolbox(str(settings["toolbox"])).with_tools(benchmark.tools)
    for tool, fingerprint in settings.get("fingerprints", {}).items():
        if tool in student.backends and student.backends[tool].fingerprint != fingerprint:
            raise InputError(
                f"{run}: toolbox {settings['toolbox']!r} no longer answers {tool} as it did in the "
                "run, so its steps cannot be repeated. Run again with today's toolbox first"
            )
    examples = load_examples(run)
    records = [r for r in read_traces(run) if r.chosen and r.answers]
    if not records:
        raise InputError(f"{run} has no labelled answer to blame; start its command again")
    pairs = [(record, example_of(record, examples, run)) for record in records]
    limits = Limits(**settings["limits"]) if "limits" in settings else Limits()
    return blame(pairs, student, teacher, benchmark, limits, run / "memo.sqlite", show)


def blame(
    pairs: Sequence[tuple[Record, Example]],
    student: Toolbox,
    teacher: Teacher,
    benchmark: Benchmark,
    limits: Limits | None = None,
    memo: Path | None = None,
    show: Show = lambda done, total: None,
) -> Blame:
    """Blames the answers of a run.

    Args:
        pairs: Labelled records with their examples.
        student: The toolbox of the run.
        teacher: Whose answers are put in.
        benchmark: Judges answers.
        limits: Of programs.
        memo: The run's memo; None computes everything again.
        show: Progress.

    Raises:
        InputError: A backend cannot be loaded, or the memo not be used.
    """
    settings = EngineSettings(limits=limits or Limits())
    wrong = [n for n, (record, _) in enumerate(pairs) if record.verdict.credit < RIGHT]
    pictures = {p.id: p for n in wrong for p in pairs[n][1].pictures}
    calls = [(n, key, step) for n in wrong for key, step in _calls(pairs[n][0]).items()]
    answers = ask(teacher, [_call(key) for _, key, _ in calls], pictures, memo)
    unanswered: Counter[str] = Counter()
    variants: list[tuple[int, Key, Result, bool]] = []
    for (n, key, step), answer in zip(calls, answers, strict=True):
        if isinstance(answer, Result):
            differs = bool(step.error) or not agree(key[0], step.value, answer.value)
            variants.append((n, key, answer, differs))
        else:
            unanswered[f"{key[0]}: {reason(answer)}"] += 1
    groups = _groups(teacher, student)
    total, done = len(variants) + len(groups) * len(pairs), 0

    def credits(toolbox: Toolbox, tasks: Sequence[Task], of: Sequence[int]) -> list[float]:
        nonlocal done
        worth = [0.0] * len(tasks)
        with Engine(toolbox, settings, memo) as engine:
            for trace in engine.run(tasks):
                _, example = pairs[of[trace.candidate]]
                worth[trace.candidate] = benchmark.verify(trace, example).credit
                done += 1
                show(done, total)
        return worth

    again = [
        _task(*pairs[n], candidate, _given(key, answer))
        for candidate, (n, key, answer, _) in enumerate(variants)
    ]
    single = credits(student, again, [n for n, *_ in variants])
    substitutions = [
        Substitution(index=n, call=_call(key), differs=differs, credit=worth)
        for (n, key, _, differs), worth in zip(variants, single, strict=True)
    ]
    everything = range(len(pairs))
    upper = {
        tools: credits(
            teacher.in_place_of(student, tools),
            [_task(*pairs[n], n) for n in everything],
            everything,
        )
        for tools in groups
    }
    return Blame(
        records=[record for record, _ in pairs],
        substitutions=substitutions,
        upper=upper,
        unanswered=dict(unanswered.most_common()),
    )


def _groups(teacher: Teacher, student: Toolbox) -> list[tuple[str, ...]]:
    """Each tool alone, then all together."""
    tools = tuple(tool for tool in teacher.tools if tool in student.backends)
    if not tools:
        raise InputError(
            f"teacher {teacher.name!r} answers {', '.join(teacher.tools)}, of which toolbox "
            f"{student.name!r} binds none"
        )
    alone: list[tuple[str, ...]] = [(tool,) for tool in tools]
    return alone if len(tools) == 1 else [*alone, tools]


def _calls(record: Record) -> dict[Key, Step]:
    """The calls of learnable tools of a trace, equal ones once."""
    calls: dict[Key, Step] = {}
    for step in record.trace.steps:
        key = _key(step)
        if key is not None:
            calls.setdefault(key, step)
    return calls


def _key(call: Step | Call) -> Key | None:
    found = asked(call)
    if found is None or call.tool is None:
        return None
    region, argument = found
    return (call.tool, region.picture, region.box_xyxy, argument)


def _call(key: Key) -> Call:
    tool, picture, box_xyxy, argument = key
    said: Any = list(argument) if isinstance(argument, tuple) else argument
    return Call(tool, {"image": Region(picture, *box_xyxy), ARGUMENTS[tool]: said})


def _given(key: Key, answer: Result) -> Callable[[Call], Result | None]:
    def given(call: Call) -> Result | None:
        return answer if _key(call) == key else None

    return given


def _task(
    record: Record,
    example: Example,
    candidate: int,
    given: Callable[[Call], Result | None] | None = None,
) -> Task:
    """The program of a record, to be run again; ``candidate`` finds its trace."""
    trace = record.trace
    program = Program(trace.program, to_language(trace.language), trace.logprob)
    return Task(example, program, candidate, given)
