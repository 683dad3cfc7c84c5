"""From a run with candidates to a data set for a student, in one folder.

::

    README.md                        data card
    data/train-00000.parquet ...     records, two an example, see ``records.schema``
    data/val-00000.parquet ...       the same of other pictures
    preferences/part-00000.parquet   of train: explanation beside rejected explanation, for DPO
    rejects/part-00000.parquet       every rejected candidate with its class
    built.json                       settings and counts

``datasets.load_dataset(FOLDER)`` reads it (and ``"preferences"``, ``"rejects"``), ``push_to_hub``
takes what comes of that, and TRL's SFTTrainer trains on its ``messages`` and ``images``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.benchmarks import load_benchmark
from vprog.benchmarks.benchmark import Benchmark
from vprog.distill.asking import judge_answers, rewrite_rationales
from vprog.distill.candidates import Candidates, read_candidates, yield_curve
from vprog.distill.card import data_card
from vprog.distill.choose import Choice, Named, choose
from vprog.distill.filters import load_filters
from vprog.distill.rationale import Rationale, render
from vprog.distill.records import (
    answer_of,
    cells,
    label_text,
    preference_row,
    preferences_schema,
    record,
    reject_row,
    rejects_schema,
    schema,
    short_answer,
)
from vprog.distill.settings import DistillData
from vprog.distill.splits import split_by_picture
from vprog.distill.spurious import find_spurious
from vprog.errors import InputError
from vprog.example import Example
from vprog.runs.folder import read_settings
from vprog.runs.record import Record
from vprog.teach.arrow import CARD, files_of, with_features
from vprog.tools.tool import Tool
from vprog.tools.toolboxes import load_toolbox

if TYPE_CHECKING:
    import pyarrow as pa

BUILT = "built.json"
"""The file that makes a folder this kind of data set."""

Show = Callable[[str], None]
"""Is told what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a data set came to.

    Attributes:
        out: The folder.
        examples: Examples that were looked at.
        outcomes: ``Outcome`` -> examples.
        records: Split -> kind -> records.
        rejects: Class -> rejected candidates.
        preferences: Preference pairs, of train alone.
        rewritten: Rationales in a chat model's words.
        refused: Reason -> rewritten rationales that were not faithful.
        judged: Examples whose answer only the judge accepted.
        yields: k -> share of questions with a verified program, see ``yield_curve``.
        spurious: Share of chosen programs that are wrong though right, or None.
        rationale_words: Mean words of a rationale.
    """

    out: Path
    examples: int
    outcomes: Mapping[str, int]
    records: Mapping[str, Mapping[str, int]]
    rejects: Mapping[str, int]
    preferences: int = 0
    rewritten: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    judged: int = 0
    yields: Mapping[str, Any] = field(default_factory=dict)
    spurious: Mapping[str, Any] | None = None
    rationale_words: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The object that ``vprog export distill --json`` prints."""
        return {**asdict(self), "out": str(self.out)}


def build(
    run: Path,
    out: Path,
    settings: DistillData = DistillData(),  # noqa: B008
    show: Show = lambda what: None,
) -> Built:
    """Builds the data set of a run (``vprog run BENCH --k 5 --temperature 0.5``).

    The same run and settings give the same records. The folder is there when all of it is; killed
    and started again, what models said before is read from the run's folder, and nothing is double.

    Args:
        run: Folder of the run.
        out: Folder to write; an earlier data set of this kind in its place is replaced.
        settings: What to choose and how to tell it.
        show: Is told what is being done.

    Raises:
        InputError: No run, files that are gone, pictures in an archive that are not embedded, an
            endpoint or teacher that fails, or a folder that cannot be written or holds something
            else.
    """
    if out.exists() and not _is_ours(out):
        raise InputError(f"{out} holds something else; choose another --out")
    made = _Making(run, settings, show)
    choices = made.choices()
    rationales = made.rationales(choices)
    return made.write(out, choices, rationales)


