"""What helps say: all of it is printed, and the defaults that they name are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from vprog.cli.app import app
from vprog.distill.pipeline import DistillSettings
from vprog.distill.sft_settings import SftSettings
from vprog.teach.settings import TeachSettings
from vprog.teach.stage import LATER
from vprog.writers.settings import MAX_TOKENS, WriterSettings


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from commands(inner, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(app)))


def close(text: str) -> str:
    """Text without the blanks and line ends that a terminal puts in."""
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_help_is_printed_whole(inside, path: tuple[str, ...]) -> None:
    shown = close(inside(*path, "--help").out)
    helps = [p.help for p in COMMANDS[path].params if getattr(p, "help", None)]
    assert helps
    assert [text for text in helps if close(text) not in shown] == []


def test_brackets_are_no_markup(inside) -> None:
    """``[@SPLIT]`` would be gone if a help were read as markup."""
    named = {
        path: [p.help for p in command.params if "[@" in (getattr(p, "help", None) or "")]
        for path, command in COMMANDS.items()
    }
    assert {path for path, helps in named.items() if helps} >= {("teach",), ("distill",)}
    for path, helps in named.items():
        if helps:
            shown = inside(*path, "--help").out
            assert shown.count("[@") == sum(text.count("[@") for text in helps)


def test_defaults_that_options_do_not_show(inside) -> None:
    writer, teach, tune = WriterSettings(), TeachSettings(), SftSettings()
    rows = DistillSettings.__dataclass_fields__["rows"].default
    for path, saying in [
        (("run",), f"worked examples in a prompt; {writer.shots} if left out"),
        (("run",), f"else {MAX_TOKENS}, if left out"),
        (("run",), f"at each endpoint; {writer.concurrency} if left out"),
        (("teach",), f"{teach.steps:,} if left out; later rounds have {LATER} of them"),
        (("teach",), f"on replayed calls; {teach.keep:g} if left out"),
        (("distill",), f"{tune.steps:,}, of {tune.batch_size} examples each, if left out"),
        (("distill",), f"{', '.join(rows[:-1])} and {rows[-1]} if left out"),
    ]:
        assert close(saying) in close(inside(*path, "--help").out)
