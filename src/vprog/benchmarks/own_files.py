"""Rows of a user's own data set: JSONL, JSON, CSV, TSV, Parquet, and what ``datasets`` saves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.benchmarks.gqa_files import read_json, read_jsonl
from vprog.benchmarks.official_files import read_table
from vprog.errors import InputError, PictureError

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = (".jsonl", ".json", ".csv", ".tsv")
ENDINGS = (*TEXTS, ".parquet", ".arrow")

_BESIDE = ("_sceneGraphs", "dataset_info", "dataset_dict", "state")
"""Ends of the names of files that lie beside data and hold no questions."""

Row = tuple[str, Mapping[str, Any]]
"""Its place for messages, and its cells by column."""


def find_tables(data: Path, split: str) -> list[Path]:
    """The files that hold a split, in their order.

    A file is itself, whatever the split. In a folder it is, in this order: what ``datasets`` saved
    for the split (``save_to_disk``), ``<split>.<ending>``, or shards ``<split>-*.<ending>``, both
    there or in ``data/``; and for the split ``all`` the only file that the folder has.

    Raises:
        InputError: There is none, or two would hold the same; the message lists what is there.
    """
    if data.is_file():
        if data.suffix not in ENDINGS:
            raise InputError(f"{data} is none of {', '.join(ENDINGS)}")
        return [data]
    if not data.is_dir():
        raise InputError(f"data {data} does not exist. Name a file or folder with --data")
    saved = data if split == "all" else data / split
    for folder in (data / split, saved):
        if (folder / "state.json").is_file():
            return _saved(folder)
    there = [
        path
        for folder in (data, data / "data")
        for path in sorted(folder.glob("*"))
        if path.suffix in ENDINGS
        and not path.stem.endswith(_BESIDE)
        and not path.name.endswith("_world.json")
    ]
    found = [path for path in there if path.stem == split]
    found = found or [path for path in there if path.stem.startswith(f"{split}-")]
    if len({path.parent for path in found}) > 1 or len({path.suffix for path in found}) > 1:
        both = " and ".join(str(path.relative_to(data)) for path in found)
        raise InputError(f"{data} has {both} for the split {split!r}; leave one of them there")
    if found:
        return found
    if split == "all" and len(there) == 1:
        return there
    names = [path.name for path in there]
    names += [f"{path.parent.name}/" for path in sorted(data.glob("*/state.json"))]
    raise InputError(
        f"{data} has no data for the split {split!r}. "
        f"Found there: {', '.join(names) or 'nothing'}. "
        "Name a file with --data, or <split>.jsonl, .csv or .parquet with --split"
    )


def _saved(folder: Path) -> list[Path]:
    """The files of a data set that ``datasets`` saved."""
    state = read_json(folder / "state.json")
    try:
        return [folder / entry["filename"] for entry in state["_data_files"]]
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder / 'state.json'} names no data files") from error


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file. Cells of encoded pictures come as ``Cell``, not as bytes.

    Raises:
        InputError: Unreadable, or a row is broken.
    """
    if path.suffix == ".jsonl":
        yield from ((f"{path}, row {n}", row) for n, row in enumerate(read_jsonl(path), 1))
    elif path.suffix == ".json":
        rows = read_json(path)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"{path} must hold a list of objects, one a question")
        yield from ((f"{path}, row {n}", row) for n, row in enumerate(rows, 1))
    elif path.suffix in (".csv", ".tsv"):
        yield from read_table(path, (), tabs=path.suffix == ".tsv")
    else:
        yield from _read_arrow(path)


class Cell:
    """An encoded picture in a cell of a table, read when it is needed.

    Attributes:
        path: The table.
        name: The file name that the picture had, if it is known.
        id: Names the cell among all of the table's folder.
    """

    def __init__(self, path: Path, column: str, row: int, name: str, item: int | None) -> None:
        """Names a cell.

        Args:
            path: The table.
            column: Its column.
            row: 0-based row.
            name: The file name that the picture had, or "".
            item: Place in the cell's list; None where the cell is one picture.
        """
        self.path = path
        self.name = name
        self.id = f"{path.name}/{row}" if item is None else f"{path.name}/{row}/{item}"
        self._place = (column, row, item)

    def __call__(self) -> bytes:
        """The bytes.

        Raises:
            PictureError: The table changed or cannot be read.
        """
        column, row, item = self._place
        try:
            state = self.path.stat()
            chunk, first = _chunk_of(self.path, column, row, state.st_mtime_ns)
            cell = chunk[row - first].as_py()
        except (OSError, ValueError, IndexError, KeyError) as error:
            raise PictureError(f"cannot read a picture of {self.path}: {error}") from error
        value = cell if item is None else cell[item]
        content = value["bytes"] if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            raise PictureError(f"row {row + 1} of {self.path} holds no picture")
        return content


