"""`vprog list`: benchmarks, toolboxes, tools, modules."""

from __future__ import annotations

import typer

from vprog.cli.options import Json, print_json


def list_(json: Json = False) -> None:
    """List benchmarks, toolboxes, writers, tools and the modules of the steps language."""
    from vprog import writers
    from vprog.benchmarks import MODULES as BENCHMARKS
    from vprog.benchmarks import load_benchmark
    from vprog.tools import toolboxes
    from vprog.tools.catalogue import MODULES, TOOLS

    benchmarks = {name: load_benchmark(name) for name in BENCHMARKS}
    if json:
        print_json(
            {
                "benchmarks": {
                    name: {
                        "doc": b.doc,
                        "splits": b.splits,
                        "tools": {t.name: t.signature for t in b.tools},
                    }
                    for name, b in benchmarks.items()
                },
                "toolboxes": [*toolboxes.NAMES, *toolboxes.TAUGHT],
                "writers": writers.NAMES,
                "tools": {t.name: t.signature for t in TOOLS.values()},
                "modules": {m.name: m.signature for m in MODULES.values()},
            }
        )
        return
    typer.echo("benchmarks")
    for name, benchmark in benchmarks.items():
        typer.echo(f"  {name}: {benchmark.doc}")
        typer.echo(f"    splits: {', '.join(benchmark.splits)}")
        for tool in benchmark.tools:
            typer.echo(f"    tool: {tool.signature}")
    typer.echo(f"toolboxes\n  {', '.join((*toolboxes.NAMES, *toolboxes.TAUGHT))}")
    typer.echo(f"writers\n  {', '.join(writers.NAMES)}")
    typer.echo("tools")
    for tool in TOOLS.values():
        typer.echo(f"  {tool.signature}")
    typer.echo("modules of the steps language")
    for module in MODULES.values():
        typer.echo(f"  {module.signature}")
