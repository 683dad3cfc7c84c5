"""detect: where are the things that a phrase names? LOC, FACEDET; find, exists."""

from __future__ import annotations

from collections.abc import Sequence

from vprog.example import Region
from vprog.tools.module import Args, Module, Pictures
from vprog.tools.tool import Param, Tool
from vprog.trace import Result, Value

TOOL = Tool(
    name="detect",
    params=(Param("image", "image"), Param("phrase", "text")),
    returns="images",
    doc="The boxes of everything in the image that the phrase names, best first.",
    sentence="{image} {phrase} : {value}",
    learns=True,
    needs="Bind a zero-shot object detector, or use the toolbox oracle or pixels",
)

_HALVES = ("TOP", "BOTTOM", "LEFT", "RIGHT")


def _half(image: Region, side: str) -> Region:
    """VisProg's LOC of TOP, BOTTOM, LEFT, RIGHT: one half of the image."""
    x, y = image.center_xy
    if side == "TOP":
        return image._replace(bottom=y, label=side)
    if side == "BOTTOM":
        return image._replace(top=y, label=side)
    if side == "LEFT":
        return image._replace(right=x, label=side)
    return image._replace(left=x, label=side)


def _loc_calls(args: Args) -> list[dict[str, Value]]:
    if args["object"] in _HALVES:
        return []
    return [{"image": args["image"], "phrase": args["object"]}]


def _loc_finish(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
    del pictures
    if results:
        return results[0]
    image, side = args["image"], args["object"]
    assert isinstance(image, Region)
    assert isinstance(side, str)
    return Result([_half(image, side)])


LOC = Module(
    name="LOC",
    params=(Param("image", "image"), Param("object", "text")),
    returns="images",
    doc=(
        "Finds everything in the image that `object` names; a list of boxes, best first, empty if "
        "there is none. `object` may be TOP, BOTTOM, LEFT or RIGHT: that half of the image."
    ),
    tool="detect",
    calls=_loc_calls,
    finish=_loc_finish,
)

FACEDET = Module(
    name="FACEDET",
    params=(Param("image", "image"),),
    returns="images",
    doc="Finds the faces in the image; a list of boxes.",
    tool="detect",
    calls=lambda args: [{"image": args["image"], "phrase": "face"}],
)

MODULES = (LOC, FACEDET)
