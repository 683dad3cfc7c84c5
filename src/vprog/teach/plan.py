"""What a stage would take: ``vprog teach --dry-run``."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vprog.console import note
from vprog.evaluation.selection import select_examples
from vprog.program.program import Language
from vprog.scale.cost import Outline, Part, by_models, merged, outline, part
from vprog.scale.plan import Plan, imports, plan_run, run_part
from vprog.teach.label import label
from vprog.teach.matrix import Cell, cells
from vprog.teach.rounds import Stage, bound, size_of
from vprog.teach.stage import LATER, StageSettings, Task, read_before, training_of
from vprog.teach.teachers.load import load_teacher
from vprog.teach.train import plan as plan_training
from vprog.tools.toolboxes import load_toolbox

SAMPLE = 64
"""Programs a language that are run to measure."""


def plan_stage(
    settings: StageSettings, prices: Path | None = None, sample: int = SAMPLE
) -> Outline:
    """Measures a sample of the stage's work and says what all of it would take.

    Programs of the target's training split run over the toolbox as it is, their steps are labelled,
    every student trains for three steps that are thrown away, and programs of its test split run
    with the teachers in place of the tools. Other tasks are taken to be like the target, and all
    rounds to be needed. Where a small network is to teach, the gold scenes or picture processing
    stand in for it, and its own training is not counted. Nothing is kept.

    Args:
        settings: Of the stage.
        prices: See ``vprog.writers.spending``.
        sample: Programs a language that are run to measure.

    Returns:
        Parts ``imports``, ``train runs``, ``val runs``, ``shown runs``, ``keep runs``, ``labels``,
        ``train TOOL``, ``test runs`` and ``step figures``, one job at a time; ``tools`` (calls a
        program, what learns) and ``unanswered``.

    Raises:
        InputError: See ``teach``.
    """
    before = read_before(settings.after) if settings.after is not None else None
    with tempfile.TemporaryDirectory(prefix="vprog-plan-") as folder:
        stage = Stage(settings, Path(folder), before)
        if settings.teacher == "small":
            stage.teacher = settings.upper or "pixels"
        return _Planning(stage, sample).all(prices)


class _Planning:
    """The parts, of which later ones use what earlier ones left in the stage's folder."""

    def __init__(self, stage: Stage, sample: int) -> None:
        self._stage, self._sample = stage, sample
        self._runs: dict[Language, Plan] = {}
        self._shown: list[Plan] = []
        self._others: dict[tuple[str, Language | None], Plan] = {}

    def all(self, prices: Path | None) -> Outline:
        """Everything."""
        settings = self._stage.settings
        counted = _programs(self._stage)
        split = settings.target.train[0]
        for language in settings.languages:
            run = settings.run(settings.target, "train", split, language, self._stage.start)
            kept = self._stage.out / "round-1" / f"train-{split}-{language}"
            self._runs[language] = plan_run(run, self._sample, keep=kept)
            if settings.demonstrate:
                teacher = load_teacher(self._stage.teacher)
                toolbox = teacher.replacing(load_toolbox(self._stage.start))
                kept = self._stage.out / "round-1" / f"shown-{split}-{language}"
                self._shown.append(plan_run(run, self._sample, toolbox, keep=kept))
        rounds = settings.rounds
        judged = 1 + rounds * (1 + len(settings.thresholds))
        parts = [
            imports(next(iter(self._runs.values()))),
            self._of_runs(
                "train runs", rounds * counted["train"], rounds * len(settings.target.train)
            ),
            self._of_runs("val runs", judged * counted["val"], judged),
        ]
        if self._shown:
            shown = [run_part("shown runs", p, counted["train"]) for p in self._shown]
            parts.append(_whole("shown runs", shown))
        if settings.keep:
            parts.append(self._of_runs("keep runs", counted["keep"], len(settings.keep)))
        learned, tools, unanswered = self._learning(counted)
        parts += learned
        tests = [self._test(cell) for cell in cells(self._stage)]
        parts.append(_whole("test runs", [one for one in tests if one is not None]))
        # The steps of the target's test programs are answered anew, to be compared.
        again = self._of_runs("step figures", self._count(settings.target, "test"), 0)
        parts.append(part("step figures", "models", again.work.get("models", 0.0)))
        return outline(parts, prices, programs=counted, tools=tools, unanswered=unanswered)

    def _of_runs(self, name: str, examples: int, starts: int) -> Part:
        """Runs like those of the sample, in every language."""
        plans = self._runs.values()
        return _whole(name, [run_part(name, plan, examples, starts) for plan in plans])

    def _learning(
        self, counted: Mapping[str, int]
    ) -> tuple[list[Part], dict[str, Any], dict[str, int]]:
        """Labels and trainings of all tools."""
        stage, settings = self._stage, self._stage.settings
        teacher = load_teacher(stage.teacher)
        runs = [run for run in (*stage.train_runs(1), *stage.shown_runs()) if run.is_dir()]
        ran, each = sum(plan.sample for plan in self._runs.values()), 1 + bool(self._shown)
        trained = settings.rounds + settings.demonstrate
        programs = trained * counted["train"] + settings.rounds * counted["val"]
        programs *= len(settings.languages)
        label_s, parts = 0.0, []
        tools: dict[str, Any] = {}
        unanswered: dict[str, int] = {}
        for tool in stage.learning():
            started = time.monotonic()
            steps = stage.steps_of(runs, tool)  # each program's own, and the teacher's
            labels = label(steps, teacher)
            label_s += time.monotonic() - started
            unanswered |= labels.unanswered
            rows = labels.supervised(settings.least_confidence)
            if not rows:
                note(f"{tool}: the teacher answered none of {len(steps.steps):,} calls")
                continue
            student = bound(tool, stage.start)
            chosen = training_of(settings, tool, size_of(tool, student))
            replay = {"sample": rows} if stage.keep_runs() else None
            planned = plan_training(
                tool, student, rows, steps.pictures, settings=chosen, replay=replay, val=rows
            )
            validated = counted["val"] * len(settings.languages) / (ran * each)
            seconds = planned.estimated_s
            seconds += chosen.validations * planned.seconds_a_validation * validated
            all_rows = round(len(rows) * counted["train"] * len(settings.languages) / ran)
            times = 1 + LATER * (settings.rounds - 1)
            parts.append(
                part(
                    f"train {tool}", "models", times * seconds,
                    settings.rounds * 4 * planned.of / 1e6, records=all_rows,
                    steps=round(times * planned.steps),
                    seconds_a_step=round(planned.seconds_a_step, 4),
                )
            )  # fmt: skip
            tools[tool] = {
                "calls_a_program": round(steps.calls / (ran * each), 3),
                "trained": planned.trained,
                "of": planned.of,
                "method": planned.method,
            }
        bound_by = "models" if by_models(teacher.backends) else "programs"
        labelling = part("labels", bound_by, label_s * programs / (ran * each))
        return [labelling, *parts], tools, unanswered

    def _test(self, cell: Cell) -> Part | None:
        """A run of the matrix; None where it is left out."""
        stage, settings = self._stage, self._stage.settings
        teacher = {"replaced": stage.teacher, "upper": settings.upper}.get(cell.row, "")
        language = cell.language
        if language is not None and not teacher:
            plan = self._runs[language]
        elif language is None and "vqa" not in load_toolbox(stage.start).backends:
            return None
        else:
            plan = self._instead(teacher, language)
        return run_part(cell.row, plan, self._count(cell.task, "test"))

    def _instead(self, teacher: str, language: Language | None) -> Plan:
        """A run with a teacher in place of the tools, or of the bare ``vqa`` tool."""
        stage, target = self._stage, self._stage.settings.target
        key = (teacher, language)
        if key not in self._others:
            toolbox = load_toolbox(stage.start)
            run = stage.settings.run(target, "test", target.test, language or "steps", stage.start)
            if language is None:
                run = dataclasses.replace(run, writer="vqa")
            if teacher:
                toolbox = load_teacher(teacher).replacing(toolbox)
            self._others[key] = plan_run(run, self._sample, toolbox)
        return self._others[key]

    def _count(self, task: Task, part: str) -> int:
        return _count(self._stage.settings, task, part, task.test)


def _whole(name: str, parts: list[Part]) -> Part:
    return merged(name, parts, examples=sum(p.facts["examples"] for p in parts))


def _count(settings: StageSettings, task: Task, part: str, split: str) -> int:
    limit = settings.limits.get(part)
    return len(select_examples(task.benchmark, task.data, split, limit, settings.seed))


def _programs(stage: Stage) -> dict[str, int]:
    """Examples of each part: of one language for train, val and keep; of all cells for test."""
    settings, target = stage.settings, stage.settings.target
    return {
        "train": sum(_count(settings, target, "train", split) for split in target.train),
        "val": _count(settings, target, "val", target.val),
        "keep": sum(_count(settings, task, "keep", task.train[0]) for task in settings.keep),
        "test": sum(_count(settings, cell.task, "test", cell.task.test) for cell in cells(stage)),
    }
