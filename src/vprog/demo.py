"""The demo: run, teach and distil on the drawn world, in minutes, ending in one table and page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.console import note
from vprog.evaluation.progress import ProgressLine
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.evaluation.score import score_run
from vprog.evaluation.view import run_items
from vprog.program.program import LANGUAGES, to_language
from vprog.report.html import write_report
from vprog.report.tables import Cell, Figure, Table, print_tables

if TYPE_CHECKING:
    from vprog.world.write import Split

TOOLBOXES = ("oracle", "zoo")
LOOK = "outline"
"""A drawing style that the zoo has never seen: what is taught."""
SPREAD = 10
"""The world asks ten questions about a picture. A sample of so many times the questions that are
learned is about several times as many pictures."""


def run_demo(out: Path, n: int, seed: int) -> Path:
    """Runs programs, teaches their tools a new look, distils them into one model, and reports.

    Args:
        out: Folder for everything; a repeated call goes on with what is there.
        n: Number of questions; what is taught and distilled is cut to the same scale.
        seed: Of everything random.

    Returns:
        The HTML report.
    """
    rows = _run(out, n, seed)
    rows += _teach(out / f"teach-{n}-{seed}", n, seed)
    rows += _distil(out / f"distil-{n}-{seed}", n, seed)
    columns = ("pictures", "who answers", "programs", "accuracy in percent", "n")
    table: Table = ("who answers how well", columns, rows)
    print_tables([table], 110)
    report = write_report(
        out / "report.html",
        "vprog demo: programs over tiny models, questions of the drawn world",
        run_items(out / f"zoo-python-{n}-{seed}"),
        {"seed": seed, "questions": n},
        tables=[table],
    )
    note("a minute of teaching and distilling; docs/results has what long ones come to")
    note(f"report: {report.resolve()} (open it in a browser)")
    return report


def _drawn(folder: Path, look: str, splits: Mapping[Split, int], seed: int) -> Path:
    """A world on disk."""
    from vprog.world import write

    for split, n in splits.items():
        if not (folder / f"{split}_sceneGraphs.json").exists():
            note(f"drawing {n:,} questions ({look}, {split})")
            write("gqa", look, n, seed, folder, split=split)
    return folder


def _run(out: Path, n: int, seed: int) -> list[list[Cell]]:
    """Written programs of both languages over gold scenes and over tiny models."""
    data = _drawn(out / f"world-{n}-{seed}", "generalist", {"val": n}, seed)
    rows: list[list[Cell]] = []
    for toolbox in TOOLBOXES:
        for language in LANGUAGES:
            settings = RunSettings(
                benchmark="world-gqa",
                data=data,
                split="val",
                writer="zoo",
                toolbox=toolbox,
                language=to_language(language),
                seed=seed,
            )
            folder = out / f"{toolbox}-{language}-{n}-{seed}"
            with ProgressLine(f"{toolbox}, {language}") as progress:
                run_benchmark(settings, folder, progress.update)
            accuracy = score_run(folder).figures["metrics"]["accuracy"]
            who = "gold scenes" if toolbox == "oracle" else "the zoo's models"
            rows.append(["known look", who, language, _figure(accuracy), n])
    return rows


def _teach(out: Path, n: int, seed: int) -> list[list[Cell]]:
    """The zoo's detector and question answerer are taught a look that they have never seen."""
    from vprog.teach.stage import StageSettings, Task
    from vprog.teach.teach import teach

    splits: dict[Split, int] = {"train": SPREAD * n, "val": n // 5, "test": SPREAD * n}
    data = _drawn(out / "world", LOOK, splits, seed)
    settings = StageSettings(
        target=Task(benchmark="world-gqa", data=data),
        teacher="oracle",
        languages=("steps",),
        tools=("detect", "vqa"),
        rounds=1,
        limits={"train": n, "test": n},
        training={
            "all": {"validate_every": 0, "steps": max(2, n // 4), "per_view": 8},
        },
        seed=seed,
    )
    found = teach(settings, out / "stage")
    names = {"untaught": "the zoo's models", "taught": "the zoo's models, taught"}
    return [
        ["new look", names[r["row"]], r["language"],
         _figure({"value": r["accuracy"], "ci95": r["ci95"]}), r["n"]]
        for r in found["records"]
        if r["row"] in names
    ]  # fmt: skip


def _distil(out: Path, n: int, seed: int) -> list[list[Cell]]:
    """Verified programs become one model that answers in one pass."""
    from vprog.distill.distill import distill
    from vprog.distill.pipeline import DistillSettings, dialect
    from vprog.distill.settings import DistillData
    from vprog.distill.sft_settings import SftSettings
    from vprog.teach.stage import Task

    data = _drawn(out / "world", "generalist", {"train": SPREAD * n, "test": SPREAD * n}, seed)
    rationale, prompt = dialect("zoo:vlm", None, None)
    settings = DistillSettings(
        tasks=(Task(benchmark="world-gqa", data=data),),
        k=3,
        rows=("instruct", "vpd"),
        limits={"train": n, "test": n // 2, "explain": min(20, n // 5)},
        data=DistillData(rationale=rationale, prompt=prompt),
        training=SftSettings(
            method="full",
            optimizer="muon",
            learning_rate=5e-4,
            warmup=0.05,
            steps=max(2, n // 8),
            batch_size=16,
            validate_every=0,
            choose="loss",
        ),
        seed=seed,
    )
    said = distill(settings, out / "distilled", timed=False)
    names = {
        "vqa": "the zoo's vqa, bare",
        "instruct": "one model, tuned on labels",
        "vpd": "one model, tuned on labels and rationales",
    }
    return [
        ["known look", names[r["row"]], "none",
         _figure({"value": r["accuracy"], "ci95": r["ci95"]}), r["n"]]
        for r in said["records"]
        if r["row"] in names
    ]  # fmt: skip


def _figure(metric: Mapping[str, Any]) -> Figure:
    low, high = metric["ci95"] or (None, None)
    return Figure(metric["value"], low, high)
