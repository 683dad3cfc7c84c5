"""`vprog bench`: what vprog itself costs on this machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vprog.cli.options import Json, LanguageName, Seed, Toolbox, print_json

app = typer.Typer(
    help="Measure vprog itself on this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """Measure vprog itself on this machine."""


@app.command()
def engine(
    programs: Annotated[int, typer.Option(help="Programs in the timed runs.", min=10)] = 1000,
    in_flight: Annotated[int, typer.Option(help="Programs suspended at once.", min=10)] = 10_000,
    repeat: Annotated[int, typer.Option(help="Timed runs; the fastest counts.", min=1)] = 5,
    json: Json = False,
) -> None:
    """Cost of a program, memory of a suspended one, merging of equal calls, batch efficiency."""
    from vprog.bench.engine import measure_engine

    figures = measure_engine(programs=programs, in_flight=in_flight, repeat=repeat)
    _print(figures, json)


@app.command()
def tools(
    toolbox: Toolbox = "zoo",
    programs: Annotated[int, typer.Option(help="Programs that are run every way.", min=10)] = 600,
    language: LanguageName = "steps",
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Learned tools: batches across programs against one call at a time, share of forwards."""
    from vprog.bench.tools import measure_tools
    from vprog.program import to_language

    figures = measure_tools(
        toolbox=toolbox, programs=programs, language=to_language(language), seed=seed
    )
    _print(figures, json)


def _print(figures: dict[str, Any], json: bool) -> None:
    if json:
        print_json(figures)
        return
    for name, value in figures.items():
        typer.echo(f"{name:22} {value}")
