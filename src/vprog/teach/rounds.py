"""Rounds of teaching: programs run, their steps are labelled, their tools learn; again.

The method is our reconstruction of SDVP (Wan et al., arXiv 2309.09809), whose code is not public.
Everything is resumable: runs, the teacher's answers and trainings go on where they were.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vprog.console import note
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.evaluation.score import score_run
from vprog.example import Picture
from vprog.program.program import Language
from vprog.runs.folder import read_settings
from vprog.runs.held import phase
from vprog.runs.jobs import run_all
from vprog.teach.label import label, supervise
from vprog.teach.stage import (
    Before,
    StageSettings,
    Task,
    check_names,
    check_splits,
    training_of,
)
from vprog.teach.steps import LearnableStep, Steps, collect_steps, with_phrases
from vprog.teach.supervision import Supervised
from vprog.teach.teachers.load import load_teacher
from vprog.teach.toolbox import write_toolbox
from vprog.teach.vocabulary import as_wide, knowing
from vprog.tools.backends.hf.runtime import free_memory
from vprog.tools.toolboxes import load_toolbox, read_toolbox
from vprog.trace import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round came to.

    Attributes:
        number: From 1; 0 is the toolbox before.
        toolbox: What answers after it.
        val: Accuracy on the validation split, by language.
        threshold: Of ``detect``, where one was chosen.
        steps: Distinct steps that the teacher answered, by tool.
        unanswered: Steps that it did not answer, by reason.
        trained: Tool -> what its training came to.
    """

    number: int
    toolbox: str
    val: Mapping[str, float]
    steps: Mapping[str, int]
    unanswered: Mapping[str, int]
    trained: Mapping[str, Mapping[str, Any]]
    threshold: float | None = None

    @property
    def score(self) -> float:
        """The mean over the languages, by which rounds and thresholds are chosen."""
        return sum(self.val.values()) / len(self.val)


