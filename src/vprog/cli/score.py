"""`vprog score`: figures of one run, or of two in comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, print_json


def score(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs; or a study's filled CSV.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for papers.")] = False,
    rationales: Annotated[
        bool, typer.Option("--rationales", help="Score the explanations of one run instead.")
    ] = False,
    programs: Annotated[
        Path | None, typer.Option(help="With --rationales: run whose traces boxes are compared to.")
    ] = None,
    grid: Annotated[int, typer.Option(help="With --rationales: places a side of boxes.")] = 100,
    key: Annotated[Path | None, typer.Option(help="Of a study; key.json beside it.")] = None,
    json: Json = False,
) -> None:
    """Score runs: official metrics with 95 % intervals, by type, errors; two are also compared.

    Beside each stand the majority answer and the bare vqa tool (a run of --writer vqa among the
    runs given or in the same folder).
    """
    if rationales or runs[0].suffix == ".csv":
        from vprog.cli.score_rationales import ratings_of, rationales_of

        rationales_of(runs, programs, grid, json) if rationales else ratings_of(runs, key, json)
        return
    from vprog.evaluation.score import score_runs
    from vprog.report.scores import print_scores

    figures, comparison = score_runs(runs)
    if not json:
        print_scores(figures, comparison, markdown=markdown)
    elif len(figures) == 1:
        print_json(figures[0])
    else:
        print_json({"runs": figures, "comparison": comparison})
