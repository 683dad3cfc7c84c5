"""`vprog score`: figures of one run, or of two in comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, print_json


def score(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for papers.")] = False,
    json: Json = False,
) -> None:
    """Score runs: official metrics with 95 % intervals, by type, errors; two are also compared.

    Beside each stand the majority answer and the bare vqa tool (a run of --writer vqa among the
    runs given or in the same folder).
    """
    from vprog.evaluation.score import score_runs
    from vprog.report.scores import print_scores

    figures, comparison = score_runs(runs)
    if not json:
        print_scores(figures, comparison, markdown=markdown)
    elif len(figures) == 1:
        print_json(figures[0])
    else:
        print_json({"runs": figures, "comparison": comparison})
