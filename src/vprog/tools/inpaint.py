"""inpaint: repaint a part of an image by a description. REPLACE."""

from __future__ import annotations

from vprog.tools.module import Module
from vprog.tools.tool import Param, Tool

TOOL = Tool(
    name="inpaint",
    params=(Param("image", "image"), Param("boxes", "images"), Param("prompt", "text")),
    returns="image",
    doc="The image with the boxes repainted to show what the prompt says.",
    sentence="{boxes} is repainted as {prompt}",
    needs="Bind an inpainting model",
)

REPLACE = Module(
    name="REPLACE",
    params=(Param("image", "image"), Param("object", "images"), Param("prompt", "text")),
    returns="image",
    doc="The image with the boxes `object` repainted to show what `prompt` says.",
    tool="inpaint",
    calls=lambda args: [
        {"image": args["image"], "boxes": args["object"], "prompt": args["prompt"]}
    ],
)

MODULES = (REPLACE,)
