import io

import pytest
from rich.console import Console

from vprog.errors import InputError
from vprog.report.tables import Figure, render_markdown, render_rich

COLUMNS = ["writer", "accuracy", "n", "note"]
ROWS = [
    ["gold", Figure(0.8124, 0.789, 0.834), 1024, None],
    ["a|b [red]x[/red]\x1b[31m", Figure(0.5), 12, "<b>*x*</b>"],
]


def test_figures() -> None:
    assert str(Figure(0.8124, 0.789, 0.834)) == "81.2 [78.9, 83.4]"
    assert str(Figure(0.5)) == "50.0"
    assert str(Figure(12.3456, 11, 14, percent=False)) == "12.3 [11, 14]"


def test_markdown() -> None:
    assert render_markdown(COLUMNS, ROWS).splitlines() == [
        r"| writer                          |          accuracy |     n | note             |",
        r"| ------------------------------- | ----------------: | ----: | ---------------- |",
        r"| gold                            | 81.2 [78.9, 83.4] | 1,024 |                  |",
        r"| a\|b \[red\]x\[/red\]\\x1b\[31m |              50.0 |    12 | \<b\>\*x\*\</b\> |",
    ]


def test_rich() -> None:
    stream = io.StringIO()
    Console(file=stream, width=80, color_system=None).print(render_rich("Scores", COLUMNS, ROWS))
    text = stream.getvalue()
    assert "81.2 [78.9, 83.4]   1,024" in text
    assert "a|b [red]x[/red]\\x1b[31m" in text
    assert "\x1b" not in text


def test_a_row_of_the_wrong_length_is_named() -> None:
    with pytest.raises(InputError, match="row 2 of the table has 1 cells for 2 columns"):
        render_markdown(["a", "b"], [["x", 1], ["y"]])
