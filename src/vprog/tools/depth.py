"""depth: how far away is what an image shows? compute_depth."""

from __future__ import annotations

from vprog.tools.module import module_from_tool
from vprog.tools.tool import Param, Tool

TOOL = Tool(
    name="depth",
    params=(Param("image", "image"),),
    returns="number",
    doc="The median depth of the image; smaller is nearer to the viewer.",
    sentence="{image} depth : {value}",
    needs="Bind a depth estimation model, or use the toolbox oracle",
)

MODULES = (module_from_tool(TOOL),)
