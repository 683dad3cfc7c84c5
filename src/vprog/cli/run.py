"""`vprog run`: a benchmark's programs over a toolbox, every step recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Json, LanguageName, Seed, TimeLimit, Toolbox, print_json


def run(
    benchmark: Annotated[str, typer.Argument(help="Name of the benchmark; see `vprog list`.")],
    data: Annotated[Path, typer.Option(help="Folder with the benchmark's official files.")],
    split: Annotated[
        str | None, typer.Option(help="Which part of it; the benchmark's first if left out.")
    ] = None,
    writer: Annotated[str, typer.Option(help="gold, or replay:RUN or replay:FILE.")] = "gold",
    toolbox: Toolbox = "oracle",
    language: LanguageName = "steps",
    limit: Annotated[
        int | None, typer.Option(help="At most this many examples, drawn by the seed.")
    ] = None,
    seed: Seed = 0,
    time_limit: TimeLimit = 5.0,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; below runs/ if left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a benchmark; the same command again goes on where it stopped."""
    from vprog.benchmarks import load_benchmark
    from vprog.engine import Limits
    from vprog.evaluation.progress import ProgressLine
    from vprog.evaluation.run import RunSettings, run_benchmark
    from vprog.program import to_language
    from vprog.report.text import visible

    split = split or load_benchmark(benchmark).splits[0]
    settings = RunSettings(
        benchmark=benchmark,
        data=data,
        split=split,
        writer=writer,
        toolbox=toolbox,
        language=to_language(language),
        limit=limit,
        seed=seed,
        limits=Limits(time_s=time_limit),
    )
    name = writer.partition(":")[0]
    drawn = "" if limit is None else f"-{limit}-{seed}"
    tools = Path(toolbox).stem
    folder = out or Path("runs") / f"{benchmark}-{split}-{name}-{tools}-{language}{drawn}"
    with ProgressLine(f"{benchmark} {split} {language}") as progress:
        summary = run_benchmark(settings, folder, progress.update)
    if json:
        print_json(summary.to_json())
        return
    typer.echo(
        f"{summary.n:,} programs: {summary.answered:,} answered, {summary.failed:,} failed"
        + (f" ({summary.resumed:,} were finished before)" if summary.resumed else "")
    )
    if summary.without_program:
        typer.echo(f"{summary.without_program:,} examples have no program and are left out")
    for kind, (count, message) in summary.failures.items():
        typer.echo(f"{kind} errors: {count:,}, the first: {visible(message)}")
    typer.echo(f"next: vprog score {folder}; vprog view {folder}")
