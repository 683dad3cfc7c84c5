"""Settings of Hugging Face backends, and how a table of a toolbox file becomes one."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from vprog.errors import InputError, known_names

Device = Literal["auto", "cpu", "cuda", "mps"]
Dtype = Literal["auto", "float32", "float16", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """What every backend takes. None leaves a setting to the checkpoint, then to its class.

    Attributes:
        model: Hub id (``org/name``), local folder, or zoo name (``zoo:detect``).
        revision: Branch, tag or commit of a hub id.
        adapters: Folders of adapters that are merged into the model, in order; see ``adapters``.
        device: ``auto`` takes cuda, then mps, then cpu.
        dtype: ``auto`` is float32 on cpu and mps; on cuda float16, bfloat16 for models that
            generate text, float32 for classes that need it.
        batch_size: Most pictures or pairs in one forward pass; halved where memory runs out.
    """

    model: str
    revision: str | None = None
    adapters: tuple[str, ...] = ()
    device: Device = "auto"
    dtype: Dtype = "auto"
    batch_size: int = 32

    def check(self) -> str | None:
        """What is wrong with the values, as ``key: reason``; None if nothing."""
        if not self.model.strip():
            return "model: is empty"
        if not 1 <= self.batch_size <= 4096:
            return f"batch_size: must be 1 to 4096, got {self.batch_size}"
        return None

    def answering(self) -> dict[str, Any]:
        """The settings that can change an answer, for the fingerprint."""
        left_out = {f.name for f in dataclasses.fields(ModelSettings)} | {"cache_mb"}
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in left_out}


S = TypeVar("S", bound=ModelSettings)


def between(name: str, value: float | None, low: float, high: float) -> str | None:
    """``name: must be ...`` if a number that is set lies outside ``[low, high]``."""
    if value is None or low <= value <= high:
        return None
    return f"{name}: must be {low:g} to {high:g}, got {value:g}"


def read_settings(kind: type[S], table: Mapping[str, Any], where: str) -> S:
    """Settings from a table of a toolbox file or of a checkpoint's ``vprog.json``.

    Args:
        kind: The backend's settings class.
        table: By setting name.
        where: File and key, for messages: ``boxes.toml: vqa``.

    Raises:
        InputError: An unknown key, a value of the wrong type or out of range, or no model.
    """
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints:
            raise InputError(f"{where}.{key}: unknown setting. {known_names(key, hints)}")
        values[key] = _as(hints[key], value, f"{where}.{key}")
    if "model" not in values:
        raise InputError(
            f"{where}: no model; set model to a hub id, a folder or a zoo name such as zoo:detect"
        )
    settings = kind(**values)
    wrong = settings.check()
    if wrong:
        raise InputError(f"{where}.{wrong}")
    return settings


def with_defaults(settings: S, defaults: Mapping[str, Any], where: str) -> S:
    """Settings whose unset (None) entries are taken from a checkpoint's own ``settings``.

    Raises:
        InputError: A default is unknown or of the wrong type; names its file.
    """
    hints = get_type_hints(type(settings))
    unset: dict[str, Any] = {}
    for key, value in defaults.items():
        if key not in hints or key in (
            "model",
            "revision",
            "adapters",
            "device",
            "dtype",
            "batch_size",
        ):
            raise InputError(f"{where}.{key}: no setting that a checkpoint can have")
        checked = _as(hints[key], value, f"{where}.{key}")
        if getattr(settings, key) is None:
            unset[key] = checked
    settings = dataclasses.replace(settings, **unset)
    wrong = settings.check()
    if wrong:
        raise InputError(f"{where}.{wrong}")
    return settings


def _as(hint: Any, value: Any, where: str) -> Any:
    """A value of TOML or JSON as a setting of a type."""
    options = get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    wanted = []
    for option in options:
        if option is type(None):
            continue
        if get_origin(option) is Literal:
            if value in get_args(option):
                return value
            wanted.append(f"one of {', '.join(map(repr, get_args(option)))}")
        elif get_origin(option) is tuple:
            if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
                return tuple(value)
            wanted.append("a list of texts")
        elif option is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        elif type(value) is option:
            return value
        else:
            names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
            wanted.append(names[option])
    raise InputError(f"{where}: must be {' or '.join(wanted)}, got {value!r}")
