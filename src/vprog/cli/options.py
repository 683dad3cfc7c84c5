"""Options that several commands share, and how a command reports."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Toolbox = Annotated[str, typer.Option(help="What answers for tools: oracle, pixels.")]
LanguageName = Annotated[str, typer.Option("--language", help="steps or python.")]
TimeLimit = Annotated[float, typer.Option(help="Seconds that a program's own code may run.")]


def print_json(data: Any) -> None:
    """One JSON object to stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False))