class _Making:
    """One build: what its stages share."""

    def __init__(self, run: Path, settings: DistillData, show: Show) -> None:
        self._run = run
        self._settings = settings
        self._show = show
        self._of_run = read_settings(run)
        name = str(self._of_run["benchmark"])
        self._benchmark: Benchmark = load_benchmark(name)
        self._task = name.partition(":")[0]
        toolbox = load_toolbox(str(self._of_run["toolbox"])).with_tools(self._benchmark.tools)
        self._tools: Mapping[str, Tool] = toolbox.tools
        show("reading candidates")
        self._candidates = _some(read_candidates(run), settings)
        if not settings.embed:
            _refuse_archives(self._candidates)
        self._rendered: dict[str, Rationale] = {}
        self._refused: dict[str, int] = {}
        self._rewritten = 0

    def choices(self) -> list[Choice]:
        """Verification and choice."""
        settings = self._settings
        accepted: set[Named] = set()
        if settings.judge is not None and settings.choice.mode == "verified":
            self._show("asking the judge")
            accepted, _ = judge_answers(self._candidates, settings.judge, self._run / "judge.jsonl")
        self._show("choosing programs")
        memo = self._run / "memo.sqlite"
        filters = load_filters(settings.choice, self._candidates, memo, accepted)
        return [choose(c, settings.choice, filters, accepted) for c in self._candidates]

    def rationales(self, choices: Sequence[Choice]) -> dict[str, tuple[Rationale, str]]:
        """Rationale and source by example id, of the examples that a program explains."""
        self._show("telling rationales")
        told = self._rendered = {
            c.example.id: self._render(c.example, c.record, self._ending(c))
            for c in choices
            if c.record is not None
        }
        if self._settings.rewriter is None:
            return {id: (rationale, "rendered") for id, rationale in told.items()}
        self._show("rewriting rationales")
        pairs = [(c.example, told[c.example.id]) for c in choices if c.example.id in told]
        new = rewrite_rationales(pairs, self._settings.rewriter, self._run / "rewriter.jsonl")
        self._refused, self._rewritten = new.refused, new.kept
        return {
            e.id: (now, "rendered" if now is before else "rewritten")
            for (e, before), now in zip(pairs, new.rationales, strict=True)
        }

    def _ending(self, choice: Choice) -> str | None:
        """The label, where the program was checked by it; None for the program's own answer."""
        if choice.outcome != "verified" or self._benchmark.regions:
            return None
        grid = self._settings.rationale.grid
        own = None if choice.record is None else choice.record.verdict.answer
        if own is not None and own in map(self._benchmark.normalise, choice.example.answers):
            return own
        return label_text(choice.example, self._benchmark, grid)

    def _render(self, example: Example, found: Record, ending: str | None) -> Rationale:
        if ending is None and found.verdict.answer is not None and not self._benchmark.regions:
            ending = found.verdict.answer
        return render(
            found.trace, example, self._settings.rationale, answer=ending, tools=self._tools
        )

    def write(
        self,
        out: Path,
        choices: Sequence[Choice],
        rationales: Mapping[str, tuple[Rationale, str]],
    ) -> Built:
        """Writes everything; the folder appears when it is complete."""
        settings = self._settings
        self._show("comparing with gold programs" if settings.scenes else "writing")
        pairs = [(c.example, c.record) for c in choices if c.record is not None]
        spurious = (
            find_spurious(pairs, self._benchmark, settings.scenes, settings.seed).figure
            if settings.scenes
            else None
        )
        used = [c for c in choices if c.outcome != "left_out"]
        splits = split_by_picture([c.example for c in used], settings.val_share, settings.seed)
        if not used:
            raise InputError(f"{self._run}: no example has a label or a program that ended")
        self._show("writing")
        kinds: dict[str, Counter[str]] = {"train": Counter(), "val": Counter()}
        beside = out.with_name(f".{out.name}.{os.getpid()}")
        try:
            beside.mkdir(parents=True)
            for split, counts in kinds.items():
                rows = (
                    row
                    for c in used
                    if splits[c.example.id] == split
                    for row in self._records(c, rationales.get(c.example.id), counts)
                )
                _write(beside / "data", split, schema(), rows)
            preferences = _write(
                beside / "preferences", "part", preferences_schema(),
                self._preferences(c for c in used if splits[c.example.id] == "train"),
            )  # fmt: skip
            rejects = Counter(r.kind for c in choices for r in c.rejects)
            _write(
                beside / "rejects", "part", rejects_schema(),
                (reject_row(c, r, self._task) for c in choices for r in c.rejects),
            )  # fmt: skip
            labelled = any(c.example.answers for c in self._candidates)
            lengths = [len(r.text.split()) for r, _ in rationales.values()]
            built = Built(
                out=out,
                examples=len(choices),
                outcomes=dict(Counter(c.outcome for c in choices)),
                records={split: dict(counts) for split, counts in kinds.items()},
                rejects=dict(rejects),
                preferences=preferences,
                rewritten=self._rewritten,
                refused=self._refused,
                judged=sum(c.judged for c in choices),
                yields=yield_curve(self._candidates) if labelled else {},
                spurious=spurious,
                rationale_words=round(sum(lengths) / max(len(lengths), 1), 1),
            )
            said = {"settings": asdict(settings), **built.to_json()}
            (beside / BUILT).write_text(json.dumps(said, indent=1, default=str), "utf-8")
            card = data_card(built, self._of_run, settings)
            (beside / CARD).write_text(card, "utf-8")
            if out.exists():
                shutil.rmtree(out)
            os.replace(beside, out)
        except OSError as error:
            raise InputError(f"cannot write {out}: {error.strerror or error}") from None
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return built

    def _records(
        self, choice: Choice, told: tuple[Rationale, str] | None, counts: Counter[str]
    ) -> Iterator[dict[str, Any]]:
        """The records of an example: the short answer, and the rationale if it has one."""
        images = cells(choice.example, self._settings.embed)
        run = self._run.name
        answer, source = self._target(choice)
        if answer is not None:
            counts["answer"] += 1
            said = short_answer(choice.example, answer)
            row = record(choice, "answer", said, source, self._settings, self._task, run)
            yield {"images": images, **row}
        if told is not None:
            rationale, source = told
            counts["rationale"] += 1
            row = record(
                choice, "rationale", rationale.text, source, self._settings, self._task, run
            )
            yield {"images": images, **row}

    def _target(self, choice: Choice) -> tuple[str | None, str]:
        if self._settings.choice.mode != "unlabelled":
            label = label_text(choice.example, self._benchmark, self._settings.rationale.grid)
            if label is not None:
                return label, "label"
        assert choice.record is not None
        return answer_of(choice.record), "program"

    def _preferences(self, choices: Iterable[Choice]) -> Iterator[dict[str, Any]]:
        """Explanations of chosen and rejected programs that ended, where their texts differ.

        Both as rendered: pairs of which one is rewritten would teach its style.
        """
        for choice in choices:
            if choice.record is None:
                continue
            chosen = self._rendered[choice.example.id].text
            seen = {chosen}
            for reject in choice.rejects:
                if reject.record.trace.failure is not None:
                    continue
                text = self._render(choice.example, reject.record, None).text
                if text in seen:
                    continue
                seen.add(text)
                images = cells(choice.example, self._settings.embed)
                row = preference_row(
                    choice.example, chosen, text, reject.kind, self._settings, self._task
                )
                yield {"images": images, **row}


