"""The `vprog` command: its commands, exit codes and how errors reach the user.

Exit codes: 0 done, 1 the program under `ask` or `check` failed, 2 bad input, 130 interrupted
(Ctrl-C), 143 terminated (SIGTERM). Results go to stdout, everything else to stderr; `--json` prints
one JSON object and nothing else.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from vprog.cli import (
    ask,
    bench,
    blame,
    check,
    demo,
    distill,
    doctor,
    export,
    listing,
    run,
    score,
    teach,
    view,
    world,
    zoo,
)
from vprog.engine.watchdog import hanging
from vprog.errors import VprogError
from vprog.runs.heap import keep_freed_memory

app = typer.Typer(
    name="vprog",
    help="Run visual programs over pictures, with every step recorded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # [@SPLIT] in a help is no markup
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
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors; works behind a command too.")
    ] = False,
) -> None:
    """Run visual programs over pictures, with every step recorded."""


app.command("run")(run.run)
app.command("ask")(ask.ask)
app.command("check")(check.check)
app.command("score")(score.score)
app.command("blame")(blame.blame)
app.command("teach")(teach.teach)
app.command("distill")(distill.distill)
app.command("view")(view.view)
app.command("list")(listing.list_)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.add_typer(world.app, name="world")
app.add_typer(bench.app, name="bench")
app.add_typer(zoo.app, name="zoo")
app.add_typer(export.app, name="export")


class Terminated(BaseException):
    """The process got SIGTERM; raised where it happens, so that open folders are closed."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Entry point: turns errors into one message and an exit code.

    Args:
        args: The command line without the program's name; that of the process if None.
    """
    given = list(sys.argv[1:] if args is None else args)
    debug = "--debug" in given
    signal.signal(signal.SIGTERM, _terminate)
    keep_freed_memory()
    try:
        # `--debug` belongs to vprog but is taken anywhere, also behind a command.
        code = app([a for a in given if a != "--debug"], prog_name="vprog", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Terminated:
        code = 143
    except BrokenPipeError:
        _drop_output()
        code = 0
    except SystemExit:  # how the parser ends where the reader of a pipe has gone
        code = 0
    except Exception as error:
        if debug:
            raise
        code = _report(error)
    if code in (130, 143):
        _say_early(code, dry="--dry-run" in given)
        _leave(code)
    code = code if isinstance(code, int) else 0
    if hanging():
        _leave(code)
    sys.exit(code)


def _terminate(number: int, frame: Any) -> NoReturn:
    raise Terminated


def _say_early(code: int, *, dry: bool) -> None:
    how = "interrupted" if code == 130 else "terminated"
    kept = "a dry run keeps nothing" if dry else "finished work is kept, the same command goes on"
    with contextlib.suppress(OSError):
        print(f"vprog: {how}; {kept}", file=sys.stderr, flush=True)


def _leave(code: int) -> NoReturn:
    """Ends the process without taking the interpreter down.

    A thread that comes back from a model meanwhile would abort the process, with another exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    atexit._run_exitfuncs()
    os._exit(code)


def _report(error: Exception) -> int:
    """Says what went wrong in one message; the exit code."""
    text = str(error)
    if hasattr(error, "format_message"):  # a usage error of the command line parser
        context = getattr(error, "ctx", None)
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]
            return 2
        path = context.command_path if context is not None else "vprog"
        message = error.format_message().rstrip(".")
        text = f"{message}{'' if message.endswith('?') else '.'} See `{path} --help`"
    elif isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        text = f"{where}{error.strerror or error}"
        _drop_output()
    elif not isinstance(error, VprogError):
        text = (
            f"a fault in vprog itself: {type(error).__name__}: {text}. "
            "Please report it with what --debug prints"
        )
    print(f"vprog: error: {text}", file=sys.stderr)
    return 2


def _drop_output() -> None:
    """Where nobody takes what is still unwritten, the interpreter's last flush must not fail."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
