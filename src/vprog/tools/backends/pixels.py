"""pixels: detect, vqa and match answered by classical pixel code, for flat-colour drawings.

No model and no training: a picture is segmented into figures (``pixel_shapes``), and phrases are
read word by word as colours and shapes. What it cannot read it refuses, naming what it knows.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vprog.errors import InputError, ToolError, known_names
from vprog.example import Picture, Region
from vprog.tools.backends.pixel_geometry import SHAPES
from vprog.tools.backends.pixel_shapes import (
    COLOURS,
    Figure,
    find_figures,
    lightness,
)
from vprog.trace import Call, Result

_ANY = ("object", "shape", "thing", "block", "item", "figure", "one")
_FILLER = frozenset({"a", "an", "the", "any", "some", "colored", "coloured", "color", "colour"})
_SAME = {
    "grey": "gray",
    "violet": "purple",
    "turquoise": "cyan",
    "disc": "circle",
    "disk": "circle",
    "oval": "ellipse",
    "round": "circle",
    "triangular": "triangle",
    "rectangular": "rectangle",
    "crosses": "cross",
}
_LARGEST = 0.1
_GRADES = ("large", "small", "light", "dark", "front", "behind")
_FORMS = (
    "what color is (the) X, what shape is (the) X, what is this, is there a X, are there X, "
    "how many X, is it X, is the X Y"
)
_COLOUR_QUESTION = re.compile(r"(?:what|which) colou?r (?:is|are) (.+)|what is the colou?r of (.+)")
_SHAPE_QUESTION = re.compile(r"(?:what|which) shape (?:is|are) (.+)|what is the shape of (.+)")
_WHAT = re.compile(r"what (?:is|are) (it|this|that|these|there|shown|in the (?:picture|image))")
_EXISTS = re.compile(r"(?:is|are) there (.+?)(?: in (?:the|this) (?:picture|image))?")
_COUNT = re.compile(
    r"how many (.+?)(?: are (?:there|visible))?(?: in (?:the|this) (?:picture|image))?"
)
_IS_IT = re.compile(r"(?:is|are) (?:it|this|that|these|they) (.+)")
_IS_THE = re.compile(r"(?:is|are) the (.+)")
_ITSELF = frozenset({"it", "this", "that", "they", "these", "there"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a phrase asks of a figure; empty where anything will do.

    Attributes:
        colours: Every one of these must be a name of its paint.
        shapes: Every one of these must be its shape.
    """

    colours: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()

    def score(self, figure: Figure) -> float:
        """Belief in [0.5, 1] that a figure which fits is what the phrase says."""
        return 0.5 + 0.5 * figure.certainty if self.shapes else 1.0

    def fits(self, figure: Figure) -> bool:
        """Whether a figure is what the phrase says."""
        return all(c in figure.colours for c in self.colours) and all(
            s == figure.shape for s in self.shapes
        )


def read_phrase(phrase: str) -> Wanted:
    """Reads a noun phrase: colours, shapes, "object" and its like, plurals, articles.

    Raises:
        ToolError: A word that pixels does not know, or no word at all.
    """
    words = re.findall(r"[a-z]+", phrase.lower())
    colours: list[str] = []
    shapes: list[str] = []
    for word in words:
        name = _known_word(word)
        if name in COLOURS:
            colours.append(name)
        elif name in SHAPES:
            shapes.append(name)
        elif name is None:
            vocabulary = (*COLOURS, *SHAPES, *_ANY)
            raise ToolError(
                f"pixels does not know {word!r} in {phrase!r}. "
                f"{known_names(word, vocabulary, limit=len(vocabulary))}"
            )
    if not words:
        raise ToolError(
            f"pixels was asked for nothing: {phrase!r}. Name a colour, a shape or object"
        )
    return Wanted(tuple(colours), tuple(shapes))


def _known_word(word: str) -> str | None:
    """The vocabulary's form of a word, "" for words without content, None for unknown ones."""
    for form in (word, word.removesuffix("s")):
        form = _SAME.get(form, form)
        if form in COLOURS or form in SHAPES:
            return form
        if form in _ANY or form in _FILLER:
            return ""
    return None


