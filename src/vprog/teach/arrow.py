"""Arrow tables with pictures, as ``datasets`` reads them without any script."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.errors import InputError
from vprog.example import Picture

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1000
"""Most rows of one file."""
PICTURES_MB = 256
"""Megabytes of pictures after which a file ends: no reader takes over 2 GiB of them at once."""
CARD = "README.md"


def picture_type() -> pa.DataType:
    """The column type of a picture: its file's bytes, or where the file is."""
    import pyarrow as pa

    return pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def picture_cell(picture: Picture, embed: bool) -> dict[str, Any]:
    """A picture as ``picture_type`` holds it.

    Args:
        picture: The picture.
        embed: Whether its bytes are kept. A picture without a file is always embedded, as PNG, and
            one inside a table as it is there.

    Raises:
        PictureError: It cannot be read.
    """
    if picture.path is None:
        buffer = io.BytesIO()
        picture.load().save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": f"{picture.id.replace('/', '-')}.png"}
    path = str(picture.path.resolve())
    if embed or picture.encoded is not None:
        return {"bytes": picture.read_bytes(), "path": picture.member or picture.path.name}
    return {"bytes": None, "path": f"zip://{picture.member}::{path}" if picture.member else path}


def with_features(schema: pa.Schema) -> pa.Schema:
    """The schema with what ``datasets`` reads of it: which columns are pictures."""
    features = {field.name: _feature(field.type) for field in schema}
    said = json.dumps({"info": {"features": features}})
    return schema.with_metadata({b"huggingface": said.encode()})


def _feature(kind: pa.DataType) -> Any:
    import pyarrow as pa

    if kind == picture_type():
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"_type": "List", "feature": _feature(kind.value_type)}
    if pa.types.is_struct(kind):
        return {kind.field(n).name: _feature(kind.field(n).type) for n in range(kind.num_fields)}
    name = {"double": "float64", "float": "float32"}.get(str(kind), str(kind))
    return {"_type": "Value", "dtype": name}


def files_of(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Rows as the lists of which each becomes a file, see ``ROWS`` and ``PICTURES_MB``."""
    some: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        some.append(row)
        size += _pictures_size(row)
        if len(some) == ROWS or size >= PICTURES_MB * 1e6:
            yield some
            some, size = [], 0
    if some:
        yield some


def _pictures_size(row: Mapping[str, Any]) -> int:
    """Bytes of the pictures that a row holds."""
    columns = (value if isinstance(value, list) else [value] for value in row.values())
    cells = [c for column in columns for c in column if isinstance(c, Mapping) and c.get("bytes")]
    return sum(len(cell["bytes"]) for cell in cells)


def write_folder(
    out: Path, name: str, schema: pa.Schema, rows: Iterable[Mapping[str, Any]], card: str
) -> int:
    """Writes Parquet files and a data card; the folder is there when all of it is.

    An earlier export in its place is replaced; a folder that holds anything else is not.

    Args:
        out: The folder.
        name: First part of the files' names.
        schema: Of the rows.
        rows: Read as they are written.
        card: Text of the data card; ``{rows}`` becomes their number.

    Returns:
        The number of rows.

    Raises:
        InputError: The folder cannot be written or replaced.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if out.exists() and not _is_export(out):
        raise InputError(f"{out} holds something else; choose another --out")
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    total = 0
    try:
        beside.mkdir(parents=True)
        columns = with_features(schema)
        files = files_of(rows)
        # Without a row there is a file nevertheless: readers want its columns.
        for number, some in enumerate(chain((next(files, []),), files)):
            table = pa.Table.from_pylist(some, schema=columns)
            pq.write_table(table, beside / f"{name}-{number:05d}.parquet", compression="zstd")
            total += len(some)
        (beside / CARD).write_text(card.replace("{rows}", f"{total:,}"), "utf-8")
        if out.exists():
            shutil.rmtree(out)
        os.replace(beside, out)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return total


def _is_export(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    names = [file.name for file in folder.iterdir()]
    return all(name == CARD or name.endswith(".parquet") for name in names)
