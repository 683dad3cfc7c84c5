"""Examples: pictures, a question, accepted answers. One row of a benchmark.

Frames and units: a box is ``left, top, right, bottom`` in pixels of the whole picture, y growing
downward, right and bottom exclusive. Tools and traces use this frame alone; the ``python`` language
shows programs ViperGPT's frame (y growing upward) and converts at the border of its prelude.
"""

from __future__ import annotations

import copy
import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, NamedTuple

from vprog.errors import PictureError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

_ORIENTATION = 0x0112
_ON_ITS_SIDE = (5, 6, 7, 8)
MAX_PIXELS = 100_000_000
"""Pictures with more pixels are refused: decoding one would take gigabytes."""


class Region(NamedTuple):
    """A rectangle of a picture, the value that stands for every image, box, crop and patch.

    Pixels are only read inside a tool's batch; programs and the engine move these references.

    Attributes:
        picture: ``Picture.id``.
        left: Left edge in pixels of the whole picture.
        top: Top edge, y growing downward.
        right: Right edge, exclusive.
        bottom: Bottom edge, exclusive.
        label: What it was found as ("" for crops and whole pictures). Not part of its identity.
        score: Confidence in [0, 1] of the tool that found it. Not part of its identity.
    """

    picture: str
    left: float
    top: float
    right: float
    bottom: float
    label: str = ""
    score: float = 1.0

    @property
    def box_xyxy(self) -> tuple[float, float, float, float]:
        """``left, top, right, bottom`` in pixels of the whole picture, y downward."""
        return (self.left, self.top, self.right, self.bottom)

    @property
    def center_xy(self) -> tuple[float, float]:
        """The centre in pixels of the whole picture, y downward."""
        return ((self.left + self.right) / 2, (self.top + self.bottom) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObject:
    """One object of a gold scene.

    Attributes:
        id: Unique in its scene.
        name: Its kind, as the benchmark calls it.
        box_xyxy: Pixels of the whole picture, y downward.
        attributes: Colour, size, pattern and so on, as single words or short phrases.
        names: Further names that are true of it (hypernyms, synonyms), ``name`` left out.
        relations: ``(relation, id of the other object)`` with this object as the subject.
        depth: Distance from the viewer in units of the scene; smaller is nearer.
    """

    id: str
    name: str
    box_xyxy: tuple[float, float, float, float]
    attributes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    relations: tuple[tuple[str, str], ...] = ()
    depth: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The gold content of a picture: what an ``oracle`` backend reads instead of pixels.

    Attributes:
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        objects: Visible objects, in no particular order.
        setting: Facts about the whole picture, such as ``{"location": "indoors"}``.
    """

    width: int
    height: int
    objects: tuple[SceneObject, ...]
    setting: Mapping[str, str] = field(default_factory=dict)


class Picture:
    """A picture by reference: a file, a member of an archive, a cell, an array, an edit of another.

    Nothing is read before it is asked for. ``id`` names the picture inside a run and must be unique
    there; ``digest`` names its content, so that equal pictures share their calls.

    Attributes:
        id: Unique name in its run, such as ``val/17`` or the file's name.
    """

    __slots__ = (
        "_digest",
        "_region",
        "_scene",
        "_scene_digest",
        "_size",
        "array_rgb",
        "encoded",
        "id",
        "member",
        "path",
        "render",
    )

    def __init__(
        self,
        id: str,
        *,
        path: Path | str | None = None,
        member: str | None = None,
        encoded: Callable[[], bytes] | None = None,
        array_rgb: np.ndarray[Any, Any] | None = None,
        scene: Scene | Callable[[Picture], Scene] | None = None,
        render: Callable[[], Image] | None = None,
        size: tuple[int, int] | None = None,
        digest: str | None = None,
    ) -> None:
        """Names a picture without reading it.

        Args:
            id: Unique name in the run.
            path: The file, or the zip archive that holds ``member``.
            member: Name inside the archive ``path``.
            encoded: Reads the bytes of an encoded picture that is kept in another file, such as a
                cell of a table; ``path`` then says which, for messages alone.
            array_rgb: Pixels instead of a file, uint8 [height, width, 3], RGB.
            scene: Gold scene for oracle backends, or what makes it when it is first asked for.
            render: Makes the pixels of an edited picture when they are first needed.
            size: Width and height, where they are known without reading.
            digest: Content hash, where it is known without reading (edited pictures).
        """
        self.id = id
        self.path = Path(path) if path is not None else None
        self.member = member
        self.encoded = encoded
        self.array_rgb = array_rgb
        self._scene = scene
        self.render = render
        self._size = size
        self._digest = digest
        self._scene_digest: str | None = None
        self._region: Region | None = None

    def __repr__(self) -> str:
        """Shows the id and where the pixels are."""
        return f"Picture({self.id!r}, {self.where})"

    def called(self, id: str) -> Picture:
        """The same picture under another id."""
        same = copy.copy(self)
        same.id, same._region = id, None
        return same

    @property
    def where(self) -> str:
        """Where the pixels come from, for messages and reports."""
        if self.array_rgb is not None:
            return "array"
        if self.render is not None:
            return "edited picture"
        return f"{self.path}!{self.member}" if self.member else str(self.path)

    def read_bytes(self) -> bytes:
        """The encoded file, or the raw pixels of an array.

        Raises:
            PictureError: The file, archive member or cell cannot be read.
        """
        if self.array_rgb is not None:
            return self.array_rgb.tobytes()
        if self.encoded is not None:
            return self.encoded()
        if self.path is None:
            raise PictureError(f"picture {self.id!r} has neither a file nor pixels")
        try:
            if self.member is not None:
                state = self.path.stat()
                archive = _archive(self.path, state.st_mtime_ns, state.st_size, os.getpid())
                return archive.read(self.member)
            return self.path.read_bytes()
        except (OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise PictureError(f"cannot read picture {self.where}: {_reason(error)}") from error

    @property
    def digest(self) -> str:
        """Hexadecimal hash of the content (file bytes, or shape and pixels of an array)."""
        if self._digest is None:
            blake = hashlib.blake2b(self.read_bytes(), digest_size=16)
            if self.array_rgb is not None:
                blake.update(repr(self.array_rgb.shape).encode())
            self._digest = blake.hexdigest()
        return self._digest

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, from the file's header alone.

        Raises:
            PictureError: Not a picture, or more than ``MAX_PIXELS`` pixels.
        """
        if self._size is None:
            if self.array_rgb is not None:
                self._size = (self.array_rgb.shape[1], self.array_rgb.shape[0])
            elif isinstance(self._scene, Scene):
                self._size = (self._scene.width, self._scene.height)
            else:
                with self._open() as image:
                    turned = orientation(image) in _ON_ITS_SIDE
                    self._size = image.size[::-1] if turned else image.size
        return self._size

    @property
    def scene(self) -> Scene | None:
        """The gold scene, where the benchmark has one.

        Raises:
            PictureError: It must be made and the picture's size cannot be read.
        """
        if callable(self._scene):
            self._scene = self._scene(self)
        return self._scene

    @property
    def scene_digest(self) -> str:
        """Hexadecimal hash of the gold scene, "" where there is none.

        Raises:
            PictureError: See ``scene``.
        """
        if self._scene_digest is None:
            said = repr(self.scene).encode() if self.scene is not None else b""
            blake = hashlib.blake2b(said, digest_size=16)
            self._scene_digest = blake.hexdigest() if said else ""
        return self._scene_digest

    @property
    def region(self) -> Region:
        """The whole picture.

        Raises:
            PictureError: The picture cannot be read.
        """
        if self._region is None:
            width, height = self.size
            self._region = Region(self.id, 0, 0, width, height)
        return self._region

    def load(self) -> Image:
        """The pixels as a Pillow image in mode RGB, upright as the file's EXIF orientation says.

        Raises:
            PictureError: The picture is missing, truncated, no picture, or too large.
        """
        from PIL import Image

        if self.array_rgb is not None:
            return Image.fromarray(self.array_rgb)
        if self.render is not None:
            return self.render()
        try:
            with self._open() as image:
                return _eight_bits(upright(image), self.where).convert("RGB")
        except PictureError:
            raise
        except Exception as error:  # Pillow's decoders raise many types on broken files
            raise PictureError(f"broken picture {self.where}: {_reason(error)}") from error

    def crop(self, region: Region) -> Image:
        """The pixels of ``region``, clipped to the picture and at least one pixel a side."""
        image = self.load()
        left = min(max(round(region.left), 0), image.width - 1)
        top = min(max(round(region.top), 0), image.height - 1)
        right = max(min(round(region.right), image.width), left + 1)
        bottom = max(min(round(region.bottom), image.height), top + 1)
        return image.crop((left, top, right, bottom))

    def _open(self) -> Image:
        import warnings

        from PIL import Image

        in_another = self.member is not None or self.encoded is not None
        source = self.path if self.path and not in_another else io.BytesIO(self.read_bytes())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(source)
        except Image.DecompressionBombError as error:
            raise PictureError(f"picture {self.where} is too large: {_reason(error)}") from error
        except Exception as error:
            raise PictureError(f"cannot read picture {self.where}: {_reason(error)}") from error
        if image.width * image.height > MAX_PIXELS:
            image.close()
            raise PictureError(
                f"picture {self.where} has {image.width} x {image.height} pixels; "
                f"at most {MAX_PIXELS:,} pixels are allowed. Scale it down first"
            )
        return image


def choice_letter(index: int) -> str:
    """What the choice at an index is called: A to Z, then AA, AB and so on."""
    before, last = divmod(index, len(ascii_uppercase))
    return (choice_letter(before - 1) if before else "") + ascii_uppercase[last]


def orientation(image: Image) -> int:
    """How a file says that its picture was held: EXIF's 1 (upright) to 8; 1 where it says nothing.

    Phones store what the sensor saw and note how to turn it.
    """
    # Pillow turns TIFF by itself, and would read a whole PNG to see what stands at its end.
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    try:
        held = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # broken EXIF; the pixels may be well
        return 1
    return held if 1 <= held <= 8 else 1


def upright(image: Image) -> Image:
    """The picture turned as its EXIF orientation says, as ``datasets`` and browsers show it."""
    from PIL.Image import Transpose

    turns = (
        None, Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM,
        Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90,
    )  # fmt: skip
    turn = turns[orientation(image) - 1]
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: Image, where: str) -> Image:
    """Grey of 16 bits as 8; Pillow itself would cut what is above 255.

    Raises:
        PictureError: Grey of 32 bits, of which nobody says what white is.
    """
    from PIL import Image

    if image.mode.startswith("I;16"):
        import numpy as np

        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "I" and image.getextrema()[1] > 255:  # type: ignore[operator]
        raise PictureError(
            f"picture {where} has 32 bits a pixel, and none of them says what white is; save it "
            "with 8 or 16"
        )
    return image


