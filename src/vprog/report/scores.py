"""Scores of runs as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vprog.report.tables import Cell, Figure, Table, render_markdown, render_rich
from vprog.report.text import visible

_COLUMNS = ("run", "n", "accuracy", "majority", "vqa", "failed")
_FACTS = ("split", "writer", "toolbox", "language", "seed")

MOST_VALUES = 12
"""A kind of type with more values than this is left to ``--markdown`` and ``--json``."""


def print_scores(
    figures: Sequence[Mapping[str, Any]], comparison: Mapping[str, Any] | None, *, markdown: bool
) -> None:
    """Prints what ``vprog.evaluation.score`` found to stdout.

    Terminal tables keep to 80 columns: what a run was is told in a line below them.

    Args:
        figures: One object a run.
        comparison: The paired comparison of two runs, or None.
        markdown: GitHub tables instead of terminal tables.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for title, columns, rows in _tables(figures, markdown):
        if markdown:
            print(f"**{title}**\n\n{render_markdown(columns, rows)}\n")
        else:
            console.print(Text(visible(title), style="bold"), soft_wrap=True)
            console.print(render_rich("", columns, rows))
    print(_provenance(figures, markdown))
    if comparison is not None:
        print(_compared(comparison))


def _counted(figures: Mapping[str, Any]) -> Cell:
    """Of how many examples the accuracy is, where not of all."""
    n, counted = figures["n"], figures["metrics"]["accuracy"]["n"]
    return n if counted == n else f"{counted:,} of {n:,}"


def _tables(figures: Sequence[Mapping[str, Any]], wide: bool) -> list[Table]:
    facts = _FACTS if wide else ()
    rows: list[list[Cell]] = [
        [
            f["run"],
            _counted(f),
            figure(f["metrics"]["accuracy"]),
            Figure(f["majority"]["value"]),
            _bare(f, wide),
            sum(n for kind, n in f["errors"].items() if kind != "wrong answer"),
            *(f[fact] for fact in facts),
        ]
        for f in figures
    ]
    benchmarks = ", ".join(dict.fromkeys(f["benchmark"] for f in figures))
    tables: list[Table] = [
        (f"{benchmarks}: accuracy in percent [95 % interval]", (*_COLUMNS, *facts), rows)
    ]
    for f in figures:
        grouped = f["metrics"]["accuracy"]
        more: list[list[Cell]] = []
        if "groups" in grouped:
            cell = figure({**grouped, "ci95": grouped["ci95_groups"]})
            more.append([f"accuracy, over {grouped['groups']:,} groups", cell])
        more += [
            [name, figure(entry)]
            for name, entry in f["metrics"].items()
            if name != "accuracy" and entry["value"] is not None
        ]
        more += [[f"errors: {kind}", count] for kind, count in f["errors"].items()]
        if more:
            tables.append((f"{f['run']}: further figures", ("figure", "value"), more))
        tables += _by_type(f, wide)
    return tables


def _bare(f: Mapping[str, Any], wide: bool) -> Cell:
    """The bare vqa tool; with its interval where there is room."""
    entry = f["vqa"]
    if entry is None or entry["value"] is None:
        return None
    return figure(entry) if wide else Figure(entry["value"])


def _by_type(f: Mapping[str, Any], wide: bool) -> list[Table]:
    """One table of all kinds of types; for papers with the other figures beside the accuracy."""
    kinds = {
        kind: values for kind, values in f["by_type"].items() if wide or len(values) <= MOST_VALUES
    }
    entries = [(k, v, entry) for k, values in kinds.items() for v, entry in values.items()]
    names = list(dict.fromkeys(n for *_, e in entries for n in e["metrics"])) if wide else []
    shares = {name for name, entry in f["metrics"].items() if entry.get("unit") == "share"}
    rows: list[list[Cell]] = []
    for kind, value, entry in entries:
        others: list[Cell] = [
            Figure(entry["metrics"][name], percent=name in shares)
            if name in entry["metrics"]
            else None
            for name in names
        ]
        rows.append([kind, value, entry.get("n", 0), figure(entry), *others])
    columns = ("type", "value", "n", "accuracy", *names)
    return [(f"{f['run']}: by type", columns, rows)] if rows else []


def figure(entry: Mapping[str, Any]) -> Figure | None:
    """A figure with its interval as a table's cell; None where it has no value."""
    if entry["value"] is None:
        return None
    low, high = entry["ci95"] or (None, None)
    return Figure(entry["value"], low, high, percent=entry.get("unit", "share") == "share")


def _provenance(figures: Sequence[Mapping[str, Any]], wide: bool) -> str:
    return "\n".join(line for f in figures for line in _about(f, wide))


def _about(f: Mapping[str, Any], wide: bool) -> list[str]:
    """What a run was, and what of its figures is missing."""
    lines = [
        f"{f['run']}: {f['split']}, {f['writer']} over {f['toolbox']}, {f['language']}, "
        f"seed {f['seed']}",
        f"  ids {f['ids_sha256'][:12]}, commit {f['commit'] or 'unknown'}",
    ]
    if f["vqa"] is not None and f["vqa"]["value"] is not None:
        lines.append(f"  vqa: {f['vqa']['run']}, n = {f['vqa']['n']:,}")
    elif f["vqa"] is not None:
        lines.append(f"  vqa: {f['vqa']['missing']}")
    reasons: dict[str, list[str]] = {}
    for name, entry in f["metrics"].items():
        if entry["value"] is None:
            reasons.setdefault(entry["missing"], []).append(name)
    lines += [f"  {', '.join(names)}: {why}" for why, names in reasons.items()]
    if not wide:
        many = [kind for kind, values in f["by_type"].items() if len(values) > MOST_VALUES]
        lines += [f"  by {' and '.join(many)}: --markdown or --json"] if many else []
    if not f["finished"]:
        lines.append("  NOT FINISHED: start its command again")
    return [visible(line) for line in lines]


def _compared(c: Mapping[str, Any]) -> str:
    low, high = c["ci95"]
    grouped = ""
    if "groups" in c:
        least, most = c["ci95_groups"]
        grouped = (
            f"\n  over {c['groups']:,} groups of them [{100 * least:+.1f}, {100 * most:+.1f}], "
            f"p = {c['p_value_groups']:.3g}"
        )
    return (
        f"second - first: {100 * c['difference']:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
        f", McNemar p = {c['p_value']:.3g}\n"
        f"  on {c['n']:,} common examples, {c['same_answers']:,} of them with the same answer\n"
        f"  {c['gained']:,} right in the second alone, {c['lost']:,} in the first alone{grouped}"
    )