def _some(candidates: list[Candidates], settings: DistillData) -> list[Candidates]:
    """At most ``labels`` of them, chosen by a hash of their ids, so that few are part of many."""
    if settings.labels is None or settings.labels >= len(candidates):
        return candidates
    ranked = sorted(
        candidates,
        key=lambda c: hashlib.sha256(f"{settings.seed} {c.example.id}".encode()).digest(),
    )
    kept = {c.example.id for c in ranked[: settings.labels]}
    return [c for c in candidates if c.example.id in kept]


def _refuse_archives(candidates: Iterable[Candidates]) -> None:
    """What trains on a data set opens files: a picture within an archive has none."""
    for picture in (p for c in candidates for p in c.example.pictures):
        if picture.member is not None:
            raise InputError(
                f"pictures lie in the archive {picture.path} and have no files to refer to; leave "
                "--reference out, so that they are kept inside"
            )


def _write(folder: Path, name: str, columns: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes rows as Parquet files, see ``files_of``, none where there are none; how many rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = with_features(columns)
    total = 0
    for number, some in enumerate(files_of(rows)):
        folder.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(some, schema=columns)
        pq.write_table(table, folder / f"{name}-{number:05d}.parquet", compression="zstd")
        total += len(some)
    return total


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and ((folder / BUILT).is_file() or not any(folder.iterdir()))


def load_records(folder: Path) -> Any:
    """The ``DatasetDict`` of a folder that ``build`` or ``save_to_disk`` has written.

    Raises:
        InputError: Nothing of the kind is there, or ``datasets`` is not installed.
    """
    try:
        import datasets
    except ImportError:
        raise InputError(
            'datasets is not installed; pip install "vprog[datasets]" brings it'
        ) from None
    datasets.utils.logging.disable_progress_bar()
    if (folder / "dataset_dict.json").is_file():
        return datasets.load_from_disk(str(folder))
    if not (folder / BUILT).is_file():
        raise InputError(f"{folder} is no data set of `vprog export distill`")
    files = {
        split: sorted(map(str, (folder / "data").glob(f"{split}-*.parquet")))
        for split in ("train", "val")
    }
    return datasets.load_dataset("parquet", data_files={s: f for s, f in files.items() if f})
