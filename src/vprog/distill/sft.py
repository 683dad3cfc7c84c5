"""Records of an SFT data set, whoever made it.

A data set has the columns ``images`` and ``messages`` (a user's turn with its pictures and text,
the assistant's turn with the target), as TRL takes them; and, if there are, ``kind`` (``answer`` or
``rationale``), ``weight``, ``example_id`` and ``task``. Records of one folder, task and id are
about one example.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.errors import InputError
from vprog.example import upright
from vprog.tools.backends.hf.views import SMALLEST

if TYPE_CHECKING:
    from PIL.Image import Image

Data = Any
"""A data set: a ``datasets.Dataset``, the folder of a saved one, a Parquet file, a folder or list
of them, a ``pyarrow.Table``, or a sequence of records with Pillow images."""
KINDS = ("answer", "rationale")


class Records:
    """The records of a data set, read one by one.

    Attributes:
        kinds: Of each record.
        weights: Of each record in the loss, that of its kind left out.
        example_of: Which records are about one example: equal numbers.
        digest: Hexadecimal hash of everything that can be learned from.
    """

    def __init__(self, data: Data, name: str = "dataset") -> None:
        """Opens a data set.

        Args:
            data: See ``Data``.
            name: For messages.

        Raises:
            InputError: It cannot be read, or a record is not as it must be.
        """
        self._rows = _rows_of(data, name)
        self._name = name
        self.kinds: list[str] = []
        self.weights: list[float] = []
        examples: dict[tuple[Any, ...], list[int]] = {}
        blake = hashlib.blake2b(digest_size=16)
        for number in range(len(self._rows)):
            where = f"{name}, record {number}"
            try:
                row = self._rows[number]
                prompt, target, images = self._read(row, number)
                kind, weight = row.get("kind") or "answer", row.get("weight")
                weight = 1.0 if weight is None else float(weight)
                digests = [_digest(cell, where) for cell in images]
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise InputError(f"{where} is not as it must be: {error!r}") from None
            if kind not in KINDS or not 0 <= weight < math.inf:
                raise InputError(
                    f"{where}: kind must be answer or rationale, and weight a number from 0 on; "
                    f"they are {kind!r} and {weight}"
                )
            self.kinds.append(kind)
            self.weights.append(weight)
            id = row.get("example_id")
            key = (number,) if id is None else (row.get(_FOLDER), row.get("task"), id)
            examples.setdefault(key, []).append(number)
            said = (prompt, target, kind, self.weights[-1], *digests)
            blake.update(repr(said).encode())
        self._examples = list(examples.values())
        self.example_of = [0] * len(self.kinds)
        for example, numbers in enumerate(self._examples):
            for number in numbers:
                self.example_of[number] = example
        self.digest = blake.hexdigest()

    def __len__(self) -> int:
        """How many records."""
        return len(self._rows)

    def by_example(self, weight: Mapping[str, float]) -> list[list[int]]:
        """Numbers of the records of each example that have a weight.

        Args:
            weight: Of a kind; records of kinds with 0 are left out, and examples of nothing else.
        """
        found = [
            [n for n in numbers if self.weights[n] * weight[self.kinds[n]] > 0]
            for numbers in self._examples
        ]
        return [numbers for numbers in found if numbers]

    def texts(self, number: int) -> tuple[str, str]:
        """Prompt and target of a record."""
        prompt, target, _ = self._read(self._rows[number], number)
        return prompt, target

    def images(self, number: int) -> list[Image]:
        """The pictures of a record in mode RGB."""
        cells = self._rows[number]["images"]
        return [_open(cell, f"{self._name}, record {number}") for cell in cells]

    def _read(self, row: Mapping[str, Any], number: int) -> tuple[str, str, Sequence[Any]]:
        """Prompt, target and picture cells of a row."""
        where = f"{self._name}, record {number}"
        messages, images = row.get("messages"), row.get("images")
        if not isinstance(messages, list) or images is None:
            raise InputError(f"{where}: needs the columns images and messages")
        roles = [message.get("role") for message in messages]
        if roles != ["user", "assistant"]:
            raise InputError(f"{where}: messages must be a user's turn and an assistant's, {roles}")
        user, assistant = (_parts(message["content"]) for message in messages)
        places = [kind for kind, _ in user].count("image")
        texts = [text for kind, text in user if kind == "text"]
        if [kind for kind, _ in user] != ["image"] * places + ["text"] * len(texts):
            raise InputError(f"{where}: the user's pictures must come before the text")
        if places != len(images):
            raise InputError(f"{where}: {len(images)} images and {places} places for them")
        target = "".join(text for _, text in assistant)
        if not target.strip() or not texts:
            raise InputError(f"{where}: the prompt or the target is empty")
        return "".join(texts), target, images


def _parts(content: Any) -> list[tuple[str, str]]:
    """Kind and text of the parts of a message."""
    if isinstance(content, str):
        return [("text", content)]
    return [(part["type"], part.get("text") or "") for part in content]


class _Table(Sequence[Mapping[str, Any]]):
    """Rows of an Arrow table, read one by one."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._columns = {name: table.column(name) for name in table.column_names}

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, number: Any) -> Any:
        return {name: column[number].as_py() for name, column in self._columns.items()}