@lru_cache(maxsize=4)
def _archive(path: Path, changed_ns: int, size: int, process: int) -> zipfile.ZipFile:
    """An open archive, so that its directory is read once and not for every member.

    A file that changed is opened anew, and so is any file in a forked process, which would share
    the place in the file with its parent.
    """
    del changed_ns, size, process
    return zipfile.ZipFile(path)


def _reason(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text if len(text) < 200 else text[:200] + "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One question about one or more pictures.

    Attributes:
        id: Unique in its benchmark and split.
        pictures: One picture; two for pair tasks (left, right); many frames for a video.
        question: The question or statement, as people wrote it.
        answers: Accepted answers in the benchmark's normal form ("yes"/"no" for booleans); empty
            where there is no label.
        types: Question types by which scores are broken down, such as ``{"structural": "query"}``.
        group: Examples with the same group share a sentence (consistency metrics).
        programs: Gold programs by language (``steps``, ``python``), where there are any.
        extra: What the official metrics need beside this (entailed questions, choices, ...).
    """

    id: str
    pictures: tuple[Picture, ...]
    question: str
    answers: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    programs: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def with_choices(self, question: str) -> str:
        """A question about this example with its choices below it, if it has any.

        ``extra["choices"]`` holds the choices of a multiple-choice question in their order. What a
        program answers may be the text of a choice or its letter.
        """
        choices = self.extra.get("choices")
        if not choices:
            return question
        lines = (f"{choice_letter(index)}. {text}" for index, text in enumerate(choices))
        return "\n".join((question, *lines, "Answer with the letter of the right choice."))
