"""Wrong programs with right answers, estimated where gold programs and gold scenes can tell.

A chosen program is *sound* if its canonical form is the gold program's. Otherwise both run over
gold scenes (the oracle toolbox): the example's own, and others on which a program that was right by
accident answers otherwise, see ``counterfactual``. It is *spurious* if an answer differs on any
scene on which the gold program has a meaning. So the estimate is a lower bound: what differs only
on scenes that were not drawn is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vprog.benchmarks.benchmark import Benchmark
from vprog.benchmarks.metric import mean
from vprog.distill.choose import Named, name_of
from vprog.distill.counterfactual import counterfactuals
from vprog.engine import Engine, Task
from vprog.evaluation.figures import cluster_of, describe
from vprog.example import Example, Picture
from vprog.program.canonical import canonical
from vprog.program.program import Language, Program
from vprog.runs.record import Record
from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Step, Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Spurious:
    """What the comparison with gold programs found.

    Attributes:
        verdicts: Candidate -> whether it is spurious; those that nothing can tell of are not here.
        canonical: How many are the gold program to the letter of their canonical form.
        scenes: Gold scenes on which the others were compared, on average.
        figure: Share of spurious ones, as ``vprog score`` gives figures; None where nothing can
            tell.
    """

    verdicts: Mapping[Named, bool]
    canonical: int = 0
    scenes: float = 0.0
    figure: Mapping[str, Any] | None = None


def find_spurious(
    pairs: Sequence[tuple[Example, Record]], benchmark: Benchmark, scenes: int = 8, seed: int = 0
) -> Spurious:
    """Estimates how many programs are wrong though their answer was right.

    Args:
        pairs: Candidates with their examples.
        benchmark: Of all of them; its tools are theirs.
        scenes: Beside its own, on which a program is compared with the gold one.
        seed: For drawing them.
    """
    verdicts: dict[Named, bool] = {}
    open_: list[tuple[Example, Record, Program]] = []
    for example, record in pairs:
        gold = _gold(example, record.trace.language)
        if gold is None:
            continue
        program = Program(record.trace.program, gold.language)
        if record.trace.language == gold.language and canonical(program) == canonical(gold):
            verdicts[name_of(record)] = False
        else:
            open_.append((example, record, gold))
    same = len(verdicts)
    compared = 0
    if open_:
        differing, compared = _differ(open_, [e for e, _ in pairs], benchmark, scenes, seed)
        verdicts |= differing
    told = [(e, verdicts[name_of(r)]) for e, r in pairs if name_of(r) in verdicts]
    figure = describe(mean(float(v) for _, v in told), [cluster_of(e) for e, _ in told])
    return Spurious(
        verdicts=verdicts,
        canonical=same,
        scenes=compared / max(len(verdicts) - same, 1),
        figure=figure if told else None,
    )


def _gold(example: Example, language: str) -> Program | None:
    """The gold program, in a candidate's own language if there is one in it."""
    if any(p.scene is None for p in example.pictures):
        return None
    wanted: Language = "python" if language == "python" else "steps"
    other: Language = "steps" if wanted == "python" else "python"
    for one in (wanted, other):
        if example.programs.get(one):
            return Program(example.programs[one], one)
    return None


def _differ(
    open_: Sequence[tuple[Example, Record, Program]],
    examples: Sequence[Example],
    benchmark: Benchmark,
    scenes: int,
    seed: int,
) -> tuple[dict[Named, bool], int]:
    """Which candidates differ from gold somewhere, and on how many scenes all were compared."""
    toolbox = load_toolbox("oracle").with_tools(benchmark.tools)
    sets = _picture_sets(examples)
    tasks: list[Task] = []
    for number, (example, record, gold) in enumerate(open_):
        program = Program(record.trace.program, _language(record))
        places = [example, *counterfactuals(example, sets, scenes, seed)]
        for place, where in enumerate(places):
            named = replace(where, id=f"{number} {place}")
            tasks += [Task(named, gold, 0), Task(named, program, 1)]
    traces: dict[tuple[str, int], Trace] = {}
    with Engine(toolbox) as engine:
        for trace in engine.run(iter(tasks)):
            traces[trace.example_id, trace.candidate] = trace
    verdicts: dict[Named, bool] = {}
    compared = 0
    for number, (_, record, _) in enumerate(open_):
        for place in range(scenes + 1):
            gold_trace = traces.get((f"{number} {place}", 0))
            if gold_trace is None or not _has_meaning(gold_trace):
                continue
            compared += 1
            own = traces[f"{number} {place}", 1]
            differs = own.failure is not None or (
                benchmark.normalise(own.answer) != benchmark.normalise(gold_trace.answer)
            )
            name = name_of(record)
            verdicts[name] = verdicts.get(name, False) or differs
    return verdicts, compared


def _language(record: Record) -> Language:
    return "python" if record.trace.language == "python" else "steps"


def _picture_sets(examples: Sequence[Example]) -> dict[tuple[str, ...], tuple[Picture, ...]]:
    """All different pictures, or pairs of pictures, that have gold scenes, by their ids."""
    return {
        tuple(p.id for p in e.pictures): e.pictures
        for e in examples
        if all(p.scene is not None for p in e.pictures)
    }


def _has_meaning(gold: Trace) -> bool:
    """Whether a question makes sense of a scene: what it presupposes is there.

    A gold program that cropped around nothing, or took all of the picture for a thing that it had
    not found, only answers because programs never stop.
    """
    return gold.failure is None and not any(map(_presupposes_in_vain, gold.steps))


def _presupposes_in_vain(step: Step) -> bool:
    return bool(step.info.get("note")) and step.module.startswith("CROP")
