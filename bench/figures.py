"""Writes ``docs/figures.md``, tables of every published figure, from ``docs/results/*.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "figures.md"
HEAD = """\
# Figures

Made by `python bench/figures.py` from `docs/results/*.json`, which name command, commit, ids, seed
and errors of each. Accuracies are in percent with 95 % intervals. A failed program counts as wrong.
"""
GOLD = """\
NLVR: hand-written programs, for the statements that have one. Both languages give the same answer
on every question (`python bench/results.py`).
"""
ZOO = """\
Freshly drawn worlds, and real benchmarks' pictures as they are, which nothing in the zoo was made
for (`python bench/zoo.py`).
"""
BENCH = """\
`vprog bench tools`: the same programs and weights; wall time of one call at a time over wall time
in batches, without and with what models keep and vprog remembers between calls; share of the
batched run inside the models' forward passes.
"""
DOMAINS = {
    "generalist": "its own domain",
    "outline": "new style and background",
    "chalk": "new style and background",
}


def percent(value: float, ci95: Iterable[float] | None = None) -> str:
    """``97.9 [97.0, 98.5]``."""
    shown = f"{100 * value:.1f}"
    if ci95 is None:
        return shown
    low, high = ci95
    return f"{shown} [{100 * low:.1f}, {100 * high:.1f}]"


def table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A GitHub table."""
    head = list(columns)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def gold_rows(results: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Gold programs over oracle and pixels: one row for both languages, which agree."""
    rows = []
    for one in results:
        if one["language"] == "python":
            name = f"{one['benchmark']} {one['split']}"
            n = f"{one['n']:,}"
            rows.append([name, one["toolbox"], n, percent(one["accuracy"], one["ci95"])])
    return rows


def zoo_rows(results: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Programs over the zoo: a row a data set, with the bare vqa tool and the majority beside."""
    by_data: dict[str, dict[tuple[str, str], Mapping[str, Any]]] = {}
    for one in results:
        by_data.setdefault(one["data"], {})[one["writer"], one["language"]] = one
    rows = []
    for name, found in by_data.items():
        steps, python = found["gold", "steps"], found["gold", "python"]
        vqa = found.get(("vqa", "steps"))
        domain, _, task = name.partition("-")
        note = f" ({DOMAINS[domain]})" if domain in DOMAINS else ""
        rows.append(
            [
                f"world-{task}, {domain}{note}" if note else name,
                f"{python['n']:,}",
                percent(steps["accuracy"], steps["ci95"]),
                percent(python["accuracy"], python["ci95"]),
                _bare(vqa, python["n"]) if vqa else "-",
                percent(python["majority"]),
            ]
        )
    return rows


def _bare(vqa: Mapping[str, Any], n: int) -> str:
    """The bare tool's accuracy; where it answers other examples than the programs, how many."""
    shown = percent(vqa["accuracy"], vqa["ci95"])
    return shown if vqa["n"] == n else f"{shown}, n = {vqa['n']:,}"


def score_rows(scores: Mapping[str, Any]) -> list[list[str]]:
    """Step metrics of the zoo's checkpoints."""
    rows = []
    for tool in ("detect", "vqa", "match", "vlm"):
        for name, one in scores.get(tool, {}).items():
            parts = {name: one}
            parts |= {f"{name}, {p}": one[p] for p in ("crop", "scene") if p in one}
            for label, figure in parts.items():
                value = percent(figure["value"], figure["ci95"])
                rows.append([tool, label, f"{figure['n']:,}", value, percent(figure["majority"])])
    return rows


def bench_rows(tools: Mapping[str, Any]) -> list[list[str]]:
    """Batches against one call at a time."""
    return [
        [
            language,
            f"{one['programs']:,}",
            f"{one['same_answers']:,}",
            f"{one['ratio']:.1f}",
            f"{one['ratio_kept']:.1f}",
            f"{one['forward_share']:.2f}",
        ]
        for language, one in tools.items()
    ]


def page() -> str:
    """The text of ``docs/figures.md``."""
    run = json.loads((RESULTS / "run.json").read_text("utf-8"))
    zoo = json.loads((RESULTS / "zoo.json").read_text("utf-8"))
    parts = [
        HEAD,
        "## Gold programs over exact tools\n",
        GOLD,
        table(("data", "toolbox", "n", "accuracy"), gold_rows(run["accuracies"])),
        "## Gold programs over the zoo\n",
        ZOO,
        table(
            ("data", "n", "steps", "python", "bare vqa", "majority"), zoo_rows(zoo["accuracies"])
        ),
        "## The zoo's tools\n",
        f"`vprog zoo score --seed {zoo['scores']['seed']} --n {zoo['scores']['n']}`: freshly drawn "
        "pictures of its own domain.\n",
        table(("tool", "figure", "n", "value", "majority"), score_rows(zoo["scores"])),
        "## The zoo's vision-language model\n",
        f"`vprog zoo score --only vlm --seed {zoo['student']['seed']} "
        f"--n {zoo['student']['n']}`, before it is tuned; places count at an "
        "intersection over union of one half.\n",
        table(("tool", "figure", "n", "value", "majority"), score_rows(zoo["student"])),
        "## Batches against one call at a time\n",
        BENCH,
        table(
            ("language", "programs", "same answers", "ratio", "ratio, kept", "forward share"),
            bench_rows(zoo["tools"]),
        ),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
