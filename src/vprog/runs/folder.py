"""A run's folder: settings, append-only traces, memo; valid at any moment.

::

    run.toml                 resolved settings, versions, fingerprints, ids and their hash
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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vprog.errors import InputError
from vprog.runs.record import Record, from_row, schema, to_row

FLUSH_ROWS = 1000
"""Finished traces after which a part is written."""
FLUSH_S = 5.0
"""Seconds after which a part is written."""


def is_run(path: Path) -> bool:
    """Whether a folder holds a run."""
    return (path / "run.toml").is_file()


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a run.

    Raises:
        InputError: No run is there, or its settings are damaged.
    """
    try:
        return tomllib.loads((path / "run.toml").read_text("utf-8"))
    except OSError:
        raise InputError(
            f"{path} is no run: it has no run.toml. `vprog run ... --out {path}` makes one"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path / 'run.toml'} is damaged: {error}") from None


def read_traces(path: Path) -> Iterator[Record]:
    """All finished traces of a run, in the order in which they ended.

    Raises:
        InputError: No run is there, or a part is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    read_settings(path)
    for part in sorted((path / "traces").glob("part-*.parquet")):
        try:
            table = pq.read_table(part)
        except (OSError, pa.ArrowException) as error:
            raise InputError(
                f"{part} is damaged ({str(error).splitlines()[0]}). Remove it and start the same "
                "command again: what it held is computed anew"
            ) from None
        for row in table.to_pylist():
            yield from_row(row)


class RunFolder:
    """A run's folder, open for writing by one process; a context manager.

    Attributes:
        path: The folder.
        finished: ``(example id, candidate)`` of the traces that are there.
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
        self.finished: set[tuple[str, int]] = set()
        self._rows: list[dict[str, Any]] = []
        self._flushed_at = time.monotonic()
        self._lock: int | None = None
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
            old = read_settings(self.path)
            for key in sorted((set(old) | set(settings)) - {"facts"}):
                if old.get(key) != settings.get(key):
                    raise InputError(
                        f"{self.path} holds a different run ({key} was {old.get(key)!r}, now "
                        f"{settings.get(key)!r}). Choose another --out, or remove the folder"
                    )
            self.finished = {
                (r["example_id"], r["candidate"]) for r in self._columns("example_id", "candidate")
            }
        else:
            write_atomically(self.path / "run.toml", to_toml(settings).encode())

    def _columns(self, *names: str) -> Iterator[dict[str, Any]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        for part in sorted((self.path / "traces").glob("part-*.parquet")):
            try:
                yield from pq.read_table(part, columns=list(names)).to_pylist()
            except (OSError, pa.ArrowException) as error:
                aside = part.with_suffix(".damaged")
                os.replace(part, aside)
                from vprog.console import note

                note(
                    f"{part.name} is damaged ({str(error).splitlines()[0]}); kept as {aside.name}, "
                    "its programs run again"
                )

    def append(self, record: Record) -> None:
        """Adds a finished trace; it reaches the disk with the next part.

        Raises:
            InputError: The disk is full or not writable; parts written before stay valid.
        """
        self._rows.append(to_row(record))
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
        import io

        import pyarrow as pa
        import pyarrow.parquet as pq

        parts = [
            int(p.stem[5:]) for p in (self.path / "traces").glob("part-*.*") if p.stem[5:].isdigit()
        ]
        buffer = io.BytesIO()
        pq.write_table(
            pa.Table.from_pylist(self._rows, schema=schema()), buffer, compression="zstd"
        )
        name = f"part-{max(parts, default=-1) + 1:05d}.parquet"
        rows, self._rows = self._rows, []
        write_atomically(self.path / "traces" / name, buffer.getvalue())
        self.finished.update((r["example_id"], r["candidate"]) for r in rows)

    def close(self) -> None:
        """Gives the folder free."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file so that it is either complete or not there.

    Raises:
        InputError: The disk is full or not writable.
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
        # JSON text and numbers are valid TOML.
        return json.dumps(value, ensure_ascii=False)

    plain = {k: v for k, v in settings.items() if not isinstance(v, Mapping) and v is not None}
    tables = {k: v for k, v in settings.items() if isinstance(v, Mapping)}
    lines = [f"{key} = {scalar(value)}" for key, value in plain.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]"]
        lines += [f"{json.dumps(k)} = {scalar(v)}" for k, v in table.items() if v is not None]
    return "\n".join(lines) + "\n"
