"""`vprog teach`: a teacher's answers distilled into the tools that a benchmark's programs call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import DryRun, Json, Seed, Toolbox, print_json
from vprog.cli.writer_options import Prices


def teach(
    benchmark: Annotated[str, typer.Argument(help="Name of the benchmark; see `vprog list`.")],
    data: Annotated[Path, typer.Option(help="Folder with the benchmark's official files.")],
    out: Annotated[Path, typer.Option(help="The stage's folder.")],
    toolbox: Toolbox = "zoo",
    teacher: Annotated[
        str,
        typer.Option(
            help="Who supervises steps: small (a small network, trained first on the labels of the "
            "training pictures), oracle, pixels, a toolbox, end-to-end:TOOLBOX, small:FILE, "
            "adapter:FILE."
        ),
    ] = "small",
    upper: Annotated[
        str, typer.Option(help="Teacher of the upper bound; empty for none.")
    ] = "oracle",
    train: Annotated[
        list[str] | None,
        typer.Option(help="Split whose programs are followed, train if left out; repeatable."),
    ] = None,
    val: Annotated[str, typer.Option(help="Split on which rounds are chosen.")] = "val",
    test: Annotated[str, typer.Option(help="Split that is reported.")] = "test",
    language: Annotated[
        list[str] | None, typer.Option(help="steps or python; both if left out.")
    ] = None,
    tool: Annotated[
        list[str] | None, typer.Option(help="detect, vqa or match; all if left out.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Most rounds.")] = 2,
    demonstrate: Annotated[
        bool, typer.Option(help="The teacher's own runs of the programs teach as well.")
    ] = True,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="train=N, val=N, test=N, keep=N: at most so many examples, by the seed."),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="BENCHMARK=FOLDER[@SPLIT]: the calls of that split (train if left out) are "
            "replayed; repeatable."
        ),
    ] = None,
    unseen: Annotated[
        list[str] | None,
        typer.Option(help="BENCHMARK=FOLDER[@SPLIT] that is only tested; repeatable."),
    ] = None,
    after: Annotated[
        Path | None, typer.Option(help="Folder of the stage before: learn on from there.")
    ] = None,
    writer: Annotated[str, typer.Option(help="Where programs come from.")] = "gold",
    phrase: Annotated[
        list[str] | None,
        typer.Option(help="The teacher finds this on every training picture as well; repeatable."),
    ] = None,
    per_picture: Annotated[
        int,
        typer.Option(help="Phrases that a picture is asked at least, as programs ask elsewhere."),
    ] = 16,
    threshold: Annotated[
        list[float] | None,
        typer.Option(help="Least score of detect, tried on val beside its own; repeatable."),
    ] = None,
    training: Annotated[
        Path | None,
        typer.Option(
            help="TOML file: tables all, detect, vqa, match of settings; docs/teach.md has them."
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Training steps of every tool, 1,000 if left out; later rounds have 0.4 of them."
        ),
    ] = None,
    keep_weight: Annotated[
        float | None,
        typer.Option(help="Weight of self-distillation on replayed calls; 1 if left out."),
    ] = None,
    sure: Annotated[
        float, typer.Option(help="Answers of which the teacher is less sure do not teach.")
    ] = 0.0,
    jobs: Annotated[int, typer.Option(help="Processes that run and train at once.")] = 1,
    dry_run: DryRun = False,
    prices: Prices = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Teach tools along the steps of programs; the same command again goes on where it stopped."""
    from vprog.errors import InputError
    from vprog.report.plan import print_outline
    from vprog.report.teach import print_stage
    from vprog.teach.options import stage_settings
    from vprog.teach.plan import plan_stage
    from vprog.teach.teach import teach as teach_stage

    settings = stage_settings(dict(locals()))
    if prices is not None and not dry_run:
        raise InputError("--prices is for --dry-run, which tells what a stage would cost")
    if dry_run:
        plan = plan_stage(settings, prices).to_json()
        print_json(plan) if json else print_outline(plan["plan"])
        return
    found = teach_stage(settings, out)
    if json:
        print_json(found)
    else:
        print_stage(found)
