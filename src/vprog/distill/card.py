"""The data card of a distillation data set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vprog.distill.settings import DistillData

if TYPE_CHECKING:
    from vprog.distill.dataset import Built


def _head(built: Built) -> str:
    """What the hub and ``datasets`` read: the tables that are there."""
    lines = ["---", "task_categories:", "- visual-question-answering", "configs:"]
    tables = [
        ("default", [(s, f"data/{s}-*.parquet") for s, kinds in built.records.items() if kinds]),
        ("preferences", [("train", "preferences/*.parquet")] if built.preferences else []),
        ("rejects", [("train", "rejects/*.parquet")] if built.rejects else []),
    ]
    for name, files in tables:
        if files:
            lines += [f"- config_name: {name}", "  data_files:"]
            for split, path in files:
                lines += [f"  - split: {split}", f"    path: {path}"]
    return "\n".join([*lines, "---", ""])


def data_card(built: Built, run: Mapping[str, Any], settings: DistillData) -> str:
    """What is in the data set, how it was made, what is not checked.

    Args:
        built: Its counts.
        run: Settings of the run that it was made from.
        settings: Of the data set.
    """
    facts = run.get("facts", {})
    choice = settings.choice
    lines = [
        f"{_head(built)}# Rationales of verified programs: {run['benchmark']} {run['split']}",
        "",
        f"{built.examples:,} examples. A writer (`{run['writer']}`) wrote programs "
        f"(`{run['language']}`) for each, the toolbox `{run['toolbox']}` executed them, and "
        f"{_MODES[choice.mode]}. The trace of the chosen program is told in the sentences of its "
        "tools; boxes are `[x1 y1 x2 y2]` on a grid of "
        f"{settings.rationale.grid} x {settings.rationale.grid} places over the whole picture, y "
        "downward. (VPD, Hu et al., CVPR 2024.)",
        "",
        "| split | answers | rationales |",
        "|---|---|---|",
        *(
            f"| {split} | {kinds.get('answer', 0):,} | {kinds.get('rationale', 0):,} |"
            for split, kinds in built.records.items()
        ),
        "",
        "No picture is in both splits. Every example has a record of kind `answer` (instruction: "
        f'"{settings.prompt.answer_instruction}"); those that a program explains have another of '
        f'kind `rationale` ("{settings.prompt.rationale_instruction}"). Columns: `images`, '
        "`messages`, `kind`, `weight`, `example_id`, `task`, `language`, `program`, `trace_id`, "
        "`verdict`, `source`. The pairs of `preferences` are of the split train, as rendered.",
        "",
        "## Programs",
        _counted("Examples", built.outcomes),
        _counted("Rejected candidates", built.rejects),
    ]
    if built.judged:
        lines.append(f"Right by the word of a judge alone: {built.judged:,}.")
    if settings.rewriter is not None:
        lines.append(
            f"Rationales rewritten by {settings.rewriter.model}: {built.rewritten:,}; as rendered "
            f"because the new words were not faithful: {sum(built.refused.values()):,}."
        )
    if built.yields:
        lines += [
            "",
            "Share of questions with a verified program, by number of programs drawn (unbiased "
            "estimate; 95 % interval over pictures):",
            "",
            "| k | share |",
            "|---|---|",
            *(f"| {k} | {_figure(f)} |" for k, f in built.yields.items()),
        ]
    lines += ["", "## What is not checked", _unchecked(built, settings), "", "## Made from", ""]
    lines += [
        f"- data: `{run['data']}`, split `{run['split']}`, n = {run['n']:,}, seed {run['seed']}, "
        f"ids {str(run.get('ids_sha256', ''))[:12]}",
        f"- vprog {facts.get('version', facts.get('vprog', ''))}, commit "
        f"{facts.get('commit') or 'unknown'}",
        f"- settings: `{json.dumps(asdict(settings), default=str)}`",
        "",
        "The pictures and questions keep the licence of the data that they come from.",
    ]
    return "\n".join(lines) + "\n"


_MODES = {
    "verified": "only programs whose answer is the label's were kept",
    "unverified": "the most probable program that ended was kept, unchecked",
    "unlabelled": "without a look at labels the most probable program that ended was kept",
}


def _counted(what: str, counts: Mapping[str, int]) -> str:
    told = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
    return f"{what}: {told or 'none'}."


def _figure(figure: Mapping[str, Any]) -> str:
    value, ci = figure["value"], figure.get("ci95")
    return f"{value:.3f}" + (f" ({ci[0]:.3f} to {ci[1]:.3f})" if ci else "")


def _unchecked(built: Built, settings: DistillData) -> str:
    if settings.choice.mode != "verified":
        return "Nobody compared the programs' answers with labels: rationales may be wrong."
    text = (
        "A program is checked by its answer alone: its steps may be wrong, and a wrong program may "
        "have the right answer."
    )
    if built.spurious is not None:
        text += (
            f" Compared with gold programs on {settings.scenes} further gold scenes, "
            f"{_figure(built.spurious)} of the chosen programs (n = {built.spurious['n']:,}) are "
            "of that kind."
        )
    return text
