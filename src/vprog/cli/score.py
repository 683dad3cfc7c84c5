"""`vprog score`: figures of one run, or of two in comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, print_json
from vprog.errors import InputError


def score(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs; or a study's filled CSV.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for papers.")] = False,
    rationales: Annotated[
        bool, typer.Option("--rationales", help="Score the explanations of one run instead.")
    ] = False,
    programs: Annotated[
        Path | None, typer.Option(help="With --rationales: run whose traces boxes are compared to.")
    ] = None,
    grid: Annotated[
        int | None,
        typer.Option(
            help="With --rationales: places a side of boxes; a student's own if left out."
        ),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Of a study; key.json beside it.")] = None,
    json: Json = False,
) -> None:
    """Score runs: official metrics with 95 % intervals, by type, errors; two are also compared.

    Beside each stand the majority answer and the bare vqa tool (a run of --writer vqa among the
    runs given or in the same folder).
    """
    ratings = not rationales and runs[0].suffix == ".csv"
    for option, value, belongs, there in (
        ("--programs", programs, "--rationales", rationales),
        ("--grid", grid, "--rationales", rationales),
        ("--key", key, "a study's filled CSV", ratings),
        ("--markdown", markdown or None, "runs", not (rationales or ratings)),
    ):
        if value is not None and not there:
            raise InputError(f"{option} belongs to {belongs}; leave it out")
    if rationales or ratings:
        from vprog.cli.score_rationales import ratings_of, rationales_of

        if rationales:
            rationales_of(runs, programs, grid, json)
        else:
            ratings_of(runs, key, json)
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
