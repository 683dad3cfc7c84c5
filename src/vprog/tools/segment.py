"""segment: every object of an image with its name. SEG."""

from __future__ import annotations

from vprog.tools.module import Module
from vprog.tools.tool import Param, Tool

TOOL = Tool(
    name="segment",
    params=(Param("image", "image"),),
    returns="images",
    doc="The boxes of all objects of the image, each labelled with its category.",
    sentence="{image} shows {value}",
    needs="Bind a panoptic segmentation model",
)

SEG = Module(
    name="SEG",
    params=TOOL.params,
    returns="images",
    doc="Segments the image into objects; a list of boxes labelled with their categories.",
    tool="segment",
    calls=lambda args: [dict(args)],
)

MODULES = (SEG,)
