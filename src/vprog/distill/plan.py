"""What a distillation would take: ``vprog distill --dry-run``."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from vprog.distill.answerer import Answerer, answerer_settings, student_toolbox
from vprog.distill.candidates import read_candidates
from vprog.distill.dataset import Built, build
from vprog.distill.latency import MANY, TURNS, WARM
from vprog.distill.pipeline import STUDENTS, DistillSettings, Pipeline, answering
from vprog.distill.settings import Mode
from vprog.distill.train import Plan as TrainingPlan
from vprog.distill.train import plan as plan_training
from vprog.distill.train import steps_s
from vprog.scale.cost import Outline, Part, merged, outline, part
from vprog.scale.plan import Plan, imports, plan_run, run_part
from vprog.teach.stage import Task
from vprog.teach.steps import load_examples
from vprog.tools.backends.hf.source import weight_files
from vprog.tools.toolboxes import load_toolbox

SAMPLE = 120
"""Examples of each run that are run to measure."""
T = TypeVar("T")


def plan_distill(
    settings: DistillSettings, sample: int = SAMPLE, prices: Path | None = None
) -> Outline:
    """Measures a sample of a distillation's work and says what all of it would take.

    Candidates of a sample run, their rationales are told, each row's student trains for a few steps
    that are thrown away, and the student as it is answers and explains a sample of the test split.
    Nothing is kept. An untrained student may write more than it will, so what it takes to validate
    and to test is at most so much.

    Args:
        settings: Of the distillation.
        sample: Examples of each run that are run to measure.
        prices: See ``vprog.writers.spending``.

    Returns:
        Parts ``imports``, ``candidates``, ``rationales``, ``train ROW`` (over all sizes of the
        labelled set), ``test programs``, ``test vqa``, ``test students`` and ``latency``, one job
        at a time.

    Raises:
        InputError: See ``distill``.
    """
    with tempfile.TemporaryDirectory(prefix="vprog-plan-") as folder:
        planning = _Planning(settings, Path(folder), sample)
        candidates = planning.candidates()
        parts = [imports(planning.first), candidates, planning.rationales()]
        parts += [planning.train(row) for row in settings.rows]
        parts += planning.test()
        return outline(parts, prices, sample=sample, prepared_mb=round(planning.prepared_mb, 1))


class _Planning:
    """The parts, of which later ones use what earlier ones left in the folder."""

    def __init__(self, settings: DistillSettings, out: Path, sample: int) -> None:
        self._settings, self._sample = settings, sample
        self._pipeline = Pipeline(settings, out)
        self._modes = tuple(dict.fromkeys(STUDENTS[row][0] for row in settings.rows))
        self._runs: dict[Path, Plan] = {}
        self._built: dict[tuple[Mode, Path], Built] = {}
        self.prepared_mb = 0.0
        source = Answerer(answerer_settings(settings.student), "student").source
        self._student_mb = sum(f.stat().st_size for f in weight_files(source.folder)) / 1e6

    @property
    def first(self) -> Plan:
        """The run that was measured first, which paid what is paid once."""
        return next(iter(self._runs.values()))

    def candidates(self) -> Part:
        """Programs of the training splits, k a question."""
        parts = []
        for task in self._settings.tasks:
            for split, run in zip(task.train, self._pipeline.candidates(task), strict=True):
                sampled = self._pipeline.run(task, "train", split, sampled=True)
                self._runs[run] = plan_run(sampled, self._sample, keep=run)
                parts.append(run_part(split, self._runs[run]))
        return _whole("candidates", parts)

    def rationales(self) -> Part:
        """Data sets of every mode and size."""
        pipeline, parts = self._pipeline, []
        for task in self._settings.tasks:
            for number, run in enumerate(pipeline.candidates(task)):
                plan = self._runs[run]
                load_s, _ = _timed(partial(load_examples, run))
                read_s, _ = _timed(partial(read_candidates, run))
                for mode in self._modes:
                    out = pipeline.data(task, mode, pipeline.sizes[0])[number]
                    data = dataclasses.replace(
                        self._settings.data,
                        choice=dataclasses.replace(self._settings.data.choice, mode=mode),
                        seed=self._settings.seed,
                    )
                    seconds, built = _timed(partial(build, run, out, data))
                    self._built[mode, run] = built
                    stored_mb = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6
                    for size in pipeline.sizes:
                        examples = self._labelled(task, run, size)
                        share = examples / built.examples
                        read = max(0.0, read_s - load_s) * plan.n / built.examples
                        told = max(0.0, seconds - read_s) * share
                        parts.append(
                            part(
                                mode, "programs", load_s + read + told, stored_mb * share,
                                examples=examples, records=_records(built) * share,
                            )
                        )  # fmt: skip
        whole = _whole("rationales", parts)
        records = round(sum(p.facts["records"] for p in parts))
        return dataclasses.replace(whole, facts={**whole.facts, "records": records})

    def train(self, row: str) -> Part:
        """The students of a row, one a size."""
        pipeline, first = self._pipeline, self._pipeline.sizes[0]
        val = pipeline.records(row, first, "val")
        files = pipeline.records(row, first, "train")
        if not files:  # of a tiny sample all pictures may be in the other part
            files = val
        chosen = pipeline.training(row, first)
        share = self._settings.data.val_share
        measured = plan_training(
            self._settings.student, files, chosen, val=(val or files) if share else None
        )
        parts = [self._training(row, size, measured) for size in pipeline.sizes]
        return merged(
            f"train {row}",
            parts,
            examples=sum(p.facts["examples"] for p in parts),
            records=sum(p.facts["records"] for p in parts),
            steps=sum(p.facts["steps"] for p in parts),
            seconds_a_step=parts[-1].facts["seconds_a_step"],
            trained=measured.trained,
            of=measured.of,
        )

    def _training(self, row: str, size: int | None, measured: TrainingPlan) -> Part:
        """One student, from a training on the sample."""
        mode, settings = STUDENTS[row][0], self._pipeline.training(row, self._pipeline.sizes[0])
        share = self._settings.data.val_share
        used = sum(
            self._labelled(task, run, size) * _used(self._built[mode, run])
            for task in self._settings.tasks
            for run in self._pipeline.candidates(task)
        )
        examples, sampled = max(1, round(used * (1 - share))), measured.rows["examples"]
        a_step = min(settings.batch_size, examples)
        grown = a_step / min(settings.batch_size, sampled)
        kinds = sum(measured.rows.get(kind, 0) for kind in ("answer", "rationale"))
        records = round(kinds * examples / sampled)
        prepared_mb = records * measured.record_mb
        self.prepared_mb = max(self.prepared_mb, min(prepared_mb, settings.cache_mb))
        seconds = steps_s(
            settings, a_step, examples, prepared_mb,
            grown * measured.seconds_a_step, grown * measured.seconds_a_repeat,
        )  # fmt: skip
        step_s = seconds / settings.steps
        if measured.rows.get("val"):
            shown = measured.rows["val"] * sampled / kinds  # examples that validated
            seconds += settings.validations * measured.seconds_a_validation * used * share / shown
        return part(
            row, "models", seconds, self._student_mb, examples=examples, records=records,
            steps=settings.steps, seconds_a_step=round(step_s, 4),
        )  # fmt: skip

    def test(self) -> list[Part]:
        """Runs of the test splits, and the time a question."""
        settings, runs = self._settings, len(self._pipeline.sizes) * len(self._settings.rows)
        explained = len(self._pipeline.sizes) * sum(STUDENTS[row][1] for row in settings.rows)
        found: dict[str, list[Part]] = {"programs": [], "vqa": [], "students": []}
        timed: list[Plan] = []
        for task in settings.tasks:
            run = self._pipeline.test_run(task)
            programs = plan_run(run, self._sample)
            found["programs"].append(run_part("programs", programs))
            if "vqa" in load_toolbox(settings.toolbox).backends:
                bare = plan_run(dataclasses.replace(run, writer="vqa"), self._sample)
                found["vqa"].append(run_part("vqa", bare))
            for explain, times in ((False, runs), (True, explained)):
                if not times:
                    continue
                limit = settings.limits.get("test")
                if explain:
                    limit = settings.limits.get("explain", limit)
                answers = answering(run, settings.student, explain)
                plan = plan_run(
                    dataclasses.replace(answers, limit=limit),
                    self._sample,
                    student_toolbox(settings.student, explain),
                )
                found["students"].append(run_part("students", plan, times * plan.selected, times))
                if not explain:
                    timed = timed or [self._timed(programs), plan]
        parts = [_whole(f"test {name}", some) for name, some in found.items() if some]
        return [*parts, _latency(*timed)]

    def _timed(self, programs: Plan) -> Plan:
        """Programs as their time a question is measured: endpoints are not asked again."""
        if not self._pipeline.asks_endpoints:
            return programs
        work = {bound: seconds for bound, seconds in programs.work.items() if bound != "writer"}
        return dataclasses.replace(programs, work=work, tokens={}, dollars=None)

    def _labelled(self, task: Task, run: Path, size: int | None) -> int:
        runs = self._pipeline.candidates(task)
        share, n = self._pipeline.shares(task, size)[runs.index(run)], self._runs[run].n
        return n if share is None else min(share, n)


def _latency(programs: Plan, student: Plan) -> Part:
    """See ``latency``: one question at a time, then batches; nothing is left of it."""
    kinds = [
        run_part("latency", plan, WARM + (1 + TURNS) * MANY, 1) for plan in (programs, student)
    ]
    return dataclasses.replace(_whole("latency", kinds), storage_mb=0.0)


def _whole(name: str, parts: list[Part]) -> Part:
    return merged(name, parts, examples=sum(p.facts["examples"] for p in parts))


def _records(built: Built) -> int:
    return sum(n for kinds in built.records.values() for n in kinds.values())


def _used(built: Built) -> float:
    """Share of the examples that a student can learn from."""
    return 1 - built.outcomes.get("left_out", 0) / max(built.examples, 1)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.monotonic()
    value = work()
    return time.monotonic() - started, value
