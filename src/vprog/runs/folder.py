"""A run's folder: settings, append-only traces, memo; valid at any moment.

::

    run.toml                 resolved settings, versions, fingerprints, ids and their hash
    programs.jsonl           what a writer's model has written
    exchanges.jsonl          what a chat endpoint was asked and replied
    traces/part-00000.parquet ...   finished traces; parts are written beside and renamed into place
    memo.sqlite              results of calls
    metrics.json             what `vprog score` found
    report.html              what `vprog view` wrote
"""

from __future__ import annotations

import fcntl
import os
import time
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.errors import InputError
from vprog.runs.record import Record, from_row, schema, to_row

if TYPE_CHECKING:
    import pyarrow as pa

FLUSH_ROWS = 1000
"""Finished traces after which a part is written."""
FLUSH_S = 5.0
"""Seconds after which a part is written."""
NEEDED_SETTINGS = ("benchmark", "data", "split", "writer", "toolbox", "language", "seed", "n")
"""Settings without which a run cannot be scored or shown."""

_HASHES = {
    "ids_sha256": "it is of other examples",
    "examples_sha256": "questions or labels of the examples have changed",
    "programs_sha256": "the programs have changed",
}
_FINISHED = (
    "example_id", "candidate", "judgement", "failure.kind", "chosen", "count", "original",
)  # fmt: skip


def is_run(path: Path) -> bool:
    """Whether a folder holds a run."""
    return (path / "run.toml").is_file()


def refuse_strange(folder: Path, known: Collection[str]) -> None:
    """Refuses a folder in which there is something else than a command's first files.

    Args:
        folder: That a command wants for itself.
        known: Names that may be there; hidden files, logs and settings may, too.

    Raises:
        InputError: There is something else.
    """
    for path in sorted(folder.iterdir()):
        own = path.suffix in (".log", ".out", ".toml") and path.name != "run.toml"
        if path.name not in known and not path.name.startswith(".") and not own:
            raise InputError(
                f"{folder} is a folder that holds other things ({path.name}); choose another --out"
            )


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a run.

    Raises:
        InputError: No run is there, or its settings are damaged.
    """
    file = path / "run.toml"
    try:
        settings = tomllib.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{path} is no run: it has no run.toml. `vprog run ... --out {path}` makes one"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(_damaged_settings(file, str(error))) from None
    missing = [key for key in NEEDED_SETTINGS if key not in settings]
    if missing:
        raise InputError(_damaged_settings(file, f"{', '.join(missing)} missing"))
    return settings


def _damaged_settings(file: Path, why: str) -> str:
    return (
        f"{file} is damaged ({why}). Remove it and start the same command again: finished traces "
        "are kept"
    )


def _read_part(part: Path, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a part.

    Raises:
        ValueError: It is damaged, with a short reason.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(part, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(schema()):
                raise ValueError("it is no table of traces of this version")
            rows: list[dict[str, Any]] = file.read(columns and list(columns)).to_pylist()
            return rows
    except (OSError, pa.ArrowException) as error:
        raise ValueError(str(error).splitlines()[0]) from None


def read_traces(path: Path) -> Iterator[Record]:
    """All finished traces of a run, in the order in which they ended.

    Raises:
        InputError: No run is there, or a part is damaged.
    """
    read_settings(path)
    for part in sorted((path / "traces").glob("part-*.parquet")):
        try:
            yield from map(from_row, _read_part(part))
        except ValueError as error:
            raise InputError(
                f"{part} is damaged ({error}). Remove it and start the same command again: what "
                "it held runs again"
            ) from None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run's folder says of a trace that it holds, see ``Record``.

    Attributes:
        judgement: The verdict's.
        kind: Of its failure; None where it did not fail.
        chosen: Whether it gave the example's answer.
        count: How many written programs it stands for.
        repaired: Whether its program was repaired.
    """

    judgement: str
    kind: str | None
    chosen: bool
    count: int
    repaired: bool


