"""The replay writer: programs that were recorded, in a run's folder or a JSONL file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from vprog.errors import InputError
from vprog.example import Example
from vprog.program.program import Language, Program, to_language
from vprog.runs.folder import is_run, read_traces


class Replay:
    """Writes the programs of an earlier run, or of a file with one JSON object a line.

    A line holds ``id``, ``program``, ``language`` and optionally ``logprob``.
    """

    def __init__(self, source: Path) -> None:
        """Reads all programs.

        Args:
            source: Folder of a run, or JSONL file.

        Raises:
            InputError: Neither, or a line without the needed keys.
        """
        self.name = f"replay:{source}"
        self._programs: dict[tuple[str, str], list[Program]] = defaultdict(list)
        rows = _from_run(source) if is_run(source) else _from_file(source)
        for id, program in rows:
            self._programs[id, program.language].append(program)

    def write(self, example: Example, language: Language) -> Sequence[Program]:
        """The recorded candidates of that example in that language."""
        return self._programs.get((example.id, language), [])


def _from_run(source: Path) -> Iterator[tuple[str, Program]]:
    for record in sorted(read_traces(source), key=lambda r: r.trace.candidate):
        trace = record.trace
        yield trace.example_id, Program(trace.program, to_language(trace.language), trace.logprob)


def _from_file(source: Path) -> Iterator[tuple[str, Program]]:
    try:
        lines = source.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot replay {source}: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            program = Program(row["program"], to_language(row["language"]), row.get("logprob"))
            yield str(row["id"]), program
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{source}, line {number}: want a JSON object with id, program and language "
                f"({type(error).__name__}: {error})"
            ) from None
