"""What a writer has written for a run, appended as it comes: a killed run asks for nothing twice.

``programs.jsonl`` in the run's folder holds one JSON object a line, of two sorts::

    {"id": "q1", "programs": [{"text": "...", "logprob": -1.5}]}         candidates, as written
    {"id": "q1", "broken": "...", "program": {"text": ..., "logprob": ...}}   a repair, or null
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vprog.errors import InputError
from vprog.program.program import Language, Program

NAME = "programs.jsonl"


class Repaired(NamedTuple):
    """What came of a program that was sent back to its writer.

    Attributes:
        example_id: What it was written for.
        broken: Its text as it failed.
        program: The new one; None where the writer had none.
    """

    example_id: str
    broken: str
    program: Program | None


class ProgramLog:
    """The file, open for appending; a context manager.

    Attributes:
        written: Ids of the examples whose candidates are there.
    """

    def __init__(self, folder: Path, language: Language) -> None:
        """Opens or creates the file; a last line that was cut short is dropped.

        Args:
            folder: Of the run; this process must hold its lock.
            language: Of all programs.

        Raises:
            InputError: Not readable or writable, or a line in the middle is damaged.
        """
        self.path = folder / NAME
        self.written: set[str] = set()
        self._language = language
        try:
            self._file = open(self.path, "ab+", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror}") from None
        try:
            for row in self._rows():
                if "programs" in row:
                    self.written.add(row["id"])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ProgramLog:
        """The log itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the file."""
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        end = 0
        with open(self.path, "rb") as lines:  # buffered, as the file that is written is not
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    self._file.truncate(end)  # its process was killed while it wrote this
                    return
                end += len(line)
                try:
                    row = json.loads(line)
                    if not (isinstance(row["id"], str) and row.keys() & {"programs", "program"}):
                        raise ValueError
                    yield row
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise InputError(
                        f"{self.path}, line {number} is damaged. Remove that line and start the "
                        "same command again: its example is written again"
                    ) from None

    def read(
        self, wanted: Mapping[str, Any]
    ) -> tuple[dict[str, list[Program]], dict[tuple[str, str], Program | None]]:
        """What was written before for some examples.

        Args:
            wanted: Has their ids as keys.

        Returns:
            Candidates by example id in the order of writing, and repairs by example id and text.
        """
        written: dict[str, list[Program]] = {}
        repaired: dict[tuple[str, str], Program | None] = {}
        for row in self._rows():
            if row["id"] not in wanted:
                continue
            if "programs" in row:
                written[row["id"]] = [self._program(p) for p in row["programs"]]
            else:
                new = row["program"]
                repaired[row["id"], row["broken"]] = None if new is None else self._program(new)
        return written, repaired

    def _program(self, row: Mapping[str, Any]) -> Program:
        return Program(row["text"], self._language, row["logprob"])

    def write(self, example_id: str, programs: Sequence[Program]) -> None:
        """Appends the candidates of an example.

        Raises:
            InputError: The disk is full; what was appended before is kept.
        """
        self._append({"id": example_id, "programs": [_row(p) for p in programs]})

    def repair(self, repaired: Repaired) -> None:
        """Appends what came of a repair.

        Raises:
            InputError: The disk is full; what was appended before is kept.
        """
        id, broken, program = repaired
        new = None if program is None else _row(program)
        self._append({"id": id, "broken": broken, "program": new})

    def _append(self, row: Mapping[str, Any]) -> None:
        data = json.dumps(row).encode() + b"\n"
        try:
            written = self._file.write(data)
            if written != len(data):
                raise OSError(28, "No space left on device")
        except OSError as error:
            raise InputError(
                f"cannot write {self.path}: {error.strerror}. What was written before is kept; "
                "make room and start the same command again"
            ) from None


def _row(program: Program) -> dict[str, Any]:
    return {"text": program.text, "logprob": program.logprob}
