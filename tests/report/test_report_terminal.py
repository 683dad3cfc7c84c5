import io

import pytest
from report_examples import (
    failed_item,
    hostile_item,
    right_item,
    unlabelled_item,
    wrong_item,
)
from rich.console import Console

from vprog.report.item import ReportItem
from vprog.report.terminal import print_trace


def printed(item: ReportItem, width: int = 80, colour: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
    )
    print_trace(console, item.example, item.trace, item.verdict)
    return stream.getvalue()


def test_a_trace_says_all_there_is() -> None:
    text = " ".join(printed(right_item()).split())
    assert text.startswith("✓ right desk-1 What is to the right of the red cup?")
    assert "2 IMAGE0=CROP_RIGHTOF(image=IMAGE, box=BOX0)" in text
    assert "'red cup' .92 (40, 70," in text
    assert "'blue' .91, 'red' .06," in text
    assert "remembered" in text
    assert "12 ms" in text
    assert text.endswith("answer book expected book")


def test_a_failure_shows_its_place() -> None:
    text = printed(failed_item())
    assert "   2 BOX1=LOC(image=IMAGE, object=3)  <- failed\n" in text
    assert "type error at step 2, line 2: LOC wants object: text" in text
    assert text.endswith("expected no\n")


@pytest.mark.parametrize(
    "item", [right_item(), wrong_item(), failed_item(), unlabelled_item(), hostile_item()]
)
def test_it_fits_eighty_columns(item: ReportItem) -> None:
    from rich.cells import cell_len

    assert max(cell_len(line) for line in printed(item).splitlines()) <= 80


def test_hostile_text_is_neither_markup_nor_an_escape() -> None:
    plain = printed(hostile_item(), width=400)
    assert "\x1b" not in plain
    assert "\\x1b[31m" in plain
    assert "[red]x[/red]" in plain
    assert "\u202e" not in plain
    plain.encode("utf-8")


def test_with_colours_only_the_program_writes_escapes() -> None:
    coloured = printed(hostile_item(), width=400, colour=True)
    assert "\x1b[" in coloured  # the console's own
    assert "\x1b[31m g" not in coloured  # the question's, which would stay on after it
    assert "\\x1b[31m" in coloured