class RunFolder:
    """A run's folder, open for writing by one process; a context manager.

    Attributes:
        path: The folder.
        finished: What was there and what was added, by example id and candidate.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Creates the folder, or opens it to go on with the same run.

        Args:
            path: The folder.
            settings: What makes the run this run, TOML-like; sub-table ``facts`` may differ.

        Raises:
            InputError: Not writable, in use by another process, or it holds a different run.
        """
        self.path = path
        self.finished: dict[tuple[str, int], Finished] = {}
        self._rows: list[dict[str, Any]] = []
        self._next_part = 0
        self._flushed_at = time.monotonic()
        self._lock: int | None = None
        if path.is_dir() and not is_run(path) and not (path / "traces").is_dir():
            refuse_strange(path, ("exchanges.jsonl",))
        try:
            (path / "traces").mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise InputError(
                f"cannot write to {path}: {error.strerror}. Choose another --out"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            self._lock = None
            raise InputError(
                f"{path} is in use by another vprog command; wait for it or choose another --out"
            ) from None
        try:
            self._open(settings)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> RunFolder:
        """The folder itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Writes what is pending and gives the folder free."""
        try:
            self.flush()
        finally:
            self.close()

    def _open(self, settings: Mapping[str, Any]) -> None:
        if is_run(self.path):
            different = _first_difference(read_settings(self.path), settings)
            if different:
                raise InputError(
                    f"{self.path} holds a different run: {different}. Choose another --out, or "
                    "remove the folder"
                )
        else:
            write_atomically(self.path / "run.toml", to_toml(settings).encode())
        for left in (self.path / "traces").glob(".part-*"):  # of a process that was killed
            left.unlink(missing_ok=True)
        for part in sorted((self.path / "traces").glob("part-*")):
            number = part.name[5:].partition(".")[0]
            if number.isdigit():
                self._next_part = max(self._next_part, int(number) + 1)
            if part.suffix == ".parquet":
                self._take(part)

    def _take(self, part: Path) -> None:
        """Learns what a part holds; one that is damaged is put aside, so that it runs again."""
        try:
            rows = _read_part(part, _FINISHED)
        except ValueError as error:
            from vprog.console import note

            aside = part.with_suffix(".damaged")
            os.replace(part, aside)
            note(f"{part.name} is damaged ({error}); kept as {aside.name}, its programs run again")
            return
        self._learn(rows)

    def _learn(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for r in rows:
            self.finished[r["example_id"], r["candidate"]] = Finished(
                r["judgement"],
                r["failure"] and r["failure"]["kind"],
                r["chosen"],
                r["count"],
                r["original"] is not None,
            )

    def append_table(self, table: pa.Table) -> list[dict[str, Any]]:
        """Adds finished traces that another process has made, as a part of their own.

        Args:
            table: Of ``schema()``, all traces of its examples together. Rows that the folder holds
                already are left out, so that each is there once.

        Returns:
            Of each row that was added: id, candidate, judgement, failure, chosen, count, original.

        Raises:
            InputError: The disk is full or not writable; parts written before stay valid.
        """
        self.flush()
        columns = list(dict.fromkeys(name.partition(".")[0] for name in _FINISHED))
        rows = table.select(columns).to_pylist()
        new = [(r["example_id"], r["candidate"]) not in self.finished for r in rows]
        if not any(new):
            return []
        added = [row for row, is_new in zip(rows, new, strict=True) if is_new]
        self._write(table if all(new) else table.filter(new))
        self._learn(added)
        return added

    def append(self, *records: Record) -> None:
        """Adds the finished traces of an example; they reach the disk together, in one part.

        Raises:
            InputError: The disk is full or not writable; parts written before stay valid.
        """
        rows = [to_row(record) for record in records]  # an interruption adds all or none
        self._rows += rows
        for record in records:
            trace = record.trace
            self.finished[trace.example_id, trace.candidate] = Finished(
                record.verdict.judgement,
                None if trace.failure is None else trace.failure.kind,
                record.chosen,
                record.count,
                record.original is not None,
            )
        if len(self._rows) >= FLUSH_ROWS or time.monotonic() - self._flushed_at > FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Writes pending traces as a part.

        Raises:
            InputError: The disk is full or not writable; parts written before stay valid.
        """
        self._flushed_at = time.monotonic()
        if not self._rows:
            return
        import pyarrow as pa

        # In this order an interruption at any point loses no row and writes none twice: until the
        # rows are dropped, the next flush writes the same part again.
        self._write(pa.Table.from_pylist(self._rows, schema=schema()), then=self._rows.clear)

    def _write(self, table: pa.Table, then: Callable[[], object] = lambda: None) -> None:
        import io

        import pyarrow.parquet as pq

        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
        name = f"part-{self._next_part:05d}.parquet"
        write_atomically(self.path / "traces" / name, buffer.getvalue())
        then()
        self._next_part += 1

    def close(self) -> None:
        """Gives the folder free."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Names the first setting that differs, in their order and in sub-tables; "" where none."""
    for key in dict.fromkeys((*new, *old)):
        if key == "facts" or (key == "examples_sha256" and key not in old):  # an older run's
            continue
        was, now = old.get(key), new.get(key)
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            inner = _first_difference(was, now)
            if inner:
                return f"{key}.{inner}"
        elif was != now and key in _HASHES:
            return _HASHES[key]
        elif was != now:
            return f"{key} was {_setting(was)}, now {_setting(now)}"
    return ""


def _setting(value: Any) -> str:
    return "not set" if value is None else repr(value)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that it is either complete or not there.

    Raises:
        InputError: The disk is full or not writable, or the folder was removed.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        if not path.parent.is_dir():
            raise InputError(
                f"cannot write {path}: its folder was removed while this ran; start the same "
                "command again"
            ) from None
        raise InputError(
            f"cannot write {path}: {error.strerror}. What was written before is kept; make room "
            "and start the same command again"
        ) from None


def to_toml(settings: Mapping[str, Any]) -> str:
    """Plain settings as TOML; sub-mappings become tables."""
    import json

    def scalar(value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(scalar(v) for v in value) + "]"
        # JSON text and numbers are valid TOML, but for the one control character that JSON allows.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

    plain = {k: v for k, v in settings.items() if not isinstance(v, Mapping) and v is not None}
    tables = {k: v for k, v in settings.items() if isinstance(v, Mapping)}
    lines = [f"{key} = {scalar(value)}" for key, value in plain.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]"]
        lines += [f"{json.dumps(k)} = {scalar(v)}" for k, v in table.items() if v is not None]
    return "\n".join(lines) + "\n"