_COLUMNS = ("images", "messages", "kind", "weight", "example_id", "task")
_FOLDER = " folder"
"""Of the file that a row came from: data sets count their examples for themselves."""


def _rows_of(data: Data, name: str) -> Sequence[Mapping[str, Any]]:
    import pyarrow as pa

    if isinstance(data, str | Path):
        data = _read_path(Path(data), name)
    elif isinstance(data, list) and data and isinstance(data[0], Path):
        data = _read_files(data, name)
    if isinstance(data, Mapping):
        raise InputError(
            f"{name}: give one split of it, such as data[{next(iter(data), 'train')!r}]"
        )
    if hasattr(data, "with_format"):
        data = data.with_format("arrow")[:]
    if isinstance(data, pa.Table):
        known = (*_COLUMNS, _FOLDER)
        return _Table(data.select([c for c in known if c in data.column_names]))
    if isinstance(data, Sequence):
        return data
    raise InputError(f"{name}: cannot read records from a {type(data).__name__}")


def _read_path(path: Path, name: str) -> Any:
    """A saved data set, a Parquet file, or all Parquet files of a folder."""
    files = [path] if path.is_file() else sorted(path.glob("*.parquet"))
    if files:
        return _read_files(files, name)
    if not (path / "state.json").is_file():
        raise InputError(f"{name}: {path} holds neither Parquet files nor a saved data set")
    try:
        from datasets import load_from_disk

        return load_from_disk(str(path))
    except (OSError, ImportError) as error:
        raise InputError(f"{name}: cannot read {path}: {error}") from None


def _read_files(files: Sequence[Path], name: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = set(_COLUMNS)
    try:
        tables = []
        for file in files:
            there = [c for c in pq.read_schema(file).names if c in columns]
            table = pq.read_table(file, columns=there)
            folder = pa.repeat(str(file.parent), len(table)).dictionary_encode()
            tables.append(table.append_column(_FOLDER, folder))
        return pa.concat_tables(tables, promote_options="default")
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{name}: cannot read {files[0].parent}: {error}") from None


def _digest(cell: Any, where: str) -> str:
    if isinstance(cell, Mapping):
        if cell.get("bytes") is None:
            path = cell.get("path")
            try:
                state = Path(str(path)).stat()
            except OSError as error:
                raise InputError(
                    f"{where}: its picture {path} cannot be read ({error.strerror}); "
                    "`vprog export distill` without --reference keeps pictures inside"
                ) from None
            return f"{path} {state.st_size} {state.st_mtime_ns}"
        return hashlib.blake2b(cell["bytes"], digest_size=16).hexdigest()
    return hashlib.blake2b(cell.convert("RGB").tobytes(), digest_size=16).hexdigest() + str(
        cell.size
    )


def _open(cell: Any, where: str) -> Image:
    from PIL import Image

    try:
        if isinstance(cell, Mapping):
            encoded = cell.get("bytes")
            cell = Image.open(cell["path"] if encoded is None else io.BytesIO(encoded))
        image: Image.Image = upright(cell).convert("RGB")
    except Exception as error:  # Pillow's decoders raise many types on broken files
        raise InputError(f"{where}: its picture cannot be read: {error}") from None
    if min(image.size) < SMALLEST:
        image = image.resize((max(image.width, SMALLEST), max(image.height, SMALLEST)))
    return image
