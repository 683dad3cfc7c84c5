"""The tools that vprog knows by itself, and the ``steps`` modules over any set of tools."""

from __future__ import annotations

from collections.abc import Mapping

from vprog.tools import (
    caption,
    depth,
    detect,
    edit,
    expression,
    geometry,
    inpaint,
    knowledge,
    match,
    ocr,
    segment,
    vqa,
)
from vprog.tools.module import Module, module_from_tool
from vprog.tools.tool import Tool

_FILES = (detect, vqa, match, segment, depth, ocr, caption, knowledge, inpaint)

TOOLS: Mapping[str, Tool] = {file.TOOL.name: file.TOOL for file in _FILES}
"""Tools that a backend answers, by name."""

MODULES: Mapping[str, Module] = {
    module.name: module for file in (*_FILES, geometry, expression, edit) for module in file.MODULES
}
"""Modules of the ``steps`` language without a benchmark's or user's own, by name."""


def modules_for(tools: Mapping[str, Tool]) -> dict[str, Module]:
    """The modules that programs over ``tools`` may name, by name."""
    own = {t.name.upper(): module_from_tool(t) for n, t in tools.items() if n not in TOOLS}
    return {**MODULES, **own}
