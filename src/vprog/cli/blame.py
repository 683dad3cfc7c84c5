"""`vprog blame`: which tool, argument and question type carries the loss of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, print_json


def blame(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    teacher: Annotated[
        str,
        typer.Option(
            help="Whose answers are put in: oracle, pixels, a toolbox, end-to-end:TOOLBOX, "
            "small:FILE, adapter:FILE."
        ),
    ] = "oracle",
    most: Annotated[int, typer.Option(help="Arguments to list.", min=1)] = 12,
    json: Json = False,
) -> None:
    """Blame steps: answer one call at a time by a teacher, and see what makes answers right."""
    from rich.console import Console
    from rich.progress import Progress

    from vprog.report.blame import print_blame
    from vprog.runs.folder import read_settings
    from vprog.teach.blame import blame_run
    from vprog.teach.blame_figures import blame_figures
    from vprog.teach.teachers.load import load_teacher

    settings = read_settings(run)
    facts = {k: settings[k] for k in ("benchmark", "split", "language", "toolbox", "seed")}
    facts |= {"ids_sha256": settings.get("ids_sha256"), "commit": settings["facts"]["commit"]}
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        line = bar.add_task("programs run again", total=None)
        found = blame_run(
            run, load_teacher(teacher), lambda done, n: bar.update(line, completed=done, total=n)
        )
    figures = {"run": str(run), "teacher": teacher, **facts, **blame_figures(found, most)}
    if json:
        print_json(figures)
    else:
        print_blame(figures, most)
