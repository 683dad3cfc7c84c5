"""What a stage is reported by: the matrix task x row, and how often the tools' steps are right."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from vprog.evaluation.figures import describe
from vprog.evaluation.score import ScoredRun, compare_runs, score_run
from vprog.evaluation.statistics import wilson
from vprog.evaluation.zoo.metrics import Found, f1, f1_interval, found
from vprog.example import Picture, Region
from vprog.program.program import Language
from vprog.runs.jobs import run_all
from vprog.teach.agreement import LEAST_OVERLAP, agree
from vprog.teach.label import ask
from vprog.teach.rounds import Round, Stage, run_to_end
from vprog.teach.stage import Task
from vprog.teach.steps import LearnableStep, collect_steps
from vprog.teach.teachers.load import load_teacher
from vprog.teach.teachers.teacher import Teacher
from vprog.tools.toolboxes import load_toolbox
from vprog.trace import Result, Value

Role = Literal["target", "previous", "unseen"]
ROWS = ("majority", "vqa", "untaught", "replaced", "taught", "upper")
"""The most frequent answer; the bare ``vqa`` tool; the programs with the tools as they were, with
the teacher in their place, with the taught tools, and with every step by the upper bound's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A run of the matrix.

    Attributes:
        task: What runs.
        role: Of the task in this stage.
        row: See ``ROWS``.
        language: Of the programs; None for the bare ``vqa`` tool.
        run: Its folder.
    """

    task: Task
    role: Role
    row: str
    language: Language | None
    run: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedStep:
    """A call of the target's test programs that teaching made right or wrong.

    Attributes:
        step: The call with the answer before.
        after: The answer of the taught tool.
        truth: The answer that both are compared with.
        better: Whether it is right now.
    """

    step: LearnableStep
    after: Value
    truth: Value
    better: bool


def tasks_of(stage: Stage) -> list[tuple[Task, Role]]:
    """Every task of a stage with its role; a task has one."""
    before, settings = stage.before, stage.settings
    found: dict[str, tuple[Task, Role]] = {settings.target.name: (settings.target, "target")}
    for task in before.tasks if before else ():
        found.setdefault(task.name, (task, "previous"))
    for task in (*settings.unseen, *(before.unseen if before else ())):
        found.setdefault(task.name, (task, "unseen"))
    return list(found.values())


def cells(stage: Stage, chosen: int = 1) -> Iterator[Cell]:
    """Every run of the matrix; ``majority`` needs none.

    Args:
        stage: The stage.
        chosen: Number of the round whose tools are the taught ones.
    """
    for number, (task, role) in enumerate(tasks_of(stage)):
        folder = stage.out / "test" / f"{number}-{task.benchmark}"
        yield Cell(task=task, role=role, row="vqa", language=None, run=folder / "vqa")
        rows = ["untaught", "replaced", "taught"]
        if stage.settings.upper:
            rows.append("upper")
        for row in rows:
            for language in stage.settings.languages:
                name = f"{row}-{chosen}" if row == "taught" else row
                run = folder / f"{name}-{language}"
                yield Cell(task=task, role=role, row=row, language=language, run=run)


def run_matrix(stage: Stage, best: Round) -> list[dict[str, Any]]:
    """Runs all cells that are not finished and reads their figures.

    Args:
        stage: The stage.
        best: The round that it came to.

    Returns:
        Records ``{task, role, row, language, accuracy, ci95, n, ...}``; those of ``taught`` have
        ``gain``, the paired difference to ``untaught``, and on the target ``closed``, the share of
        the gap to ``upper`` that it is.
    """
    settings = stage.settings
    every = list(cells(stage, best.number))
    work = []
    for cell in every:
        toolbox = best.toolbox if cell.row == "taught" else stage.start
        run = settings.run(cell.task, "test", cell.task.test, cell.language or "steps", toolbox)
        if cell.language is None:
            run = dataclasses.replace(run, writer="vqa")
        teacher = {"replaced": stage.teacher, "upper": settings.upper}.get(cell.row, "")
        work.append(partial(_run_cell, run, cell.run, teacher, cell.row))
    run_all(work, settings.jobs)
    return _records(stage, every)


def _run_cell(settings: Any, out: Path, teacher: str, row: str) -> None:
    """A cell; the bare ``vqa`` row is left out where no ``vqa`` tool is bound."""
    if row == "vqa" and "vqa" not in load_toolbox(settings.toolbox).backends:
        return
    run_to_end(settings, out, teacher)


def _records(stage: Stage, every: Sequence[Cell]) -> list[dict[str, Any]]:
    scored: dict[tuple[str, str, Language | None], ScoredRun] = {}
    for cell in every:
        if (cell.run / "run.toml").is_file():
            scored[cell.task.name, cell.row, cell.language] = score_run(cell.run)
    records = []
    for task, role in tasks_of(stage):
        about = {"task": task.name, "benchmark": task.benchmark, "role": role, "split": task.test}
        seen_majority = False
        for cell in (c for c in every if c.task.name == task.name):
            run = scored.get((task.name, cell.row, cell.language))
            if run is None:
                continue
            figures = run.figures
            if not seen_majority:
                seen_majority = True
                records.append(_majority(about, figures, stage.settings.seed))
            accuracy = figures["metrics"]["accuracy"]
            record = {
                **about,
                "row": cell.row,
                "language": cell.language,
                "accuracy": accuracy["value"],
                "ci95": accuracy["ci95"],
                "n": accuracy["n"],
                "seed": stage.settings.seed,
                "ids_sha256": figures["ids_sha256"],
                "commit": figures["commit"],
                "errors": figures["errors"],
            }
            if cell.row in ("taught", "replaced"):
                record |= _gain(scored, cell)
            records.append(record)
    return records


def _majority(about: Mapping[str, Any], figures: Mapping[str, Any], seed: int) -> dict[str, Any]:
    value, n = figures["majority"]["value"], figures["metrics"]["accuracy"]["n"]
    low, high = wilson(value * n, n)
    return {
        **about,
        "row": "majority",
        "language": None,
        "accuracy": value,
        "ci95": [round(low, 6), round(high, 6)],
        "n": n,
        "seed": seed,
        "ids_sha256": figures["ids_sha256"],
        "commit": figures["commit"],
        "errors": {},
    }


def _gain(
    scored: Mapping[tuple[str, str, Language | None], ScoredRun], cell: Cell
) -> dict[str, Any]:
    name, language = cell.task.name, cell.language
    untaught, now = scored[name, "untaught", language], scored[name, cell.row, language]
    paired = compare_runs(untaught, now)
    said: dict[str, Any] = {"gain": paired["difference"], "gain_ci95": paired["ci95"],
                            "p_value": paired["p_value"]}  # fmt: skip
    upper = scored.get((name, "upper", language))
    if cell.row == "taught" and cell.role == "target" and upper is not None:
        before, most = _accuracy(untaught), _accuracy(upper)
        if most > before:
            said["closed"] = round(paired["difference"] / (most - before), 6)
    return said


def _accuracy(run: ScoredRun) -> float:
    value: float = run.figures["metrics"]["accuracy"]["value"]
    return value


def step_figures(
    stage: Stage, taught: str
) -> tuple[dict[str, Any], list[ChangedStep], Mapping[str, Picture]]:
    """How often the steps of the target's test programs are right before and after teaching.

    The calls are those of the untaught run, so that both answer the same. They are compared with
    the upper bound's answers, or the teacher's where there is none.

    Args:
        stage: The stage.
        taught: The toolbox that it came to.

    Returns:
        Tool -> ``{metric, n, before, after}`` with value and 95 % interval each: F1 at an
        intersection over union of 0.5 for ``detect`` (over distinct calls), agreement for the
        others; the calls that changed; and the pictures of all.
    """
    runs = [c.run for c in cells(stage) if c.role == "target" and c.row == "untaught"]
    learning = stage.learning()
    steps = collect_steps(runs, learning)
    truth = ask(load_teacher(stage.settings.upper or stage.teacher),
                [s.call for s in steps.steps], steps.pictures)  # fmt: skip
    now = load_toolbox(taught)
    student = Teacher(name=taught, backends={tool: now.backends[tool] for tool in learning})
    after = ask(student, [s.call for s in steps.steps], steps.pictures)
    figures: dict[str, Any] = {}
    changed: list[ChangedStep] = []
    for tool in learning:
        judged = [
            (step, was.value, now.value if isinstance(now, Result) else None)
            for step, was, now in zip(steps.steps, truth, after, strict=True)
            if step.tool == tool and isinstance(was, Result)
        ]
        if not judged:
            continue
        measure = _f1 if tool == "detect" else _agreement
        figures[tool] = {
            "metric": "f1" if tool == "detect" else "agreement",
            "n": len(judged),
            "before": measure(tool, [(s, s.value, gold) for s, gold, _ in judged], stage),
            "after": measure(tool, [(s, said, gold) for s, gold, said in judged], stage),
        }
        for step, gold, said in judged:
            right = not step.error and agree(tool, step.value, gold)
            better = agree(tool, said, gold)
            if right != better:
                changed.append(ChangedStep(step=step, after=said, truth=gold, better=better))
    return figures, changed, steps.pictures


Judged = Sequence[tuple[LearnableStep, Value, Value]]
"""A call, what was answered, and what is right."""


def _f1(tool: str, judged: Judged, stage: Stage) -> dict[str, Any]:
    by_picture: dict[str, list[Found]] = {}
    for step, said, gold in judged:
        tally = found(_boxes(said), _boxes(gold), LEAST_OVERLAP)
        by_picture.setdefault(step.region.picture, []).append(tally)
    tallies = [tally for some in by_picture.values() for tally in some]
    interval = f1_interval(list(by_picture.values()), stage.settings.seed)
    return {"value": round(f1(tallies), 6), "ci95": [round(v, 6) for v in interval]}


def _boxes(value: Value) -> list[tuple[float, float, float, float]]:
    return [b.box_xyxy for b in value if isinstance(b, Region)] if isinstance(value, list) else []


def _agreement(tool: str, judged: Judged, stage: Stage) -> dict[str, Any]:
    from vprog.benchmarks.metric import mean

    same = [float(said is not None and agree(tool, said, gold)) for _, said, gold in judged]
    figure = describe(mean(same), [step.region.picture for step, *_ in judged])
    return {"value": figure["value"], "ci95": figure["ci95"]}
