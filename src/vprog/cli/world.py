"""`vprog world`: the drawn world as files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from vprog.cli.options import Json, Seed, print_json

app = typer.Typer(
    help="The drawn world: pictures with exact scene graphs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """The drawn world: pictures with exact scene graphs."""


@app.command()
def draw(
    task: Annotated[
        str, typer.Option(help="gqa, nlvr2, tally, pope, refer, or a benchmark of photographs.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    domain: Annotated[str, typer.Option(help="Drawing style and background.")] = "generalist",
    n: Annotated[int, typer.Option(help="Number of questions.", min=1)] = 1000,
    split: Annotated[str, typer.Option(help="train, val or test; their pictures differ.")] = "val",
    size: Annotated[int, typer.Option(help="Width and height in pixels.", min=64, max=512)] = 96,
    phrasing: Annotated[
        str | None, typer.Option(help="Ask in other words: train or held-out ones.")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Draw pictures and write questions about them in a benchmark's own file format."""
    from vprog.errors import InputError, known_names
    from vprog.world import OFFICIAL_TASKS, TASKS, refer, write, write_official

    tasks = (*TASKS, "refer", *OFFICIAL_TASKS)
    if task not in tasks:
        raise InputError(f"unknown task {task!r}. {known_names(task, tasks)}")
    # Which splits there are is checked, and said, by the function itself.
    draws = cast(Any, write_official if task in OFFICIAL_TASKS else write)
    draws = refer.write if task == "refer" else partial(draws, task)
    written = draws(domain, n, seed, out, split=split, size=size, phrasing=phrasing)
    if json:
        print_json(written)
        return
    typer.echo(", ".join(f"{key}: {value}" for key, value in written.items()))
