"""A chat server on loopback that does what a script says, faults included."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROGRAM = (
    "BOX0=LOC(image=IMAGE,object='cup')\nANSWER0=COUNT(box=BOX0)\nFINAL_RESULT=RESULT(var=ANSWER0)"
)


def completion(*texts: str, logprobs: list[list[float]] | None = None) -> dict[str, Any]:
    """A chat completion with these choices."""
    choices: list[dict[str, Any]] = []
    for n, text in enumerate(texts):
        choice: dict[str, Any] = {"index": n, "message": {"role": "assistant", "content": text}}
        if logprobs is not None:
            choice["logprobs"] = {"content": [{"token": "x", "logprob": p} for p in logprobs[n]]}
        choices.append(choice)
    return {"choices": choices, "usage": {"prompt_tokens": 100, "completion_tokens": 10}}


@dataclass
class Act:
    """What the server does with one request."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""


def refusal(status: int, message: str, **more: Any) -> Act:
    """An error as OpenAI's API words it."""
    return Act(status, {"error": {"message": message, **more}})


Script = Callable[[dict[str, Any], int], Act]
"""The request's body and its number from 0 -> what to do."""


class Server:
    """The running server.

    Attributes:
        url: For ``--base-url``.
        bodies: Of the chat requests so far.
        released: Set at the end: handlers that hang wait for it.
    """

    def __init__(self, script: Script, models: Act) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.released = threading.Event()
        self.script = script
        self.models = models
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _play(self, outer.models, outer.released)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with outer._lock:
                    number = len(outer.bodies)
                    outer.bodies.append(body)
                _play(self, outer.script(body, number), outer.released)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}
        )
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextmanager
def serving(script: Script, models: Act | None = None) -> Iterator[Server]:
    """A server that plays a script."""
    server = Server(script, models or Act(200, {"data": []}))
    try:
        yield server
    finally:
        server.close()


def _play(handler: BaseHTTPRequestHandler, act: Act, released: threading.Event) -> None:
    if act.fault == "hang":
        released.wait(30)
        handler.close_connection = True
        return
    text = act.body if isinstance(act.body, str) else json.dumps(act.body)
    data = text.encode()
    handler.send_response(act.status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data) + (1000 if act.fault else 0)))
    for name, value in act.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    try:
        handler.wfile.write(data)
        while act.fault == "drip" and not released.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()
    except OSError:
        pass  # the client is gone
    handler.close_connection = bool(act.fault)
