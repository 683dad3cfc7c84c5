"""ocr: the text in an image, for programs of either language."""

from __future__ import annotations

from vprog.tools.module import module_from_tool
from vprog.tools.tool import Param, Tool

TOOL = Tool(
    name="ocr",
    params=(Param("image", "image"),),
    returns="text",
    doc="The text that can be read in the image.",
    sentence="{image} text : {value}",
    needs="Bind a text reading model",
)

MODULES = (module_from_tool(TOOL),)
