"""What tests of writers share."""

from __future__ import annotations

from pathlib import Path

import pytest
from little import make_writer


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint for the bare prompt. Not to be changed."""
    return make_writer(tmp_path_factory.mktemp("writer") / "little", prompt="bare", max_tokens=40)
