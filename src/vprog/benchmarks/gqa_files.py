"""Files of GQA's family: JSON and JSONL that name themselves when they are wrong, scene graphs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vprog.errors import InputError, known_names
from vprog.example import Scene, SceneObject


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: Missing, unreadable or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"missing file {path}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8; save it as UTF-8 first") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from error
    except (ValueError, RecursionError) as error:  # also numbers and nesting beyond Python's limits
        raise InputError(f"{path} is no JSON: {error}") from error


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The rows of a file with one JSON object a line.

    Raises:
        InputError: Missing, unreadable, or a line is no JSON object.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # U+2028 is allowed in a line
    except FileNotFoundError:
        raise InputError(f"missing file {path}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8; save it as UTF-8 first") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number} is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: expected an object, found {line[:60]!r}")
        rows.append(row)
    return rows


def read_rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The rows of a file that holds a JSON list of objects, or one object a line.

    Returns:
        Each row with its place for messages.

    Raises:
        InputError: Missing, unreadable, or a row is no object.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            is_list = file.read(1) == "["
    except (OSError, UnicodeDecodeError):
        is_list = False  # read_jsonl says what is wrong
    if not is_list:
        return [(f"{path}, line {n}", row) for n, row in enumerate(read_jsonl(path), 1)]
    rows = [(f"{path}, row {n}", row) for n, row in enumerate(read_json(path))]
    for where, row in rows:
        require(row, (), where)
    return rows


def require(row: Any, columns: Iterable[str], where: str) -> Mapping[str, Any]:
    """The row, if it has all columns.

    Raises:
        InputError: It is no object, or a column is missing; the message names both.
    """
    if not isinstance(row, Mapping):
        raise InputError(f"{where}: expected an object, found {str(row)[:60]!r}")
    for column in columns:
        if column not in row:
            raise InputError(f"{where} has no column {column!r}. {known_names(column, row)}")
    return row


def typed(value: Any, kind: type | tuple[type, ...], column: str, where: str) -> Any:
    """The value, if it is of a type.

    Raises:
        InputError: It is not; the message names the column.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(k.__name__ for k in kinds)
        raise InputError(f"{where}: column {column!r} must be {names}, found {str(value)[:60]!r}")
    return value


def read_scenes(path: Path) -> dict[str, Scene]:
    """Gold scenes from a scene graph file, by image id.

    Beside GQA's own keys it understands ``names`` (further true names) and ``depth`` of objects;
    text at the level of the image (``location``, ``weather``, ``background``) is the setting.

    Raises:
        InputError: The file or a column is missing or wrong.
    """
    graphs = require(read_json(path), (), str(path))
    return {id: scene_from_graph(graph, f"{path}, image {id!r}") for id, graph in graphs.items()}


def scene_from_graph(graph: Any, where: str) -> Scene:
    """A gold scene from one scene graph.

    Args:
        graph: As GQA writes it; see ``read_scenes``.
        where: Its place, for messages.

    Raises:
        InputError: A column is missing or wrong.
    """
    require(graph, ("width", "height", "objects"), where)
    objects = require(graph["objects"], (), f"{where}, objects")
    return Scene(
        width=typed(graph["width"], int, "width", where),
        height=typed(graph["height"], int, "height", where),
        objects=tuple(_object(id, row, f"{where}, object {id!r}") for id, row in objects.items()),
        setting={key: value for key, value in graph.items() if isinstance(value, str)},
    )


def _object(id: str, row: Any, where: str) -> SceneObject:
    require(row, ("name", "x", "y", "w", "h", "attributes", "relations"), where)
    x, y, w, h = (typed(row[key], (int, float), key, where) for key in "xywh")
    relations = []
    for relation in typed(row["relations"], list, "relations", where):
        require(relation, ("name", "object"), f"{where}, relations")
        relations.append((relation["name"], relation["object"]))
    return SceneObject(
        id=id,
        name=typed(row["name"], str, "name", where),
        box_xyxy=(float(x), float(y), float(x + w), float(y + h)),
        attributes=tuple(typed(row["attributes"], list, "attributes", where)),
        names=tuple(row.get("names", ())),
        relations=tuple(relations),
        depth=float(row.get("depth", 0.0)),
    )
