"""The replay writer: programs that were recorded, in a run's folder or a JSONL file."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from vprog.errors import InputError
from vprog.example import Example
from vprog.program.program import Language, Program, to_language
from vprog.runs.folder import is_run, read_traces
from vprog.writers.writer import Repair, Sampling, Usage

_KEYS = ("id", "program", "language")


class Replay:
    """Writes the programs of an earlier run, or of a file with one JSON object a line.

    A line holds ``id``, ``program``, ``language`` and optionally ``logprob`` and ``question``. The
    record of the chat writer is such a file too. Where the question is known, programs are for no
    other one: other data, and other splits, may have the same ids.
    """

    def __init__(self, source: Path) -> None:
        """Reads all programs.

        Args:
            source: Folder of a run, or JSONL file.

        Raises:
            InputError: Neither, or a line without the needed keys.
        """
        self.name = f"replay:{source}"
        self.usage = Usage()
        self._programs: dict[tuple[str, str], list[tuple[str | None, Program]]] = defaultdict(list)
        self._questions: dict[str, dict[str | None, None]] = defaultdict(dict)
        digest = hashlib.sha256()
        rows = _from_run(source) if is_run(source) else _from_file(source)
        for id, program, question in rows:
            self._programs[id, program.language].append((question, program))
            self._questions[id][question] = None
            digest.update(repr((id, program.language, program.text)).encode())
        self.fingerprint = f"replay {digest.hexdigest()[:16]}"

    def write(
        self, examples: Sequence[Example], language: Language, sampling: Sampling
    ) -> Iterator[Sequence[Program]]:
        """The recorded candidates of each in that language, whatever their number.

        Raises:
            InputError: They were written for another question.
        """
        del sampling
        for example in examples:
            fitting = (None, example.question)
            asked = self._questions.get(example.id, fitting)
            if not any(question in asked for question in fitting):
                raise InputError(
                    f"cannot replay {self.name.partition(':')[2]}: its programs of {example.id!r} "
                    f"are for {next(iter(asked))!r}, and here {example.id!r} is "
                    f"{example.question!r}. Replay what was written for the same data"
                )
            found = self._programs.get((example.id, language), [])
            yield [program for question, program in found if question in fitting]

    def repair(
        self, broken: Sequence[Repair], language: Language, sampling: Sampling
    ) -> Iterator[Program | None]:
        """Nothing: what was recorded is what it is."""
        del language, sampling
        for _ in broken:
            yield None


Row: TypeAlias = tuple[str, Program, str | None]
"""An example's id, a program for it, and its question where it is known."""


def _from_run(source: Path) -> Iterator[Row]:
    for record in sorted(read_traces(source), key=lambda r: r.trace.candidate):
        trace = record.trace
        program = Program(trace.program, to_language(trace.language), trace.logprob)
        for _ in range(max(record.count, 1)):  # those that were merged into it have their vote
            yield trace.example_id, program, record.question


def _from_file(source: Path) -> Iterator[Row]:
    if source.is_dir():
        raise InputError(f"cannot replay {source}: it is a folder without a run.toml")
    try:
        # Not splitlines(): JSON text may hold line separators other than the newline.
        lines = source.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"cannot replay {source}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"cannot replay {source}: no text in UTF-8") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield from _parsed(line)
            except InputError as error:
                raise InputError(f"{source}, line {number}: {error}") from None


def _parsed(line: str) -> Iterator[Row]:
    """The programs of one line of a file: one, or those of an exchange with a chat endpoint.

    Raises:
        InputError: Not as it must be.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"no JSON ({error})") from None
    if not isinstance(row, dict):
        raise InputError(f"want a JSON object with {', '.join(_KEYS)}, got {type(row).__name__}")
    programs = row.pop("programs", None)
    if programs is None:
        yield _program(row)
    elif not isinstance(programs, list) or not all(isinstance(p, dict) for p in programs):
        raise InputError(f"programs must be a list of objects, got {str(programs)[:60]}")
    elif not row.get("repair"):
        ids = row.get("ids", [])
        if not isinstance(ids, list):
            raise InputError(f"ids must be a list of ids, got {str(ids)[:60]}")
        questions = row.get("questions") or {}
        if not isinstance(questions, dict):
            raise InputError(f"questions must be an object, got {str(questions)[:60]}")
        for id in ids:
            asked = {"id": id, "question": questions.get(str(id))}
            for program in programs:
                yield _program(row | program | asked)


def _is_belief(value: Any) -> bool:
    """Whether a value is a number that a log-probability can be: NaN and what overflows are not."""
    return type(value) in (int, float) and abs(value) < 1e9


def _program(row: Mapping[str, Any]) -> Row:
    for key in _KEYS:
        if key not in row:
            raise InputError(f"no key {key!r}; wanted are {', '.join(_KEYS)}")
    id, text, language, logprob = (row.get(k) for k in (*_KEYS, "logprob"))
    if not isinstance(id, str | int) or isinstance(id, bool):
        raise InputError(f"id must be text or a whole number, got {id!r}")
    if not isinstance(text, str):
        raise InputError(f"program must be text, got {type(text).__name__}")
    if not isinstance(language, str):
        raise InputError(f"language must be text, got {type(language).__name__}")
    if logprob is not None and not _is_belief(logprob):
        raise InputError(f"logprob must be a number or left out, got {str(logprob)[:60]}")
    question = row.get("question")
    if question is not None and not isinstance(question, str):
        raise InputError(f"question must be text or left out, got {question!r}")
    return str(id), Program(text, to_language(language), logprob), question