class Pixels:
    """The backend ``pixels`` for detect, vqa and match.

    * ``detect``: figures whose centre lies in the image and that the phrase fits, from left to
      right; ``score`` is 1, or between 0.5 and 1 by the certainty of the shape where the phrase
      names one. The result's ``info`` holds each figure's ``colours`` and ``shapes``.
    * ``match``: that score for options that hold, else 0. A region that is the box of a figure is
      judged by that figure, any other by the figures centred in it. Options of one word can also be
      graded: ``large`` (area, 1 from a tenth of the picture on), ``light`` (of the paint, black 0,
      pure 0.5, white 1), ``front`` (how whole the figure's outline is, a guess at what covers
      what), and their opposites ``small``, ``dark``, ``behind``.
    * ``vqa``: "what colour is the circle", "what shape is it", "what is this", "is there a red
      square", "how many circles", "is it red", "is the square red"; anything else is refused.

    Answers come from flat-colour drawings alone; see ``pixel_shapes`` for the limits. Pictures are
    segmented once and the last ``remember`` of them are kept.
    """

    batch_size = 256
    fingerprint = "pixels-1"

    def __init__(self, remember: int = 512) -> None:
        """Keeps the figures of the last ``remember`` pictures."""
        self._remember = remember
        self._figures: OrderedDict[str, tuple[Figure, ...] | ToolError] = OrderedDict()

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> Sequence[Result | ToolError]:
        """Answers calls of one tool; see ``Backend.answer``.

        Raises:
            InputError: A picture cannot be read.
        """
        return [self._answer_one(call, pictures) for call in calls]

    def figures(self, picture: Picture) -> tuple[Figure, ...]:
        """The figures of a picture, from left to right.

        Raises:
            InputError: The picture cannot be read.
            ToolError: It is no flat-colour drawing.
        """
        key = picture.digest
        found = self._figures.get(key)
        if found is None:
            pixels_rgb = picture.array_rgb
            if pixels_rgb is None:
                pixels_rgb = np.asarray(picture.load())
            elif pixels_rgb.ndim != 3 or pixels_rgb.shape[2] != 3:
                raise InputError(
                    f"picture {picture.id!r} has shape {pixels_rgb.shape}; "
                    "pixels needs [height, width, 3]"
                )
            try:
                found = find_figures(pixels_rgb)
            except ToolError as error:
                found = error
            self._figures[key] = found
            if len(self._figures) > self._remember:
                self._figures.popitem(last=False)
        else:
            self._figures.move_to_end(key)
        if isinstance(found, ToolError):
            raise found.with_traceback(None)
        return found

    def _answer_one(self, call: Call, pictures: Mapping[str, Picture]) -> Result | ToolError:
        region = call.args["image"]
        assert isinstance(region, Region)
        try:
            figures = self.figures(pictures[region.picture])
            if call.tool == "detect":
                return _detect(region, str(call.args["phrase"]), figures)
            if call.tool == "match":
                options = call.args["options"]
                assert isinstance(options, list)
                width, height = pictures[region.picture].size
                return _match(region, [str(o) for o in options], figures, width * height)
            if call.tool == "vqa":
                return _vqa(region, str(call.args["question"]), figures)
        except ToolError as error:
            return error
        return ToolError(f"pixels cannot answer {call.tool!r}; it knows detect, match and vqa")


def _inside(region: Region, figures: Sequence[Figure]) -> list[Figure]:
    """Figures whose box has its centre in the region."""
    kept = []
    for figure in figures:
        left, top, right, bottom = figure.box_xyxy
        x, y = (left + right) / 2, (top + bottom) / 2
        if region.left <= x <= region.right and region.top <= y <= region.bottom:
            kept.append(figure)
    return kept


def _shown(region: Region, figures: Sequence[Figure]) -> list[Figure]:
    """What a region shows: the figure whose box it is, else the figures centred in it."""
    best, best_overlap = None, 0.5
    for figure in figures:
        overlap = _overlap(region, figure)
        if overlap >= best_overlap:
            best, best_overlap = figure, overlap
    return [best] if best is not None else _inside(region, figures)


