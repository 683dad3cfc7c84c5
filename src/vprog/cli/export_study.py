"""`vprog export study`: a blind sheet with which people rate two models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, Seed, print_json


def study(
    first: Annotated[Path, typer.Argument(help="Folder of a run.")],
    second: Annotated[Path, typer.Argument(help="Folder of another run of the same examples.")],
    n: Annotated[int, typer.Option(help="Examples to rate.")] = 100,
    grid: Annotated[
        int | None, typer.Option(help="Places a side of the boxes; a student's own if left out.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("study"),
    json: Json = False,
) -> None:
    """Export answers and explanations of two runs, shuffled and unnamed, for people to rate.

    `vprog score RATINGS.csv` scores what comes back.
    """
    from vprog.distill.study import export_study

    items = export_study(first, second, out, n, seed, grid)
    if json:
        print_json({"out": str(out), "items": items, "runs": [str(first), str(second)]})
        return
    typer.echo(f"{out / 'study.html'}: {items} items; give it, or study.csv, to raters")
    typer.echo(f"{out / 'key.json'} says which model is which: keep it")
