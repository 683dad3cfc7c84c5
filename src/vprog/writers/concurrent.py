"""Many requests at once behind a plain iterator: an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from vprog.errors import InputError

J = TypeVar("J")
R = TypeVar("R")

Session = AbstractAsyncContextManager[Callable[[J], Awaitable[R]]]
"""Opened in the loop; what it gives answers one job."""


class Concurrent(Generic[J, R]):
    """Answers jobs, at most some at once; results can be waited for in any order.

    After the first ``InputError`` no further job is begun; what is under way comes to its end.
    """

    def __init__(self, jobs: Sequence[J], session: Session[J, R], most: int) -> None:
        """Prepares; ``start`` begins.

        Args:
            jobs: In the order in which they are begun.
            session: Answers them.
            most: At once.
        """
        self.results: list[Future[R]] = [Future() for _ in jobs]
        self._jobs = jobs
        self._session = session
        self._most = most
        self._error: InputError | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vprog-requests", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        self._thread.start()
        self._begun.wait()

    def stop(self) -> None:
        """Gives up what is under way, if anything is."""
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join()

    def _run(self) -> None:
        error: BaseException = InputError("the requests were given up")
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            pass
        except BaseException as raised:  # handed to whoever waits for a result
            error = raised
        finally:
            self._begun.set()
            for result in self.results:
                if not result.done():
                    result.set_exception(error)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._begun.set()
        async with self._session as answer:
            waiting = iter(zip(self._jobs, self.results, strict=True))
            workers = range(min(self._most, len(self._jobs)))
            await asyncio.gather(*(self._work(answer, waiting) for _ in workers))
        if self._error is not None:
            raise self._error

    async def _work(
        self, answer: Callable[[J], Awaitable[R]], waiting: Iterator[tuple[J, Future[R]]]
    ) -> None:
        for job, result in waiting:
            try:
                result.set_result(await answer(job))
            except InputError as error:
                self._error = self._error or error
            if self._error is not None:
                return
