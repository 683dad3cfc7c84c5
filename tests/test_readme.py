"""What the README shows works as shown."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def _vprog(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    assert words[0] == "vprog"
    return subprocess.run(
        [sys.executable, "-m", "vprog", *words[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    picture = Image.new("RGB", (200, 100), (20, 20, 20))
    pen = ImageDraw.Draw(picture)
    for left in (10, 80):
        pen.polygon([(left, 80), (left + 40, 80), (left + 20, 30)], fill=(255, 255, 0))
    pen.ellipse((150, 30, 190, 70), fill=(255, 0, 0))
    picture.save(tmp_path / "drawing.png")
    picture.save(tmp_path / "cups.png")
    return tmp_path


def test_is_at_most_150_lines() -> None:
    assert len(README.splitlines()) <= 150


def test_asking_in_steps(drawing: Path) -> None:
    shown = _blocks("")[0]
    lines = shown.splitlines()
    assert lines[0] == "$ cat count.steps"
    end = next(i for i, line in enumerate(lines) if line.startswith("$ vprog"))
    (drawing / "count.steps").write_text("\n".join(lines[1:end]))
    done = _vprog(lines[end].removeprefix("$ "), drawing)
    assert done.returncode == 0, done.stderr
    assert "answer 2" in done.stdout


def test_asking_in_python(drawing: Path) -> None:
    (drawing / "count.py").write_text(_blocks("python")[0])
    done = _vprog(
        'vprog ask drawing.png "How many?" --program count.py --language python --json', drawing
    )
    assert done.returncode == 0, done.stderr
    assert '"answer": "2"' in done.stdout


def test_running_a_benchmark(tmp_path: Path) -> None:
    commands = re.findall(r"^    (vprog .*)$", README, re.M)
    assert [c.split()[1] for c in commands] == ["world", "run", "score", "view"]
    for command in commands:
        command = command.replace("--n 5000", "--n 40")
        if command.startswith("vprog view"):
            command += " --no-open"
        done = _vprog(command, tmp_path)
        assert done.returncode == 0, (command, done.stderr)
    assert (tmp_path / "runs/first/report.html").is_file()


def test_a_tool_of_ones_own(drawing: Path) -> None:
    script = "\n".join(_blocks("python")[1:])
    (drawing / "own.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "own.py"], cwd=drawing, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Region(picture='cups'" in done.stdout


def test_figures_are_those_of_the_results() -> None:
    results = json.loads((ROOT / "docs/results/run.json").read_text("utf-8"))["accuracies"]
    known = {
        (r["benchmark"], r["split"], r["toolbox"], r["language"]): (
            f"{r['n']:,}",
            f"{100 * r['accuracy']:.1f} [{100 * r['ci95'][0]:.1f}, {100 * r['ci95'][1]:.1f}]",
        )
        for r in results
    }
    rows = re.findall(
        r"^\| (\S+) (\S+) \| (\w+) \| ([\d,]+) \| ([\d.]+ \[[\d., ]+\]) \|$", README, re.M
    )
    assert len(rows) >= 10
    for benchmark, split, toolbox, n, accuracy in rows:
        assert known[benchmark, split, toolbox, "python"] == (n, accuracy)
        assert known[benchmark, split, toolbox, "steps"][1] == accuracy
