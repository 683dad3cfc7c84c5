"""`vprog doctor`: what is installed, what a toolbox needs."""

from __future__ import annotations

import typer

from vprog.cli.options import Json, print_json


def doctor(json: Json = False) -> None:
    """Say what is installed and whether the sandbox works; exit code 2 if something is missing."""
    from vprog.doctor import examine

    findings = examine()
    if json:
        print_json({"ok": all(f.ok for f in findings), "findings": [f.to_json() for f in findings]})
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'MISS'} {finding.name}: {finding.text}")
    if not all(f.ok for f in findings):
        raise typer.Exit(2)
