"""``vprog distill``: from a training split to one model, and to the table that judges it (VPD).

Candidates run over one toolbox, verified programs become rationales, students learn from labels
alone (VPD's Instruct) and from labels and rationales, and all of them answer the test split beside
the programs themselves. Every part can be killed and goes on.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from vprog.benchmarks import load_benchmark
from vprog.distill.dataset import build
from vprog.distill.settings import (
    ChoiceSettings,
    DistillData,
    Mode,
    PromptSettings,
    RationaleSettings,
)
from vprog.distill.sft_settings import SftSettings
from vprog.distill.train import plan, train
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.program.program import Language
from vprog.runs.folder import write_atomically
from vprog.runs.held import phase
from vprog.runs.jobs import run_all
from vprog.teach.stage import Task, check_folder, check_names, check_once
from vprog.teach.teachers.load import load_teacher
from vprog.tools.backends.hf.runtime import free_memory
from vprog.writers import Sampling, WriterSettings, load_writer

STUDENTS: Mapping[str, tuple[Mode, bool]] = {
    "instruct": ("verified", False),
    "instruct_compute": ("verified", False),
    "vpd": ("verified", True),
    "vpd_unverified": ("unverified", True),
}
"""Rows of the table that are students -> which data set, and whether its rationales are learned.

