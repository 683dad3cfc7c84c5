"""The bare vqa tool end to end: two runs of a drawn benchmark, and a score that knows both."""

from __future__ import annotations

from pathlib import Path


def test_a_run_of_the_writer_vqa_is_found_and_shown(inside, tmp_path: Path, world: Path) -> None:
    run = ("run", "world-gqa", "--data", "world", "--limit", 20, "--seed", 1)
    inside(*run, "--out", "runs/gold")
    hint = inside("score", "runs/gold", "--json").json["vqa"]["missing"]
    assert "--writer vqa --toolbox oracle" in hint
    settings = tmp_path / "runs" / "gold" / "run.toml"
    kept = settings.read_text()
    settings.write_text(kept.replace('toolbox = "oracle"', 'toolbox = "corners"'))  # of a script
    hint = inside("score", "runs/gold", "--json").json["vqa"]["missing"]
    assert hint.endswith("make one from Python, where the toolbox is")
    settings.write_text(kept)
    inside(*run, "--writer", "vqa", "--out", "runs/bare", "--language", "python")
    scored = inside("score", "runs/gold", "--json").json
    bare = inside("score", "runs/bare", "--json").json
    assert bare["vqa"] is None
    assert scored["vqa"]["n"] == 20
    assert scored["vqa"]["value"] == bare["metrics"]["accuracy"]["value"]
    assert Path(scored["vqa"]["run"]).name == "bare"
    assert "vqa: " in inside("score", "runs/gold").out
    shown = inside("score", "runs/gold", "runs/bare", "--markdown").out
    assert "| run " in shown
    assert "right in the second alone" in shown
