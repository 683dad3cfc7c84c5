"""Open calls: equal ones merged, answered in batches, bad ones isolated."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from vprog.engine.memo import Key, Memo, renamed
from vprog.engine.watchdog import within
from vprog.errors import InputError, PictureError, ToolError
from vprog.example import Picture, Region
from vprog.tools.backend import GOLD, Backend, Loading, Toolbox
from vprog.tools.tool import Tool, describe, fits
from vprog.trace import Call, Result, Source

Answer: TypeAlias = "Result | ToolError | PictureError"
"""What becomes of a call: an error fails the program that asked, with its own kind."""

Deliver = Callable[[Answer, Source, float], None]
"""Hands a result to a waiting program: result or error, source, milliseconds."""


@dataclass(slots=True)
class Counts:
    """What became of the calls of a run."""

    requested: int = 0
    """Calls that programs made."""
    computed: int = 0
    """Calls that went to a backend."""
    shared: int = 0
    """Calls answered by an equal call in flight."""
    remembered: int = 0
    """Calls answered by the memo."""
    failed: int = 0
    """Computed calls that ended in an error."""
    batches: int = 0
    """Batches that went to backends."""
    backend_s: float = 0.0
    """Seconds inside backends."""

    def add(self, other: Counts) -> None:
        """Adds what became of other calls."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class _Open:
    call: Call
    key: Key
    ids: Sequence[str]
    pictures: Mapping[str, Picture]
    waiters: list[tuple[Deliver, Sequence[str]]]


@dataclass(slots=True)
class _Queue:
    tool: Tool
    backend: Backend
    params: tuple[str, ...]
    gold: bool
    open: OrderedDict[Key, _Open] = field(default_factory=OrderedDict)


