"""Several chat endpoints as one: fair load, rests after failures, requests repeated elsewhere.

A request goes to the endpoint with the fewest under way. One that fails rests, longer each time,
and comes back with a single request while others work. A request is bounded in tries and time,
wherever they are spent; the first error is the one told.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vprog.console import note
from vprog.errors import InputError
from vprog.writers.endpoint import AgainError, Endpoint, LeftOutError, RefusedError

_LONGEST_S = 30.0
"""Longest rest where the endpoint does not ask for more."""


@dataclass(slots=True)
class Answer:
    """What came back.

    Attributes:
        request: As it was sent in the end.
        response: The parsed body.
        errors: Of the tries before.
        lost: Tokens of those of them that may be on the bill.
        seconds: From the first try to the end.
    """

    request: dict[str, Any]
    response: dict[str, Any]
    errors: list[str]
    lost: list[Mapping[str, int]]
    seconds: float


async def pause(seconds: float) -> None:
    """Waits until an endpoint's rest is over."""
    await asyncio.sleep(seconds)


def now() -> float:
    """Seconds of the clock that ``pause`` waits by."""
    return time.monotonic()


@dataclass(slots=True, eq=False)
class _Place:
    """An endpoint and how it fares.

    Attributes:
        endpoint: Where requests go.
        under_way: Requests that it has not answered yet.
        turn: Of its latest request among all.
        failures: In a row; those of requests that were under way together count once.
        failed_at: When the latest of them was counted.
        rests_until: It gets no request before.
        error: What it failed with at last.
    """

    endpoint: Endpoint
    under_way: int = 0
    turn: int = 0
    failures: int = 0
    failed_at: float = 0.0
    rests_until: float = 0.0
    error: str = ""


