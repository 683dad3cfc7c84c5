"""`vprog zoo`: the checkpoints that come with vprog, their scores and their training."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vprog.cli.options import Json, Seed, print_json

app = typer.Typer(
    help="The zoo: tiny learned tools that come with vprog.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """The zoo: tiny learned tools that come with vprog."""


@app.command("list")
def list_(json: Json = False) -> None:
    """List the checkpoints: class, folder, size."""
    from vprog.zoo import TOOLBOXES, inventory

    rows = inventory()
    if json:
        print_json(
            {"checkpoints": rows, "toolboxes": {f"zoo:{n}": t for n, t in TOOLBOXES.items()}}
        )
        return
    for row in rows:
        state = f"{row['megabytes']:.1f} MB" if row["trained"] else "not trained"
        typer.echo(f"zoo:{row['name']:14} {row['class']:33} {state:12} {row['folder']}")
    for name, what in TOOLBOXES.items():
        typer.echo(f"--toolbox zoo:{name:7} {what}")


@app.command()
def score(
    n: Annotated[int, typer.Option(help="Pictures for each figure.", min=1)] = 2000,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", help="This checkpoint; repeatable; detect, vqa and match if left out."
        ),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Score the checkpoints on freshly drawn pictures."""
    from vprog.evaluation.zoo.score import score as run
    from vprog.zoo import CHECKPOINTS

    names = tuple(only or CHECKPOINTS)
    result = run(seed, n, names, progress=not json)
    if json:
        print_json(result)
        return
    for name in names:
        for key, figure in result[name].items():
            typer.echo(_line(name, key, figure))


def _line(name: str, key: str, figure: dict[str, Any]) -> str:
    low, high = figure["ci95"]
    return (
        f"{name:7} {key:20} {figure['value']:.3f}  [{low:.3f}, {high:.3f}]"
        f"  majority {figure['majority']:.3f}"
    )


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="detect, vqa, match, writer, shapes, nlvr or vlm.")],
    minutes: Annotated[
        float, typer.Option(help="Stop after so long; the same command goes on. 0: to the end.")
    ] = 0,
    steps: Annotated[
        int | None,
        typer.Option(help="Steps of the schedule; the recipe's own if left out.", min=1),
    ] = None,
    seed: Seed = 7,
) -> None:
    """Train a checkpoint with its recipe (needs a checkout of vprog)."""
    from vprog.zoo.train import train as run

    raise typer.Exit(run(name, minutes=minutes, steps=steps, seed=seed))
