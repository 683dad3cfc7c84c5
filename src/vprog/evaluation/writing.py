"""A writer at work beside the engine: what it writes arrives example by example.

A writer that asks a model works in a thread of its own, a bounded number of examples ahead of the
programs that run. Everything it writes is in the run's ``programs.jsonl`` before it is used.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from vprog.example import Example
from vprog.program.program import Language, Program
from vprog.runs.programs import ProgramLog, Repaired
from vprog.writers import Repair, Sampling, Writer

AHEAD = 1024
"""Examples that may wait, written, for the engine."""
REPAIRS_AT_ONCE = 32
"""Programs that wait for repair before writing pauses for them."""


@dataclass(frozen=True, slots=True)
class Written:
    """An example with the programs that were written for it; it may have none."""

    example: Example
    programs: Sequence[Program]


class Writing(Protocol):
    """Where written programs and repairs arrive.

    Attributes:
        ended: Whether nothing can arrive any more.
        error: Why it ended early; what arrived before stands.
        repairs: Whether broken programs can be sent back.
    """

    @property
    def ended(self) -> bool:
        """See the class."""

    @property
    def error(self) -> BaseException | None:
        """See the class."""

    @property
    def repairs(self) -> bool:
        """See the class."""

    def next(self, *, wait: bool) -> Written | Repaired | None:
        """What arrived next; None where nothing is there, with ``wait`` only at the end."""

    def repair(self, broken: Sequence[Repair]) -> None:
        """Sends programs back; each arrives as a ``Repaired`` later."""


class Known:
    """Programs that are known before the run: gold ones and recorded ones."""

    error = None
    repairs = False

    def __init__(self, written: Iterable[Written]) -> None:
        """Takes them in the order in which they are to run."""
        self._written: Iterator[Written] = iter(written)
        self.ended = False

    def next(self, *, wait: bool) -> Written | None:
        """The next example with its programs."""
        del wait
        item = next(self._written, None)
        self.ended = item is None
        return item

    def repair(self, broken: Sequence[Repair]) -> None:
        """Not possible: what is known is what it is."""
        raise AssertionError("known programs are not repaired")


class Asking:
    """Programs that a writer's model writes while others run; a context manager."""

    def __init__(
        self,
        writer: Writer,
        before: Sequence[Written],
        examples: Sequence[Example],
        language: Language,
        sampling: Sampling,
        log: ProgramLog,
        repairs: bool = True,
    ) -> None:
        """Prepares; the thread starts with the ``with`` block.

        Args:
            writer: Is asked in one thread only.
            before: What an earlier start has got from it and not run to the end.
            examples: What to write programs for.
            language: Of the programs.
            sampling: How they are drawn.
            log: Keeps everything that is written.
            repairs: Whether broken programs can be sent back.
        """
        self.repairs = repairs
        self.error: BaseException | None = None
        self._writer = writer
        self._examples = examples
        self._language: Language = language
        self._sampling = sampling
        self._log = log
        self._changed = threading.Condition()
        self._arrived: deque[Written | Repaired] = deque(before)
        self._broken: list[Repair] = []
        self._away = 0
        """Repairs that were asked for and have not been handed out."""
        self._written_all = False
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="vprog-writer", daemon=True)

    def __enter__(self) -> Asking:
        """Starts to write."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stops; a request that is under way is not waited for, and its answer is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=1)

    @property
    def ended(self) -> bool:
        """Whether nothing can arrive any more."""
        with self._changed:
            return self._ended()

    def _ended(self) -> bool:
        if self._arrived:
            return False
        return self.error is not None or (self._written_all and self._away == 0)

    def next(self, *, wait: bool) -> Written | Repaired | None:
        """What arrived next; see ``Writing``."""
        with self._changed:
            while wait and not self._arrived and not self._ended():
                self._changed.wait()
            if not self._arrived:
                return None
            item = self._arrived.popleft()
            self._away -= isinstance(item, Repaired)
            self._changed.notify_all()
            return item

    def repair(self, broken: Sequence[Repair]) -> None:
        """Sends programs back to the writer."""
        with self._changed:
            self._broken += broken
            self._away += len(broken)
            self._changed.notify_all()

    def _work(self) -> None:
        """The thread: writes, and mends what has come back meanwhile."""
        try:
            for example, written in self._programs():
                item = Written(example, written)
                if not self._put(item, partial(self._log.write, example.id, written)):
                    return
                self._mend(at_least=REPAIRS_AT_ONCE)
            with self._changed:
                self._written_all = True
                self._changed.notify_all()
            while self._wait_for_broken():
                self._mend(at_least=1)
        except BaseException as error:  # the run raises it when what was written has ended
            with self._changed:
                self.error = error
                self._changed.notify_all()

    def _programs(self) -> Iterator[tuple[Example, Sequence[Program]]]:
        """Asks for ``AHEAD`` examples at a time, so that no writer prepares all prompts at once."""
        for start in range(0, len(self._examples), AHEAD):
            part = self._examples[start : start + AHEAD]
            yield from zip(
                part, self._writer.write(part, self._language, self._sampling), strict=True
            )

    def _wait_for_broken(self) -> bool:
        with self._changed:
            while not self._broken and not self._closed:
                self._changed.wait()
            return not self._closed

    def _mend(self, at_least: int) -> None:
        with self._changed:
            if len(self._broken) < at_least:
                return
            broken, self._broken = self._broken, []
        programs = self._writer.repair(broken, self._language, self._sampling)
        for sent, program in zip(broken, programs, strict=True):
            item = Repaired(sent.example.id, sent.program.text, program)
            if not self._put(item, partial(self._log.repair, item)):
                return

    def _put(self, item: Written | Repaired, keep: Callable[[], None]) -> bool:
        """Keeps and hands over an item, later if too much waits already; False once closed."""
        with self._changed:
            if not self._closed:
                keep()
            self._arrived.append(item)
            self._changed.notify_all()
            while len(self._arrived) > AHEAD and isinstance(item, Written) and not self._closed:
                self._changed.wait()
            return not self._closed