class Endpoints:
    """Servers with OpenAI's chat API and the same model.

    Attributes:
        left_out: Optional parameters that one of them refused.
    """

    def __init__(
        self,
        *,
        base_urls: Sequence[str | None],
        model: str,
        key: str | None,
        concurrency: int,
        retries: int,
        timeout_s: float,
        patience_s: float,
    ) -> None:
        """Opens clients; nothing is sent.

        Args:
            base_urls: Of the APIs; None is OpenAI's own.
            model: Its name at all of them.
            key: Sent to all of them; None is allowed on loopback only.
            concurrency: Most requests at once at each endpoint.
            retries: Most times that a request is sent again, wherever to.
            timeout_s: For one try.
            patience_s: For all tries and waits of a request.

        Raises:
            InputError: The package openai or the key is missing.
        """
        self.left_out: set[str] = set()
        self._places = [
            _Place(Endpoint(base_url=url, model=model, key=key, timeout_s=timeout_s,
                            left_out=self.left_out))
            for url in base_urls
        ]  # fmt: skip
        self._model = model
        self._concurrency = concurrency
        self._retries = retries
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._queue = asyncio.Lock()
        self._freed = asyncio.Event()
        self._turns = 0

    @property
    def requests(self) -> int:
        """Sent so far."""
        return sum(place.endpoint.requests for place in self._places)

    async def close(self) -> None:
        """Closes connections."""
        for place in self._places:
            await place.endpoint.close()

    async def check(self) -> int | None:
        """How many tokens the model takes at all endpoints, where their lists of models say so.

        An endpoint that cannot be reached rests, if another one can. A list that lacks the model
        says something only where another one has it: servers know names that they do not list.

        Raises:
            InputError: Nobody listens, or an endpoint lacks the model that another one has.
        """
        found = await asyncio.gather(*map(_models, self._places))
        gone = [(place, error) for place, error in found if isinstance(error, AgainError)]
        if len(gone) == len(found):
            place, error = gone[0]
            raise InputError(
                f"cannot reach the chat endpoint {place.endpoint.url}: {error}. Is the server "
                "running, and is --base-url right (it usually ends in /v1)?"
            )
        for place, error in gone:
            self._rest(place, error, now(), 1)
        listed = [(p, models) for p, models in found if models and isinstance(models, dict)]
        known = [models[self._model] for _, models in listed if self._model in models]
        for place, models in listed:
            if known and self._model not in models:
                raise InputError(
                    f"the chat endpoint {place.endpoint.url} does not serve the model "
                    f"{self._model!r}, which another --base-url does. It has: "
                    f"{', '.join(sorted(models)[:5])}. All must serve it by the same name"
                )
        return min((context for context in known if context is not None), default=None)

    async def ask(
        self, body: dict[str, Any], lose: Callable[[Mapping[str, int]], None] = lambda tokens: None
    ) -> Answer:
        """Sends a request, again where that may help.

        Args:
            body: Of the request.
            lose: Hears of a failed try that may be on the bill all the same; what it raises ends
                the request.

        Raises:
            RefusedError: An endpoint refuses this request.
            InputError: An endpoint refuses every request, or all tries failed: the first error.
        """
        lost: list[Mapping[str, int]] = []
        started = now()
        ends = started + self._patience_s
        errors: list[str] = []
        while True:
            place = await self._take(ends)
            if place is None:
                raise self._gave_up(errors, f"{self._patience_s:g} s")
            sent = now()
            try:
                left = max(min(self._timeout_s, ends - sent), 0.001)
                request, response = await place.endpoint.send(body, left)
                place.failures = 0
                return Answer(request, response, errors, lost, round(now() - started, 3))
            except (LeftOutError, RefusedError) as error:
                place.failures = 0  # it is there
                if isinstance(error, RefusedError):
                    raise
            except AgainError as error:
                errors.append(self._named(place, str(error)))
                self._rest(place, error, sent, len(errors))
                if error.billed is not None:
                    lost.append(error.billed)
                    lose(error.billed)
            finally:
                place.under_way -= 1
                self._freed.set()
            if len(errors) > self._retries:
                raise self._gave_up(errors, f"{self._retries} retries")

    async def _take(self, ends: float) -> _Place | None:
        """A place for one request, first come, first served; None if none gets free in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(ends - now(), 0)), self._queue:
                while now() < ends:
                    ready = [p for p in self._places if self._is_ready(p)]
                    if ready:
                        place = min(ready, key=lambda p: (p.under_way, p.turn))
                        place.under_way += 1
                        self._turns += 1
                        place.turn = self._turns
                        return place
                    rests = [p.rests_until - now() for p in self._places]
                    if min(rests) > 0:  # all rest
                        if now() + min(rests) > ends:
                            return None
                        await pause(min(rests))
                        continue
                    self._freed.clear()
                    back = min((rest for rest in rests if rest > 0), default=None)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(back):
                            await self._freed.wait()
        return None

    def _is_ready(self, place: _Place) -> bool:
        """Whether an endpoint takes a request now; one that failed is tried with a single one."""
        tried = place.failures > 0 and any(p.failures == 0 for p in self._places)
        most = 1 if tried else self._concurrency
        return place.rests_until <= now() and place.under_way < most

    def _rest(self, place: _Place, error: AgainError, sent: float, tries: int) -> None:
        """Lets an endpoint rest after a failure of a request that was tried so often."""
        if place.failures == 0 or sent > place.failed_at:
            place.failures += 1
            place.failed_at = now()
        if not place.error and len(self._places) > 1:
            note(f"the chat endpoint {place.endpoint.url} rests after a failure: {error}")
        place.error = str(error)
        wait = error.wait_s
        if wait is None:
            doubled = 0.5 * 2 ** min(max(place.failures, tries) - 1, 10)
            wait = min(doubled, _LONGEST_S) * random.uniform(0.8, 1.2)
        place.rests_until = max(place.rests_until, now() + wait)

    def _named(self, place: _Place, error: str) -> str:
        return error if len(self._places) == 1 else f"{place.endpoint.url}: {error}"

    def _gave_up(self, errors: Sequence[str], bound: str) -> InputError:
        urls = ", ".join(place.endpoint.url for place in self._places)
        first = errors or [self._named(p, p.error) for p in self._places if p.error]
        return InputError(
            f"the chat endpoint{'s' if len(self._places) > 1 else ''} {urls} gave no answer in "
            f"{len(errors)} tries (bound: {bound}). The first error: {first[0]}"
        )


async def _models(place: _Place) -> tuple[_Place, dict[str, int | None] | AgainError]:
    """An endpoint with what it lists, or why it cannot be reached."""
    try:
        return place, await place.endpoint.models()
    except AgainError as error:
        return place, error
