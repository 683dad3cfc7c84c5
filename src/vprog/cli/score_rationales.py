"""`vprog score --rationales` and `vprog score RATINGS.csv`: how good explanations are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from vprog.cli.options import print_json
from vprog.errors import InputError


def rationales_of(
    runs: Sequence[Path], programs: Path | None, grid: int | None, json: bool
) -> None:
    """Figures of the explanations of one run."""
    from vprog.distill.explained import run_quality

    if len(runs) != 1:
        raise InputError(f"--rationales scores one run, got {len(runs)}; its programs' run goes "
                         "to --programs")  # fmt: skip
    figures = run_quality(runs[0], grid=grid, reference=programs)
    if json:
        print_json({"run": str(runs[0]), "programs": programs and str(programs), **figures})
        return
    typer.echo(f"{runs[0]}: {figures['n']:,} explanations")
    for name, figure in figures.items():
        if name != "n":
            typer.echo(f"{name.replace('_', ' '):>16}  {shown(figure)}")


def ratings_of(sheets: Sequence[Path], key: Path | None, json: bool) -> None:
    """Figures of a study's filled sheets."""
    from vprog.distill.study import score_study

    scored = score_study(sheets, key)
    if json:
        print_json(scored)
        return
    typer.echo(f"{scored['n']:,} items, {scored['raters']} raters; first {scored['runs'][0]}, "
               f"second {scored['runs'][1]}")  # fmt: skip
    for criterion, found in scored["criteria"].items():
        difference = found["difference"]
        typer.echo(f"{criterion}: {shown(found['first'])}, then {shown(found['second'])}")
        if difference is not None:
            p = f"p = {difference['p_value']:.3g}"
            if "p_value_groups" in difference:
                p += f", over groups {difference['p_value_groups']:.3g}"
            typer.echo(f"  second - first {shown(difference)}, {p}")
    if scored["agreement"] is not None:
        typer.echo(f"raters agree in {scored['agreement']:.3f} of what two of them rated")


def shown(figure: Mapping[str, Any]) -> str:
    """A figure with its interval and n."""
    if figure["value"] is None:
        return f"- ({figure['missing']})"
    ci = figure.get("ci95")
    interval = f" ({ci[0]:.3f} to {ci[1]:.3f})" if ci else ""
    grouped = ""
    if "ci95_groups" in figure:
        low, high = figure["ci95_groups"]
        grouped = f"; over {figure['groups']:,} groups ({low:.3f} to {high:.3f})"
    return f"{figure['value']:.3f}{interval}, n = {figure['n']:,}{grouped}"