class Stage:
    """A stage in its folder.

    ::

        teacher.safetensors            a small network, where it teaches
        keep/TASK-LANGUAGE/            runs whose calls are replayed
        round-1/train-SPLIT-LANGUAGE/  runs whose steps teach
        round-1/shown-SPLIT-LANGUAGE/  the same programs with the teacher in place of the tools
        round-1/TOOL/                  what was taught
        round-1/toolbox.toml           the toolbox after the round
        round-1/toolbox-0.35.toml      the same with another threshold of ``detect``
        val/ROUND-LANGUAGE/, test/...  runs that choose, and runs that are reported
        teach.json                     everything that was found
    """

    def __init__(self, settings: StageSettings, out: Path, before: Before | None) -> None:
        """Takes the settings and the folder.

        Args:
            settings: Of the stage.
            out: Its folder.
            before: The stage that it follows.

        Raises:
            InputError: A task has the name of another one of the stages before, or tests what one
                of them has learned from.
        """
        self.settings, self.out, self.before = settings, out, before
        if before is not None:
            _check_before(settings, before)
        self.start = before.toolbox if before else settings.toolbox
        self.teacher = settings.teacher
        if self.teacher == "small":
            self.teacher = f"small:{out / 'teacher.safetensors'}"

    def learning(self) -> tuple[str, ...]:
        """The tools that learn: asked for, bound to a model, and known to the teacher.

        Raises:
            InputError: None is.
        """
        models = {b.tool for b in read_toolbox(self.start) if b.settings is not None}
        taught = set(load_teacher(self.teacher).tools)
        found = tuple(t for t in self.settings.tools if t in models and t in taught)
        for tool in self.settings.tools:
            if tool not in found:
                why = "the teacher does not answer it" if tool in models else "no model answers it"
                note(f"{tool} does not learn: {why}")
        if not found:
            raise InputError(
                f"nothing to teach: of {', '.join(self.settings.tools)}, toolbox {self.start!r} "
                f"binds {', '.join(sorted(models)) or 'none'} to models, and teacher "
                f"{self.teacher!r} answers {', '.join(sorted(taught))}"
            )
        return found

    def train_runs(self, number: int) -> list[Path]:
        """The runs whose steps teach in a round: its own and those of earlier rounds."""
        return [
            self.out / f"round-{n}" / f"train-{split}-{language}"
            for n in range(number, 0, -1)
            for split in self.settings.target.train
            for language in self.settings.languages
        ]

    def shown_runs(self) -> list[Path]:
        """Runs with the teacher in place of the tools, whose steps teach as well."""
        if not self.settings.demonstrate:
            return []
        return [
            self.out / "round-1" / f"shown-{split}-{language}"
            for split in self.settings.target.train
            for language in self.settings.languages
        ]

    def steps_of(self, runs: Sequence[Path], tool: str) -> Steps:
        """The steps of runs that a tool learns from, and what its teacher is asked beside them."""
        return self._asked(collect_steps(runs, (tool,)), tool, self.settings.phrases)

    def replayed_steps(self, runs: Sequence[Path], tool: str) -> Steps:
        """The steps of runs on which a tool stays what it was, and what it is asked beside them."""
        return self._asked(collect_steps(runs, (tool,)), tool, ())

    def _asked(self, steps: Steps, tool: str, phrases: Sequence[str]) -> Steps:
        if tool != "detect":
            return steps
        settings = self.settings
        return with_phrases(steps, phrases, at_least=settings.per_picture, seed=settings.seed)

    def keep_runs(self) -> dict[str, list[Path]]:
        """Runs whose calls are replayed, by task."""
        runs: dict[str, list[Path]] = {}
        if self.before is not None:
            runs |= {name: list(paths) for name, paths in self.before.replayed.items()}
        for number, task in enumerate(self.settings.keep):
            runs[f"{task.name}"] = [
                self.out / "keep" / f"{number}-{language}" for language in self.settings.languages
            ]
        return runs

    def val_runs(self, number: int, threshold: float | None = None) -> dict[Language, Path]:
        """The runs that judge the toolbox after a round; None stands for its own threshold."""
        name = f"{number}" if threshold is None else f"{number}-{threshold}"
        return {
            language: self.out / "val" / f"{name}-{language}"
            for language in self.settings.languages
        }

    def go(self) -> list[Round]:
        """All rounds until one does not gain on the validation split.

        Returns:
            Round 0, the toolbox before, and every round that ran.
        """
        settings = self.settings
        if settings.teacher == "small":
            with phase(self.out, "small teacher"):
                file = Path(self.teacher.partition(":")[2])
                train_small_teacher(
                    settings.target, file, settings.seed, settings.limits.get("train")
                )
        with phase(self.out, "runs before"):
            work = self._keep_work()
            work += self._val_work(0, self.start)
            run_all(work, settings.jobs)
        rounds = [self._outcome(0, self.start, {}, {}, {})]
        for number in range(1, settings.rounds + 1):
            rounds.append(self._round(number, rounds[-1].toolbox))
            self._tell(rounds)
            if rounds[-1].score <= rounds[-2].score:
                break
        return rounds

    def _round(self, number: int, toolbox: str) -> Round:
        settings = self.settings
        learning = self.learning()
        with phase(self.out, f"round {number}: run"):
            run_all(self._train_work(number, toolbox), settings.jobs)
        with phase(self.out, f"round {number}: train"):
            trained = run_all(
                [partial(train_tool, self, number, tool, toolbox) for tool in learning],
                settings.jobs,
            )
        learned = {tool: t for tool, t in zip(learning, trained, strict=True) if t is not None}
        models = {tool: str(t["model"]) for tool, t in learned.items()}
        tried: dict[float | None, str] = {}
        for threshold in (None, *(settings.thresholds if "detect" in models else ())):
            name = "toolbox.toml" if threshold is None else f"toolbox-{threshold}.toml"
            tried[threshold] = str(self.out / f"round-{number}" / name)
            file = Path(tried[threshold])
            write_toolbox(file, base=toolbox, models=models, threshold=threshold)
        with phase(self.out, f"round {number}: validate"):
            work = [self._val_work(number, taught, tried_at) for tried_at, taught in tried.items()]
            run_all([one for some in work for one in some], settings.jobs)
        steps = {tool: int(t["rows"]["task"]) for tool, t in learned.items()}
        unanswered = {why: n for t in learned.values() for why, n in t["unanswered"].items()}
        outcomes = [
            self._outcome(number, taught, steps, unanswered, learned, tried_at)
            for tried_at, taught in tried.items()
        ]
        return max(outcomes, key=lambda outcome: outcome.score)  # the first of equal ones

    def _keep_work(self) -> list[Any]:
        settings = self.settings
        return [
            partial(
                run_to_end,
                settings.run(task, "keep", task.train[0], language, self.start),
                self.out / "keep" / f"{number}-{language}",
            )
            for number, task in enumerate(settings.keep)
            for language in settings.languages
        ]

    def _train_work(self, number: int, toolbox: str) -> list[Any]:
        settings, target = self.settings, self.settings.target
        shown = settings.demonstrate and number == 1
        return [
            partial(
                run_to_end,
                settings.run(target, "train", split, language, toolbox),
                self.out / f"round-{number}" / f"{name}-{split}-{language}",
                teacher,
            )
            for name, teacher in (("train", ""), ("shown", self.teacher))[: 1 + shown]
            for split in target.train
            for language in settings.languages
        ]

    def _val_work(self, number: int, toolbox: str, threshold: float | None = None) -> list[Any]:
        settings, target = self.settings, self.settings.target
        return [
            partial(
                run_to_end,
                settings.run(target, "val", target.val, language, toolbox),
                run,
            )
            for language, run in self.val_runs(number, threshold).items()
        ]

    def _outcome(
        self,
        number: int,
        toolbox: str,
        steps: Mapping[str, int],
        unanswered: Mapping[str, int],
        trained: Mapping[str, Mapping[str, Any]],
        threshold: float | None = None,
    ) -> Round:
        runs = self.val_runs(number, threshold)
        val = {str(language): accuracy(run) for language, run in runs.items()}
        return Round(
            number=number,
            toolbox=toolbox,
            val=val,
            steps=steps,
            unanswered=unanswered,
            trained=trained,
            threshold=threshold,
        )

    def _tell(self, rounds: Sequence[Round]) -> None:
        before, now = rounds[-2], rounds[-1]
        told = ", ".join(
            f"{language} {100 * before.val[language]:.1f} -> {100 * value:.1f}"
            for language, value in now.val.items()
        )
        at = "" if now.threshold is None else f", detect from {now.threshold} on"
        note(f"round {now.number}: accuracy on {self.settings.target.val}: {told}{at}")


