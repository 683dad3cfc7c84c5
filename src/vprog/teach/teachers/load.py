"""Teachers by name, as commands take them."""

from __future__ import annotations

from pathlib import Path

from vprog.errors import InputError, ToolError, known_names
from vprog.teach.adapters import Adapted, read_adapter
from vprog.teach.steps import ARGUMENTS
from vprog.teach.teachers.end_to_end import EndToEnd
from vprog.teach.teachers.teacher import Teacher
from vprog.tools.toolboxes import NAMES, load_toolbox

KINDS = ("toolbox", "end-to-end", "small", "adapter")
"""What may stand before the colon of a teacher's name."""


def load_teacher(name: str) -> Teacher:
    """The teacher of a name.

    Args:
        name: ``oracle``, ``pixels``, ``zoo``, ``hub`` or a TOML file, with or without ``toolbox:``
            before it: the learnable tools of that toolbox. ``end-to-end:TOOLBOX``: its ``vqa``
            answers for every tool. ``small:FILE``: a small network of ``teachers.small``.
            ``adapter:FILE``: a teacher behind an adapter, see ``read_adapter``.

    Raises:
        InputError: An unknown name, a missing or wrong file, or no learnable tool in it.
    """
    kind, colon, rest = name.partition(":")
    if not colon:
        kind, rest = "toolbox", name
    if kind not in KINDS:
        raise InputError(
            f"unknown teacher {name!r}. A teacher is a toolbox ({', '.join(NAMES)}, or a TOML "
            f"file), or KIND:NAME. {known_names(kind, KINDS)}"
        )
    if not rest:
        raise InputError(f"teacher {name!r} names nothing behind the colon")
    if kind == "small":
        from vprog.teach.teachers.small import SmallNetwork

        network = SmallNetwork(Path(rest))
        tools = ("detect", "match", "vqa") if network.names else ("detect", "match")
        return Teacher(name=name, backends=dict.fromkeys(tools, network))
    if kind == "adapter":
        return _adapted(name, Path(rest))
    toolbox = load_toolbox(rest)
    if kind == "end-to-end":
        try:
            model = EndToEnd(toolbox.backend("vqa"))
        except ToolError as error:
            raise InputError(f"teacher {name!r}: {error}") from None
        return Teacher(name=name, backends=dict.fromkeys(ARGUMENTS, model))
    backends = {tool: b for tool, b in toolbox.backends.items() if tool in ARGUMENTS}
    if not backends:
        raise InputError(f"teacher {name!r} binds none of {', '.join(ARGUMENTS)}")
    return Teacher(name=name, backends=backends)


def _adapted(name: str, file: Path) -> Teacher:
    wrapped, settings = read_adapter(file)
    inner = load_teacher(wrapped)
    match = inner.backends.get("match") if settings.attributes == "match" else None
    return Teacher(
        name=name,
        backends={tool: Adapted(b, settings, match) for tool, b in inner.backends.items()},
    )
