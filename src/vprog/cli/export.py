"""`vprog export`: a run for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vprog.cli.export_distill import distill
from vprog.cli.export_study import study
from vprog.cli.options import Json, named, print_json


class _RunOrKind(TyperGroup):
    """``export RUN`` and ``export KIND RUN``: what is no kind is the folder of a run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["RUN", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunOrKind,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """Export a run for other programs: `vprog export RUN --to FORM`, `vprog export process RUN`,
    `vprog export distill RUN`, `vprog export study RUN RUN`.
    """


@app.command("RUN")
def export(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    to: Annotated[
        str,
        typer.Option(
            help="parquet, csv, datasets, or submission: what the benchmark's server takes."
        ),
    ] = "parquet",
    out: Annotated[
        Path | None,
        typer.Option(help="Where to; in the run's folder if left out.", callback=named),
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


@app.command("process")
def process(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    teacher: Annotated[
        str | None,
        typer.Option(help="Who labels the steps, such as oracle; nobody if left out."),
    ] = None,
    embed: Annotated[
        bool, typer.Option("--embed", help="Keep the pictures inside, not by reference.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write; process in the run's folder if left out.", callback=named
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Export every step of every program, with a teacher's view: process supervision."""
    from vprog.teach.process import export_process
    from vprog.teach.teachers.load import load_teacher

    who = None if teacher is None else load_teacher(teacher)
    done = export_process(run, out or run / "process", who, embed)
    if json:
        print_json({"run": str(run), "teacher": teacher, **done.to_json()})
        return
    typer.echo(f"{done.out}: {done.rows:,} programs, {done.steps:,} steps")
    if teacher is not None:
        typer.echo(f"{teacher} answered {done.answered:,} steps and agrees in {done.agreed:,}")
    for why, count in done.unanswered.items():
        typer.echo(f"not answered: {count:,}, {why}")


app.command("distill")(distill)
app.command("study")(study)
