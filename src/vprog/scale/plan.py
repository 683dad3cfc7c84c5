"""What a run will cost, from a small sample of it.

Two nested samples run for real, by the code of every run, in a folder that is thrown away. What the
larger one takes more than the smaller one is the price of an example; the rest is paid once
(loading models). Samples take all examples of a picture, because they share calls.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vprog.errors import InputError
from vprog.evaluation.run import RunSettings, run_benchmark
from vprog.evaluation.selection import select_examples
from vprog.evaluation.summary import RunSummary
from vprog.example import Example
from vprog.tools.backend import Toolbox

SAMPLE = 240
"""Examples of the larger sample, unless the caller wants another number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is expected to take.

    Attributes:
        n: Examples that will run.
        sample: Examples that were run to find out.
        calls: Of tools by programs, and how many of them backends will compute.
        tokens: Read and written by the writer's model.
        seconds: Wall time on this machine, in one process.
        start_s: What of it is paid once.
        memory_mb: Peak of this process, models included.
        storage_mb: Traces and remembered calls.
        dollars: For tokens; None without prices.
        stage: Where most of the time goes: ``tools``, ``writer`` or ``programs``.
        shares: Of time by stage.
    """

    n: int
    sample: int
    calls: dict[str, int]
    tokens: dict[str, int]
    seconds: float
    start_s: float
    memory_mb: float
    storage_mb: float
    dollars: float | None
    stage: str
    shares: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The object that ``vprog run --dry-run --json`` prints."""
        return {"plan": asdict(self)}


def plan_run(settings: RunSettings, sample: int = SAMPLE, toolbox: Toolbox | None = None) -> Plan:
    """Measures a sample of a run and says what all of it will take.

    Args:
        settings: Of the run.
        sample: Examples of the larger sample.
        toolbox: In place of the one that ``settings.toolbox`` names.

    Raises:
        InputError: What the run itself would raise.
    """
    examples = select_examples(
        settings.benchmark,
        settings.data,
        settings.split,
        settings.limit,
        settings.seed,
        settings.ids,
        settings.types,
    )
    chosen = by_picture(examples, sample, settings.seed)
    sizes = (max(1, len(chosen) // 3), len(chosen))
    small, large = (_measure(settings, chosen[:size], toolbox) for size in sizes)
    return extrapolate(small, large, len(examples))


@dataclass(frozen=True, slots=True)
class Measured:
    """A sample that ran.

    Attributes:
        summary: What it came to.
        given: Examples that it was given; some may have no program.
        stored_mb: Size of its folder.
    """

    summary: RunSummary
    given: int
    stored_mb: float


def extrapolate(small: Measured, large: Measured, n: int) -> Plan:
    """What ``n`` examples will take, from two nested samples."""
    more = large.given - small.given
    summary, counts, usage = large.summary, large.summary.counts, large.summary.usage
    times = n / large.given
    whole = summary.seconds / large.given
    price_s = (summary.seconds - small.summary.seconds) / more if more else whole
    if not 0 < price_s <= whole:  # a busy machine can make the smaller sample slower
        price_s = whole
    start_s = max(0.0, summary.seconds - price_s * large.given)
    shares = _shares(summary, start_s)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Plan(
        n=round(summary.n * times),
        sample=large.given,
        calls={name: round(getattr(counts, name) * times) for name in ("requested", "computed")},
        tokens={
            "read": round(usage.prompt_tokens * times),
            "written": round(usage.completion_tokens * times),
        },
        seconds=round(start_s + price_s * n, 1),
        start_s=round(start_s, 1),
        memory_mb=round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1),
        storage_mb=round(large.stored_mb * times, 1),
        dollars=None if usage.cost is None else round(usage.cost * times, 4),
        stage=max(shares, key=lambda name: shares[name]),
        shares=shares,
    )


def _shares(summary: RunSummary, start_s: float) -> dict[str, float]:
    """Shares of the time after the start. A writer works beside the rest, so what nobody else
    takes is its own where one is asked.
    """
    spent = max(summary.seconds - start_s, 1e-9)
    tools = min(1.0, summary.counts.backend_s / spent)
    rest = round(1 - tools, 3)
    return {"tools": round(tools, 3), "writer" if summary.asked else "programs": rest}


def by_picture(examples: Sequence[Example], size: int, seed: int) -> tuple[str, ...]:
    """Ids of all examples of pictures drawn at random, until there are ``size`` examples.

    Raises:
        InputError: There is no example.
    """
    if not examples:
        raise InputError("there is no example to plan for")
    groups: dict[str, list[str]] = {}
    for example in examples:
        key = example.pictures[0].id if example.pictures else example.id
        groups.setdefault(key, []).append(example.id)
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    ids: list[str] = []
    for group in order:
        if len(ids) >= size:
            break
        ids += group
    return tuple(ids)


def _measure(settings: RunSettings, ids: Sequence[str], toolbox: Toolbox | None) -> Measured:
    with tempfile.TemporaryDirectory(prefix="vprog-plan-") as folder:
        out = Path(folder) / "run"
        summary = run_benchmark(replace(settings, ids=tuple(ids), limit=None), out, toolbox=toolbox)
        kept = [*out.glob("traces/*.parquet"), *out.glob("memo.sqlite*"), *out.glob("*.jsonl")]
        return Measured(summary, len(ids), sum(f.stat().st_size for f in kept) / 1e6)
