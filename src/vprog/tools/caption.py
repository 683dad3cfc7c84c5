"""caption: one sentence about an image, for programs of either language."""

from __future__ import annotations

from vprog.tools.module import module_from_tool
from vprog.tools.tool import Param, Tool

TOOL = Tool(
    name="caption",
    params=(Param("image", "image"),),
    returns="text",
    doc="One sentence that describes the image.",
    sentence="{image} caption : {value}",
    needs="Bind an image captioning model",
)

MODULES = (module_from_tool(TOOL),)
