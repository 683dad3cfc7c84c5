"""A stage of teaching: one target task, and everything that is measured beside it.

``vprog teach`` runs one stage; a stage that follows another one (``after``) makes a sequence, and
its figures a column of the matrix task x stage (SDVP, arXiv 2309.09809).
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vprog.errors import InputError, known_names
from vprog.evaluation.run import RunSettings
from vprog.program.program import Language, to_language
from vprog.teach.settings import TeachSettings
from vprog.teach.steps import ARGUMENTS

LATER = 0.4
"""Share of the steps and of the learning rate of the first round that later rounds have."""
TINY = 20_000_000
"""Students of fewer numbers are trained fully if nothing else is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A benchmark and where its files are.

    Attributes:
        benchmark: Its name.
        data: Folder with its official files.
        train: Splits whose programs are followed; none for a task that is only tested.
        val: Split on which rounds are chosen.
        test: Split that is reported.
    """

    benchmark: str
    data: Path
    train: tuple[str, ...] = ("train",)
    val: str = "val"
    test: str = "test"

    @property
    def name(self) -> str:
        """``BENCHMARK:FOLDER``."""
        return f"{self.benchmark}:{self.data.resolve().name}"


def read_task(text: str) -> Task:
    """``BENCHMARK=FOLDER`` or ``BENCHMARK=FOLDER@SPLIT``: a task of which that split is tested.

    Raises:
        InputError: Not of that form, an unknown benchmark, or no such folder.
    """
    benchmark, folder, split = _parts(text)
    return Task(benchmark=benchmark, data=folder, test=split or "test")


def read_kept(text: str) -> Task:
    """``BENCHMARK=FOLDER`` or ``BENCHMARK=FOLDER@SPLIT``: a task of which that split is replayed.

    Raises:
        InputError: Not of that form, an unknown benchmark, or no such folder.
    """
    benchmark, folder, split = _parts(text)
    return Task(benchmark=benchmark, data=folder, train=(split or "train",))


def _parts(text: str) -> tuple[str, Path, str]:
    from vprog.benchmarks import load_benchmark

    benchmark, equals, rest = text.partition("=")
    folder, at, split = rest.rpartition("@")
    if not at or "/" in split:  # the folder's own
        folder, split = rest, ""
    if not equals or not folder:
        raise InputError(f"a task is BENCHMARK=FOLDER[@SPLIT], got {text!r}")
    load_benchmark(benchmark)
    if not Path(folder).exists():
        raise InputError(f"the task {text!r} is about {folder}, which does not exist")
    return benchmark, Path(folder), split


def check_folder(task: Task) -> None:
    """Refuses data of one file for a task that is learned from and tested on.

    Raises:
        InputError: Says what is needed.
    """
    if task.data.is_file():
        raise InputError(
            f"{task.data} is one file, the same whatever the split; name a folder with a file for "
            f"each: {', '.join((*task.train, task.val, task.test))}"
        )


def check_names(tasks: Iterable[Task]) -> None:
    """Refuses one name for two folders: figures and replayed calls go by the names of tasks.

    Raises:
        InputError: Says which folders, and what to do.
    """
    folders: dict[str, Path] = {}
    for task in tasks:
        folder = task.data.resolve()
        other = folders.setdefault(task.name, folder)
        if other != folder:
            raise InputError(
                f"two tasks are called {task.name}: {other} and {folder}. Tasks go by benchmark "
                "and last part of the path; rename one of the folders"
            )


def check_once(tasks: Iterable[Task], what: str) -> None:
    """Refuses a task that is there twice, in whichever splits.

    Args:
        tasks: Which have names of their own.
        what: Is done with each, for the message.

    Raises:
        InputError: Names the task.
    """
    seen: set[str] = set()
    for task in tasks:
        if task.name in seen:
            raise InputError(f"{task.name} would be {what} twice; name it once")
        seen.add(task.name)


def check_splits(learned: Iterable[Task], tested: Iterable[Task]) -> None:
    """Refuses a split that is learned from, by teaching or by replay, and tested on.

    Raises:
        InputError: Names the split and its task.
    """

    def key(task: Task, split: str) -> tuple[str, Path, str]:
        # A file is the same whatever the split.
        return task.benchmark, task.data.resolve(), "" if task.data.is_file() else split

    splits = {key(task, split) for task in learned for split in task.train}
    for task in tested:
        if key(task, task.test) in splits:
            raise InputError(
                f"split {task.test!r} of {task.name} cannot be trained on and be tested on"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """What makes a stage.

    Attributes:
        target: What is taught.
        toolbox: Whose tools learn.
        teacher: See ``load_teacher``; ``small`` trains a small network on the step labels of the
            target's training pictures first.
        upper: Teacher of the upper bound, ``oracle`` where there are gold scenes; "" for none.
        languages: Of the programs; the steps of all of them teach.
        tools: That learn.
        rounds: At most so many: programs run again with what was taught, because a better detector
            changes what later steps see.
        demonstrate: In the first round programs also run with the teacher in place of the tools,
            and its calls teach as well: they are those that later steps make once earlier ones are
            right (Ross et al., DAgger, AISTATS 2011, mixes learner's and expert's paths so).
        limits: Examples of ``train``, ``val``, ``test`` and ``keep`` (of each replayed task), drawn
            with the seed; a part that is missing here is used whole.
        keep: Earlier tasks whose calls, of one training split, are replayed against forgetting.
        unseen: Tasks that are only tested.
        after: Folder of the stage before: its tools learn on, its target and what it kept are
            replayed, its tasks are tested again.
        writer: Where programs come from.
        phrases: What the teacher of ``detect`` is asked of every training picture, beside what
            programs ask.
        per_picture: Phrases that training and replayed pictures are asked at least; where programs
            ask fewer, the others are drawn from what they ask elsewhere.
        thresholds: Of ``detect``, tried on ``val`` after each round beside its own; the best stays.
        training: Of each tool; ``auto`` values are settled when its student is known.
        least_confidence: Answers of which the teacher is less sure do not teach.
        jobs: Processes that run and train at the same time.
        seed: Of everything random.
    """

    target: Task
    toolbox: str = "zoo"
    teacher: str = "oracle"
    upper: str = "oracle"
    languages: tuple[Language, ...] = ("steps", "python")
    tools: tuple[str, ...] = tuple(ARGUMENTS)
    rounds: int = 2
    demonstrate: bool = True
    limits: Mapping[str, int] = field(default_factory=dict)
    keep: tuple[Task, ...] = ()
    unseen: tuple[Task, ...] = ()
    after: Path | None = None
    writer: str = "gold"
    phrases: tuple[str, ...] = ()
    per_picture: int = 16
    thresholds: tuple[float, ...] = ()
    training: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    least_confidence: float = 0.0
    jobs: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what cannot be.

        Raises:
            InputError: Names the setting and what is allowed.
        """
        for tool in self.tools:
            if tool not in ARGUMENTS:
                raise InputError(f"{tool!r} cannot be taught; {', '.join(ARGUMENTS)} can")
        for language in self.languages:
            to_language(language)
        if not self.tools or not self.languages or not self.target.train:
            raise InputError("a stage needs a tool, a language and a training split")
        for name in ("rounds", "jobs"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.per_picture < 0:
            raise InputError(f"per_picture must be 0 or more, got {self.per_picture}")
        if not 0 <= self.least_confidence <= 1:
            raise InputError(f"least_confidence must be 0 to 1, got {self.least_confidence}")
        for threshold in self.thresholds:
            if not 0 < threshold < 1:
                raise InputError(f"a threshold of detect must be between 0 and 1, got {threshold}")
        if self.thresholds and "detect" not in self.tools:
            raise InputError("thresholds are those of detect, which is not among the tools")
        if len(set(self.thresholds)) < len(self.thresholds):
            raise InputError("a threshold of detect is named twice")
        parts = ("train", "val", "test", "keep")
        for part, limit in self.limits.items():
            if part not in parts:
                raise InputError(f"no limit is called {part!r}. {known_names(part, parts)}")
            if limit < 1:
                raise InputError(f"the limit of {part} must be 1 or more, got {limit}")
        check_folder(self.target)
        for split in (self.target.val, self.target.test):
            if split in self.target.train:
                raise InputError(f"split {split!r} cannot be trained on and be chosen or tested on")
        for task in self.keep:
            if len(task.train) != 1:
                raise InputError(f"{task.name} is replayed from one split, got {len(task.train)}")
        check_names((self.target, *self.keep, *self.unseen))
        check_once((self.target, *self.unseen), "tested")
        check_once((self.target, *self.keep), "learned from")
        check_splits((self.target, *self.keep), (self.target, *self.keep, *self.unseen))
        known = {f.name for f in dataclasses.fields(TeachSettings)}
        for tool, table in self.training.items():
            if tool not in ("all", *ARGUMENTS):
                raise InputError(f"training: unknown tool {tool!r}; all, {', '.join(ARGUMENTS)}")
            for key in table:
                if key not in known:
                    hint = known_names(key, sorted(known))
                    raise InputError(f"training.{tool}: unknown setting {key!r}. {hint}")
        for tool in self.tools:
            try:
                training_of(self, tool, 0)
            except InputError:  # what no tiny student can may suit a large one
                training_of(self, tool, TINY)

    def run(
        self, task: Task, part: str, split: str, language: Language, toolbox: str
    ) -> RunSettings:
        """The run of a task's programs.

        Args:
            task: What runs.
            part: Whose limit holds: ``train``, ``val``, ``test`` or ``keep``.
            split: Of the task.
            language: Of the programs.
            toolbox: What answers.
        """
        return RunSettings(
            benchmark=task.benchmark,
            data=task.data,
            split=split,
            writer=self.writer,
            toolbox=toolbox,
            language=language,
            limit=self.limits.get(part),
            seed=self.seed,
        )

    def table(self) -> dict[str, Any]:
        """What decides the result, as plain data; ``jobs`` does not."""
        return {
            "target": said_of(self.target),
            "toolbox": self.toolbox,
            "teacher": self.teacher,
            "upper": self.upper,
            "languages": list(self.languages),
            "tools": list(self.tools),
            "rounds": self.rounds,
            "demonstrate": self.demonstrate,
            "limits": dict(self.limits),
            "keep": [said_of(task) for task in self.keep],
            "unseen": [said_of(task) for task in self.unseen],
            "after": None if self.after is None else str(self.after.resolve()),
            "writer": self.writer,
            "phrases": list(self.phrases),
            "per_picture": self.per_picture,
            "thresholds": list(self.thresholds),
            "training": {tool: dict(table) for tool, table in self.training.items()},
            "least_confidence": self.least_confidence,
            "seed": self.seed,
        }


def said_of(task: Task) -> dict[str, Any]:
    """A task as plain data."""
    return {
        "benchmark": task.benchmark,
        "data": str(task.data.resolve()),
        "train": list(task.train),
        "val": task.val,
        "test": task.test,
    }


def task_of(said: Mapping[str, Any]) -> Task:
    """A task from what ``StageSettings.table`` says of it."""
    return Task(
        benchmark=said["benchmark"],
        data=Path(said["data"]),
        train=tuple(said["train"]),
        val=said["val"],
        test=said["test"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A finished stage that another one follows.

    Attributes:
        folder: Its folder.
        toolbox: The taught one.
        replayed: Runs whose calls are replayed, by task.
        tasks: Tested again: its target, its own earlier targets; then what it had not seen.
        unseen: Tasks that neither of the two teaches.
    """

    folder: Path
    toolbox: str
    replayed: Mapping[str, tuple[Path, ...]]
    tasks: tuple[Task, ...]
    unseen: tuple[Task, ...]


def read_before(folder: Path) -> Before:
    """Reads a finished stage.

    Raises:
        InputError: There is none, or it is not finished.
    """
    file = folder / "teach.json"
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        toolbox = folder / said["toolbox"]
        return Before(
            folder=folder,
            toolbox=str(toolbox) if toolbox.is_file() else said["toolbox"],
            replayed={
                name: tuple(folder / run for run in runs) for name, runs in said["replayed"].items()
            },
            tasks=tuple(task_of(task) for task in said["taught_tasks"]),
            unseen=tuple(task_of(task) for task in said["unseen_tasks"]),
        )
    except FileNotFoundError:
        raise InputError(
            f"{folder} holds no finished stage of teaching (no teach.json); let `vprog teach` "
            "finish there first"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None


def read_training(file: Path) -> dict[str, dict[str, Any]]:
    """Settings of training from a TOML file: tables ``all``, ``detect``, ``vqa``, ``match``.

    Raises:
        InputError: It cannot be read, or is no such file.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no TOML: {error}") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise InputError(f"{file}: {name} must be a table: [all] or one tool, such as [detect]")
    return tables


def training_of(settings: StageSettings, tool: str, numbers: int, number: int = 1) -> TeachSettings:
    """How a student is trained: what was given, and for the rest what fits its size.

    Students below ``TINY`` are trained fully and at a higher rate, with their average weights kept;
    ``detect`` by Muon, which learned more than twice as fast there (docs/decisions.md). Later
    rounds refine: they have ``LATER`` of the steps and of the rate.

    Args:
        settings: Of the stage.
        tool: That learns.
        numbers: Of the student.
        number: Of the round, from 1.

    Raises:
        InputError: A value is of a wrong type or out of range.
    """
    given = {**settings.training.get("all", {}), **settings.training.get(tool, {})}
    chosen: dict[str, Any] = {"seed": settings.seed}
    if numbers < TINY and given.get("method", "full") == "full":
        chosen |= {"method": "full", "learning_rate": 5e-4, "ema": 0.98}
        if tool == "detect":
            chosen["optimizer"] = "muon"
    try:
        first = TeachSettings(**{**chosen, **given})
    except InputError as error:
        raise InputError(f"training of {tool}: {error}") from None
    if number == 1:
        return first
    return dataclasses.replace(
        first, steps=max(1, round(LATER * first.steps)), learning_rate=LATER * first.peak
    )
