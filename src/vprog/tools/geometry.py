"""Inline modules over boxes and values: CROP and its kin, COUNT, RESULT.

Behaviour follows VisProg (module code): CROP enlarges the first box by half and clips it to the
image, CROP_LEFTOF and its kin cut at the centre of the first box. Without a box all of them hand on
the whole image and say so in the trace; VisProg's CROP is silent about it, and its CROP_LEFTOF and
kin then take a half of the image (the left one, for ABOVE and BELOW too).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vprog.example import Region
from vprog.tools.expression import bounded_list
from vprog.tools.module import Args, Module, Pictures
from vprog.tools.tool import Kind, Param
from vprog.trace import Result

ENLARGE = 1.5
"""Factor by which CROP enlarges a box (VisProg, CropInterpreter)."""


def enlarged(box: Region, image: Region, factor: float = ENLARGE) -> Region:
    """The box scaled about its centre and clipped to the image."""
    x, y = box.center_xy
    half_width = (box.right - box.left) * factor / 2
    half_height = (box.bottom - box.top) * factor / 2
    return Region(
        image.picture,
        max(x - half_width, image.left),
        max(y - half_height, image.top),
        min(x + half_width, image.right),
        min(y + half_height, image.bottom),
        box.label,
        box.score,
    )


def _crop(cut: Callable[[Region, Region], Region]) -> Callable[..., Result]:
    def finish(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
        del results, pictures
        image, boxes = args["image"], args["box"]
        assert isinstance(image, Region)
        assert isinstance(boxes, list)
        if not boxes:
            return Result(image, {"note": "no box: the whole image is handed on"})
        return Result(cut(image, boxes[0]))

    return finish


def _module(name: str, doc: str, cut: Callable[[Region, Region], Region]) -> Module:
    return Module(
        name=name,
        params=(Param("image", "image"), Param("box", "images")),
        returns="image",
        doc=doc,
        finish=_crop(cut),
    )


def _right_of(image: Region, box: Region) -> Region:
    return image._replace(left=min(max(box.center_xy[0], image.left), image.right))


def _left_of(image: Region, box: Region) -> Region:
    return image._replace(right=min(max(box.center_xy[0], image.left), image.right))


def _below(image: Region, box: Region) -> Region:
    return image._replace(top=min(max(box.center_xy[1], image.top), image.bottom))


def _above(image: Region, box: Region) -> Region:
    return image._replace(bottom=min(max(box.center_xy[1], image.top), image.bottom))


def _inline(
    name: str,
    params: tuple[Param, ...],
    returns: Kind,
    doc: str,
    finish: Callable[[Args, Sequence[Result], Pictures], Result],
) -> Module:
    return Module(name=name, params=params, returns=returns, doc=doc, finish=finish)


def _count(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
    del results, pictures
    boxes = args["box"]
    assert isinstance(boxes, list)
    return Result(len(boxes))


def _result(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
    del results, pictures
    value = args["var"]
    if isinstance(value, list):
        bounded_list(value)
    return Result(value)


_AROUND = "The part of the image around the first of the boxes, somewhat enlarged."

MODULES = (
    _module("CROP", _AROUND, lambda image, box: enlarged(box, image)),
    _module("CROP_LEFTOF", "The part of the image left of the first box's centre.", _left_of),
    _module("CROP_RIGHTOF", "The part of the image right of the first box's centre.", _right_of),
    _module("CROP_ABOVE", "The part of the image above the first box's centre.", _above),
    _module("CROP_BELOW", "The part of the image below the first box's centre.", _below),
    *(
        # VisProg's registry maps these relations to CROP itself.
        _module(f"CROP_{name}", _AROUND, lambda image, box: enlarged(box, image))
        for name in ("FRONTOF", "INFRONTOF", "INFRONT", "BEHIND", "AHEAD")
    ),
    _inline("COUNT", (Param("box", "images"),), "number", "The number of boxes.", _count),
    _inline("RESULT", (Param("var", "any"),), "any", "Ends the program with this answer.", _result),
)
