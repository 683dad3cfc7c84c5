"""The memo: results of finished calls, in memory and, where a folder is given, on disk.

The key of a call is made of its tool's fingerprint, the content of its pictures, the regions and
the other arguments. A result is on disk before any program sees it, so a killed run computes no
finished call twice.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vprog.engine.codec import from_json, to_json
from vprog.errors import InputError
from vprog.example import Region
from vprog.trace import Result, Value

Key = tuple[Any, ...]
"""``(tool, fingerprint, argument, argument, ...)`` with pictures by digest; hashable."""


class Memo:
    """Results by key: the most recent ones in memory, all of them on disk if there is a file."""

    def __init__(self, path: Path | None = None, entries: int = 200_000) -> None:
        """Opens or creates the memo.

        Args:
            path: SQLite file that outlives the process; None keeps results in memory only.
            entries: Results kept in memory.

        Raises:
            InputError: The file cannot be opened or is no memo.
        """
        self._recent: OrderedDict[Key, tuple[Result, Sequence[str]]] = OrderedDict()
        self._entries = entries
        self._path = path
        self._disk: sqlite3.Connection | None = None
        if path is not None:
            try:
                self._disk = sqlite3.connect(path, isolation_level=None, timeout=30)
                self._disk.execute("PRAGMA journal_mode=WAL")
                self._disk.execute("PRAGMA synchronous=NORMAL")
                self._disk.execute(
                    "CREATE TABLE IF NOT EXISTS results (key BLOB PRIMARY KEY, result TEXT) "
                    "WITHOUT ROWID"
                )
            except sqlite3.Error as error:
                raise InputError(
                    f"cannot open the memo {path}: {error}. If the disk has room, remove the file "
                    "and start the same command again; finished traces are kept"
                ) from None

    def get(self, key: Key, ids: Sequence[str]) -> Result | None:
        """The result of an earlier equal call, or None.

        Args:
            key: Of the call.
            ids: Of the call's pictures, in order of appearance: regions of a remembered result are
                handed out under the names that equal pictures have in the asking program.

        Raises:
            InputError: The file is damaged.
        """
        entry = self._recent.get(key)
        if entry is not None:
            self._recent.move_to_end(key)
            result, known_ids = entry
            return result if known_ids == ids else renamed(result, known_ids, ids)
        if self._disk is None:
            return None
        try:
            row = self._disk.execute(
                "SELECT result FROM results WHERE key = ?", (_hashed(key),)
            ).fetchone()
            if row is None:
                return None
            value, info = json.loads(row[0])
            result = Result(from_json(value, {f"#{n}": id for n, id in enumerate(ids)}), info)
        except (sqlite3.Error, ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"the memo {self._path} is damaged ({error}). Remove it and start the same command "
                "again: finished traces are kept, calls that are needed again are computed again"
            ) from None
        self._keep(key, result, ids)
        return result

    def put(self, items: Sequence[tuple[Key, Result, Sequence[str]]]) -> None:
        """Remembers the results of a batch, on disk first.

        Args:
            items: Key, result and picture ids of every call.

        Raises:
            InputError: The disk is full or the file is damaged; what was stored stays.
        """
        if self._disk is not None:
            rows = []
            for key, result, ids in items:
                names = {id: f"#{n}" for n, id in enumerate(ids)}
                text = json.dumps([to_json(result.value, names), dict(result.info)])
                rows.append((_hashed(key), text))
            try:
                self._disk.execute("BEGIN")
                self._disk.executemany("INSERT OR REPLACE INTO results VALUES (?, ?)", rows)
                self._disk.execute("COMMIT")
            except sqlite3.Error as error:
                raise InputError(
                    f"cannot write the memo {self._path}: {error}. Finished traces are kept; free "
                    "some space and start the same command again"
                ) from None
        for key, result, ids in items:
            self._keep(key, result, ids)

    def close(self) -> None:
        """Closes the file."""
        if self._disk is not None:
            self._disk.close()
            self._disk = None

    def _keep(self, key: Key, result: Result, ids: Sequence[str]) -> None:
        self._recent[key] = (result, ids)
        if len(self._recent) > self._entries:
            self._recent.popitem(last=False)


def renamed(result: Result, old_ids: Sequence[str], new_ids: Sequence[str]) -> Result:
    """A result whose regions name equal pictures as another program does."""
    names = dict(zip(old_ids, new_ids, strict=True))
    return Result(_rename(result.value, names), result.info)


def _rename(value: Value, names: dict[str, str]) -> Value:
    if isinstance(value, Region):
        return value._replace(picture=names.get(value.picture, value.picture))
    if isinstance(value, list):
        return [_rename(item, names) for item in value]
    return value


def _hashed(key: Key) -> bytes:
    return hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
