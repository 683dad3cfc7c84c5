"""The toolboxes that vprog has names for."""

from __future__ import annotations

from vprog.errors import InputError, known_names
from vprog.tools.backend import Toolbox
from vprog.tools.catalogue import TOOLS

NAMES = ("oracle", "pixels")
"""``oracle``: gold scenes answer. ``pixels``: classical picture processing answers."""


def load_toolbox(name: str) -> Toolbox:
    """The toolbox of that name.

    Raises:
        InputError: Unknown, with the nearest name.
    """
    if name == "oracle":
        from vprog.tools.backends.oracle import Oracle

        oracle = Oracle()
        bound = dict.fromkeys(("detect", "vqa", "match", "depth"), oracle)
        return Toolbox(name=name, tools=TOOLS, backends=bound)
    if name == "pixels":
        from vprog.tools.backends.pixels import Pixels

        pixels = Pixels()
        return Toolbox(
            name=name, tools=TOOLS, backends=dict.fromkeys(("detect", "vqa", "match"), pixels)
        )
    raise InputError(f"unknown toolbox {name!r}. {known_names(name, NAMES)}")
