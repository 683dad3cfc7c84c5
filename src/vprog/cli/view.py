"""`vprog view`: a run as one HTML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, print_json


def view(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write; RUN/report.html if left out.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Most questions to show.", min=1)] = 200,
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in a browser, if this is a terminal.")
    ] = True,
    json: Json = False,
) -> None:
    """Write a run's report: pictures with boxes, every step, filters; self-contained."""
    from vprog.evaluation.view import write_run_report

    path = write_run_report(run, out, limit)
    if json:
        print_json({"report": str(path)})
        return
    typer.echo(str(path))
    if open_ and sys.stdout.isatty():
        typer.launch(path.resolve().as_uri())
