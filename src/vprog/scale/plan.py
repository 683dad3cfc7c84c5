"""What a run will cost, from a small sample of it.

Nested samples run for real, by the code of every run, in a folder that is thrown away. First the
examples of one picture, so that what is paid once (imports, loading models) is known and out of the
way; then two samples, of which what the larger one takes more than the smaller one is the price of
an example. Samples take all examples of a picture, because they share calls.
"""

from __future__ import annotations

import random
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
from vprog.scale.cost import Cost, Part, by_models, cost_of, part
from vprog.tools.backend import Toolbox
from vprog.tools.toolboxes import load_toolbox

SAMPLE = 240
"""Examples of the larger sample, unless the caller wants another number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is expected to take.

    Attributes:
        n: Examples that will run.
        selected: Examples that are looked at; some may have no program.
        sample: Examples that were run to find out.
        calls: Of tools by programs, and how many of them backends will compute.
        tokens: Read and written by the writer's model.
        seconds: Wall time on this machine, in one process.
        start_s: What of it is paid once.
        again_s: What of ``start_s`` another run in the same process pays, too: models are loaded
            again, modules are not imported again.
        memory_mb: Peak of this process, models included.
        storage_mb: Traces and remembered calls.
        dollars: For tokens; None without prices.
        stage: Where most of the time goes: ``tools``, ``writer`` or ``programs``.
        shares: Of time by stage.
        work: Seconds by what bounds them, see ``cost_of``.
        cost: Of all.
    """

    n: int
    selected: int
    sample: int
    calls: dict[str, int]
    tokens: dict[str, int]
    seconds: float
    start_s: float
    again_s: float
    memory_mb: float
    storage_mb: float
    dollars: float | None
    stage: str
    shares: dict[str, float]
    work: dict[str, float]
    cost: Cost

    def to_json(self) -> dict[str, Any]:
        """The object that ``vprog run --dry-run --json`` prints."""
        return {"plan": asdict(self)}


def plan_run(
    settings: RunSettings,
    sample: int = SAMPLE,
    toolbox: Toolbox | None = None,
    keep: Path | None = None,
) -> Plan:
    """Measures a sample of a run and says what all of it will take.

    Args:
        settings: Of the run.
        sample: Examples of the larger sample.
        toolbox: In place of the one that ``settings.toolbox`` names.
        keep: Folder for the larger sample's run; it is thrown away if left out.

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
    one = len(by_picture(examples, 1, settings.seed))
    with tempfile.TemporaryDirectory(prefix="vprog-plan-") as folder:
        runs = [Path(folder) / name for name in ("one", "small", "large")]
        runs[-1] = keep or runs[-1]
        sizes = (one, max(one, len(chosen) // 3), len(chosen))
        first, small, large = (
            _measure(settings, chosen[:size], toolbox, run)
            for size, run in zip(sizes, runs, strict=True)
        )
    return extrapolate(
        small,
        large,
        len(examples),
        first=first,
        models=by_models((toolbox or load_toolbox(settings.toolbox)).backends),
        prices=settings.writer_settings.prices,
    )


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


def extrapolate(
    small: Measured,
    large: Measured,
    n: int,
    *,
    first: Measured | None = None,
    models: bool = False,
    prices: Path | None = None,
) -> Plan:
    """What ``n`` examples will take, from nested samples.

    Args:
        small: Of fewer examples.
        large: Of more.
        n: Examples of the run.
        first: The sample that ran first of all and paid what is paid once.
        models: Whether models answer for tools.
        prices: See ``read_hour``.
    """
    more = large.given - small.given
    summary, counts, usage = large.summary, large.summary.counts, large.summary.usage
    times = n / large.given
    whole = summary.seconds / large.given
    price_s = (summary.seconds - small.summary.seconds) / more if more else whole
    if not 0 < price_s <= whole:  # a busy machine can make the smaller sample slower
        price_s = whole
    start_s = again_s = max(0.0, summary.seconds - price_s * large.given)
    shares = _shares(summary, start_s)
    if first is not None:
        start_s = max(start_s, first.summary.seconds - price_s * first.given)
    work = {"start": start_s}
    for stage, share in shares.items():
        bound = stage if stage != "tools" else "models" if models else "programs"
        work[bound] = work.get(bound, 0.0) + share * price_s * n
    cost = cost_of(work, prices)
    return Plan(
        n=round(summary.n * times),
        selected=n,
        sample=large.given,
        calls={name: round(getattr(counts, name) * times) for name in ("requested", "computed")},
        tokens={
            "read": round(usage.prompt_tokens * times),
            "written": round(usage.completion_tokens * times),
        },
        seconds=round(start_s + price_s * n, 1),
        start_s=round(start_s, 1),
        again_s=round(again_s, 3),
        memory_mb=cost.memory_mb,
        storage_mb=round(large.stored_mb * times, 1),
        dollars=None if usage.cost is None else round(usage.cost * times, 4),
        stage=max(shares, key=lambda name: shares[name]),
        shares=shares,
        work=work,
        cost=cost,
    )


def run_part(name: str, plan: Plan, examples: int | None = None, starts: int = 1) -> Part:
    """Runs as a part of a longer command, whose imports are a part by themselves (``imports``).

    Args:
        name: Of the part.
        plan: Of one run.
        examples: Of all such runs together; those of the plan if left out.
        starts: How many runs they are.
    """
    examples = plan.selected if examples is None else examples
    times = examples / plan.selected
    work = {bound: seconds * times for bound, seconds in plan.work.items()}
    work["start"] = plan.again_s * starts
    return Part(
        name=name,
        work=work,
        calls={key: round(count * times) for key, count in plan.calls.items()},
        tokens={key: round(count * times) for key, count in plan.tokens.items()},
        storage_mb=round(plan.storage_mb * times, 1),
        dollars=None if plan.dollars is None else round(plan.dollars * times, 4),
        facts={"examples": examples},
    )


def imports(plan: Plan) -> Part:
    """What a longer command pays once, of which ``plan`` is the first run."""
    return part("imports", "start", plan.work["start"] - plan.again_s)


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


def _measure(
    settings: RunSettings, ids: Sequence[str], toolbox: Toolbox | None, out: Path
) -> Measured:
    summary = run_benchmark(replace(settings, ids=tuple(ids), limit=None), out, toolbox=toolbox)
    kept = [*out.glob("traces/*.parquet"), *out.glob("memo.sqlite*"), *out.glob("*.jsonl")]
    return Measured(summary, len(ids), sum(f.stat().st_size for f in kept) / 1e6)
