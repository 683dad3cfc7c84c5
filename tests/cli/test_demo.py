"""The demo: all three jobs, ending in one table and one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="needs transformers: pip install 'vprog[hf]'")
pytest.importorskip("accelerate", reason="needs accelerate: pip install 'vprog[teach]'")


def test_the_demo_tells_the_whole_story(vprog: Any, tmp_path: Path) -> None:
    ended = vprog("demo", "--n", 30, "--out", "demo")
    assert ended.code == 0, ended.err
    for who in ("gold scenes", "the zoo's models, taught", "one model, tuned on labels and"):
        assert who in ended.out
    page = (tmp_path / "demo" / "report.html").read_text("utf-8")
    assert "who answers how well" in page
    assert page.count("<article") == 30
