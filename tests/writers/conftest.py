"""What tests of writers share."""

from __future__ import annotations

from pathlib import Path

import pytest
from little import make_writer

from vprog.writers import endpoints


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint for the bare prompt. Not to be changed."""
    return make_writer(tmp_path_factory.mktemp("writer") / "little", prompt="bare", max_tokens=40)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits of the chat writer: they move its clock on, and are not waited for."""
    seen: list[float] = []

    async def pause(seconds: float) -> None:
        seen.append(seconds)

    monkeypatch.setattr(endpoints, "pause", pause)
    monkeypatch.setattr(endpoints, "now", lambda: sum(seen))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    return seen
