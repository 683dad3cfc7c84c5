"""The chat writer against a real server: `transformers serve` on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vprog.errors import InputError
from vprog.runs.folder import read_traces
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import Sampling, WriterSettings, load_writer

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

# The server runs in this process; what it has not closed yet is collected at any time.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def server(little: Path) -> Iterator[str]:
    """The server's address."""
    from transformers.cli.serve import Serve
    from transformers.utils import logging

    level = logging.get_verbosity()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = Serve(
        force_model=str(little),
        host="127.0.0.1",
        port=port,
        device="cpu",
        log_level="error",
        non_blocking=True,
    )
    yield f"http://127.0.0.1:{port}/v1"
    serve.kill_server()
    logging.set_verbosity(level)


def test_a_run_through_a_server_writes_the_programs_of_local(
    server: str, little: Path, world: Path, inside: Any, tmp_path: Path
) -> None:
    run = ("run", "world-gqa", "--data", "world", "--limit", 6, "--json")
    chat = ("--writer", "chat", "--base-url", server, "--model", little)
    ended = inside(*run, *chat, "--out", "chat")
    assert ended.code == 0, ended.err
    assert inside(*run, "--writer", f"local:{little}", "--out", "local").code == 0
    programs = [
        {t.trace.example_id: t.trace.program for t in read_traces(Path(out))}
        for out in ("chat", "local")
    ]
    assert programs[0] == programs[1]
    assert len(programs[0]) == 6
    assert len(set(programs[0].values())) > 1


def test_a_server_without_n_and_logprobs_gives_k_samples(server: str, little: Path) -> None:
    from test_local import EXAMPLES

    settings = WriterSettings(model=str(little), base_urls=(server,), concurrency=3)
    writer = load_writer(
        "chat", toolbox=load_toolbox("oracle"), benchmark="world-gqa", settings=settings
    )
    found = list(writer.write(EXAMPLES[:2], "steps", Sampling(k=3, temperature=1.5)))
    assert [len(f) for f in found] == [3, 3]
    assert all(p.logprob is None for f in found for p in f)
    assert len({p.text for f in found for p in f}) > 2
    assert writer.usage.completion_tokens > 0


def test_a_model_that_the_server_does_not_have(server: str) -> None:
    from test_local import EXAMPLES

    settings = WriterSettings(model="other", base_urls=(server,))
    writer = load_writer(
        "chat", toolbox=load_toolbox("oracle"), benchmark="world-gqa", settings=settings
    )
    with pytest.raises(InputError, match=r"HTTP 400: Server is pinned to .*; requested 'other'"):
        list(writer.write(EXAMPLES, "steps", Sampling()))
