"""Reading rationales back: sentences, places, boxes, the answer; tolerant of what models write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vprog.distill.rationale import CLOSING
from vprog.distill.wording import BESIDE, HALVES, unplace, words
from vprog.distill.working import OPERATORS
from vprog.evaluation.zoo.metrics import iou
from vprog.example import Example, Picture, Region
from vprog.trace import Call

Numbers = tuple[int, int, int, int]
"""x1, y1, x2, y2 on the grid."""
Placed = tuple[int, Numbers]
"""A box with the index of its picture."""

BOX = re.compile(r"\[\s*(\d{1,5})[\s,]+(\d{1,5})[\s,]+(\d{1,5})[\s,]+(\d{1,5})\s*\]")
_LOOSE = re.compile(r"[\[\]]")
_END = re.compile(r"\s\.(?=\s|$)|(?<=\w|\]|!)\.(?=\s|$)|\n+")
_PICTURE = re.compile(r"^(?:in )?(?:the )?(left|right) picture\b|^picture (\d+)\b")
_NAMED = re.compile(r"(?:(left|right) picture|picture (\d+))\s*$")
_BESIDE = re.compile(rf"^({'|'.join(BESIDE.values())}) (?=\[)")
_MODULE = {name: module for module, name in BESIDE.items()}
_PART = {name: part for part, name in HALVES.items()}
OVERLAP = 0.5
"""Intersection over union from which two boxes are the same."""
_WORKED = re.compile(rf" (?:{'|'.join(sorted(OPERATORS.values()))}) |^(?:yes|no|not|\d+)\b")
_ASKS = re.compile(r"^(.*\S) \? (\S.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of a rationale that says what a tool found.

    Attributes:
        picture: Index of the picture that it speaks of.
        place: Which part: names of halves, ``beside`` a box, or a box; outermost first.
        kind: ``where`` (a phrase and boxes), ``ask`` (a question and an answer), ``check`` (a
            phrase and yes or no), ``other``.
        phrase: What was looked for, asked or checked.
        value: What was found, as written.
        boxes: Of the value.
    """

    picture: int
    place: tuple[tuple[str, Numbers | None], ...]
    kind: Literal["where", "ask", "check", "other"]
    phrase: str
    value: str
    boxes: tuple[Placed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A rationale as it can be read.

    Attributes:
        sentences: Those that say something, without the last one.
        answer: Of the last sentence; None where it is no ``so the answer is ...``.
        boxes: Every different box of the text.
        malformed: Brackets that hold no box.
    """

    sentences: tuple[Sentence, ...]
    answer: str | None
    boxes: tuple[Placed, ...]
    malformed: int

    @property
    def explains(self) -> bool:
        """Whether it says something before it ends in an answer."""
        return bool(self.sentences) and self.answer is not None


def read_rationale(text: str) -> Told:
    """Reads a rationale in the form of ``vprog.distill.rationale``, or something near it.

    Case, commas in boxes, points without a blank before them and line breaks do not matter. What
    cannot be read is left out; nothing raises.
    """
    parts = [part.strip() for part in _END.split(text.lower()) if part.strip()]
    answer = None
    if parts and CLOSING in parts[-1]:
        before, _, after = parts[-1].rpartition(CLOSING)
        # A box as an answer stays one; other words become plain.
        answer = after.strip() if BOX.fullmatch(after.strip()) else words(after)
        before = before.strip(" ,;:")
        parts[-1:] = [before] if before else []
    sentences = tuple(_sentence(part) for part in parts)
    boxes = dict.fromkeys(box for part in parts for box in boxes_in(part))
    loose = len(_LOOSE.findall(BOX.sub("", text)))
    return Told(
        sentences=sentences, answer=answer or None, boxes=tuple(boxes), malformed=(loose + 1) // 2
    )


def boxes_in(sentence: str) -> list[Placed]:
    """The boxes of one sentence, each with the index of its picture."""
    picture = _picture(_PICTURE.match(sentence))
    found = []
    for match in BOX.finditer(sentence):
        named = _NAMED.search(sentence[: match.start()])
        found.append((picture if named is None else _picture(named), _numbers(match)))
    return found


def _picture(match: re.Match[str] | None) -> int:
    if match is None:
        return 0
    side, number = match[1], match[2]
    return max(int(number) - 1, 0) if number else int(side == "right")


def _numbers(match: re.Match[str]) -> Numbers:
    x1, y1, x2, y2 = (int(v) for v in match.groups())
    return (x1, y1, x2, y2)


def _sentence(text: str) -> Sentence:
    named = _PICTURE.match(text)
    picture = _picture(named)
    rest = text if named is None else text[named.end() :].lstrip()
    place: list[tuple[str, Numbers | None]] = []
    while True:
        beside = _BESIDE.match(rest)
        name = "" if beside is None else beside[1]
        at = rest if beside is None else rest[beside.end() :]
        box = BOX.match(at)
        half = next((h for h in _PART if rest.startswith(f"{h} ")), "")
        if box is not None and (beside is not None or not place):
            place.append((name, _numbers(box)))
            rest = at[box.end() :].lstrip()
        elif half:
            place.append((half, None))
            rest = rest[len(half) :].lstrip()
        else:
            break
    asked = _ASKS.match(rest)
    phrase, colon, value = rest.rpartition(" : ")
    kind: Literal["where", "ask", "check", "other"] = "other"
    if asked is not None:
        kind, phrase, value = "ask", f"{asked[1]}?", asked[2]
    elif colon and value in ("yes", "no"):
        kind = "other" if _WORKED.search(phrase) else "check"
    elif colon and (value == "none" or re.match(r"\d+ at\b", value)):
        kind = "other" if phrase.startswith(("best ", "among ")) else "where"
    boxes = tuple(_moved(value, picture))
    return Sentence(
        picture=picture,
        place=tuple(place),
        kind=kind,
        phrase=phrase.strip(),
        value=value.strip(),
        boxes=boxes,
    )


def _moved(value: str, picture: int) -> list[Placed]:
    """Boxes of a value; those without a picture's name are in the sentence's."""
    found = []
    for match in BOX.finditer(value):
        named = _NAMED.search(value[: match.start()])
        found.append((picture if named is None else _picture(named), _numbers(match)))
    return found


def region_of(sentence: Sentence, example: Example, grid: int) -> Region | None:
    """The part of a picture that a sentence speaks of; None where there is no such picture.

    Places of the grid are coarse. Where a box is that of an object of the gold scene, the object's
    own edges are taken, so that a thing is not found beside itself.
    """
    if sentence.picture >= len(example.pictures):
        return None
    picture = example.pictures[sentence.picture]
    region = picture.region
    whole = region
    for name, numbers in reversed(sentence.place):
        if name in _PART:
            left, top, right, bottom = (v / 2 for v in _PART[name])
            region = region._replace(
                left=max(left * whole.right, region.left),
                top=max(top * whole.bottom, region.top),
                right=min(right * whole.right, region.right),
                bottom=min(bottom * whole.bottom, region.bottom),
            )
            continue
        assert numbers is not None
        box = _gold(unplace(numbers, (whole.right, whole.bottom), grid), picture)
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        match _MODULE.get(name):
            case "CROP_LEFTOF":
                region = region._replace(right=min(x, region.right))
            case "CROP_RIGHTOF":
                region = region._replace(left=max(x, region.left))
            case "CROP_ABOVE":
                region = region._replace(bottom=min(y, region.bottom))
            case "CROP_BELOW":
                region = region._replace(top=max(y, region.top))
            case _:
                left, top, right, bottom = box
                region = Region(whole.picture, left, top, right, bottom)
    return region


def _gold(box: tuple[float, ...], picture: Picture) -> tuple[float, ...]:
    """The box of the gold object that overlaps most, if it is the same by any measure."""
    scene = picture.scene
    golds = [o.box_xyxy for o in scene.objects] if scene is not None else []
    best = max(golds, key=lambda gold: iou(gold, box), default=box)
    return best if iou(best, box) >= OVERLAP else box


def call_of(sentence: Sentence, example: Example, grid: int) -> Call | None:
    """The call whose answer a sentence tells; None for one that tells no single call."""
    region = region_of(sentence, example, grid)
    if region is None or not sentence.phrase:
        return None
    match sentence.kind:
        case "where":
            return Call("detect", {"image": region, "phrase": sentence.phrase})
        case "ask":
            return Call("vqa", {"image": region, "question": sentence.phrase})
        case "check":
            return Call("match", {"image": region, "options": [sentence.phrase]})
    return None


def in_pixels(
    boxes: Sequence[Placed], example: Example, grid: int
) -> dict[int, list[tuple[float, float, float, float]]]:
    """Boxes by the index of their picture, in its pixels; those of no picture are under -1."""
    found: dict[int, list[tuple[float, float, float, float]]] = {}
    for picture, numbers in boxes:
        known = picture < len(example.pictures)
        size = example.pictures[picture].size if known else (grid, grid)
        found.setdefault(picture if known else -1, []).append(unplace(numbers, size, grid))
    return found
