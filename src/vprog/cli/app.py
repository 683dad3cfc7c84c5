"""The `vprog` command: its commands, exit codes and how errors reach the user.

Exit codes: 0 done, 1 the program under `ask` or `check` failed, 2 bad input, 130 interrupted.
Results go to stdout, everything else to stderr; `--json` prints one JSON object and nothing else.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vprog.cli import ask, bench, check, demo, doctor, listing, run, score, view, world
from vprog.errors import VprogError

app = typer.Typer(
    name="vprog",
    help="Run visual programs over pictures, with every step recorded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from vprog import __version__

        typer.echo(f"vprog {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Run visual programs over pictures, with every step recorded."""


app.command("run")(run.run)
app.command("ask")(ask.ask)
app.command("check")(check.check)
app.command("score")(score.score)
app.command("view")(view.view)
app.command("list")(listing.list_)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.add_typer(world.app, name="world")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Entry point: turns errors into one message and an exit code."""
    debug = "--debug" in sys.argv[1:]
    try:
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except typer.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        print("vprog: interrupted; finished work is kept", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except VprogError as error:
        if debug:
            raise
        print(f"vprog: error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if debug:
            raise
        where = f" {error.filename}" if error.filename else ""
        print(f"vprog: error:{where} {error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        show = getattr(error, "show", None)  # click's usage errors know how to show themselves
        if show is None or debug:
            raise
        show()
        sys.exit(2)
