"""Inline modules that edit pictures: COLORPOP, BGBLUR, TAG, EMOJI.

An edit is a recipe: a new ``Picture`` whose pixels are made when somebody looks at them. Its digest
follows from the original's digest and the arguments, so equal edits share their later calls.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from vprog.example import Picture, Region
from vprog.tools.module import Args, Module, Pictures
from vprog.tools.tool import Param
from vprog.trace import Result, Value

if TYPE_CHECKING:
    from PIL import Image

Draw = Callable[["Image.Image", list[Region], Args], "Image.Image"]
"""Edits pixels: the image, the boxes in the image's own frame, the module's arguments."""


def edited(module: str, draw: Draw, args: Args, pictures: Pictures) -> Region:
    """Registers the picture that ``draw`` makes and returns all of it as a region."""
    image, boxes = args["image"], args["object"]
    assert isinstance(image, Region)
    assert isinstance(boxes, list)
    source = pictures[image.picture]
    recipe = (module, source.digest, image.box_xyxy, [b[1:6] for b in boxes], args.get("emoji"))
    digest = hashlib.blake2b(repr(recipe).encode(), digest_size=16).hexdigest()
    size = (
        max(1, round(image.right) - round(image.left)),
        max(1, round(image.bottom) - round(image.top)),
    )

    def render() -> Image.Image:
        whole = source.crop(image)
        width, height = whole.size
        local = [
            b._replace(  # a picture's width beyond the picture is as good as any number
                left=max(b.left - image.left, -width),
                right=min(b.right - image.left, 2 * width),
                top=max(b.top - image.top, -height),
                bottom=min(b.bottom - image.top, 2 * height),
            )
            for b in boxes
        ]
        return draw(whole, [b for b in local if b.left < b.right and b.top < b.bottom], args)

    picture = Picture(f"{module.lower()}:{digest[:12]}", render=render, size=size, digest=digest)
    pictures[picture.id] = picture
    return picture.region


def _mask(image: Image.Image, boxes: list[Region]) -> Image.Image:
    """White inside the boxes, drawn as ellipses, since boxes carry no outline."""
    from PIL import Image, ImageDraw

    mask = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(mask)
    for box in boxes:
        pen.ellipse(box.box_xyxy, fill=255)
    return mask


def _color_pop(image: Image.Image, boxes: list[Region], args: Args) -> Image.Image:
    del args
    from PIL import Image

    return Image.composite(image, image.convert("L").convert("RGB"), _mask(image, boxes))


def _background_blur(image: Image.Image, boxes: list[Region], args: Args) -> Image.Image:
    del args
    from PIL import Image, ImageFilter

    blurred = image.filter(ImageFilter.GaussianBlur(max(2, max(image.size) / 60)))
    return Image.composite(image, blurred, _mask(image, boxes))


def _tag(image: Image.Image, boxes: list[Region], args: Args) -> Image.Image:
    del args
    from PIL import ImageDraw

    image = image.copy()
    pen = ImageDraw.Draw(image)
    for box in boxes:
        pen.rectangle(box.box_xyxy, outline=(255, 200, 0), width=max(1, image.width // 200))
        if box.label:
            corner = (box.left + 2, max(0, box.top - 11))
            pen.rectangle(pen.textbbox(corner, box.label), fill=(255, 200, 0))
            pen.text(corner, box.label, fill=(0, 0, 0))
    return image


_MOUTHS = {"smiling": (20, 160), "winking": (20, 160), "crying": (200, 340), "sad": (200, 340)}
_WORDS: Mapping[str, tuple[str, ...]] = {
    "smiling": ("joy", "laugh", "grin", "smil"),  # before crying: a face with tears of joy
    "winking": ("wink",),
    "crying": ("cry", "tear", "sob", "weep"),
    "sad": (
        "sad", "frown", "angry", "anger", "rage", "pout", "mad", "furious", "annoyed", "upset",
        "unhappy", "disappoint", "worr", "fear", "scared", "anxious", "confus", "pensive", "tired",
        "weary", "sick", "scream",
    ),
}  # fmt: skip
"""How words begin in the names of faces that look most like one of those that are drawn."""


def _mood(emoji: str) -> str:
    """The face among those that are drawn that an emoji's name comes nearest to."""
    words: list[str] = re.findall(r"[^\W_]+", emoji.lower())
    if words and words[0] in _MOUTHS:
        return words[0]
    for mood, stems in _WORDS.items():
        if any(word.startswith(stems) for word in words):
            return mood
    return "smiling"


def _emoji(image: Image.Image, boxes: list[Region], args: Args) -> Image.Image:
    from PIL import ImageDraw

    image = image.copy()
    pen = ImageDraw.Draw(image)
    mood = _mood(str(args["emoji"]))
    for box in boxes:
        (x, y), r = box.center_xy, min(box.right - box.left, box.bottom - box.top) / 2
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(255, 205, 50))
        for side in (-1, 1):
            eye = (x + side * 0.38 * r, y - 0.25 * r)
            tall = 0.02 if mood == "winking" and side > 0 else 0.14
            pen.ellipse(
                (eye[0] - 0.1 * r, eye[1] - tall * r, eye[0] + 0.1 * r, eye[1] + tall * r),
                fill=(60, 40, 0),
            )
        start, end = _MOUTHS[mood]
        top = y - 0.3 * r if start < 180 else y + 0.25 * r
        mouth = (x - 0.5 * r, top, x + 0.5 * r, top + 0.9 * r)
        pen.arc(mouth, start, end, fill=(60, 40, 0), width=max(1, round(r / 10)))
    return image


def _note(args: Args) -> dict[str, Value]:
    """What the trace says of an emoji that is not drawn as it is called."""
    asked = str(args.get("emoji", "smiling"))
    mood = _mood(asked)
    if mood in asked.lower():
        return {}
    return {"note": f"no face {asked[:60]!r} to draw: a {mood} one is drawn"}


def _module(name: str, draw: Draw, doc: str, *more: Param) -> Module:
    def finish(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
        del results
        return Result(edited(name, draw, args, pictures), _note(args))

    return Module(
        name=name,
        params=(Param("image", "image"), Param("object", "images"), *more),
        returns="image",
        doc=doc,
        finish=finish,
    )


MODULES = (
    _module("COLORPOP", _color_pop, "The image in grey, the boxes `object` in colour."),
    _module("BGBLUR", _background_blur, "The image blurred, the boxes `object` sharp."),
    _module("TAG", _tag, "The image with the boxes `object` drawn and labelled."),
    _module(
        "EMOJI",
        _emoji,
        f"The image with a face over each box; `emoji` is one of {', '.join(_MOUTHS)}.",
        Param("emoji", "text"),
    ),
)
