"""`vprog ask`: one question about one picture, answered by a program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, LanguageName, TimeLimit, Toolbox, print_json


def ask(
    image: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE... QUESTION", help="Picture file(s), then the question."),
    ],
    program: Annotated[Path, typer.Option(help="File with the program, - for stdin.")],
    language: LanguageName = "steps",
    toolbox: Toolbox = "pixels",
    benchmark: Annotated[
        str | None, typer.Option(help="Also know the tools of this benchmark.")
    ] = None,
    scene: Annotated[
        Path | None, typer.Option(help="GQA scene graph of the picture, for the oracle.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write the trace as HTML.")] = None,
    save: Annotated[Path | None, typer.Option(help="Save an answer that is a picture.")] = None,
    time_limit: TimeLimit = 5.0,
    json: Json = False,
) -> None:
    """Ask about a picture: the answer and every step. Exit code 1 if the program fails."""
    from vprog.cli.files import read_program
    from vprog.evaluation.ask import ask_pictures

    asked = ask_pictures(
        pictures=[Path(part) for part in image[:-1]],
        question=image[-1],
        program=read_program(program, language),
        toolbox=toolbox,
        benchmark=benchmark,
        scene=scene,
        time_s=time_limit,
    )
    if json:
        print_json(asked.to_json())
    else:
        asked.print()
    if html is not None:
        asked.write_html(html)
    if save is not None and asked.trace.failure is None:
        asked.save_answer(save)
    if asked.trace.failure is not None:
        raise typer.Exit(1)
