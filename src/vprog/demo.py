"""The demo: the main job end to end on the drawn world."""

from __future__ import annotations

from pathlib import Path

from vprog.console import note
from vprog.evaluation.progress import ProgressLine
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.evaluation.score import score_run
from vprog.evaluation.view import write_run_report
from vprog.program.program import LANGUAGES, to_language
from vprog.report.scores import print_overview

TOOLBOXES = ("oracle", "zoo")


def run_demo(out: Path, n: int, seed: int) -> Path:
    """Draws a world, runs its gold programs in both languages over two toolboxes, scores, reports.

    Args:
        out: Folder for everything; a repeated call goes on with what is there.
        n: Number of questions.
        seed: Of the world.

    Returns:
        The HTML report.
    """
    from vprog.world import write

    data = out / f"world-{n}-{seed}"
    if not (data / "val_sceneGraphs.json").exists():
        note(f"drawing a world with {n} questions")
        write("gqa", "generalist", n, seed, data, split="val")
    scored = []
    for toolbox in TOOLBOXES:
        for language in LANGUAGES:
            settings = RunSettings(
                benchmark="world-gqa",
                data=data,
                split="val",
                writer="gold",
                toolbox=toolbox,
                language=to_language(language),
                seed=seed,
            )
            folder = out / f"{toolbox}-{language}-{n}-{seed}"
            with ProgressLine(f"{toolbox}, {language}") as progress:
                run_benchmark(settings, folder, progress.update)
            scored.append(score_run(folder))
    print_overview([s.figures for s in scored], "structural")
    note("oracle reads gold scenes; zoo sees pixels, by tiny models that come with vprog")
    report = write_run_report(scored[-1].path)
    note(f"report: {report.resolve()} (open it in a browser)")
    return report
