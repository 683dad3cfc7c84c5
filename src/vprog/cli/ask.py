"""`vprog ask`: one question about one picture, answered by a program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, LanguageName, TimeLimit, Toolbox, print_json
from vprog.cli.writer_options import (
    BaseUrl,
    Explain,
    Grammar,
    MaxTokens,
    Model,
    Prompt,
    Shots,
    choose_writer,
    refuse_needless,
    refuse_unheeded,
    writer_settings,
)


def ask(
    image: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE... QUESTION", help="Picture file(s), then the question."),
    ],
    program: Annotated[
        Path | None, typer.Option(help="File with the program, - for stdin.")
    ] = None,
    writer: Annotated[
        str | None, typer.Option(help="Who writes the program: zoo, local:MODEL or chat.")
    ] = None,
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
    base_url: BaseUrl = None,
    model: Model = None,
    explain: Explain = False,
    prompt: Prompt = None,
    shots: Shots = None,
    max_tokens: MaxTokens = None,
    grammar: Grammar = None,
    time_limit: TimeLimit = 5.0,
    json: Json = False,
) -> None:
    """Ask about a picture: the answer and every step. Exit code 1 if the program fails."""
    from vprog.cli.files import read_program
    from vprog.errors import InputError
    from vprog.evaluation.ask import ask_pictures
    from vprog.program import to_language

    given = dict(locals())
    student = None
    if program is None and writer is None and model is None:
        raise InputError(
            "ask wants a program (--program FILE), somebody who writes one (--writer zoo, "
            "local:MODEL or chat), or a model that answers by itself (--model PATH)"
        )
    if program is None:
        writer, toolbox, student = choose_writer(writer, toolbox, model, explain, "pixels")
        refuse_unheeded(writer, given)
    elif writer or model or explain:
        raise InputError(
            "--program is the whole program; leave out --writer, --model and --explain"
        )
    else:
        refuse_needless("--program", given)
    asked = ask_pictures(
        pictures=[Path(part) for part in image[:-1]],
        question=image[-1],
        program=None if program is None else read_program(program, language),
        writer=writer,
        language=to_language(language),
        writer_settings=writer_settings(given),
        toolbox=student or toolbox,
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
