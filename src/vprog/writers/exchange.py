"""The record of what a chat endpoint was asked and replied: a run replays from it offline."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.errors import InputError


@dataclass(frozen=True, slots=True)
class Reply:
    """One choice of a response.

    Attributes:
        text: As the model wrote it.
        logprob: Sum over its tokens, where the server gives them.
    """

    text: str
    logprob: float | None = None


def exchange_key(question: Mapping[str, Any]) -> str:
    """Names what is asked: model, messages, temperature, top-p, length, seed; not the server."""
    text = json.dumps(question, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Record:
    """Exchanges in a JSONL file, one a line, written as soon as they end.

    A line holds ``ids`` and their ``questions``, ``language``, ``key``, ``repair``, ``programs``,
    ``request``, ``response``, ``errors`` (of tries before), ``lost`` (tokens of those of them that
    may be on the bill) and ``seconds``; ``replay:FILE`` reads it too.

    Attributes:
        billed: Tokens of the exchanges that were read.
    """

    def __init__(self, path: Path | None) -> None:
        """Reads what there is; a last line that was cut by a kill is dropped.

        Args:
            path: The file, made at the first exchange; None keeps nothing on disk.

        Raises:
            InputError: It cannot be read, or is no record.
        """
        self._path = path
        self._replies: dict[str, list[Reply]] = defaultdict(list)
        self.billed: list[Mapping[str, int]] = []
        if path is None or not path.exists():
            return
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read record {path}: {error.strerror}") from None
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].split(b"\n"), 1):
            if line.strip():
                self._read(line, f"{path}, line {number}")
        if whole < len(data):
            with path.open("r+b") as file:
                file.truncate(whole)

    def replies(self, key: str) -> list[Reply]:
        """Everything that was replied to that question, in order."""
        return self._replies.get(key, [])

    def forget(self, useless: Callable[[Reply], bool]) -> None:
        """Lets go of replies, so that they are asked for again; the file keeps them."""
        for key, replies in self._replies.items():
            self._replies[key] = [reply for reply in replies if not useless(reply)]

    def add(self, row: dict[str, Any], replies: list[Reply]) -> None:
        """Keeps an exchange.

        Raises:
            InputError: The file cannot be written.
        """
        self._replies[row["key"]] += replies
        if self._path is None:
            return
        line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(line.encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise InputError(f"cannot write record {self._path}: {error.strerror}") from None

    def _read(self, line: bytes, where: str) -> None:
        try:
            row = json.loads(line.decode("utf-8", "surrogatepass"))
            replies = read_replies(row["response"])
            self._replies[row["key"]] += replies
            self.billed.append(billed_of(row["request"], row["response"]))
            self.billed += row.get("lost", [])
        except (ValueError, TypeError, KeyError):
            raise InputError(
                f"{where}: no exchange of a chat endpoint; move the file away"
            ) from None


def read_replies(response: Any) -> list[Reply]:
    """The choices of a chat completion.

    Raises:
        ValueError: It is none; says what it is instead.
    """
    if isinstance(response, dict) and response.get("error"):
        error = response["error"]
        raise ValueError(str(error.get("message", error) if isinstance(error, dict) else error))
    choices = response.get("choices") if isinstance(response, dict) else None
    if not isinstance(choices, list) or not choices:
        raise ValueError(f"no chat completion: {json.dumps(response)[:120]}")
    return [_reply(choice) for choice in choices]


def _reply(choice: Any) -> Reply:
    message = choice.get("message") if isinstance(choice, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(content, str | None):
        raise ValueError(f"a choice without a message: {json.dumps(choice)[:120]}")
    tokens = choice.get("logprobs")
    tokens = tokens.get("content") if isinstance(tokens, dict) else None
    if not isinstance(tokens, list) or not tokens:
        return Reply(content or "")
    beliefs = [t.get("logprob") if isinstance(t, dict) else None for t in tokens]
    known = [b for b in beliefs if isinstance(b, int | float)]
    for belief in known:
        if not math.isfinite(belief):
            raise ValueError(
                f"a log-probability is {belief}: the model's numbers overflow; "
                "serve it in bfloat16 or float32"
            )
    return Reply(content or "", round(sum(known), 6) if len(known) == len(beliefs) else None)


_COUNTED = ("prompt_tokens", "completion_tokens")


def usage_of(response: Any) -> dict[str, int] | None:
    """Tokens that a response says it took, ``prompt_tokens`` and ``completion_tokens``; or None."""
    said = response.get("usage") if isinstance(response, dict) else None
    if not isinstance(said, dict):
        return None
    known = all(type(said.get(name)) is int and said[name] >= 0 for name in _COUNTED)
    return {name: said[name] for name in _COUNTED} if known else None


def most_of(request: Mapping[str, Any]) -> dict[str, int]:
    """Most tokens of a request: no tokenizer makes more of a text than it has bytes."""
    sizes = (len(m["content"].encode()) + 64 for m in request["messages"])
    most = request.get("max_tokens", request.get("max_completion_tokens"))
    return {
        "prompt_tokens": sum(sizes), "completion_tokens": int(most) * int(request.get("n", 1)),
    }  # fmt: skip


def billed_of(request: Mapping[str, Any], response: Any) -> dict[str, int]:
    """Tokens that a bill is for: as the response says, the most that they can be if it does not."""
    return usage_of(response) or most_of(request)
