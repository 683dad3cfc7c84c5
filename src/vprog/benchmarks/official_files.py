"""Finding official files: those of a benchmark's authors, wherever they were unpacked."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from vprog.benchmarks.gqa_files import read_scenes
from vprog.errors import InputError
from vprog.example import Picture, Scene

_CELL_BYTES = 64 * 2**20
"""Longest cell of a table; pictures in base64 are longer than what Python's reader expects."""


def find_file(data: Path, names: Sequence[str], source: str) -> Path:
    """The file of the first of ``names`` that is in a folder or one level below it.

    Args:
        data: What the user named with ``--data``.
        names: Names that the file has in the releases, the newest first.
        source: Where the authors publish it, for the message.

    Raises:
        InputError: None of them is there.
    """
    if not data.is_dir():
        raise InputError(f"data folder {data} does not exist. {source}")
    for name in names:
        for path in (data / name, *sorted(data.glob(f"*/{name}"))):
            if path.is_file():
                return path
    also = f" (or {', '.join(names[1:])})" if names[1:] else ""
    raise InputError(f"missing file {data / names[0]}{also}. {source}")


def scenes_beside(data: Path, split: str) -> Mapping[str, Scene]:
    """Gold scenes of a split by name of the picture, where ``<split>_sceneGraphs.json`` is there.

    It is looked for in the folder and one level below it. GQA comes with them and so does drawn
    data; a user's own may.

    Raises:
        InputError: The file is there and wrong.
    """
    name = f"{split}_sceneGraphs.json"
    for path in (data / name, *sorted(data.glob(f"*/{name}"))):
        if path.is_file():
            return read_scenes(path)
    return {}


class Photographs:
    """The pictures of a benchmark by file name, each made once."""

    def __init__(
        self, data: Path, folders: Sequence[str], scenes: Mapping[str, Scene], source: str
    ) -> None:
        """Knows where pictures may be; opens none.

        Args:
            data: What the user named with ``--data``.
            folders: Where they lie below it, likeliest first; ``<folder>.zip`` does as well.
            scenes: Gold scenes by name of the picture without its ending.
            source: Where the authors publish them, for the message.
        """
        self._data = data
        self._folders = [data / folder for folder in folders]
        self._source = source
        self._scenes = scenes
        self._pictures: dict[str, Picture] = {}
        self._archives: dict[Path, Mapping[str, str]] = {}

    def picture(self, name: str, where: str) -> Picture:
        """The picture of that file name, which may hold folders.

        Args:
            name: As the benchmark's files say it.
            where: What asks for it, for the message.

        Raises:
            InputError: There is none.
        """
        if name not in self._pictures:
            path, member = self._find(name, where)
            id = Path(name).with_suffix("").as_posix()
            scene = self._scenes.get(Path(name).stem)
            self._pictures[name] = Picture(id, path=path, member=member, scene=scene)
        return self._pictures[name]

    def _find(self, name: str, where: str) -> tuple[Path, str | None]:
        for folder in (*self._folders, self._data):
            path = folder / name
            if path.is_file():
                return path, None
            archive = folder.with_name(folder.name + ".zip")
            if folder != self._data and (member := self._members(archive).get(Path(name).name)):
                return archive, member
        tried = self._folders[0] / name if self._folders else self._data / name
        raise InputError(f"{where}: missing picture {tried}. {self._source}")

    def _members(self, archive: Path) -> Mapping[str, str]:
        if archive not in self._archives:
            members: list[str] = []
            if archive.is_file():
                try:
                    with zipfile.ZipFile(archive) as opened:
                        members = opened.namelist()
                except (OSError, zipfile.BadZipFile) as error:
                    raise InputError(f"cannot read {archive}: {error}") from error
            self._archives[archive] = {member.rpartition("/")[2]: member for member in members}
        return self._archives[archive]


def read_table(
    path: Path, columns: Sequence[str], tabs: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a table with a header line, each with its place for messages.

    Args:
        path: A CSV file.
        columns: Columns that must be there.
        tabs: Whether tabs part the columns.

    Raises:
        InputError: Unreadable, a column is missing, or a row has not as many cells as the header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(file, path, columns, "\t" if tabs else ",")
    except FileNotFoundError:
        raise InputError(f"missing file {path}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8; save it as UTF-8 first") from None
    except (OSError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _rows(
    file: TextIO, path: Path, columns: Sequence[str], delimiter: str
) -> Iterator[tuple[str, dict[str, str]]]:
    before = csv.field_size_limit(_CELL_BYTES)
    try:
        reader = csv.reader(file, delimiter=delimiter)
        header = next((row for row in reader if row), None)
        if not header:
            raise InputError(f"{path} is empty: a line with the names of its columns is needed")
        named = [name for name in header if name.strip()]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"{path} has the column {twice!r} twice; rename one of them")
        for column in columns:
            if column not in header:
                raise InputError(
                    f"{path} has no column {column!r}. Columns there: {', '.join(header)}"
                )
        for row in reader:
            if not row:
                continue
            where = f"{path}, line {reader.line_num}"
            if len(row) != len(header):
                raise InputError(f"{where}: {len(row)} cells, but {len(header)} columns")
            yield where, dict(zip(header, row, strict=True))
    finally:
        csv.field_size_limit(before)
