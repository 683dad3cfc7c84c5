"""Tables of figures, each with its 95 % interval: for a terminal and as GitHub markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from vprog.errors import InputError
from vprog.report.text import number, visible

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure with its 95 % interval.

    Attributes:
        value: The figure; a share in [0, 1] where ``percent`` is set.
        low: Lower end of the interval, None where there is none.
        high: Upper end, None where there is none.
        percent: Whether it is shown times a hundred with one decimal.
    """

    value: float
    low: float | None = None
    high: float | None = None
    percent: bool = True

    def __str__(self) -> str:
        """``81.2 [78.9, 83.4]``, or ``81.2`` without an interval."""
        text = self._part(self.value)
        if self.low is None or self.high is None:
            return text
        return f"{text} [{self._part(self.low)}, {self._part(self.high)}]"

    def _part(self, value: float) -> str:
        return f"{100 * value:.1f}" if self.percent else number(value)


Cell: TypeAlias = "Figure | str | int | float | None"
"""What a table holds; None is an empty cell."""

Table = tuple[str, Sequence[str], Sequence[Sequence[Cell]]]
"""Title, columns, rows."""


def render_rich(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> RichTable:
    """A table for a terminal; columns that hold only numbers are aligned to the right.

    Args:
        title: Above the table, "" for none.
        columns: Their names.
        rows: As many cells each.

    Raises:
        InputError: A row has more or fewer cells than there are columns.
    """
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    _check(columns, rows)
    table = RichTable(
        title=Text(visible(title, keep=""), style="bold") if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for index, name in enumerate(columns):
        right = _numeric(index, rows)
        table.add_column(
            Text(visible(name, keep="")),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(_text(cell)) for cell in row))
    return table


def print_tables(tables: Sequence[Table], width: int) -> None:
    """Prints tables to stdout, ``width`` columns wide where that is no terminal."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=width)
    for title, columns, rows in tables:
        console.print(render_rich(title, columns, rows))


def render_markdown(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A GitHub markdown table, padded so that it also reads as plain text; ends with a newline.

    Args:
        columns: Their names.
        rows: As many cells each.

    Raises:
        InputError: A row has more or fewer cells than there are columns.
    """
    _check(columns, rows)
    lines = [[_markdown(name) for name in columns]]
    lines += [[_markdown_cell(cell) for cell in row] for row in rows]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(columns))]
    right = [_numeric(i, rows) for i in range(len(columns))]
    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]
    padded = [
        [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)]
        for line in lines
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in [padded[0], rule, *padded[1:]])


def render_html(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table for a report page.

    Args:
        title: Above the table.
        columns: Their names.
        rows: As many cells each.

    Raises:
        InputError: A row has more or fewer cells than there are columns.
    """
    from vprog.report.text import escape

    _check(columns, rows)
    right = [' class="n"' if _numeric(i, rows) else "" for i in range(len(columns))]
    head = "".join(f"<th{r}>{escape(c)}</th>" for c, r in zip(columns, right, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{r}>{escape(_text(c))}</td>" for c, r in zip(row, right, strict=True))
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<section class="table"><h3>{escape(title)}</h3><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></section>\n"
    )


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int | float):
        return f"{cell:,}" if isinstance(cell, int) else number(cell)
    return visible(str(cell), keep="")


def _markdown_cell(cell: Cell) -> str:
    return str(cell) if isinstance(cell, Figure) else _markdown(_text(cell))


def _markdown(text: str) -> str:
    text = visible(text, keep="")
    for char in "\\`*_[]<>|~&":
        text = text.replace(char, "\\" + char)
    return text


def _numeric(index: int, rows: Sequence[Sequence[Cell]]) -> bool:
    cells = [row[index] for row in rows if row[index] is not None]
    return bool(cells) and all(
        isinstance(c, Figure | int | float) and not isinstance(c, bool) for c in cells
    )


def _check(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    for number_, row in enumerate(rows, start=1):
        if len(row) != len(columns):
            raise InputError(
                f"row {number_} of the table has {len(row)} cells for {len(columns)} columns "
                f"({', '.join(columns)})"
            )