def accuracy(run: Path) -> float:
    """The accuracy of a run as its benchmark counts it.

    Raises:
        InputError: No example counts.
    """
    value: float = score_run(run).figures["metrics"]["accuracy"]["value"]
    return value


def run_to_end(settings: RunSettings, out: Path, teacher: str = "") -> None:
    """Runs programs to the end and lets go of their models; finished runs return at once.

    Args:
        settings: Of the run.
        out: Its folder.
        teacher: Answers in place of the toolbox's own tools, all that it teaches; what it cannot
            answer fails.
    """
    from vprog.evaluation.progress import ProgressLine

    toolbox = None
    if teacher:
        toolbox = load_teacher(teacher).replacing(load_toolbox(settings.toolbox))
    with ProgressLine(f"{settings.benchmark} {settings.split} {settings.language}") as progress:
        run_benchmark(settings, out, progress.update, toolbox=toolbox)
    del toolbox
    free_memory()


def _check_before(settings: StageSettings, before: Before) -> None:
    """See ``Stage``; of what was replayed the runs say where it comes from."""
    runs = [read_settings(run) for runs in before.replayed.values() for run in runs]
    replayed = [
        Task(benchmark=run["benchmark"], data=Path(run["data"]), train=(run["split"],))
        for run in runs
    ]
    learned = (*before.tasks, *replayed, settings.target, *settings.keep)
    tested = (*before.tasks, *before.unseen, settings.target, *settings.unseen)
    check_names((*learned, *tested))
    check_splits(learned, tested)


def train_small_teacher(task: Task, file: Path, seed: int, limit: int | None = None) -> None:
    """Trains the small network of a target on its training pictures, unless it is there.

    Args:
        task: The target.
        file: Of the network.
        seed: Of the network, and of which examples the limit leaves.
        limit: Most examples of a training split, those whose programs are followed; None is all.
    """
    from vprog.teach.teachers.labels import label_pictures
    from vprog.teach.teachers.small import SmallSettings, train_small

    if file.is_file():
        return
    pictures_from = partial(
        label_pictures, task.benchmark, task.data, task.train, limit=limit, seed=seed
    )
    try:
        pictures = pictures_from("scenes")
    except InputError:
        pictures = pictures_from("pixels")
    file.parent.mkdir(parents=True, exist_ok=True)
    train_small(pictures, file, SmallSettings(steps=2000, width=64, seed=seed))