def _overlap(region: Region, figure: Figure) -> float:
    """Intersection over union of a region and a figure's box."""
    left, top, right, bottom = figure.box_xyxy
    width = min(right, region.right) - max(left, region.left)
    height = min(bottom, region.bottom) - max(top, region.top)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    area = (region.right - region.left) * (region.bottom - region.top)
    return both / (area + (right - left) * (bottom - top) - both)


def _detect(region: Region, phrase: str, figures: Sequence[Figure]) -> Result:
    wanted = read_phrase(phrase)
    found = [f for f in _inside(region, figures) if wanted.fits(f)]
    return Result(
        [
            Region(
                region.picture,
                *figure.box_xyxy,
                phrase,
                wanted.score(figure),
            )
            for figure in found
        ],
        {"colours": [f.colours[0] for f in found], "shapes": [f.shape for f in found]},
    )


def _match(
    region: Region, options: Sequence[str], figures: Sequence[Figure], picture_area: float
) -> Result:
    shown = _shown(region, figures)
    scores = []
    for option in options:
        word = option.strip().lower()
        if word in _GRADES:
            scores.append(max((_grade(f, word, picture_area) for f in shown), default=0.0))
        else:
            wanted = read_phrase(option)
            scores.append(max((wanted.score(f) for f in shown if wanted.fits(f)), default=0.0))
    info = {"colours": [f.colours[0] for f in shown], "shapes": [f.shape for f in shown]}
    return Result(list(scores), info)


def _grade(figure: Figure, word: str, picture_area: float) -> float:
    """Belief in [0, 1] that a graded word is true of a figure."""
    if word in ("large", "small"):
        large = min(figure.area / (_LARGEST * picture_area), 1.0)
        return large if word == "large" else 1 - large
    if word in ("light", "dark"):
        light = lightness(figure.rgb)
        return light if word == "light" else 1 - light
    return figure.wholeness if word == "front" else 1 - figure.wholeness


def _vqa(region: Region, question: str, figures: Sequence[Figure]) -> Result:
    text = re.sub(r"\s+", " ", question.lower()).strip(" ?.")
    shown = _shown(region, figures)
    if form := _COLOUR_QUESTION.fullmatch(text):
        return Result(_one_of(shown, form[1] or form[2], question).colours[0])
    if form := _SHAPE_QUESTION.fullmatch(text):
        return Result(_one_of(shown, form[1] or form[2], question).shape)
    if form := _WHAT.fullmatch(text):
        figure = _one_of(shown, "it", question)
        return Result(f"{figure.colours[0]} {figure.shape}")
    if form := _EXISTS.fullmatch(text):
        wanted = read_phrase(form[1])
        return _yes_no(any(wanted.fits(f) for f in shown))
    if form := _COUNT.fullmatch(text):
        wanted = read_phrase(form[1])
        return Result(str(sum(wanted.fits(f) for f in shown)))
    if form := _IS_IT.fullmatch(text):
        return _yes_no(read_phrase(form[1]).fits(_one_of(shown, "it", question)))
    if form := _IS_THE.fullmatch(text):
        return _is_the(shown, form[1], question)
    raise ToolError(f"pixels cannot read the question {question!r}. It knows: {_FORMS}")


def _is_the(shown: Sequence[Figure], rest: str, question: str) -> Result:
    """``the X Y``: the last word, with its article if there is one, is what X is said to be."""
    subject, _, said = rest.rpartition(" ")
    subject = re.sub(r" an?$", "", subject)
    if not subject:
        raise ToolError(f"pixels cannot read the question {question!r}. It knows: {_FORMS}")
    return _yes_no(read_phrase(said).fits(_one_of(shown, subject, question)))


def _one_of(shown: Sequence[Figure], phrase: str, question: str) -> Figure:
    """The figure a question speaks of: the largest of those that its phrase fits."""
    wanted = Wanted() if phrase in _ITSELF else read_phrase(phrase)
    fitting = [f for f in shown if wanted.fits(f)]
    if not fitting:
        raise ToolError(f"{question!r}: pixels finds no such figure in this part of the picture")
    return max(fitting, key=lambda f: f.area)


def _yes_no(value: bool) -> Result:
    return Result("yes" if value else "no")
