"""What ``--dry-run`` says, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vprog.report.tables import Cell, print_tables
from vprog.report.text import number

_FASTER = {
    "models": ("passes of models", "a device 10 x as fast at them"),
    "writer": ("the writer", "one 10 x as fast"),
    "programs": ("programs and data", "10 x the cores"),
}


def print_run_plan(plan: Mapping[str, Any]) -> None:
    """Prints what a run will take.

    Args:
        plan: What ``vprog run --dry-run --json`` prints below ``plan``.
    """
    print(f"{plan['n']:,} examples, from a sample of {plan['sample']:,} in this process:")
    _print_totals(plan, f"of which {plan['start_s']:,.0f} s to start")
    print(f"slowest  {plan['stage']}, {plan['shares'][plan['stage']]:.0%} of the time")
    _print_other(plan["cost"])


def print_outline(plan: Mapping[str, Any]) -> None:
    """Prints what a command of several parts will take.

    Args:
        plan: What ``vprog teach`` and ``vprog distill`` print with ``--dry-run --json`` below
            ``plan``.
    """
    rows: list[list[Cell]] = [
        [p["name"], p.get("examples"), p["calls"]["requested"] or None, sum(p["tokens"].values())
         or None, p.get("steps"), p.get("seconds_a_step"), p["storage_mb"], p["seconds"]]
        for p in plan["parts"]
    ]  # fmt: skip
    names = ("part", "examples", "calls", "tokens", "steps", "s a step", "MB", "s")
    print_tables([("from a sample, one job at a time", names, rows)], 110)
    _print_totals(plan, "one job at a time")
    seconds = {p["name"]: p["seconds"] for p in plan["parts"]}
    share = seconds[plan["stage"]] / max(sum(seconds.values()), 1e-9)
    print(f"slowest  {plan['stage']}, {share:.0%} of the time")
    _print_other(plan["cost"])


def _print_totals(plan: Mapping[str, Any], about_time: str) -> None:
    calls, tokens, cost = plan["calls"], plan["tokens"], plan["cost"]
    print(f"calls    {calls['requested']:,}, of which {calls['computed']:,} computed")
    if any(tokens.values()):
        print(f"tokens   {tokens['read']:,} read, {tokens['written']:,} written")
    device = f"{_hours(cost['hours'])} of {cost['device']}"
    print(f"time     {plan['seconds']:,.0f} s, {about_time}: {device}")
    money = [("tokens", plan["dollars"]), ("the device", cost["dollars"])]
    known = [f"{dollars:,.2f} dollars for {what}" for what, dollars in money if dollars is not None]
    if known:
        print(f"money    {', '.join(known)}")
    gpu = f", {cost['device_memory_mb']:,.0f} MB on the GPU" if cost["device_memory_mb"] else ""
    print(f"memory   {cost['memory_mb']:,.0f} MB{gpu}")
    print(f"storage  {plan['storage_mb']:,.1f} MB")


def _print_other(cost: Mapping[str, Any]) -> None:
    what, other = _FASTER[cost["bound"]]
    print(
        f"other    {what}, {cost['share']:.0%} of the time: with {other} "
        f"{_hours(cost['other_hours'])} in place of {_hours(cost['hours'])}"
    )


def _hours(hours: float) -> str:
    return f"{number(hours)} h"