def train_tool(stage: Stage, number: int, tool: str, toolbox: str) -> dict[str, Any] | None:
    """Teaches one tool in one round; no model stays in memory.

    Args:
        stage: The stage.
        number: Of the round.
        tool: That learns.
        toolbox: Of the round's runs.

    Returns:
        ``Taught`` as plain data, with ``unanswered`` and ``agreed``; None where the teacher
        answered no call of it.
    """
    from vprog.teach.train import train

    settings, out = stage.settings, stage.out
    teacher = load_teacher(stage.teacher)
    memo = out / f"teacher-{tool}.sqlite"
    own = collect_steps(stage.train_runs(number), (tool,))
    agreed = label(own, teacher, memo).agreed.get(tool, (0, 0))
    steps = stage.steps_of([*stage.train_runs(number), *stage.shown_runs()], tool)
    labels = label(steps, teacher, memo)
    judged = collect_steps(list(stage.val_runs(number - 1).values()), (tool,))
    val = label(judged, teacher, memo)
    del teacher  # its models have answered, and leave the memory to the student
    task = labels.supervised(settings.least_confidence)
    if not task:
        least = f" with a confidence of {settings.least_confidence:g} or more"
        sure = least if settings.least_confidence else ""
        note(
            f"{tool} does not learn: the teacher answered none of {len(steps.steps):,} calls{sure}"
        )
        return None
    pictures = dict(steps.pictures)
    val_rows = _apart("val", val.supervised(), judged.pictures, pictures)
    replay: dict[str, list[Supervised]] = {}
    for name, runs in stage.keep_runs().items():
        old = stage.replayed_steps(runs, tool)
        replay[name] = _apart(name, [_as_it_was(s) for s in old.steps], old.pictures, pictures)
    asked = [row.argument for row in task]
    phrases = {p for said in asked for p in ((said,) if isinstance(said, str) else said)}
    grown = out / f"round-{number}" / f"{tool}-words"
    student = knowing(tool, bound(tool, toolbox), phrases, grown, settings.seed)
    chosen = training_of(settings, tool, size_of(tool, student), number)
    taught = train(
        tool,
        student,
        task,
        pictures,
        out / f"round-{number}" / tool,
        settings=chosen,
        replay=replay,
        val=val_rows,
        before=as_wide(bound(tool, stage.start), student, Path(f"{grown}-before")),
    )
    free_memory()
    return {
        **dataclasses.asdict(taught),
        "unanswered": dict(labels.unanswered),
        "agreed": list(agreed),
        "settings": dataclasses.asdict(chosen),
    }


def size_of(tool: str, student: Any) -> int:
    """How many numbers a student has; it is opened for that, and let go."""
    from vprog.teach.student import open_student

    numbers: int = sum(p.numel() for p in open_student(tool, student).model.parameters())
    free_memory()
    return numbers


def bound(tool: str, toolbox: str) -> Any:
    """The settings of the model that a toolbox binds to a tool.

    Raises:
        InputError: It binds none.
    """
    from vprog.teach.student import student_settings

    for binding in read_toolbox(toolbox):
        if binding.tool == tool and binding.settings is not None:
            return student_settings(tool, binding.settings)
    raise InputError(f"toolbox {toolbox!r} binds no model to {tool}")


def _as_it_was(step: LearnableStep) -> Supervised:
    """A call to be replayed; what was answered plays no part."""
    nothing: Any = {"detect": [], "vqa": "", "match": [0.0] * len(step.argument)}[step.tool]
    return supervise(step, Result(nothing))


def _apart(
    name: str,
    rows: Sequence[Supervised],
    own: Mapping[str, Picture],
    pictures: dict[str, Picture],
) -> list[Supervised]:
    """Rows whose pictures have ids of their own, since two tasks may use the same ones."""
    pictures |= {f"{name}/{id}": picture.called(f"{name}/{id}") for id, picture in own.items()}
    return [
        dataclasses.replace(row, region=row.region._replace(picture=f"{name}/{row.region.picture}"))
        for row in rows
    ]
