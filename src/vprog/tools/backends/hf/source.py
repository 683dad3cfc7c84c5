"""Where a model's files are: zoo name, local folder or hub id, checked before anything is loaded.

Nothing here imports torch: a folder without weights, a broken weight file, an unknown name and a
hub that cannot be reached are found while a toolbox is opened, before a program runs.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from vprog.errors import InputError
from vprog.tools.backends.hf.adapters import add_adapters, is_adapter

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_INDEXES = tuple(f"{name}.index.json" for name in _WEIGHTS)
_HASHED = (".json", ".txt", ".model", ".jinja", ".safetensors", ".bin")
DEFAULTS_FILE = "vprog.json"
"""File beside a checkpoint's weights with the settings it was made for:
``{"settings": {"prompt": "{}", "threshold": 0.3}}``."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model's files on this machine.

    Attributes:
        name: As the user called it.
        folder: With ``config.json``, weights and processor.
        version: Commit of a hub id, or hash of the files of a folder.
        config: The parsed ``config.json``.
        defaults: Settings that the checkpoint and its adapters bring (``vprog.json``).
        adapters: Folders of adapters that loading merges into the model, in order.
    """

    name: str
    folder: Path
    version: str
    config: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    adapters: tuple[Path, ...] = ()

    @property
    def model_type(self) -> str:
        """The family of the class: ``owlvit``, ``clip``, ..."""
        return str(self.config.get("model_type", ""))

    @property
    def class_name(self) -> str:
        """The class that the checkpoint was saved from, or its family."""
        architectures = self.config.get("architectures")
        if isinstance(architectures, list) and architectures:
            return str(architectures[0])
        return self.model_type

    @property
    def fingerprint(self) -> str:
        """Class and version: the same files have the same fingerprint wherever they lie."""
        return f"{self.class_name}@{self.version}"


def is_hub_id(model: str) -> bool:
    """Whether a model's name is one of the hub, not a folder and not of the zoo."""
    return bool(_HUB_ID.fullmatch(model)) and not Path(model).expanduser().is_dir()


def find_source(
    model: str, revision: str | None = None, where: str = "model", adapters: Sequence[str] = ()
) -> Source:
    """Finds and checks a model's files; downloads those of a hub id that are not here yet.

    Args:
        model: Hub id, folder or zoo name.
        revision: Branch, tag or commit of a hub id.
        where: File and key, for messages.
        adapters: Folders of adapters that are merged into it, in order.

    Raises:
        InputError: Unknown, not reachable, without weights, or broken; or an adapter is.
    """
    source = _find_model(model, revision, where)
    if not adapters:
        return source
    folders = tuple(Path(adapter).expanduser() for adapter in adapters)
    version, defaults = add_adapters(
        source.class_name, source.version, source.defaults, folders, where
    )
    return replace(
        source,
        name=" + ".join((model, *adapters)),
        version=version,
        defaults=defaults,
        adapters=folders,
    )


def _find_model(model: str, revision: str | None, where: str) -> Source:
    if model.startswith("zoo:"):
        from vprog import zoo

        try:
            folder = zoo.path(model.removeprefix("zoo:"))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        return read_folder(folder, model, where=where)
    if is_hub_id(model):
        from vprog.tools.backends.hf.hub import fetch

        folder = fetch(model, revision, where)
        return read_folder(folder, model, version=folder.name, where=where)
    folder = Path(model).expanduser()
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise InputError(
            f"{where}: model {model!r} {what}. Give a folder with config.json and weights, a hub "
            "id (org/name), or a zoo name (zoo:detect)"
        )
    if revision is not None:
        raise InputError(f"{where}: revision has a meaning for hub ids only, not for {model!r}")
    return read_folder(folder, model, where=where)


def read_folder(folder: Path, name: str, version: str | None = None, where: str = "") -> Source:
    """Checks a model's folder without loading it.

    Args:
        folder: The folder.
        name: As the user called the model.
        version: Where it is known; else the files are hashed.
        where: File and key, for messages.

    Raises:
        InputError: No config, no weights, or a weight file that is cut or corrupt.
    """
    start = f"{where}: " if where else ""
    if is_adapter(folder):
        raise InputError(
            f"{start}{folder} holds an adapter without its model; name both: MODEL + {folder}"
        )
    config = _json(folder / "config.json", start, f"{folder} is no model folder")
    for path in weight_files(folder, start):
        if path.suffix == ".safetensors":
            check_safetensors(path, start)
    defaults: Mapping[str, Any] = {}
    if (folder / DEFAULTS_FILE).is_file():
        said = _json(folder / DEFAULTS_FILE, start, "").get("settings", {})
        if not isinstance(said, dict):
            raise InputError(f"{start}{folder / DEFAULTS_FILE}: settings must be an object")
        defaults = said
    return Source(
        name=name,
        folder=folder,
        version=version or hash_folder(folder),
        config=config,
        defaults=defaults,
    )


def weight_files(folder: Path, start: str = "") -> list[Path]:
    """The weight files of a model's folder, all present.

    Raises:
        InputError: None, or a shard is missing.
    """
    for name in (*_WEIGHTS, *_INDEXES):
        path = folder / name
        if not path.is_file():
            continue
        if name in _WEIGHTS:
            return [path]
        shards = _json(path, start, "").get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise InputError(f"{start}{path} has no weight_map; fetch the model again")
        files = [folder / str(shard) for shard in sorted(set(shards.values()))]
        missing = [f.name for f in files if not f.is_file()]
        if missing:
            raise InputError(f"{start}{folder} lacks {missing[0]}; fetch the model again")
        return files
    raise InputError(
        f"{start}{folder} has no weights (looked for {', '.join((*_WEIGHTS, *_INDEXES))})"
    )


def check_safetensors(path: Path, start: str = "") -> None:
    """Reads a weight file's header and compares it with the file's size.

    Raises:
        InputError: Cut, overwritten, or no safetensors file (such as a Git LFS pointer).
    """
    broken = f"{start}weight file {path} is broken"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
            if head.startswith(b"version "):
                raise InputError(f"{broken}: it is a Git LFS pointer; run `git lfs pull`")
            if len(head) < 8:
                raise InputError(f"{broken}: {size} bytes; fetch it again")
            (length,) = struct.unpack("<Q", head)
            if length > size - 8:
                raise InputError(f"{broken}: it is cut, or no safetensors file; fetch it again")
            header = json.loads(file.read(length))
        end = max(t["data_offsets"][1] for name, t in header.items() if name != "__metadata__")
    except OSError as error:
        raise InputError(f"{start}cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{broken}: its header cannot be read; fetch it again") from None
    if 8 + length + end != size:
        raise InputError(f"{broken}: {size} bytes where {8 + length + end} belong; fetch it again")


def hash_folder(folder: Path) -> str:
    """Hexadecimal hash of config, weights and processor files, of names and contents."""
    blake = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in _HASHED:
            state = path.stat()
            blake.update(path.name.encode() + b"\0")
            blake.update(_hash_file(path.resolve(), state.st_mtime_ns, state.st_size))
    return blake.hexdigest()


@lru_cache(maxsize=256)
def _hash_file(path: Path, changed_ns: int, size: int) -> bytes:
    del changed_ns, size
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()


def _json(path: Path, start: str, missing: str) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{start}{missing}: it has no {path.name}") from None
    except OSError as error:
        raise InputError(f"{start}cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{start}{path} is no valid JSON; fetch the model again") from None
    if not isinstance(data, dict):
        raise InputError(f"{start}{path} is no JSON object; fetch the model again")
    return data