class Calls:
    """The open calls of all programs in flight, by tool."""

    def __init__(self, toolbox: Toolbox, memo: Memo, timeout_s: float | None = None) -> None:
        """Starts without open calls.

        Args:
            toolbox: Whose backends answer.
            memo: Where finished calls are remembered.
            timeout_s: Seconds that a batch may take; None waits for ever.
        """
        self._timeout_s = timeout_s
        self.counts = Counts()
        self._toolbox = toolbox
        self._memo = memo
        self._queues: dict[str, _Queue] = {}

    def request(self, call: Call, pictures: Mapping[str, Picture], deliver: Deliver) -> None:
        """Takes a call; answers at once what the memo knows, runs the batch that it fills.

        Args:
            call: Complete and of the right kinds.
            pictures: Of the asking program, by id.
            deliver: Gets the result, now or later.

        Raises:
            ToolError: No backend is bound to the tool.
            PictureError: A picture of the call cannot be read.
            InputError: What the tool's backend needs cannot be loaded.
        """
        queue = self._queue(call.tool)
        self.counts.requested += 1
        key, ids = self._key(call, queue, pictures)
        known = self._memo.get(key, ids)
        if known is not None:
            self.counts.remembered += 1
            deliver(known, "remembered", 0.0)
            return
        waiting = queue.open.get(key)
        if waiting is not None:
            waiting.waiters.append((deliver, ids))
            return
        queue.open[key] = _Open(call, key, ids, pictures, [(deliver, ids)])
        if len(queue.open) >= queue.backend.batch_size:
            self._run(queue)

    def run_fullest(self) -> bool:
        """Runs the batch of the tool with the most open calls; False if no call is open."""
        queue = max(self._queues.values(), key=lambda q: len(q.open), default=None)
        if queue is None or not queue.open:
            return False
        self._run(queue)
        return True

    def forget(self) -> None:
        """Drops all open calls; nobody waits for them any more."""
        for queue in self._queues.values():
            queue.open.clear()

    def _queue(self, tool: str) -> _Queue:
        queue = self._queues.get(tool)
        if queue is None:
            known = self._toolbox.tool(tool)
            params = tuple(param.name for param in known.params)
            backend = self._toolbox.backend(tool)
            if isinstance(backend, Loading):
                backend.prepare()
            queue = _Queue(known, backend, params, GOLD in backend.fingerprint)
            self._queues[tool] = queue
        return queue

    @staticmethod
    def _key(
        call: Call, queue: _Queue, pictures: Mapping[str, Picture]
    ) -> tuple[Key, tuple[str, ...]]:
        """The key and the ids of its pictures; arguments come in any order, keys in the tool's."""
        ids: list[str] = []
        args = call.args
        parts = [_frozen(args[name], pictures, ids) for name in queue.params]
        if queue.gold:
            parts += [pictures[id].scene_digest for id in ids]
        return (call.tool, queue.backend.fingerprint, *parts), tuple(ids)

    def _run(self, queue: _Queue) -> None:
        size = queue.backend.batch_size
        batch = [queue.open.popitem(last=False)[1] for _ in range(min(size, len(queue.open)))]
        started = time.perf_counter()
        results = self._answer(queue, batch)
        self.counts.backend_s += (elapsed := time.perf_counter() - started)
        ms = elapsed * 1000 / len(batch)
        self._memo.put(
            [
                (o.key, r, o.ids)
                for o, r in zip(batch, results, strict=True)
                if isinstance(r, Result)
            ]
        )
        for opened, result in zip(batch, results, strict=True):
            self.counts.computed += 1
            self.counts.shared += len(opened.waiters) - 1
            self.counts.failed += not isinstance(result, Result)
            for index, (deliver, ids) in enumerate(opened.waiters):
                own = result
                if ids != opened.ids and isinstance(result, Result):
                    own = renamed(result, opened.ids, ids)
                deliver(own, "shared" if index else "computed", 0.0 if index else ms)

    def _answer(self, queue: _Queue, batch: Sequence[_Open]) -> list[Answer]:
        """Answers a batch; one that breaks is tried again on halves until a call stands alone."""
        self.counts.batches += 1
        try:
            results = self._ask(queue, batch)
            if len(results) != len(batch):
                raise ToolError(
                    f"the backend of {queue.tool.name!r} gave {len(results)} answers to "
                    f"{len(batch)} calls"
                )
            return [self._checked(queue.tool, result) for result in results]
        except Exception as error:
            if len(batch) == 1:
                return [_as_call_error(queue.tool.name, error)]
            middle = len(batch) // 2
            return self._answer(queue, batch[:middle]) + self._answer(queue, batch[middle:])

    def _ask(self, queue: _Queue, batch: Sequence[_Open]) -> list[Answer]:
        calls, pictures = [o.call for o in batch], _pictures_of(batch)

        def work() -> list[Answer]:
            return list(queue.backend.answer(calls, pictures))

        if self._timeout_s is None:
            return work()
        return within(self._timeout_s, work, queue.tool.name)

    @staticmethod
    def _checked(tool: Tool, result: Answer) -> Answer:
        if not isinstance(result, Result):
            return result
        if not fits(result.value, tool.returns):
            return ToolError(
                f"the backend of {tool.name!r} answered {describe(result.value)}, "
                f"not {tool.returns}"
            )
        if result.info and not fits(result.info, "any"):
            return ToolError(
                f"the backend of {tool.name!r} said something beside its answer that is no plain "
                f"data: {str(result.info)[:200]}"
            )
        return result


def _frozen(value: Any, pictures: Mapping[str, Picture], ids: list[str]) -> Any:
    """An argument as part of a key: lists as tuples, pictures by content; collects their ids."""
    if type(value) is str:
        return value
    if type(value) is Region:
        picture, left, top, right, bottom, _, _ = value
        ids.append(picture)
        return (pictures[picture].digest, left, top, right, bottom)
    if isinstance(value, list):
        return tuple([_frozen(item, pictures, ids) for item in value])
    if isinstance(value, dict):
        return ("{}", *[(key, _frozen(item, pictures, ids)) for key, item in value.items()])
    return value if value is not True and value is not False else ("bool", value)


def _pictures_of(batch: Sequence[_Open]) -> dict[str, Picture]:
    pictures: dict[str, Picture] = {}
    for opened in batch:
        for id in opened.ids:
            picture = opened.pictures[id]
            if pictures.setdefault(id, picture).digest != picture.digest:
                raise InputError(f"two different pictures are called {id!r}; ids must be unique")
    return pictures


def _as_call_error(tool: str, error: Exception) -> ToolError | PictureError:
    if isinstance(error, ToolError | PictureError):
        return error
    if isinstance(error, InputError):
        return ToolError(str(error))
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's
        return ToolError(f"{tool} ran out of memory on one call; use a smaller model or picture")
    text = str(error).splitlines()[0] if str(error) else "no message"
    return ToolError(f"{tool} failed: {type(error).__name__}: {text}")
