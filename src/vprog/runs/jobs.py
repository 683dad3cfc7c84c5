"""Independent pieces of work, one after the other or in several processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from vprog.runs.heap import keep_freed_memory

T = TypeVar("T")


def run_all(work: Sequence[Callable[[], T]], jobs: int) -> list[T]:
    """The results of all, in order.

    Args:
        work: Each can be pickled (``functools.partial`` over a function of a module).
        jobs: Processes; 1 stays in this one. The cores are shared out among them.

    Raises:
        VprogError: The first that was raised; work that has begun is finished before. Where this
            process is interrupted or terminated, work ends at once.
    """
    if jobs == 1 or len(work) < 2:
        return [one() for one in work]
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    jobs = min(jobs, len(work))
    threads = max(1, _cores() // jobs)
    with ProcessPoolExecutor(
        jobs, get_context("spawn"), initializer=_begin, initargs=(os.getpid(), threads)
    ) as pool:
        futures = [pool.submit(one) for one in work]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            for future in futures:
                future.cancel()
            if not isinstance(error, Exception):
                # Told to end: what has begun goes on where it was with the next command.
                for process in active_children():
                    process.terminate()
            raise


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(parent: int, threads: int) -> None:
    """In every process: its share of the cores, and an end with its parent."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends them
    keep_freed_memory()
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker whose parent was killed would go on and hold its run's folder."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
