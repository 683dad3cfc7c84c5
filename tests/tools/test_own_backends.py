"""A backend and a tool of one's own in a benchmark's run, as docs/toolboxes.md shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from vprog.runs.folder import read_traces

DOCS = Path(__file__).parents[2] / "docs"
PROGRAM = """
def execute_command(image):
    each = coerce_to_numeric(llm_query("How many corners has a {kind}?"))
    return each * len(large(image.find("{kind}")))
"""


def test_the_page_about_toolboxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], inside
) -> None:
    picture = Image.new("RGB", (200, 100), (20, 20, 20))
    pen = ImageDraw.Draw(picture)
    for left, width in ((10, 40), (80, 40), (150, 20)):
        pen.polygon([(left, 80), (left + width, 80), (left + width // 2, 80 - width)], "yellow")
    picture.save(tmp_path / "a.png")
    asked = [
        {"id": kind, "image": "a.png", "question": f"Corners of large {kind}s?", "answer": n}
        for kind, n in (("triangle", 6), ("circle", 0))
    ]
    programs = [
        {"id": row["id"], "program": PROGRAM.format(kind=row["id"]), "language": "python"}
        for row in asked
    ]
    for name, rows in (("questions", asked), ("programs", programs)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "toolboxes.md").read_text("utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "toolboxes.md", "exec"), {})
    assert capsys.readouterr().out == "1\n"
    found = {r.trace.example_id: r.trace for r in read_traces(Path("runs/corners"))}
    assert found["triangle"].answer == 6
    failure = found["circle"].failure
    assert failure is not None
    assert (failure.kind, "not known" in failure.message) == ("tool", True)
    scored = inside("score", "runs/corners", "--json").json
    assert scored["metrics"]["accuracy"]["value"] == 0.5
    assert inside("view", "runs/corners", "--no-open").code == 0
    assert "unknown toolbox 'corners'" in inside("blame", "runs/corners").message
