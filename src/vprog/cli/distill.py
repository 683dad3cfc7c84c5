"""`vprog distill`: verified programs into one vision-language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import DryRun, Json, LanguageName, Seed, Toolbox, print_json
from vprog.cli.writer_options import (
    BaseUrl,
    Budget,
    Concurrency,
    Grammar,
    MaxTokens,
    Prices,
    Prompt,
    RecordFile,
    Repairs,
    Shots,
    TopP,
    refuse_unheeded,
    writer_settings,
)


def distill(
    benchmark: Annotated[str, typer.Argument(help="Name of the benchmark; see `vprog list`.")],
    data: Annotated[Path, typer.Option(help="Folder with the benchmark's official files.")],
    out: Annotated[Path, typer.Option(help="Folder for everything that comes of it.")],
    also: Annotated[
        list[str] | None,
        typer.Option(
            help="BENCHMARK=FOLDER[@TEST]: a further task of the same model, learned from its "
            "split train, reported on TEST; repeatable."
        ),
    ] = None,
    train: Annotated[
        list[str] | None,
        typer.Option(help="Split that is distilled, train if left out; repeatable."),
    ] = None,
    test: Annotated[str, typer.Option(help="Split that is reported.")] = "test",
    student: Annotated[
        str, typer.Option(help="Any image-text-to-text model: hub id, folder or zoo name.")
    ] = "zoo:vlm",
    toolbox: Toolbox = "zoo",
    writer: Annotated[str, typer.Option(help="Where programs come from.")] = "zoo",
    language: LanguageName = "steps",
    k: Annotated[int, typer.Option("--k", help="Candidate programs a question.", min=1)] = 5,
    temperature: Annotated[float, typer.Option(help="At which they are drawn.")] = 0.5,
    top_p: TopP = 1.0,
    repair: Repairs = True,
    base_url: BaseUrl = None,
    model: Annotated[
        str | None, typer.Option(help="chat: the model, as the endpoint calls it.")
    ] = None,
    prompt: Prompt = None,
    shots: Shots = None,
    max_tokens: MaxTokens = None,
    grammar: Grammar = None,
    concurrency: Concurrency = None,
    budget: Budget = None,
    record: RecordFile = None,
    row: Annotated[
        list[str] | None,
        typer.Option(
            help="instruct, vpd and vpd_unverified if left out; instruct_compute only where it is "
            "named; repeatable."
        ),
    ] = None,
    labels: Annotated[
        list[int] | None,
        typer.Option(help="Size of the labelled set, all if left out; repeatable for a curve."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            help="train=N, test=N, explain=N: most examples a task; all of train and test, explain "
            "as many as test, if left out."
        ),
    ] = None,
    filter: Annotated[
        list[str] | None,
        typer.Option(help="evidence, agreement=SHARE, teacher=NAME; none if left out; repeatable."),
    ] = None,
    grid: Annotated[
        int | None, typer.Option(help="Places a side of boxes; the student's if left out.")
    ] = None,
    reference: Annotated[
        bool,
        typer.Option(
            "--reference",
            help="Data sets refer to pictures' files: large ones take less memory and disk.",
        ),
    ] = False,
    training: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of settings of training; VPD's if left out; docs/distill.md has them."
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Training steps of every student; 8,000, of 128 examples each, if left out."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Runs at the same time.", min=1)] = 1,
    dry_run: DryRun = False,
    prices: Prices = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Distil verified programs into one model; the same command again goes on where it stopped."""
    from vprog.distill.distill import distill as distill_all
    from vprog.distill.options import distill_settings
    from vprog.distill.plan import plan_distill
    from vprog.report.distill import print_distilled
    from vprog.report.plan import print_outline

    given = dict(locals())
    # Prices are the plan's too, and k and temperature have defaults of their own.
    unlike = ("prices", "k", "temperature")
    refuse_unheeded(writer, {name: given[name] for name in given if name not in unlike})
    settings = distill_settings({**given, "writer_settings": writer_settings(given)})
    if dry_run:
        plan = plan_distill(settings, prices=prices).to_json()
        print_json(plan) if json else print_outline(plan["plan"])
        return
    said = distill_all(settings, out)
    if json:
        print_json(said)
    else:
        print_distilled(said)
