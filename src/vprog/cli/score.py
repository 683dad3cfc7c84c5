"""`vprog score`: figures of one run, or of two in comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, print_json


def score(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="A table for papers.")] = False,
    json: Json = False,
) -> None:
    """Score runs: accuracy with 95 % intervals, by type, errors; two runs are also compared."""
    from vprog.evaluation.score import compare_runs, score_run
    from vprog.report.scores import print_scores

    scored = [score_run(run) for run in runs]
    comparison = compare_runs(scored[0], scored[1]) if len(scored) == 2 else None
    figures = [s.figures for s in scored]
    if not json:
        print_scores(figures, comparison, markdown=markdown)
    elif len(figures) == 1:
        print_json(figures[0])
    else:
        print_json({"runs": figures, "comparison": comparison})
