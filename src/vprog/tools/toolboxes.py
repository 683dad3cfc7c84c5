"""Toolboxes: the ones that vprog has names for, and TOML files that bind tools to backends.

A file has one key a tool and, if it starts from a named toolbox or another file, ``base``::

    base = "zoo"
    detect = "google/owlv2-base-patch16-ensemble"
    vqa = {model = "./checkpoints/my-vilt", batch_size = 64}
    depth = "oracle"

A value is ``oracle``, ``pixels``, a model (hub id, ``hub-id@revision``, folder beside the file,
zoo name), a model with adapters (``zoo:detect + runs/outline/detect``), or a table with ``model``
and settings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog import zoo
from vprog.errors import InputError, known_names
from vprog.tools.backend import Backend, Toolbox
from vprog.tools.backends.hf.adapters import split_model
from vprog.tools.catalogue import TOOLS

if TYPE_CHECKING:
    from vprog.tools.backends.hf.settings import ModelSettings

NAMES = ("oracle", "pixels", "zoo", "hub")
"""``oracle``: gold scenes answer. ``pixels``: classical picture processing answers. ``zoo``: tiny
models that come with vprog. ``hub``: open models for photographs, for a GPU with 16 GB."""

TAUGHT = tuple(f"zoo:{name}" for name in zoo.TOOLBOXES)
"""Toolboxes of the zoo whose tools were taught for a benchmark."""

_SIMPLE: Mapping[str, tuple[str, ...]] = {
    "oracle": ("detect", "vqa", "match", "depth"),
    "pixels": ("detect", "vqa", "match"),
}
_SMOLVLM = {
    "model": "HuggingFaceTB/SmolVLM-Instruct",
    "revision": "81cd9a775a4d644f2faf4e7becff4559b46b14c7",
    "batch_size": 8,
}
_MODELS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "zoo": {tool: {"model": f"zoo:{tool}"} for tool in ("detect", "vqa", "match")},
    "hub": {
        "detect": {
            "model": "google/owlv2-base-patch16-ensemble",
            "revision": "cfd3195ba4ea9592eec887ded089f4c08eff231d",
            "batch_size": 8,
        },
        "vqa": _SMOLVLM,
        "ocr": _SMOLVLM,
        "caption": _SMOLVLM,
        "match": {
            "model": "google/siglip2-so400m-patch16-384",
            "revision": "dd658faac399427308559e2c3ac1e99cbe43845d",
        },
        "depth": {
            "model": "depth-anything/Depth-Anything-V2-Small-hf",
            "revision": "5426e4f0f36572d16453bbda7a8389317b1bef99",
            "batch_size": 16,
        },
    },
}


@dataclass(frozen=True, kw_only=True)
class Binding:
    """What a toolbox binds to one tool; nothing is loaded yet.

    Attributes:
        tool: Name of the tool.
        backend: ``oracle``, ``pixels`` or ``model``.
        settings: Of a ``model``.
        where: File and key, for messages.
    """

    tool: str
    backend: str
    settings: ModelSettings | None = None
    where: str


def load_toolbox(name: str) -> Toolbox:
    """The toolbox of a name or file; hub models that are not here are downloaded, after saying so.

    Raises:
        InputError: Unknown name, bad file, a missing package, or a model that is missing, broken
            or of a class that does not fit its tool.
    """
    backends: dict[str, Backend] = {}
    simple: dict[str, Backend] = {}
    bindings = read_toolbox(name)
    models = _models() if any(b.settings is not None for b in bindings) else None
    for binding in bindings:
        if binding.settings is None:
            if binding.backend not in simple:
                simple[binding.backend] = _simple(binding.backend)
            backends[binding.tool] = simple[binding.backend]
        else:
            from vprog.tools.backends.hf.binding import open_backend

            backends[binding.tool] = open_backend(
                binding.tool, binding.settings, binding.where, models
            )
    return Toolbox(name=name, tools=TOOLS, backends=backends)


def read_toolbox(name: str) -> list[Binding]:
    """What a toolbox binds, without loading or downloading anything.

    Raises:
        InputError: Unknown name, or a file that cannot be read; names file and key.
    """
    if name in NAMES:
        return list(_named(name).values())
    if name in TAUGHT:
        return _from_file(zoo.toolbox(name.removeprefix("zoo:")))
    path = Path(name)
    if path.suffix != ".toml" and not path.is_file():
        known = known_names(name, (*NAMES, *TAUGHT))
        raise InputError(f"unknown toolbox {name!r}. {known} A file of your own ends in .toml")
    return _from_file(path)


def _named(name: str) -> dict[str, Binding]:
    where = f"toolbox {name}"
    if name in _SIMPLE:
        return {
            tool: Binding(tool=tool, backend=name, where=f"{where}: {tool}")
            for tool in _SIMPLE[name]
        }
    return {tool: _model(tool, table, f"{where}: {tool}") for tool, table in _MODELS[name].items()}


def _from_file(path: Path) -> list[Binding]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no toolbox file {path}") from None
    except OSError as error:
        raise InputError(f"cannot read toolbox {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"toolbox {path} is no TOML: {error}") from None
    base = data.pop("base", None)
    bindings: dict[str, Binding] = {}
    if base is not None:
        bindings = _base(base, path)
    for tool, value in data.items():
        where = f"{path}: {tool}"
        if tool not in TOOLS:
            raise InputError(f"{where}: unknown tool. {known_names(tool, [*TOOLS, 'base'])}")
        bindings[tool] = _bind(tool, value, where, path.parent)
    if not bindings:
        raise InputError(f"toolbox {path} binds nothing; bind one of {', '.join(TOOLS)}")
    return list(bindings.values())


def _base(base: Any, path: Path) -> dict[str, Binding]:
    """The bindings that a file starts from: of a name, or of another file beside it."""
    if base in (*NAMES, *TAUGHT):
        return {binding.tool: binding for binding in read_toolbox(base)}
    other = path.parent / str(base)
    if not str(base).endswith(".toml"):
        known = ", ".join((*NAMES, *TAUGHT))
        raise InputError(
            f"{path}: base: unknown toolbox {base!r}. Known: {known}, or a file that ends in .toml"
        )
    if other.resolve() == path.resolve():
        raise InputError(f"{path}: base: a toolbox cannot start from itself")
    return {binding.tool: binding for binding in _from_file(other)}


def _bind(tool: str, value: Any, where: str, folder: Path) -> Binding:
    if isinstance(value, str):
        if value in _SIMPLE:
            if tool not in _SIMPLE[value]:
                known = ", ".join(_SIMPLE[value])
                raise InputError(f"{where}: {value} cannot answer {tool}; it answers {known}")
            return Binding(tool=tool, backend=value, where=where)
        value = {"model": value}
    if not isinstance(value, dict):
        raise InputError(
            f"{where}: must be oracle, pixels, a model, or a table with model and settings; "
            f"got {value!r}"
        )
    table = dict(value)
    if isinstance(table.get("model"), str):
        model, adapters = split_model(table["model"])
        name, _, revision = model.partition("@")
        if revision and "revision" not in table and not (folder / model).is_dir():
            table["revision"] = revision
        else:
            name = model
        table["model"] = _beside(name, folder)
        if adapters:
            table["adapters"] = [*adapters, *table.get("adapters", ())]
    if isinstance(table.get("adapters"), list):
        table["adapters"] = [
            _beside(a, folder) if isinstance(a, str) else a for a in table["adapters"]
        ]
    return _model(tool, table, where)


def _beside(name: str, folder: Path) -> str:
    """A model's or adapter's name, with the path of a folder beside the toolbox file in full."""
    beside = folder / Path(name).expanduser()
    return str(beside) if beside.is_dir() or name.startswith((".", "/", "~")) else name


def _model(tool: str, table: Mapping[str, Any], where: str) -> Binding:
    from vprog.tools.backends.hf.binding import settings_class
    from vprog.tools.backends.hf.settings import read_settings

    settings = read_settings(settings_class(tool, where), table, where)
    return Binding(tool=tool, backend="model", settings=settings, where=where)


def _simple(name: str) -> Backend:
    if name == "oracle":
        from vprog.tools.backends.oracle import Oracle

        return Oracle()
    from vprog.tools.backends.pixels import Pixels

    return Pixels()


def _models() -> Any:
    from vprog.tools.backends.hf.runtime import Models

    return Models()
