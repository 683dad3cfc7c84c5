"""From written programs to decided answers: check, repair, merge, run, vote."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from vprog.benchmarks.benchmark import Benchmark
from vprog.engine import Task
from vprog.errors import ProgramError
from vprog.evaluation.candidates import Ballot, Candidate, mended, merge
from vprog.evaluation.writing import Writing, Written
from vprog.example import Example
from vprog.program.check import Checker
from vprog.program.program import Language, Program
from vprog.runs.programs import Repaired
from vprog.runs.record import Record, make_record
from vprog.trace import Trace
from vprog.verify import Verdict
from vprog.writers import Repair

_SKIPPED = Verdict("skipped", None, "the vote was decided without it")


@dataclass(slots=True)
class _Broken:
    """An example of which some programs are at their writer for repair."""

    example: Example
    candidates: list[Candidate]
    errors: dict[str, ProgramError]
    """By text of the program."""


@dataclass(slots=True)
class _Running:
    """An example whose candidates run."""

    example: Example
    candidates: list[Candidate]
    ballot: Ballot | None
    """None where all candidates run and the first one's answer counts."""
    records: dict[int, Record] = field(default_factory=dict)


class Questions:
    """The examples between their writer and the engine.

    Tasks go to the engine, its traces come back; once the answer of an example is decided, its
    records are complete.
    """

    def __init__(
        self,
        writing: Writing,
        checker: Checker,
        benchmark: Benchmark,
        language: Language,
        *,
        vote: bool,
        repaired: Mapping[tuple[str, str], Program | None] | None = None,
    ) -> None:
        """Starts without an example.

        Args:
            writing: Where programs come from.
            checker: Says what is broken.
            benchmark: Judges answers.
            language: Of programs.
            vote: Whether candidates vote, and run only while their vote can matter.
            repaired: What earlier starts have got back, by example id and broken text.
        """
        self._writing = writing
        self._checker = checker
        self._benchmark = benchmark
        self._language: Language = language
        self._vote = vote
        self._repaired = dict(repaired or {})
        self._broken: dict[str, _Broken] = {}
        self._running: dict[str, _Running] = {}
        self._due: deque[Task] = deque()

    def tasks(self) -> Iterator[Task | None]:
        """What to run, in the way that ``Engine.run`` takes it: None for nothing now."""
        while True:
            if self._due:
                yield self._due.popleft()
                continue
            item = self._writing.next(wait=not self._running)
            if isinstance(item, Written):
                self._take(item)
            elif isinstance(item, Repaired):
                self._take_back(item)
            elif self._running:
                yield None
            elif self._writing.ended:
                return

    def _take(self, written: Written) -> None:
        """Checks programs; what is broken goes back to the writer, once."""
        programs = written.programs or [Program("", self._language)]
        count = 1 if written.programs else 0
        candidates = [Candidate(program=p, count=count) for p in programs]
        errors = self._errors(written.example, candidates) if self._writing.repairs else {}
        broken = _Broken(written.example, candidates, errors)
        id = written.example.id
        for text in [t for t in errors if (id, t) in self._repaired]:
            self._mend(broken, Repaired(id, text, self._repaired.pop((id, text))))
        if not broken.errors:
            self._start(broken.example, broken.candidates)
            return
        self._broken[id] = broken
        by_text = {c.program.text: c.program for c in candidates}
        self._writing.repair(
            [Repair(written.example, by_text[t], str(e)) for t, e in broken.errors.items()]
        )

    def _errors(self, example: Example, candidates: list[Candidate]) -> dict[str, ProgramError]:
        errors: dict[str, ProgramError] = {}
        for candidate in candidates:
            program = candidate.program
            if not program.text.strip() or program.text in errors:
                continue
            try:
                self._checker.check(program, len(example.pictures))
            except ProgramError as error:
                errors[program.text] = error
        return errors

    def _take_back(self, repaired: Repaired) -> None:
        broken = self._broken[repaired.example_id]
        self._mend(broken, repaired)
        if not broken.errors:
            del self._broken[repaired.example_id]
            self._start(broken.example, broken.candidates)

    def _mend(self, broken: _Broken, repaired: Repaired) -> None:
        error = broken.errors.pop(repaired.broken)
        broken.candidates = [
            mended(c, error, repaired.program)
            if c.original is None and c.program.text == repaired.broken
            else c
            for c in broken.candidates
        ]

    def _start(self, example: Example, candidates: list[Candidate]) -> None:
        candidates = merge(candidates)
        ballot = Ballot(candidates) if self._vote and len(candidates) > 1 else None
        running = self._running[example.id] = _Running(example, candidates, ballot)
        self._run(running, range(len(candidates)) if ballot is None else ballot.next())

    def _run(self, running: _Running, numbers: Iterable[int]) -> None:
        self._due.extend(Task(running.example, running.candidates[n].program, n) for n in numbers)

    def end(self, trace: Trace) -> list[Record]:
        """Takes the trace of a task.

        Returns:
            All records of its example in the order of candidates, once its answer is decided.
        """
        running = self._running[trace.example_id]
        record = make_record(trace, running.example, self._benchmark.verify)
        running.records[trace.candidate] = record
        ballot = running.ballot
        chosen = 0
        if ballot is None:
            if len(running.records) < len(running.candidates):
                return []
        else:
            ballot.cast(trace.candidate, record.verdict.answer)
            if ballot.running:
                return []
            if not ballot.decided:
                self._run(running, ballot.next())
                return []
            chosen = ballot.winner
        del self._running[trace.example_id]
        return [
            replace(
                running.records.get(n) or self._skipped(running, n),
                chosen=n == chosen,
                count=candidate.count,
                original=candidate.original,
                complaint=candidate.complaint,
            )
            for n, candidate in enumerate(running.candidates)
        ]

    def _skipped(self, running: _Running, number: int) -> Record:
        program = running.candidates[number].program
        trace = Trace(
            running.example.id, number, program.language, program.text, logprob=program.logprob
        )
        return make_record(trace, running.example, lambda *_: _SKIPPED)