``instruct``: labels alone, as many steps. ``instruct_compute``: labels alone, as much computation
as ``vpd``. ``vpd_unverified``: rationales of programs that nobody checked."""


_DECIDES = ("model", "revision", "prompt", "shots", "max_tokens", "dtype", "grammar")
"""Settings of a writer that decide what it writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillSettings:
    """What ``vprog distill`` does.

    Attributes:
        tasks: Of one model: a specialist's one, or a generalist's mixture.
        toolbox: What answers for the tools of the programs.
        writer: Where the candidates come from.
        language: Of the programs.
        k: Candidates a question.
        temperature: At which they are drawn.
        top_p: Share of the probability that they are drawn from.
        repair: Whether the writer is asked again, once, for programs that fail their check.
        writer_settings: Of a writer that asks a model.
        student: Hub id, folder or zoo name of an AutoModelForImageTextToText.
        rows: Students that are trained, see ``STUDENTS``.
        labels: Sizes of the labelled set, over all tasks together; empty is all there is.
        limits: Most examples of ``train``, ``test`` and ``explain`` (test examples whose rationale
            is asked for), a task.
        data: How programs are chosen and told; ``grid`` and ``plain`` as the student knows them.
        training: How students are tuned.
        jobs: Runs at the same time.
        seed: Of everything random.
    """

    tasks: tuple[Task, ...]
    toolbox: str = "zoo"
    writer: str = "zoo"
    language: Language = "steps"
    k: int = 5
    temperature: float = 0.5
    top_p: float = 1.0
    repair: bool = True
    writer_settings: WriterSettings = field(default_factory=WriterSettings)
    student: str = "zoo:vlm"
    rows: tuple[str, ...] = ("instruct", "vpd", "vpd_unverified")
    labels: tuple[int, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    data: DistillData = field(default_factory=DistillData)
    training: SftSettings = field(default_factory=SftSettings)
    jobs: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what cannot be.

        Raises:
            InputError: Names the setting and what is allowed.
        """
        for row in self.rows:
            if row not in STUDENTS:
                raise InputError(f"no row is called {row!r}; {', '.join(STUDENTS)} are")
        if not self.tasks or not self.rows:
            raise InputError("distilling needs a task and a row")
        if "instruct_compute" in self.rows and "vpd" not in self.rows:
            raise InputError("instruct_compute is measured by vpd; add the row vpd")
        for name, limit in self.limits.items():
            if name not in ("train", "test", "explain"):
                raise InputError(f"no limit is called {name!r}; train, test and explain are")
            if limit < 1:
                raise InputError(f"the limit of {name} must be 1 or more, got {limit}")
        splits = sum(len(task.train) for task in self.tasks)
        if any(size < splits for size in self.labels):
            raise InputError(f"labels must be at least one a training split, {splits}")
        check_names(self.tasks)
        check_once(self.tasks, "learned from")
        for task in self.tasks:
            check_folder(task)
            if task.test in task.train:
                raise InputError(f"split {task.test!r} cannot be trained on and be tested on")

    def table(self) -> dict[str, Any]:
        """What decides the result, as plain data."""
        said = dataclasses.asdict(self)
        del said["jobs"]
        usual = WriterSettings()
        heeded = {name: getattr(self.writer_settings, name) for name in _DECIDES}
        said["writer_settings"] = {
            name: value for name, value in heeded.items() if value != getattr(usual, name)
        } or None
        said["tasks"] = [
            {**dataclasses.asdict(task), "data": str(task.data.resolve())} for task in self.tasks
        ]
        plain: dict[str, Any] = json.loads(json.dumps(said))
        return plain


class Pipeline:
    """The parts in their folder.

    ::

        candidates/TASK-SPLIT/     runs with k candidates
        data/TASK-MODE-LABELS/     data sets
        students/ROW-LABELS/       checkpoints
        test/TASK/ROW-LABELS/      runs of the test split; explain-...: with rationales
        exchanges.jsonl            what a chat endpoint was asked, of all runs
        distill.json, report.html  what came of it
    """

    def __init__(self, settings: DistillSettings, out: Path) -> None:
        """Takes settings and folder."""
        self.settings, self.out = settings, out

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """Sizes of the labelled set; None is all."""
        return self.settings.labels or (None,)

    def candidates(self, task: Task) -> list[Path]:
        """Runs with the candidates of a task, by training split."""
        number = self.settings.tasks.index(task)
        return [self.out / "candidates" / f"{number}-{split}" for split in task.train]

    def data(self, task: Task, mode: Mode, size: int | None) -> list[Path]:
        """Data sets of a task, by training split."""
        number = self.settings.tasks.index(task)
        name = "all" if size is None else str(size)
        return [self.out / "data" / f"{number}-{split}-{mode}-{name}" for split in task.train]

    def student(self, row: str, size: int | None) -> Path:
        """Folder of a checkpoint."""
        return self.out / "students" / f"{row}-{'all' if size is None else size}"

    def test(self, task: Task, row: str, size: int | None = None) -> Path:
        """Folder of a run of the test split."""
        folder = self.out / "test" / str(self.settings.tasks.index(task))
        if row in ("programs", "vqa"):
            return folder / row
        return folder / f"{row}-{'all' if size is None else size}"

    def go(self) -> None:
        """Everything up to the finished runs of the test splits."""
        settings, out = self.settings, self.out
        with phase(out, "candidates"):
            run_all(
                [
                    partial(run_to_end, self._recorded(task, "train", split, sampled=True), run)
                    for task in settings.tasks
                    for split, run in zip(task.train, self.candidates(task), strict=True)
                ],
                1 if self.asks_endpoints else settings.jobs,
            )
        with phase(out, "rationales"):
            for task in settings.tasks:
                for mode in dict.fromkeys(STUDENTS[row][0] for row in settings.rows):
                    for size in self.sizes:
                        self.build(task, mode, size)
        for size in self.sizes:
            for row in settings.rows:
                with phase(out, f"train {row}"):
                    self._train(row, size)
        with phase(out, "test"):
            programs, others = self._tests()
            if self.asks_endpoints:
                run_all(programs, 1)
                programs = []
            run_all([*programs, *others], settings.jobs)

    @property
    def asks_endpoints(self) -> bool:
        """Whether programs come from chat endpoints: their runs share a record, one at a time."""
        return self.settings.writer == "chat"

    def test_run(self, task: Task) -> RunSettings:
        """The programs' run of a task's test split."""
        return self.run(task, "test", task.test)

    def run(self, task: Task, part: str, split: str, *, sampled: bool = False) -> RunSettings:
        """A run of a task's programs; ``part`` names its limit, ``sampled`` draws k of them."""
        settings = self.settings
        drawn = Sampling(
            k=settings.k,
            temperature=settings.temperature,
            top_p=settings.top_p,
            seed=settings.seed,
        )
        return RunSettings(
            benchmark=task.benchmark,
            data=task.data,
            split=split,
            writer=settings.writer,
            toolbox=settings.toolbox,
            language=settings.language,
            limit=settings.limits.get(part),
            seed=settings.seed,
            sampling=drawn if sampled else Sampling(),
            repair=settings.repair,
            writer_settings=settings.writer_settings,
        )

    def shares(self, task: Task, size: int | None) -> list[int | None]:
        """Labels of a size that fall to the training splits of a task; None is all."""
        if size is None:
            return [None] * len(task.train)
        number, tasks = self.settings.tasks.index(task), len(self.settings.tasks)
        own = _part(size, tasks, number)
        return [_part(own, len(task.train), split) for split in range(len(task.train))]

    def build(self, task: Task, mode: Mode, size: int | None) -> None:
        """The data sets of a task, by training split."""
        settings = self.settings
        folders = zip(
            self.candidates(task), self.data(task, mode, size), self.shares(task, size), strict=True
        )
        for run, out, share in folders:
            if (out / "built.json").is_file():
                continue
            choice = dataclasses.replace(settings.data.choice, mode=mode)
            chosen = dataclasses.replace(
                settings.data, choice=choice, labels=share, seed=settings.seed
            )
            build(run, out, chosen)

    def records(self, row: str, size: int | None, split: str) -> list[Path]:
        """Files of the records that a row learns from (``train``) or is chosen on (``val``)."""
        mode = STUDENTS[row][0]
        return [
            part
            for task in self.settings.tasks
            for folder in self.data(task, mode, size)
            for part in sorted((folder / "data").glob(f"{split}-*.parquet"))
        ]

    def training(self, row: str, size: int | None) -> SftSettings:
        """How the student of a row is tuned."""
        settings = self.settings
        chosen = dataclasses.replace(settings.training, seed=settings.seed)
        if not STUDENTS[row][1]:
            chosen = dataclasses.replace(chosen, rationale_weight=0.0)
        if row == "instruct_compute":
            chosen = dataclasses.replace(chosen, steps=round(chosen.steps * self._ratio(size)))
        return chosen

    def _ratio(self, size: int | None) -> float:
        """Seconds of a step of ``vpd`` over those of ``instruct``; measured once and kept."""
        file = self.out / f"compute-{'all' if size is None else size}.json"
        if not file.is_file():
            seconds = {
                row: plan(
                    self.settings.student,
                    self.records(row, size, "train"),
                    self.training(row, size),
                ).seconds_a_step
                for row in ("instruct", "vpd")
            }
            free_memory()
            write_atomically(file, json.dumps(seconds).encode())
        seconds = json.loads(file.read_text(encoding="utf-8"))
        ratio: float = seconds["vpd"] / seconds["instruct"]
        return max(1.0, ratio)

    def _train(self, row: str, size: int | None) -> None:
        val = self.records(row, size, "val")
        train(
            self.settings.student,
            self.records(row, size, "train"),
            self.student(row, size),
            self.training(row, size),
            val=val or None,
            prompts=self.settings.data.prompt,
            grid=self.settings.data.rationale.grid,
        )
        free_memory()

    def _recorded(self, task: Task, part: str, split: str, *, sampled: bool = False) -> RunSettings:
        """See ``run``; all runs have one record of exchanges, so that a budget is for all."""
        run = self.run(task, part, split, sampled=sampled)
        given = run.writer_settings
        own = dataclasses.replace(given, record=given.record or self.out / "exchanges.jsonl")
        return dataclasses.replace(run, writer_settings=own)

    def _tests(self) -> tuple[list[Any], list[Any]]:
        """Runs of the programs, and all others."""
        settings = self.settings
        programs: list[Any] = []
        work: list[Any] = []
        for task in settings.tasks:
            run = self.run(task, "test", task.test)
            recorded = self._recorded(task, "test", task.test)
            programs.append(partial(run_to_end, recorded, self.test(task, "programs")))
            bare = dataclasses.replace(run, writer="vqa")
            work.append(partial(run_to_end, bare, self.test(task, "vqa")))
            for size in self.sizes:
                for row in settings.rows:
                    student = str(self.student(row, size))
                    work.append(partial(run_student, run, self.test(task, row, size), student))
                    if STUDENTS[row][1]:
                        explained = dataclasses.replace(
                            run, limit=settings.limits.get("explain", settings.limits.get("test"))
                        )
                        out = self.test(task, f"explain-{row}", size)
                        work.append(partial(run_student, explained, out, student, explain=True))
        return programs, work


def _part(whole: int, parts: int, number: int) -> int:
    """How many of so many things fall to one of equal parts; the first ones take what is left."""
    return whole // parts + (number < whole % parts)


def check_writer(settings: DistillSettings) -> None:
    """Finds the writer of each task without asking it anything.

    Raises:
        InputError: There is none of that name, or it lacks a model, a package, a key or a price.
    """
    import asyncio

    from vprog.tools.toolboxes import load_toolbox
    from vprog.writers.chat import Chat

    for task in settings.tasks:
        writer = load_writer(
            settings.writer,
            toolbox=load_toolbox(settings.toolbox).with_tools(load_benchmark(task.benchmark).tools),
            benchmark=task.benchmark,
            settings=settings.writer_settings,
        )
        if isinstance(writer, Chat):
            asyncio.run(writer.open_endpoints().close())


def check_tests(settings: DistillSettings) -> None:
    """Reads the first example of every split that is tested at the end.

    Raises:
        InputError: There is no such split, or its files are not as they must be.
    """
    for task in settings.tasks:
        next(iter(load_benchmark(task.benchmark).examples(task.data, task.test)), None)


def run_to_end(settings: RunSettings, out: Path) -> None:
    """A run of programs; the bare ``vqa`` row is left out where the toolbox binds no such tool."""
    from vprog.evaluation.progress import ProgressLine
    from vprog.tools.toolboxes import load_toolbox

    if settings.writer == "vqa" and "vqa" not in load_toolbox(settings.toolbox).backends:
        return
    with ProgressLine(f"{settings.benchmark} {settings.split}") as progress:
        run_benchmark(settings, out, progress.update)
    free_memory()


def run_student(settings: RunSettings, out: Path, student: str, explain: bool = False) -> None:
    """A run in which a student answers by itself."""
    from vprog.distill.answerer import student_toolbox
    from vprog.evaluation.progress import ProgressLine

    box = student_toolbox(student, explain)
    direct = answering(settings, student, explain)
    with ProgressLine(f"{settings.benchmark} {settings.split} {Path(student).name}") as progress:
        run_benchmark(direct, out, progress.update, box)
    del box
    free_memory()


def answering(settings: RunSettings, student: str, explain: bool) -> RunSettings:
    """A run of programs as the run in which a student answers by itself."""
    return dataclasses.replace(
        settings,
        writer="direct:explain" if explain else "direct",
        toolbox=f"model:{os.path.basename(student)}",
        sampling=Sampling(),
    )


def dialect(
    student: str, grid: int | None, plain: bool | None
) -> tuple[RationaleSettings, PromptSettings]:
    """How rationales and questions are written for a student: as asked, or as it was pre-trained.

    A checkpoint may say so itself in its ``vprog.json``: ``grid``, and what it is asked below
    ``answer``.

    Args:
        student: Hub id, folder or zoo name.
        grid: Places a side; None is the student's, or 100.
        plain: Lower-case words with blanks between; None is the student's, or no.
    """
    from vprog.distill.answerer import Answerer, answerer_settings, student_grid

    prompts = Answerer(answerer_settings(student), "student").settings.prompts
    if plain is not None:
        prompts = dataclasses.replace(prompts, plain=plain)
    own = student_grid(student) or RationaleSettings().grid
    return RationaleSettings(grid=own if grid is None else grid), prompts


def choice_of(filters: Sequence[str]) -> ChoiceSettings:
    """Filters by name: ``evidence``, ``agreement=SHARE``, ``teacher=NAME``.

    Raises:
        InputError: Another one.
    """
    given: dict[str, Any] = {}
    for text in filters:
        name, _, value = text.partition("=")
        if name == "evidence" and not value:
            given["evidence"] = True
        elif name == "agreement" and value.replace(".", "", 1).isdecimal():
            given["least_agreement"] = float(value)
        elif name == "teacher" and value:
            load_teacher(value)  # a wrong name is told before programs are written
            given["step_teacher"] = value
        else:
            raise InputError(f"--filter is evidence, agreement=SHARE or teacher=NAME, got {text!r}")
    return ChoiceSettings(**given)
