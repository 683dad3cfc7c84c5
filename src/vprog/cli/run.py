"""`vprog run`: a benchmark's programs over a toolbox, every step recorded."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from vprog.cli.options import (
    DryRun,
    Json,
    LanguageName,
    MemoryLimit,
    Seed,
    TimeLimit,
    Toolbox,
    ToolTimeout,
    print_json,
)
from vprog.cli.writer_options import (
    BaseUrl,
    Budget,
    Concurrency,
    Explain,
    Grammar,
    K,
    MaxTokens,
    Model,
    Prices,
    Prompt,
    RecordFile,
    Repairs,
    Shots,
    Temperature,
    TopP,
    Vote,
    choose_writer,
    refuse_unheeded,
    writer_options,
)
from vprog.errors import InputError


def run(
    benchmark: Annotated[str, typer.Argument(help="Name of the benchmark; see `vprog list`.")],
    data: Annotated[Path, typer.Option(help="Folder with the benchmark's official files.")],
    split: Annotated[
        str | None, typer.Option(help="Which part of it; the benchmark's first if left out.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            help="For `own`: role=column,... (image, question, answer, id, type, choices)."
        ),
    ] = None,
    writer: Annotated[
        str | None, typer.Option(help="Where programs come from; see `vprog list`.")
    ] = None,
    toolbox: Toolbox = "oracle",
    language: LanguageName = "steps",
    limit: Annotated[
        int | None, typer.Option(help="At most this many examples, drawn by the seed.")
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(help="Only examples with the ids in this file, one a line.")
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(help="Only examples of these types, such as structural=query,verify."),
    ] = None,
    seed: Seed = 0,
    k: K = 1,
    temperature: Temperature = None,
    top_p: TopP = 1.0,
    vote: Vote = False,
    repair: Repairs = True,
    base_url: BaseUrl = None,
    model: Model = None,
    explain: Explain = False,
    prompt: Prompt = None,
    shots: Shots = None,
    max_tokens: MaxTokens = None,
    grammar: Grammar = None,
    concurrency: Concurrency = None,
    budget: Budget = None,
    prices: Prices = None,
    record: RecordFile = None,
    time_limit: TimeLimit = 5.0,
    tool_timeout: ToolTimeout = None,
    memory_limit: MemoryLimit = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; below runs/ if left out.")
    ] = None,
    on: Annotated[str, typer.Option(help="Where programs run: here, or ray.")] = "here",
    address: Annotated[
        str | None, typer.Option(help="ray: of a cluster; one is started here if left out.")
    ] = None,
    actors: Annotated[
        int | None, typer.Option(help="ray: how many; one a GPU or core if left out.", min=1)
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Run a benchmark; the same command again goes on where it stopped."""
    from vprog.benchmarks import load_benchmark
    from vprog.engine import Limits
    from vprog.evaluation.progress import ProgressLine
    from vprog.evaluation.run import RunSettings, run_benchmark
    from vprog.evaluation.selection import parse_types, read_ids
    from vprog.program import to_language

    given = dict(locals())
    named = benchmark if columns is None else f"{benchmark}:{columns}"
    writer, toolbox, student = choose_writer(writer, toolbox, model, explain)
    settings = RunSettings(
        benchmark=named,
        data=data,
        split=split or load_benchmark(named).splits[0],
        writer=writer,
        toolbox=toolbox,
        language=to_language(language),
        limit=limit,
        ids=None if ids is None else read_ids(ids),
        types=parse_types(types or ()),
        seed=seed,
        limits=Limits(time_s=time_limit),
        tool_timeout_s=tool_timeout,
        memory_gb=memory_limit,
        vote=vote,
        repair=repair,
        **writer_options(given),
    )
    # A plan heeds prices whoever writes: it tells what a device costs.
    refuse_unheeded(writer, {**given, "prices": None} if dry_run else given)
    _check_place(on, address, actors)
    if dry_run:
        _plan(settings, student, json)
        return
    folder = out or Path("runs") / settings.folder_name
    with ProgressLine(f"{benchmark} {settings.split} {language}") as progress:
        workers = _workers(on, address, actors)
        summary = run_benchmark(settings, folder, progress.update, student, workers)
    if json:
        print_json(summary.to_json())
    else:
        _tell(summary)


def _check_place(on: str, address: str | None, actors: int | None) -> None:
    if on not in ("here", "ray"):
        raise InputError(f"--on must be here or ray, got {on!r}")
    if on == "here" and (address is not None or actors is not None):
        raise InputError("--address and --actors belong to --on ray")


def _workers(on: str, address: str | None, actors: int | None) -> Any:
    """Who runs the programs; None is this process."""
    if on == "here":
        return None
    from vprog.scale.on_ray import OnRay

    return OnRay(address=address, actors=actors)


def _plan(settings: Any, toolbox: Any, json: bool) -> None:
    """Says what a run will take."""
    from vprog.report.plan import print_run_plan
    from vprog.scale.plan import plan_run

    said = plan_run(settings, toolbox=toolbox).to_json()
    if json:
        print_json(said)
    else:
        print_run_plan(said["plan"])


def _tell(summary: Any) -> None:
    """The summary for people."""
    from vprog.report.text import visible

    several = summary.candidates.written > summary.n
    typer.echo(
        f"{summary.n:,} {'questions' if several else 'programs'}: "
        f"{summary.answered:,} answered, {summary.failed:,} failed"
        + (f" ({summary.resumed:,} were finished before)" if summary.resumed else "")
    )
    counts = summary.candidates
    if several or counts.repaired:
        typer.echo(
            f"{counts.written:,} programs were written: {counts.merged:,} merged with equal ones, "
            f"{counts.repaired:,} repaired, {counts.skipped:,} not run after the vote"
        )
    if summary.without_program:
        fate = "failed" if summary.asked else "are left out"
        typer.echo(f"{summary.without_program:,} examples have no program and {fate}")
    used = summary.usage
    if used.requests:
        cost = "" if used.cost is None else f", {used.cost:,.4f} dollars"
        typer.echo(
            f"{used.requests:,} requests: {used.prompt_tokens:,} tokens read, "
            f"{used.completion_tokens:,} written{cost}"
        )
    if used.failed:
        typer.echo(
            f"{used.failed:,} questions were refused by the endpoint, the first: "
            f"{visible(used.first_failure)}"
        )
    for kind, (count, message) in summary.failures.items():
        typer.echo(f"{kind} errors: {count:,}, the first: {visible(message)}")
    typer.echo(f"ids {summary.ids_sha256[:12]}")
    run = shlex.quote(str(summary.run))
    typer.echo(f"next: vprog score {run}; vprog view {run}")
