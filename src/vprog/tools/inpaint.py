"""inpaint: repaint a part of an image by a description. REPLACE."""

from __future__ import annotations

from collections.abc import Sequence

from vprog.example import Picture, Region
from vprog.tools.module import Args, Module, Pictures
from vprog.tools.tool import Param, Tool
from vprog.trace import Result

TOOL = Tool(
    name="inpaint",
    params=(Param("image", "image"), Param("boxes", "images"), Param("prompt", "text")),
    returns="image",
    doc="The image with the boxes repainted to show what the prompt says.",
    sentence="{boxes} repainted as {prompt}",
    needs="Bind an inpainting model",
)


def _replace_finish(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
    """Adds the picture that the backend painted to those of the program."""
    del args
    result = results[0]
    region, painted = result.value, result.info.get("painted")
    if isinstance(region, Region) and painted is not None:
        pictures.setdefault(
            region.picture,
            Picture(
                region.picture,
                path=painted["path"],
                size=(int(region.right), int(region.bottom)),
                digest=painted["digest"],
            ),
        )
    return result


REPLACE = Module(
    name="REPLACE",
    params=(Param("image", "image"), Param("object", "images"), Param("prompt", "text")),
    returns="image",
    doc="The image with the boxes `object` repainted to show what `prompt` says.",
    tool="inpaint",
    calls=lambda args: [
        {"image": args["image"], "boxes": args["object"], "prompt": args["prompt"]}
    ],
    finish=_replace_finish,
)

MODULES = (REPLACE,)
