"""`vprog export`: a run for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, print_json


def export(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    to: Annotated[
        str,
        typer.Option(
            help="parquet, csv, datasets, or submission: what the benchmark's server takes."
        ),
    ] = "parquet",
    out: Annotated[
        Path | None, typer.Option(help="Where to; in the run's folder if left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Export a run: a row a candidate with program, answer, verdict and steps."""
    from vprog.evaluation.export import default_name, export_run

    written = export_run(run, to, out or run / default_name(run, to))
    if json:
        print_json({"run": str(run), "to": to, "out": str(written)})
    else:
        typer.echo(str(written))
