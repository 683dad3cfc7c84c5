"""A folder that a long command works in: held by one process, for one purpose, timed by phase."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vprog.console import note
from vprog.errors import InputError
from vprog.runs.folder import refuse_strange, write_atomically

PURPOSE = "settings.json"
"""What the folder is for."""


@contextmanager
def held(out: Path, purpose: Mapping[str, Any], but: Collection[str] = ()) -> Iterator[None]:
    """The folder for this command alone; it is made, or has been made for the same purpose.

    Args:
        out: The folder.
        purpose: Everything that decides what comes of it, JSON-like.
        but: Names within its parts, at any depth, that decide nothing; they may change.

    Raises:
        InputError: It cannot be written, is in use, or was made for something else or by others.
    """
    if out.is_dir() and not (out / PURPOSE).is_file():
        refuse_strange(out, ())
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = os.open(out / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}. Choose another --out") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"{out} is in use by another vprog command; wait for it or choose another --out"
            ) from None
        _check(out, json.loads(json.dumps(purpose)), but)
        yield
    finally:
        os.close(lock)


def _check(out: Path, purpose: Mapping[str, Any], but: Collection[str]) -> None:
    file = out / PURPOSE
    if not file.is_file():
        write_atomically(file, json.dumps(purpose, indent=1).encode())
        return
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
        # What an earlier version did not know is as it was where it is not used.
        new = [key for key, value in purpose.items() if key not in before and value]
    except (ValueError, TypeError) as error:
        raise InputError(f"{file} is damaged ({error}); remove {out} and start again") from None
    if new:
        raise InputError(
            f"{out} was made by another command or version of vprog, which knew no {new[0]}. "
            "Choose another --out"
        )
    for key in (key for key in purpose if key in before):
        different = _difference(key, _without(before[key], but), _without(purpose[key], but))
        if different:
            raise InputError(
                f"{out} was made with other settings: {different}. Choose another --out, or "
                "remove the folder"
            )


def _difference(name: str, was: Any, now: Any) -> str:
    """Names the first part that differs; "" where none does."""
    if isinstance(was, dict) and isinstance(now, dict):
        parts = (_difference(f"{name}.{k}", was.get(k), now.get(k)) for k in {**was, **now})
        return next((part for part in parts if part), "")
    said = ["not set" if value is None else repr(value) for value in (was, now)]
    return f"{name} was {said[0]}, now {said[1]}" if was != now else ""


def _without(part: Any, names: Collection[str]) -> Any:
    if not isinstance(part, dict):
        return part
    left = {k: _without(v, names) for k, v in part.items() if k not in names}
    return {k: v for k, v in left.items() if v != {}}


@contextmanager
def phase(out: Path, name: str) -> Iterator[None]:
    """Says that a phase begins, and writes down how long it took."""
    note(name)
    started = time.monotonic()
    yield
    line = json.dumps({"phase": name, "seconds": round(time.monotonic() - started, 1)})
    with (out / "phases.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n" + line)  # what a killed process left of a line ends here


def phases(out: Path) -> dict[str, float]:
    """Seconds by phase, over all starts of the command."""
    seconds: dict[str, float] = {}
    for line in (out / "phases.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            said = json.loads(line)
        except ValueError:  # nothing, or what was left of a line
            continue
        seconds[said["phase"]] = round(seconds.get(said["phase"], 0.0) + said["seconds"], 1)
    return seconds
