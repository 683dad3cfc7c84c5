"""Ends the wait for a backend that hangs.

Python cannot end a thread. A batch that takes too long is left to its own thread, which is never
waited for again and ends with the process at the latest; what it may still answer is dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

from vprog.errors import ToolError

T = TypeVar("T")
_left: list[threading.Thread] = []


def within(seconds: float, work: Callable[[], T], name: str) -> T:
    """What ``work`` returns or raises, if it does so in time.

    Args:
        seconds: That it may take.
        work: Runs in a thread of its own.
        name: Of the tool, for the message.

    Raises:
        ToolError: It took longer.
    """
    done: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:
            done.put((None, error))

    thread = threading.Thread(target=run, name=f"vprog-{name}", daemon=True)
    thread.start()
    try:
        result, error = done.get(timeout=min(seconds, threading.TIMEOUT_MAX))
    except Empty:
        _left.append(thread)
        raise ToolError(
            f"{name} did not answer within {seconds:g} s; it is no longer waited for. "
            "A longer --tool-timeout waits longer"
        ) from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def hanging() -> bool:
    """Whether a backend that is no longer waited for still works."""
    return any(thread.is_alive() for thread in _left)
