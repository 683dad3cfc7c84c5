"""Live progress of a run on stderr."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vprog.evaluation.run import Progress


class ProgressLine:
    """Shows programs a second and what became of calls; a context manager.

    On a terminal one live line; elsewhere a line every 30 seconds and one at the end.
    """

    def __init__(self, title: str) -> None:
        """Prepares; nothing is shown before the first update."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            ProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        self._console = Console(stderr=True)
        self._title = title
        columns: list[ProgressColumn] = [TextColumn("{task.description}"), MofNCompleteColumn()]
        if self._console.width >= 110:
            columns.insert(1, BarColumn(bar_width=20))
        self._bar = Bar(
            *columns,
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[calls]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: Any = None
        self._started = time.monotonic()
        self._shown = 0.0
        self._first_done = 0
        self._last: Progress | None = None

    def __enter__(self) -> ProgressLine:
        """Starts the live line."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Shows the final state and ends the live line; an error speaks for itself elsewhere."""
        if self._last is not None:
            self._show(self._last)
        self._bar.stop()
        if self._last is not None and not self._console.is_terminal and kind is None:
            self._print(self._last)

    def update(self, progress: Progress) -> None:
        """Takes the state; shows it at most ten times a second."""
        now = time.monotonic()
        if self._last is None:
            self._first_done = progress.done
        self._last = progress
        if self._console.is_terminal:
            if now - self._shown > 0.1:
                self._shown = now
                self._show(progress)
        elif now - max(self._shown, self._started) > 30:
            self._shown = now
            self._print(progress)

    def _rate(self, progress: Progress) -> float:
        seconds = time.monotonic() - self._started
        return (progress.done - self._first_done) / seconds if seconds > 0 else 0.0

    def _show(self, progress: Progress) -> None:
        """The live line; short, so that it fits 80 columns."""
        counts = progress.counts
        saved = 1 - counts.computed / counts.requested if counts.requested else 0.0
        fields: dict[str, Any] = {
            "rate": f"{self._rate(progress):,.0f}/s",
            "calls": f"{counts.computed:,} calls, {saved:.0%} saved, {progress.failed:,} failed",
        }
        if self._task is None:
            self._task = self._bar.add_task(self._title, total=progress.total, **fields)
        self._bar.update(self._task, completed=progress.done, **fields)

    def _print(self, progress: Progress) -> None:
        counts = progress.counts
        self._console.print(
            f"{self._title}: {progress.done:,}/{progress.total:,}, "
            f"{self._rate(progress):,.0f} programs/s; calls: {counts.computed:,} computed, "
            f"{counts.shared:,} shared, {counts.remembered:,} remembered; "
            f"{progress.failed:,} programs failed",
            highlight=False,
            soft_wrap=True,
        )
