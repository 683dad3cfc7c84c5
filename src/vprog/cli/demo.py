"""`vprog demo`: the main job end to end, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vprog.cli.options import Seed


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything.")] = Path("runs/demo"),
    n: Annotated[int, typer.Option(help="Number of questions.", min=30)] = 400,
    seed: Seed = 0,
) -> None:
    """Run programs, teach their tools a new look, distil them into one model, report."""
    from vprog.demo import run_demo

    run_demo(out, n, seed)
