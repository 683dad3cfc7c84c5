"""What seconds of this machine come to, and what another one would buy."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vprog.tools.backend import Backend
from vprog.writers.spending import read_hour

TIMES = 10
"""How much faster another machine is taken to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What seconds of this machine come to.

    Attributes:
        device: ``cpu``, or the name of the GPU that was used.
        hours: Of it.
        dollars: For them; None where the prices name no such device.
        memory_mb: Peak of this process so far.
        device_memory_mb: Peak on the GPU so far; 0 without one.
        bound: What takes most of the time: ``models`` (their passes: more or faster devices help),
            ``writer`` (a faster endpoint or device) or ``programs`` (cores).
        share: Of the time.
        other_hours: Where that is done ``TIMES`` times as fast and the rest as before (Amdahl).
    """

    device: str
    hours: float
    dollars: float | None
    memory_mb: float
    device_memory_mb: float
    bound: str
    share: float
    other_hours: float


def cost_of(work: Mapping[str, float], prices: Path | None) -> Cost:
    """The cost of work on this machine.

    Args:
        work: Seconds by what bounds them: ``start`` (nothing does), ``models``, ``writer``,
            ``programs``.
        prices: See ``read_hour``.

    Raises:
        InputError: The prices cannot be read.
    """
    device, device_memory_mb = _device()
    hour = read_hour(prices, device)
    seconds = sum(work.values())
    bound = max(("models", "writer", "programs"), key=lambda kind: work.get(kind, 0.0))
    saved = work.get(bound, 0.0) * (1 - 1 / TIMES)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Cost(
        device=device,
        hours=round(seconds / 3600, 4),
        dollars=None if hour is None else round(seconds / 3600 * hour, 4),
        memory_mb=round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1),
        device_memory_mb=device_memory_mb,
        bound=bound,
        share=round(work.get(bound, 0.0) / max(seconds, 1e-9), 3),
        other_hours=round((seconds - saved) / 3600, 4),
    )


def _device() -> tuple[str, float]:
    """Name of the device that models are on, and megabytes that were taken of it."""
    torch: Any = sys.modules.get("torch")  # where nobody has loaded it, no model has run
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return "cpu", 0.0
    return str(torch.cuda.get_device_name()), round(torch.cuda.max_memory_allocated() / 1e6, 1)


def by_models(backends: Mapping[str, Backend]) -> bool:
    """Whether any of the backends is a model on this machine."""
    from vprog.tools.backends.hf.backend import HuggingFace

    return any(isinstance(backend, HuggingFace) for backend in backends.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a long command, as a sample foretells it.

    Attributes:
        name: Of the part.
        work: Seconds by what bounds them, see ``cost_of``.
        calls: Of tools by programs (``requested``), and those that backends compute.
        tokens: ``read`` and ``written`` by a writer's model.
        storage_mb: That it leaves.
        dollars: For tokens; None without prices.
        facts: What else there is to say: examples, records, steps, seconds a step.
    """

    name: str
    work: Mapping[str, float]
    calls: Mapping[str, int]
    tokens: Mapping[str, int]
    storage_mb: float
    dollars: float | None
    facts: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """Wall time, one job at a time."""
        return sum(self.work.values())

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        said = asdict(self)
        del said["work"], said["facts"]
        return {**said, "seconds": round(self.seconds, 1), **self.facts}


NO_CALLS = {"requested": 0, "computed": 0}
NO_TOKENS = {"read": 0, "written": 0}


def part(name: str, bound: str, seconds: float, storage_mb: float = 0.0, **facts: Any) -> Part:
    """A part without calls and tokens."""
    return Part(
        name=name, work={bound: seconds}, calls=NO_CALLS, tokens=NO_TOKENS,
        storage_mb=round(storage_mb, 1), dollars=None, facts=facts,
    )  # fmt: skip


def merged(name: str, parts: list[Part], **facts: Any) -> Part:
    """Several parts as one."""
    paid = [p.dollars for p in parts if p.dollars is not None]
    return Part(
        name=name,
        work=_sum([p.work for p in parts]),
        calls={key: round(value) for key, value in _sum([p.calls for p in parts]).items()},
        tokens={key: round(value) for key, value in _sum([p.tokens for p in parts]).items()},
        storage_mb=round(sum(p.storage_mb for p in parts), 1),
        dollars=round(sum(paid), 4) if paid else None,
        facts=facts,
    )


def _sum(tables: list[Mapping[str, Any]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for table in tables:
        for key, value in table.items():
            total[key] = total.get(key, 0) + value
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a command of several parts is expected to take.

    Attributes:
        parts: In their order.
        facts: What else there is to say.
        cost: Of all.
    """

    parts: tuple[Part, ...]
    facts: Mapping[str, Any]
    cost: Cost

    def to_json(self) -> dict[str, Any]:
        """The object that a command prints with ``--dry-run --json``."""
        whole = merged("all", list(self.parts)).to_json()
        del whole["name"]
        slowest = max(self.parts, key=lambda one: one.seconds)
        return {
            "plan": {
                **self.facts,
                "parts": [one.to_json() for one in self.parts],
                **whole,
                "stage": slowest.name,
                "cost": asdict(self.cost),
            }
        }


def outline(parts: list[Part], prices: Path | None, **facts: Any) -> Outline:
    """Parts as a whole; see ``cost_of``."""
    return Outline(
        parts=tuple(parts), facts=facts, cost=cost_of(_sum([p.work for p in parts]), prices)
    )
