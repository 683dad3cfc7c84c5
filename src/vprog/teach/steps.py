"""Steps: every call of a learnable tool in the traces of runs, as the student answered it.

Teaching follows the execution of programs (SDVP, arXiv 2309.09809): what a program asked of a tool
is a training example of that tool. Equal calls, of any program, language or run, are one step with
a weight.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.errors import InputError, PictureError
from vprog.example import Example, Picture, Region
from vprog.runs.folder import read_settings, read_traces
from vprog.runs.record import Record
from vprog.tools.catalogue import TOOLS
from vprog.trace import Call, Step, Value

ARGUMENTS: Mapping[str, str] = {"detect": "phrase", "vqa": "question", "match": "options"}
"""Learnable tool -> the parameter beside ``image`` that says what is asked."""

Argument = str | tuple[str, ...]
"""What is asked of a region: a phrase, a question, or options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnableStep:
    """A call of a learnable tool with the student's answer.

    Attributes:
        tool: ``detect``, ``vqa`` or ``match``.
        region: The part of a picture, in pixels of the whole picture; without label and score.
        argument: The phrase, the question, or the options.
        value: What the student answered; None where the call failed.
        info: What the student said beside it: scores, a distribution.
        error: Why the call failed; "" where it did not.
        weight: How many calls of the traces it stands for.
        modules: The names under which programs made the call, such as ``LOC`` and ``find``.
        example_id: The first example that made it.
    """

    tool: str
    region: Region
    argument: Argument
    value: Value = None
    info: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    weight: int = 1
    modules: tuple[str, ...] = ()
    example_id: str = ""

    @property
    def call(self) -> Call:
        """The call that it is about."""
        said: Value = list(self.argument) if isinstance(self.argument, tuple) else self.argument
        return Call(self.tool, {"image": self.region, ARGUMENTS[self.tool]: said})


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of one or more runs.

    Attributes:
        steps: In the order of their first appearance.
        pictures: Every picture that a step speaks of, by id.
        left_out: Calls that are no steps, counted by reason.
    """

    steps: Sequence[LearnableStep]
    pictures: Mapping[str, Picture]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """How many calls of the traces the steps stand for."""
        return sum(step.weight for step in self.steps)


def load_examples(run: Path) -> dict[str, Example]:
    """The examples of a run's split by id, as its benchmark loads them: with scenes and pixels.

    Raises:
        InputError: No run, or the benchmark's files are gone.
    """
    benchmark, data, split = _source(run)
    loaded = load_benchmark(benchmark).examples(Path(data), split)
    return {example.id: example for example in loaded}


def _source(run: Path) -> tuple[str, str, str]:
    """Benchmark, folder and split of a run."""
    settings = read_settings(run)
    return str(settings["benchmark"]), str(settings["data"]), str(settings["split"])


def example_of(record: Record, examples: Mapping[str, Example], run: Path) -> Example:
    """The example that a record is about.

    Raises:
        InputError: The benchmark's files no longer hold it.
    """
    try:
        return examples[record.trace.example_id]
    except KeyError:
        raise InputError(
            f"{run}: the benchmark's files no longer hold its example "
            f"{record.trace.example_id!r}; put back the files that the run was made from"
        ) from None


def asked(step: Step | Call) -> tuple[Region, Argument] | None:
    """Region and argument of a call of a learnable tool; None for any other."""
    if step.tool is None or step.tool not in ARGUMENTS:
        return None
    region, said = step.args.get("image"), step.args.get(ARGUMENTS[step.tool])
    if not isinstance(region, Region):
        return None
    if isinstance(said, list):
        return region, tuple(str(option) for option in said)
    return region, str(said)


def collect_steps(runs: Sequence[Path], tools: Sequence[str] = tuple(ARGUMENTS)) -> Steps:
    """Collects the steps of runs of one benchmark split or several, in either language.

    Left out and counted are calls about pictures that the program itself had edited (COLORPOP and
    its like), whose pixels no trace holds, and calls about pictures that cannot be read.

    Args:
        runs: Folders of runs.
        tools: Of these tools alone.

    Raises:
        InputError: No run, a damaged one, files that are gone, or two pictures with one id.
    """
    for tool in tools:
        if not (tool in TOOLS and TOOLS[tool].learns):
            raise InputError(f"{tool!r} cannot be taught; {', '.join(ARGUMENTS)} can")
    merged: dict[tuple[Any, ...], LearnableStep] = {}
    pictures: dict[str, Picture] = {}
    left_out: Counter[str] = Counter()
    loaded: dict[tuple[str, str, str], dict[str, Example]] = {}
    for run in runs:
        source = _source(run)
        if source not in loaded:
            loaded[source] = load_examples(run)
        examples = loaded[source]
        for record in read_traces(run):
            if record.verdict.judgement == "skipped":
                continue
            known = {p.id: p for p in example_of(record, examples, run).pictures}
            for step in _learnable(record, tools):
                _merge(step, known, merged, pictures, left_out)
    return Steps(steps=tuple(merged.values()), pictures=pictures, left_out=dict(left_out))


def _learnable(record: Record, tools: Sequence[str]) -> Iterator[LearnableStep]:
    for step in record.trace.steps:
        found = asked(step)
        if step.tool is None or step.tool not in tools or found is None:
            continue
        region, argument = found
        yield LearnableStep(
            tool=step.tool,
            region=region._replace(label="", score=1.0),
            argument=argument,
            value=step.value,
            info=step.info,
            error=step.error,
            modules=(step.module,),
            example_id=record.trace.example_id,
        )


def _merge(
    step: LearnableStep,
    known: Mapping[str, Picture],
    merged: dict[tuple[Any, ...], LearnableStep],
    pictures: dict[str, Picture],
    left_out: Counter[str],
) -> None:
    picture = known.get(step.region.picture)
    if picture is None:
        left_out["the program had edited the picture"] += 1
        return
    try:
        digest = picture.digest
    except PictureError:
        left_out["the picture cannot be read"] += 1
        return
    if pictures.setdefault(picture.id, picture).digest != digest:
        raise InputError(
            f"two different pictures are called {picture.id!r}; collect the steps of runs over "
            "different data apart"
        )
    key = (step.tool, digest, step.region.box_xyxy, step.argument)
    before = merged.get(key)
    if before is None:
        merged[key] = step
        return
    modules = tuple(dict.fromkeys((*before.modules, *step.modules)))
    merged[key] = replace(before, weight=before.weight + 1, modules=modules)


def with_phrases(
    steps: Steps, phrases: Sequence[str], *, at_least: int = 0, seed: int = 0
) -> Steps:
    """Steps of ``detect``, and what every whole picture is asked beside them.

    Programs ask a picture little, and some words nowhere. What it does not show teaches too.

    Args:
        steps: Of programs.
        phrases: To be found in all pictures of the steps.
        at_least: Phrases that a picture is asked. Where there are fewer, others of the steps are
            asked, drawn as often as programs ask them.
        seed: Of the draw.
    """
    import numpy as np

    asked = Counter[str]()
    known: dict[str, set[str]] = {name: set() for name in steps.pictures}
    for step in steps.steps:
        asked[str(step.argument)] += step.weight
        if step.region == steps.pictures[step.region.picture].region:
            known[step.region.picture].add(str(step.argument))
    words, often = list(asked), np.array(list(asked.values()))
    more = []
    for name, picture in steps.pictures.items():
        have = known[name].union(phrases)
        # The first of clocks that ring as often as programs ask: a draw without repetition.
        clock = np.random.default_rng(random.Random(f"{seed}/{name}").getrandbits(64))
        order = (clock.exponential(size=len(words)) / often).argsort() if at_least else ()
        drawn = [words[place] for place in order if words[place] not in have]
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in known[name]]
        new += drawn[: max(0, at_least - len(have))]
        more += [
            LearnableStep(tool="detect", region=picture.region, argument=phrase) for phrase in new
        ]
    return replace(steps, steps=(*steps.steps, *more))


def by_tool(steps: Iterable[LearnableStep]) -> dict[str, int]:
    """How many steps each tool has."""
    return dict(Counter(step.tool for step in steps))
