"""`vprog check`: is a program right, before anything runs?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, LanguageName, print_json


def check(
    program: Annotated[Path, typer.Argument(help="File with the program.")],
    language: LanguageName = "steps",
    benchmark: Annotated[
        str | None, typer.Option(help="Also know the tools of this benchmark.")
    ] = None,
    pictures: Annotated[int, typer.Option(help="How many pictures the program gets.", min=1)] = 1,
    json: Json = False,
) -> None:
    """Check a program: syntax, names, arguments, types. Exit code 1 if it is wrong."""
    from vprog.benchmarks import load_benchmark
    from vprog.cli.files import read_program
    from vprog.errors import ProgramError
    from vprog.program import Checker
    from vprog.tools.catalogue import TOOLS

    tools = dict(TOOLS)
    if benchmark is not None:
        tools.update({tool.name: tool for tool in load_benchmark(benchmark).tools})
    error: ProgramError | None = None
    try:
        Checker(tools).check(read_program(program, language), pictures)
    except ProgramError as found:
        error = found
    if json:
        print_json(
            {
                "ok": error is None,
                "error": error
                and {
                    "kind": error.kind,
                    "message": error.message,
                    "line": error.line,
                    "column": error.column,
                },
            }
        )
    else:
        typer.echo(f"{program}: {error or 'ok'}")
    if error is not None:
        raise typer.Exit(1)
