"""Options that several commands share, and how a command reports."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from vprog.errors import InputError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Toolbox = Annotated[
    str, typer.Option(help="What answers for tools: oracle, pixels, zoo, hub, or a TOML file.")
]
LanguageName = Annotated[str, typer.Option("--language", help="steps or python.")]

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what it would take, from a sample; keep nothing.")
]


def _seconds(option: typer.CallbackParam, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InputError(f"{option.opts[0]} must be a number of seconds above 0, got {value:g}")
    return value


def _gigabytes(option: typer.CallbackParam, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InputError(f"{option.opts[0]} must be gigabytes above 0, got {value:g}")
    return value


def named(option: typer.CallbackParam, value: Path | None) -> Path | None:
    """A file or folder to write, which can be written beside and put in place."""
    if value is not None and not value.name:
        raise InputError(
            f"{option.opts[0]} must name a file or folder of its own, got {str(value)!r}"
        )
    return value


TimeLimit = Annotated[
    float, typer.Option(help="Seconds that a program's own code may run.", callback=_seconds)
]

MemoryLimit = Annotated[
    float | None,
    typer.Option(
        help="Gigabytes; a process that holds more ends, and the same command goes on.",
        callback=_gigabytes,
    ),
]

ToolTimeout = Annotated[
    float | None,
    typer.Option(
        help="Seconds that a tool may take for a batch; a call that hangs fails alone.",
        callback=_seconds,
    ),
]


def print_json(data: Any) -> None:
    """One JSON object to stdout: strict JSON, so numbers that are none (NaN, infinity) are null.

    Characters beyond ASCII are escaped, so that any terminal, pipe and reader takes it.
    """
    try:
        text = json.dumps(data, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(data), allow_nan=False)
    typer.echo(text)


def _finite(data: Any) -> Any:
    if isinstance(data, float) and not math.isfinite(data):
        return None
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return data
