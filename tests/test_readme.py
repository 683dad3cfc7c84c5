"""What the README shows works as shown."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    (shown,) = re.findall(r"`(vprog ask [^`]*--language python)`", README)
    done = _vprog(f"{shown} --json", drawing)
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


def _published() -> dict[tuple[str, str, str], dict[str, Any]]:
    """Results by data, toolbox and language."""
    run = json.loads((ROOT / "docs/results/run.json").read_text("utf-8"))["accuracies"]
    zoo = json.loads((ROOT / "docs/results/zoo.json").read_text("utf-8"))["accuracies"]
    known = {(f"{r['benchmark']} {r['split']}", r["toolbox"], r["language"]): r for r in run}
    gold = [r for r in zoo if r["writer"] == "gold"]
    return known | {(r["data"].replace("-", " "), "zoo", r["language"]): r for r in gold}


def test_figures_are_those_of_the_results() -> None:
    published = _published()
    rows = re.findall(r"^\| ([^|]+) \| (\w+) \| ([\d,]+) \| ([^|]+) \| ([^|]+) \|$", README, re.M)
    assert len(rows) >= 6
    for data, toolbox, n, *accuracies in rows:
        for language, accuracy in zip(("steps", "python"), accuracies, strict=True):
            r = published[data, toolbox, language]
            low, high = r["ci95"]
            assert n == f"{r['n']:,}"
            assert accuracy == f"{100 * r['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def test_the_page_of_figures_is_made_from_the_results() -> None:
    spec = importlib.util.spec_from_file_location("figures", ROOT / "bench" / "figures.py")
    assert spec is not None
    assert spec.loader is not None
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    assert figures.page() == (ROOT / "docs" / "figures.md").read_text("utf-8")


@pytest.mark.parametrize("file", sorted((ROOT / "recipes").glob("*/*.toml")), ids=lambda f: f.stem)
def test_settings_files_of_recipes_can_be_read(file: Path) -> None:
    import tomllib

    from vprog.distill.sft_settings import SftSettings
    from vprog.teach.settings import TeachSettings
    from vprog.teach.stage import read_training

    if file.parent.name == "vlm":
        SftSettings(**tomllib.loads(file.read_text("utf-8")))
        return
    tables = read_training(file)
    assert tables
    for tool in ("detect", "vqa", "match"):
        TeachSettings(**{"method": "full", **tables.get("all", {}), **tables.get(tool, {})})
