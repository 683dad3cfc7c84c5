"""What a run came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vprog.engine.calls import Counts
from vprog.evaluation.failures import count_failures
from vprog.runs.folder import Finished
from vprog.writers import Usage


@dataclass(frozen=True, slots=True)
class CandidateCounts:
    """What became of the programs that were written for a run.

    Attributes:
        written: All of them.
        merged: Those that mean the same as another one of their example.
        repaired: Those that failed their check and were mended.
        skipped: Those that never ran, because the vote was decided without them.
    """

    written: int
    merged: int
    repaired: int
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a run came to.

    Attributes:
        run: The folder.
        n: Examples of the run.
        answered: How many of them got an answer.
        failed: How many of them have none, because the chosen program failed.
        resumed: How many of both an earlier start had finished.
        asked: Whether a model was asked for the programs; otherwise they were known.
        without_program: Examples for which the writer had no program. With gold and recorded
            programs they are no part of the run; where a model was asked they have failed.
        ids_sha256: Names the examples of the run; see ``ids_hash``.
        candidates: What became of the programs.
        errors: Chosen programs by class of failure; see ``count_failures``.
        candidate_errors: The same over all candidates that ran.
        counts: Calls since this start.
        usage: What the writer has used since this start.
        seconds: Wall time of this start.
        ran: Programs that were run since this start.
        failures: Of the chosen programs that failed since this start: by kind how many, and the
            first message.
    """

    run: Path
    n: int
    answered: int
    failed: int
    resumed: int
    asked: bool
    without_program: int
    ids_sha256: str
    candidates: CandidateCounts
    errors: Mapping[str, int]
    candidate_errors: Mapping[str, int]
    counts: Counts
    usage: Usage
    seconds: float
    ran: int
    failures: Mapping[str, tuple[int, str]]

    def to_json(self) -> dict[str, Any]:
        """The object that ``vprog run --json`` prints."""
        counts = self.counts
        return {
            "run": str(self.run),
            "n": self.n,
            "answered": self.answered,
            "failed": self.failed,
            "resumed": self.resumed,
            "without_program": self.without_program,
            "ids_sha256": self.ids_sha256,
            "candidates": asdict(self.candidates),
            "errors": dict(self.errors),
            "candidate_errors": dict(self.candidate_errors),
            "usage": asdict(self.usage),
            "calls": {
                "requested": counts.requested,
                "computed": counts.computed,
                "shared": counts.shared,
                "remembered": counts.remembered,
            },
            "programs_per_s": round(self.ran / self.seconds, 2) if self.seconds else 0.0,
        }


def summarise(
    run: Path,
    finished: Mapping[tuple[str, int], Finished],
    *,
    before: int,
    resumed: int,
    asked: bool,
    left_out: int,
    ids_sha256: str,
    counts: Counts,
    usage: Usage,
    seconds: float,
    failures: Mapping[str, tuple[int, str]],
) -> RunSummary:
    """Sums a run up.

    Args:
        run: The folder.
        finished: All traces that the folder holds.
        before: How many of them were there before this start.
        resumed: Examples that were finished before this start.
        asked: See ``RunSummary``.
        left_out: Examples that are no part of the run, because they have no program.
        ids_sha256: See ``RunSummary``, as the others.
        counts: Of calls.
        usage: Of the writer.
        seconds: Of this start.
        failures: Of this start.
    """
    traces = list(finished.values())
    chosen = [f for f in traces if f.chosen]
    failed = sum(f.judgement == "failed" for f in chosen)
    skipped = sum(f.judgement == "skipped" for f in list(finished.values())[before:])
    return RunSummary(
        run=run,
        n=len(chosen),
        answered=len(chosen) - failed,
        failed=failed,
        resumed=resumed,
        asked=asked,
        without_program=left_out + sum(f.count == 0 for f in chosen),
        ids_sha256=ids_sha256,
        candidates=CandidateCounts(
            written=sum(f.count for f in traces),
            merged=sum(max(f.count - 1, 0) for f in traces),
            repaired=sum(f.repaired for f in traces),
            skipped=sum(f.judgement == "skipped" for f in traces),
        ),
        errors=count_failures((f.judgement, f.kind) for f in chosen),
        candidate_errors=count_failures((f.judgement, f.kind) for f in traces),
        counts=counts,
        usage=usage,
        seconds=seconds,
        ran=len(traces) - before - skipped,
        failures=failures,
    )