@lru_cache(maxsize=4)
def _open(path: Path, changed_ns: int) -> Any:
    """A Parquet file, or an Arrow table that stays on disk."""
    del changed_ns
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        return pq.ParquetFile(path)
    source = pa.memory_map(str(path))
    try:
        return pa.ipc.open_stream(source).read_all()
    except pa.ArrowInvalid:
        return pa.ipc.open_file(source).read_all()


def _parts(path: Path, changed_ns: int) -> list[int]:
    """How many rows each row group (Parquet) or the whole (Arrow) has."""
    opened = _open(path, changed_ns)
    if path.suffix != ".parquet":
        return [opened.num_rows]
    meta = opened.metadata
    return [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]


@lru_cache(maxsize=2)
def _read_part(path: Path, part: int, columns: tuple[str, ...], changed_ns: int) -> pa.Table:
    opened = _open(path, changed_ns)
    if path.suffix == ".parquet":
        return opened.read_row_group(part, columns=list(columns))
    return opened.select(list(columns))


def _chunk_of(path: Path, column: str, row: int, changed_ns: int) -> tuple[Any, int]:
    """The column of the part that holds a row, and the first row of that part."""
    first = 0
    for part, length in enumerate(_parts(path, changed_ns)):
        if row < first + length:
            return _read_part(path, part, (column,), changed_ns)[column], first
        first += length
    raise IndexError(f"it has no row {row + 1} any more")


def _read_arrow(path: Path) -> Iterator[Row]:
    """Rows of Parquet and Arrow files; class labels as their names."""
    import pyarrow as pa

    try:
        changed_ns = path.stat().st_mtime_ns
        opened = _open(path, changed_ns)
        schema: pa.Schema = opened.schema_arrow if path.suffix == ".parquet" else opened.schema
        lengths = _parts(path, changed_ns)
    except FileNotFoundError:
        raise InputError(f"missing file {path}") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    pictures = [field.name for field in schema if _has_bytes(field.type)]
    plain = tuple(name for name in schema.names if name not in pictures)
    labels = _class_names(schema)
    row = 0
    for part, length in enumerate(lengths):
        table = _read_part(path, part, plain, changed_ns).to_pylist() if plain else [{}] * length
        shapes = {name: _shapes(path, part, name, changed_ns) for name in pictures}
        for n, cells in enumerate(table):
            where = f"{path}, row {row + 1}"
            found = {name: _named(labels, name, value, where) for name, value in cells.items()}
            for name, kept in shapes.items():
                found[name] = _cells(path, name, row, kept[n])
            yield where, found
            row += 1


def _has_bytes(kind: pa.DataType) -> bool:
    """Whether a type is that of encoded pictures: bytes, or ``datasets``' Image, or lists of it."""
    import pyarrow.types as is_

    if is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        return _has_bytes(kind.value_type)
    if is_.is_struct(kind):
        return any(kind.field(i).name == "bytes" for i in range(kind.num_fields))
    kinds = (is_.is_binary, is_.is_large_binary, is_.is_binary_view, is_.is_fixed_size_binary)
    return any(of_kind(kind) for of_kind in kinds)


def _shapes(path: Path, part: int, column: str, changed_ns: int) -> list[Any]:
    """Of every cell what is known without its bytes: None, a file name, or a list of these."""

    import pyarrow as pa

    def shape(value: Any) -> Any:
        if not value.is_valid:
            return None
        if isinstance(value, pa.ListScalar | pa.LargeListScalar | pa.FixedSizeListScalar):
            return [shape(item) for item in value.values]
        if isinstance(value, pa.StructScalar):
            name = value["path"].as_py() if "path" in value else None
            return value["bytes"].is_valid, name or ""
        return True, ""

    return [shape(value) for value in _read_part(path, part, (column,), changed_ns)[column]]


def _cells(path: Path, column: str, row: int, shape: Any) -> Any:
    """What stands for a cell of pictures: a ``Cell``, a path, or a list of these."""

    def one(kept: Any, item: int | None) -> Any:
        if kept is None:
            return None
        embedded, name = kept
        return Cell(path, column, row, name, item) if embedded else name

    if isinstance(shape, list):
        return [one(kept, item) for item, kept in enumerate(shape)]
    return one(shape, None)


def _class_names(schema: pa.Schema) -> Mapping[str, Sequence[str]]:
    """Names of the classes of ``datasets``' ClassLabel columns, which hold numbers."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: f["names"] for name, f in features.items() if f.get("_type") == "ClassLabel"}
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError):
        return {}


def _named(labels: Mapping[str, Sequence[str]], column: str, value: Any, where: str) -> Any:
    """A cell, with the name of its class for the number; None for -1, which says no class."""
    names = labels.get(column)
    if names is None or not isinstance(value, int):
        return value
    if value == -1:
        return None
    if value not in range(len(names)):
        raise InputError(
            f"{where}: column {column!r} holds class {value}, but its classes are numbered 0 to "
            f"{len(names) - 1}. Write -1 where there is no label"
        )
    return names[value]
