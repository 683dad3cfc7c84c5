"""`vprog doctor`: what is installed, what a toolbox needs."""

from __future__ import annotations

from typing import Annotated

import typer

from vprog.cli.options import Json, print_json


def doctor(
    toolbox: Annotated[
        str | None,
        typer.Argument(help="A toolbox or TOML file: what it needs, has and would download."),
    ] = None,
    json: Json = False,
) -> None:
    """Say what is installed and whether the sandbox works; exit code 2 if something is missing."""
    from vprog.doctor import examine, examine_toolbox

    findings = examine() if toolbox is None else examine_toolbox(toolbox)
    if json:
        print_json({"ok": all(f.ok for f in findings), "findings": [f.to_json() for f in findings]})
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'MISS'} {finding.name}: {finding.text}")
    if not all(f.ok for f in findings):
        raise typer.Exit(2)
