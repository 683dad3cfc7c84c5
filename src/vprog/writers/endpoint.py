"""One chat endpoint: what is sent to it, and what its faults mean."""

from __future__ import annotations

import asyncio
import email.utils
import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from vprog.errors import InputError
from vprog.writers.exchange import billed_of, most_of, read_replies

KEY = "OPENAI_API_KEY"
_INSTALL = 'pip install "vprog[chat]"'
_OPTIONAL = ("n", "logprobs", "seed")
"""Parameters that not every server knows; one that it refuses is left out from then on."""
_LENGTH = ("max_tokens", "max_completion_tokens")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class RefusedError(Exception):
    """The endpoint refuses this one request; others may be fine."""


class AgainError(Exception):
    """A try failed in a way that may pass.

    Attributes:
        wait_s: Seconds after which the endpoint asks to come back, where it says so.
        billed: Tokens that may be on the bill all the same.
    """

    def __init__(
        self,
        message: str,
        wait_s: float | None = None,
        billed: Mapping[str, int] | None = None,
    ) -> None:
        """Takes what happened."""
        super().__init__(message)
        self.wait_s = wait_s
        self.billed = billed


class LeftOutError(Exception):
    """The endpoint does not know a parameter, which is left out or renamed from now on."""


class Endpoint:
    """A server with OpenAI's chat API.

    Attributes:
        url: Of the API.
        requests: Sent so far.
    """

    def __init__(
        self,
        *,
        base_url: str | None,
        model: str,
        key: str | None,
        timeout_s: float,
        left_out: set[str],
    ) -> None:
        """Opens a client; nothing is sent.

        Args:
            base_url: Of the API; None is ``OPENAI_BASE_URL``, else OpenAI's own.
            model: Name of the model, for messages.
            key: Sent as bearer token; None is allowed on loopback only.
            timeout_s: For one try.
            left_out: Optional parameters that are not sent; those that the server refuses come in.

        Raises:
            InputError: The package openai or the key is missing, or one of ``base_url`` and key
                cannot be used.
        """
        try:
            import openai
        except ImportError:
            raise InputError(f"the chat writer needs the package openai: {_INSTALL}") from None
        self._openai = openai
        here = base_url is not None and _host(base_url) in _LOOPBACK
        if key is None and not here:
            raise InputError(
                f"no key for {base_url or 'the OpenAI API'}: set the environment variable {KEY}, "
                "or give --base-url of a server on this machine"
            )
        if key is not None and not (key.isascii() and key.isprintable()):
            raise InputError(
                f"the key in {KEY} holds a character that no key can: a line's end, or one outside "
                "of ASCII; copy it again"
            )
        try:
            self._client = openai.AsyncOpenAI(
                base_url=base_url, api_key=key or "none", max_retries=0, timeout=timeout_s
            )
        except Exception as error:  # such as its HTTP client's own, of a host that cannot be
            raise InputError(
                f"cannot send requests to {base_url or 'the OpenAI API'}: {error}. "
                "Check --base-url, and the proxies that the environment names"
            ) from None
        self.url = str(self._client.base_url).rstrip("/")
        self.model = model
        self.requests = 0
        self._left_out = left_out
        self._length = _LENGTH[0]
        self._timeout_s = timeout_s

    async def close(self) -> None:
        """Closes connections."""
        await self._client.close()
        await asyncio.sleep(0)  # sockets close a turn of the loop later

    async def models(self) -> dict[str, int | None]:
        """What the server lists: models, and how many tokens each takes where it says so.

        The list is a courtesy: it is empty where the server has none.

        Raises:
            AgainError: Nobody listens there.
        """
        try:
            async with asyncio.timeout(min(self._timeout_s, 10)):
                answer = await self._client.models.with_raw_response.list()
            rows = json.loads(answer.text)["data"]
            return {str(row["id"]): _context(row) for row in rows}
        except self._openai.APITimeoutError:
            return {}
        except self._openai.APIConnectionError as error:
            raise AgainError(_cause(error)) from None
        except Exception:  # what matters is asked later
            return {}

    async def send(
        self, body: dict[str, Any], timeout_s: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sends a request once.

        Args:
            body: Of the request; ``max_tokens`` goes by the name that the server knows.
            timeout_s: Bound of this try.

        Returns:
            The request as it was sent, and the parsed response.

        Raises:
            AgainError: It failed in a way that may pass.
            LeftOutError: The server wants it without a parameter, or by another name.
            RefusedError: The server refuses this request.
            InputError: The server refuses every request.
        """
        request = self._fitted(body)
        try:
            return request, await self._once(request, timeout_s)
        except self._openai.APIStatusError as error:
            if self._drop(request, error):
                raise LeftOutError from None
            raise self._final(error) from None

    def _fitted(self, body: dict[str, Any]) -> dict[str, Any]:
        request = {k: v for k, v in body.items() if k not in self._left_out}
        request[self._length] = request.pop("max_tokens")
        return request

    async def _once(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        self.requests += 1
        lost = AgainError(f"no answer within {timeout_s:g} s", billed=most_of(request))
        try:
            # The client's own limit is for silence; a server that drips must end too.
            async with asyncio.timeout(timeout_s):
                answer = await self._client.chat.completions.with_raw_response.create(**request)
        except (self._openai.APITimeoutError, TimeoutError) as error:
            if type(error.__cause__).__name__ == "ConnectTimeout":  # nothing was sent
                lost.billed = None
            raise lost from None
        except self._openai.APIConnectionError as error:
            raise AgainError(f"the connection broke: {_cause(error)}") from None
        except self._openai.APIStatusError as error:
            if _may_pass(error):
                raise AgainError(_said(error), _retry_after(error)) from None
            raise
        response = None
        try:
            response = json.loads(answer.text)
            read_replies(response)
            json.dumps(response, allow_nan=False)  # as the record keeps it
        except (ValueError, RecursionError) as error:
            detail = f"{error}" if str(error) else type(error).__name__
            if isinstance(error, json.JSONDecodeError):
                detail = f"no JSON but {answer.text[:60]!r}"
            said = f"the answer is garbage: {detail}"
            raise AgainError(said, billed=billed_of(request, response)) from None
        assert isinstance(response, dict)
        return response

    def _drop(self, request: dict[str, Any], error: Any) -> bool:
        """Whether the server refused a parameter that can be left out or renamed; remembers it."""
        if error.status_code not in (400, 422):
            return False
        said = f"{error.param or ''} {error.message}"
        for name in _OPTIONAL:
            if name in request and (error.param == name or _speaks_of(name, said)):
                self._left_out.add(name)
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


def _host(url: str) -> str:
    """The host of an endpoint's address.

    Raises:
        InputError: It is no such address.
    """
    try:
        parts = urlsplit(url)
        # Asking for the port checks it; line ends, which urlsplit drops, are no part of an address.
        fits = parts.port != 0 and parts.scheme in ("http", "https") and url.isprintable()
        host = parts.hostname
    except ValueError:
        fits, host = False, None
    if not fits or not host:
        raise InputError(
            f"--base-url {url!r} is no address of a chat endpoint; give http://HOST:PORT/v1 or "
            "https://HOST/v1, the port at most 65535"
        )
    return host


def _context(row: Any) -> int | None:
    """Tokens that a listed model takes."""
    for name in ("max_model_len", "context_length", "context_window"):
        if type(row.get(name)) is int and row[name] > 0:
            return int(row[name])
    return None


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
