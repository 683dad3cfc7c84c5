"""One request to a chat endpoint: bounded in tries and time; the first error is the one told."""

from __future__ import annotations

import asyncio
import email.utils
import json
import random
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from vprog.errors import InputError
from vprog.writers.exchange import read_replies

KEY = "OPENAI_API_KEY"
_INSTALL = 'pip install "vprog[chat]"'
_OPTIONAL = ("n", "logprobs", "seed")
"""Parameters that not every server knows; one that it refuses is left out from then on."""
_LENGTH = ("max_tokens", "max_completion_tokens")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class RefusedError(Exception):
    """The endpoint refuses this one request; others may be fine."""


@dataclass(slots=True)
class Answer:
    """What came back.

    Attributes:
        request: As it was sent in the end.
        response: The parsed body.
        errors: Of the tries before.
        seconds: From the first try to the end.
    """

    request: dict[str, Any]
    response: dict[str, Any]
    errors: list[str]
    seconds: float


async def pause(seconds: float) -> None:
    """Waits between two tries."""
    await asyncio.sleep(seconds)


class Endpoint:
    """A server with OpenAI's chat API.

    Attributes:
        requests: Sent so far.
        left_out: Optional parameters that the server refused.
    """

    def __init__(
        self,
        *,
        base_url: str | None,
        model: str,
        key: str | None,
        retries: int,
        timeout_s: float,
        patience_s: float,
    ) -> None:
        """Opens a client; nothing is sent.

        Args:
            base_url: Of the API; None is ``OPENAI_BASE_URL``, else OpenAI's own.
            model: Name of the model, for messages.
            key: Sent as bearer token; None is allowed on loopback only.
            retries: Most times that a request is sent again.
            timeout_s: For one try.
            patience_s: For all tries and waits of a request.

        Raises:
            InputError: The package openai or the key is missing.
        """
        try:
            import openai
        except ImportError:
            raise InputError(f"the chat writer needs the package openai: {_INSTALL}") from None
        self._openai = openai
        here = base_url is not None and urlsplit(base_url).hostname in _LOOPBACK
        if key is None and not here:
            raise InputError(
                f"no key for {base_url or 'the OpenAI API'}: set the environment variable {KEY}, "
                "or give --base-url of a server on this machine"
            )
        self._client = openai.AsyncOpenAI(
            base_url=base_url, api_key=key or "none", max_retries=0, timeout=timeout_s
        )
        self.url = str(self._client.base_url).rstrip("/")
        self.model = model
        self.requests = 0
        self.left_out: set[str] = set()
        self._length = _LENGTH[0]
        self._retries = retries
        self._timeout_s = timeout_s
        self._patience_s = patience_s

    async def close(self) -> None:
        """Closes connections."""
        await self._client.close()
        await asyncio.sleep(0)  # sockets close a turn of the loop later

    async def context(self) -> int | None:
        """How many tokens the model takes, where the server's list of models says so.

        Raises:
            InputError: Nobody listens there.
        """
        try:
            async with asyncio.timeout(min(self._timeout_s, 10)):
                answer = await self._client.models.with_raw_response.list()
            rows = json.loads(answer.text)["data"]
            found = next(row for row in rows if row.get("id") == self.model)
        except self._openai.APITimeoutError:
            return None
        except self._openai.APIConnectionError as error:
            raise InputError(
                f"cannot reach the chat endpoint {self.url}: {_cause(error)}. Is the server "
                "running, and is --base-url right (it usually ends in /v1)?"
            ) from None
        except Exception:  # the list is a courtesy; what matters is asked later
            return None
        for name in ("max_model_len", "context_length", "context_window"):
            if type(found.get(name)) is int and found[name] > 0:
                return int(found[name])
        return None

    async def ask(self, body: dict[str, Any]) -> Answer:
        """Sends a request, again where that may help.

        Args:
            body: Of the request; ``max_tokens`` goes by the name that the server knows.

        Raises:
            RefusedError: The server refuses this request.
            InputError: The server refuses every request, or all tries failed: the first error.
        """
        started = time.monotonic()
        errors: list[str] = []
        while True:
            request = self._fitted(body)
            left = self._patience_s - (time.monotonic() - started)
            try:
                response = await self._once(request, max(min(self._timeout_s, left), 0.001))
                return Answer(request, response, errors, round(time.monotonic() - started, 3))
            except _AgainError as error:
                errors.append(str(error))
                wait = error.wait_s
            except self._openai.APIStatusError as error:
                if self._drop(request, error):
                    continue
                raise self._final(error) from None
            if wait is None:
                wait = min(0.5 * 2 ** (len(errors) - 1), 30) * random.uniform(0.8, 1.2)
            over = time.monotonic() - started + wait > self._patience_s
            if len(errors) > self._retries or over:
                bound = f"{self._patience_s:g} s" if over else f"{self._retries} retries"
                raise InputError(
                    f"the chat endpoint {self.url} gave no answer in {len(errors)} tries "
                    f"(bound: {bound}). The first error: {errors[0]}"
                )
            await pause(wait)

    def _fitted(self, body: dict[str, Any]) -> dict[str, Any]:
        request = {k: v for k, v in body.items() if k not in self.left_out}
        request[self._length] = request.pop("max_tokens")
        return request

    async def _once(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """One try.

        Raises:
            _AgainError: It failed in a way that may pass.
        """
        self.requests += 1
        lost = _AgainError(f"no answer within {timeout_s:g} s")
        try:
            # The client's own limit is for silence; a server that drips must end too.
            async with asyncio.timeout(timeout_s):
                answer = await self._client.chat.completions.with_raw_response.create(**request)
        except (self._openai.APITimeoutError, TimeoutError):
            raise lost from None
        except self._openai.APIConnectionError as error:
            raise _AgainError(f"the connection broke: {_cause(error)}") from None
        except self._openai.APIStatusError as error:
            if _may_pass(error):
                raise _AgainError(_said(error), _retry_after(error)) from None
            raise
        try:
            response = json.loads(answer.text)
            read_replies(response)
        except (ValueError, RecursionError) as error:
            detail = f"{error}" if str(error) else type(error).__name__
            if isinstance(error, json.JSONDecodeError):
                detail = f"no JSON but {answer.text[:60]!r}"
            raise _AgainError(f"the answer is garbage: {detail}") from None
        assert isinstance(response, dict)
        return response

    def _drop(self, request: dict[str, Any], error: Any) -> bool:
        """Whether the server refused a parameter that can be left out or renamed; remembers it."""
        if error.status_code not in (400, 422):
            return False
        said = f"{error.param or ''} {error.message}"
        for name in _OPTIONAL:
            if name in request and (error.param == name or _speaks_of(name, said)):
                self.left_out.add(name)
                return True
        if self._length == _LENGTH[0] and _LENGTH[1] in said:
            self._length = _LENGTH[1]
            return True
        return False

    def _final(self, error: Any) -> Exception:
        said = _said(error)
        if error.status_code in (401, 403):
            return InputError(f"{self.url} refuses the key in {KEY}: {said}")
        if error.status_code == 404:
            return InputError(
                f"{self.url} does not serve the model {self.model!r} (or --base-url is wrong; it "
                f"usually ends in /v1): {said}"
            )
        if error.status_code == 429:
            return InputError(f"{self.url} will not serve this account: {said}")
        if error.status_code in (400, 413, 422):
            return RefusedError(said)
        return InputError(f"{self.url}: {said}")


class _AgainError(Exception):
    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def _may_pass(error: Any) -> bool:
    if error.status_code == 429:
        return error.code not in ("insufficient_quota", "billing_hard_limit_reached")
    return error.status_code in (408, 409) or error.status_code >= 500


def _retry_after(error: Any) -> float | None:
    """Seconds that the server asks to wait, from either form of the header."""
    headers = error.response.headers
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    try:
        when = email.utils.parsedate_to_datetime(headers["retry-after"])
        return max(0.0, when.timestamp() - time.time())
    except (KeyError, ValueError, TypeError):
        return None


def _said(error: Any) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    said = body.get("message") or body.get("detail") or error.body or error.message
    return f"HTTP {error.status_code}: {' '.join(str(said).split())}"[:300]


def _cause(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (str(cause) or type(cause).__name__)[:200]


def _speaks_of(name: str, text: str) -> bool:
    after = r"['\"`]|\s+(?:must|is not|is un|not supported|should|parameter)"
    return re.search(rf"(?:^|['\"`\s]){name}(?:{after})", text) is not None
