"""`vprog export distill`: a run as training data for one vision-language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vprog.cli.options import Json, Seed, named, print_json


def distill(
    run: Annotated[Path, typer.Argument(help="Folder of a run, best of --k 5 candidates.")],
    mode: Annotated[
        str, typer.Option(help="verified, unverified (rationales unchecked) or unlabelled.")
    ] = "verified",
    pick: Annotated[str, typer.Option(help="Among several programs: logprob or vote.")] = "logprob",
    labels: Annotated[
        int | None, typer.Option(help="At most this many examples; all if left out.")
    ] = None,
    grid: Annotated[
        int, typer.Option(help="Places a side that boxes are written in; zoo:vlm reads 32.")
    ] = 100,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain", help="Questions, too, in lower-case words, as zoo:vlm's tokenizer has them."
        ),
    ] = False,
    val_share: Annotated[float, typer.Option(help="Share of the pictures for validation.")] = 0.05,
    agreement: Annotated[
        float, typer.Option(help="Filter: least share of programs with the same answer.")
    ] = 0.0,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Filter: the answer must depend on a tool.")
    ] = False,
    teacher: Annotated[
        str | None, typer.Option(help="Filter: who checks the steps, such as oracle.")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="Chat model that judges answers.")] = None,
    rewriter: Annotated[
        str | None, typer.Option(help="Chat model that rewrites rationales.")
    ] = None,
    base_url: Annotated[
        list[str] | None, typer.Option(help="Endpoint of judge and rewriter; repeatable.")
    ] = None,
    scenes: Annotated[
        int, typer.Option(help="Gold scenes to estimate spurious programs on; 0 does not.")
    ] = 0,
    reference: Annotated[
        bool, typer.Option("--reference", help="Refer to pictures' files, keep none inside.")
    ] = False,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write; distill in the run's folder if left out.", callback=named
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Export rationales of verified programs, two records an example, ready for TRL."""
    from vprog.console import note
    from vprog.distill.dataset import build

    settings = _settings(dict(locals()))
    built = build(run, out or run / "distill", settings, note)
    if json:
        print_json({"run": str(run), **built.to_json()})
        return
    told = ", ".join(f"{name} {count:,}" for name, count in built.outcomes.items())
    typer.echo(f"{built.out}: {built.examples:,} examples ({told})")
    for split, kinds in built.records.items():
        counts = ", ".join(f"{n:,} {kind}s" for kind, n in kinds.items())
        none = "none (too few pictures)" if val_share else "none"
        typer.echo(f"{split}: {counts or none}")
    for k, figure in built.yields.items():
        typer.echo(f"a verified program with k = {k}: {figure['value']:.3f} of the questions")
    if built.spurious is not None:
        typer.echo(f"spurious among the chosen programs: {built.spurious['value']:.3f}")


def _settings(given: dict[str, Any]) -> Any:
    from vprog.distill.settings import (
        ChoiceSettings,
        DistillData,
        PromptSettings,
        RationaleSettings,
    )
    from vprog.errors import InputError
    from vprog.writers.settings import WriterSettings

    def chat(model: str | None) -> WriterSettings | None:
        urls = tuple(given["base_url"] or ())
        return None if model is None else WriterSettings(model=model, base_urls=urls)

    if given["base_url"] and given["judge"] is None and given["rewriter"] is None:
        raise InputError("--base-url is for --judge or --rewriter, and neither is given")
    return DistillData(
        choice=ChoiceSettings(
            mode=given["mode"],
            pick=given["pick"],
            least_agreement=given["agreement"],
            evidence=given["evidence"],
            step_teacher=given["teacher"],
        ),
        rationale=RationaleSettings(grid=given["grid"]),
        prompt=PromptSettings(plain=given["plain"]),
        labels=given["labels"],
        val_share=given["val_share"],
        embed=not given["reference"],
        judge=chat(given["judge"]),
        rewriter=chat(given["rewriter"]),
        scenes=given["scenes"],
        seed=given["seed"],
    )
