"""Values as JSON: regions become ``{"picture": ..., "box": [left, top, right, bottom], ...}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vprog.example import Region
from vprog.trace import Value


def to_json(value: Value, names: Mapping[str, str] | None = None) -> Any:
    """A value as plain JSON data.

    Args:
        value: What programs and tools exchange.
        names: Renames pictures (id -> digest, to store a value independently of a run).
    """
    if isinstance(value, Region):
        picture = names.get(value.picture, value.picture) if names else value.picture
        data: dict[str, Any] = {"picture": picture, "box": list(value.box_xyxy)}
        if value.label:
            data["label"] = value.label
        if value.score != 1.0:
            data["score"] = value.score
        return data
    if isinstance(value, list | tuple):
        return [to_json(item, names) for item in value]
    if isinstance(value, dict):
        return {"values": {str(key): to_json(item, names) for key, item in value.items()}}
    return value


def from_json(data: Any, names: Mapping[str, str] | None = None) -> Value:
    """The inverse of ``to_json``; ``names`` maps the stored picture names back to ids."""
    if isinstance(data, list):
        return [from_json(item, names) for item in data]
    if isinstance(data, dict):
        if "values" in data:
            return {key: from_json(item, names) for key, item in data["values"].items()}
        picture = names.get(data["picture"], data["picture"]) if names else data["picture"]
        left, top, right, bottom = data["box"]
        label, score = data.get("label", ""), data.get("score", 1.0)
        return Region(picture, left, top, right, bottom, label, score)
    return data  # type: ignore[no-any-return]
