"""Adapters: what aligns a call with a teacher's input, and a teacher's output with the call.

SDVP (arXiv 2309.09809, section 3) puts an adapter between a module and its teacher; the paper does
not say how it works, so these rules are ours. ``Adapted`` wraps a backend: other names for things,
phrases with articles, plurals and attributes, other names for answers, a floor for scores.
``Framed`` makes a backend of a detector that knows neither regions nor vprog: it shows pixels in
the detector's frame and brings its boxes back.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vprog.errors import InputError, ToolError, known_names
from vprog.example import Picture, Region
from vprog.teach.frames import Frame
from vprog.tools.backend import Backend, Loading
from vprog.tools.backends.oracle_words import is_form_of
from vprog.trace import Call, Result

if TYPE_CHECKING:
    from PIL.Image import Image

_ARTICLES = frozenset(("a", "an", "the", "any", "some"))
_ATTRIBUTES = ("keep", "match", "refuse")


@dataclass(frozen=True, kw_only=True)
class AdapterSettings:
    """How a teacher's words and scores are read.

    Attributes:
        names: What programs call a thing -> what the teacher calls it. Plurals are read, too.
        closed: Whether the teacher knows nothing beyond ``names``: other phrases are refused.
        attributes: What becomes of words before a name of ``names``: ``keep`` hands them on with
            it; ``match`` finds the bare thing and keeps the boxes for which the teacher's own
            ``match`` believes the whole phrase; ``refuse`` leaves such calls unanswered.
        answers: What the teacher answers -> what the student is to answer.
        floor: Boxes with a lower score do not count.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    attributes: Literal["keep", "match", "refuse"] = "keep"
    answers: Mapping[str, str] = field(default_factory=dict)
    floor: float = 0.0

    @property
    def fingerprint(self) -> str:
        """Names every setting."""
        said = (sorted(self.names.items()), self.closed, self.attributes,
                sorted(self.answers.items()), self.floor)  # fmt: skip
        return hashlib.blake2b(repr(said).encode(), digest_size=6).hexdigest()

    def read(self, phrase: str) -> tuple[str, str]:
        """Attributes and name of a phrase, the name as the teacher calls it.

        A phrase that ``names`` does not hold is one name without its article.

        Raises:
            ToolError: The teacher cannot know it.
        """
        words = [w for w in phrase.lower().split() if w not in _ARTICLES]
        for start in range(len(words)):
            for known, label in self.names.items():
                if _names(words[start:], known.lower().split()):
                    before = " ".join(words[:start])
                    if before and self.attributes == "refuse":
                        raise ToolError(f"the teacher knows no attributes such as {before!r}")
                    return before, label
        if self.closed:
            raise ToolError(f"the teacher has no name for {phrase!r}")
        return "", " ".join(words) or phrase


def _names(words: Sequence[str], known: Sequence[str]) -> bool:
    """Whether words are a name, the last one in singular or plural."""
    return (
        len(words) == len(known)
        and words[:-1] == known[:-1]
        and (words[-1] == known[-1] or is_form_of(words[-1], known[-1]))
    )


def read_adapter(path: Path) -> tuple[str, AdapterSettings]:
    """Reads a TOML file: ``teacher`` and the fields of ``AdapterSettings``.

    Returns:
        The name of the teacher, as ``load_teacher`` takes it, and the settings.

    Raises:
        InputError: The file cannot be read, or a key is unknown or wrong; names file and key.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read adapter {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"adapter {path} is no TOML: {error}") from None
    known = ("teacher", "names", "closed", "attributes", "answers", "floor")
    for key in table:
        if key not in known:
            raise InputError(f"{path}: unknown key {key!r}. {known_names(key, known)}")
    teacher = table.pop("teacher", None)
    if not isinstance(teacher, str) or not teacher or teacher.startswith("adapter:"):
        raise InputError(f"{path}: teacher: must name a teacher, such as 'toolbox:hub'")
    for key in ("names", "answers"):
        value = table.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise InputError(f"{path}: {key}: must be a table of texts")
    if not isinstance(table.get("closed", False), bool):
        raise InputError(f"{path}: closed: must be true or false")
    if table.get("attributes", "keep") not in _ATTRIBUTES:
        raise InputError(f"{path}: attributes: must be one of {', '.join(_ATTRIBUTES)}")
    floor = table.get("floor", 0.0)
    if isinstance(floor, bool) or not isinstance(floor, int | float) or not 0 <= floor <= 1:
        raise InputError(f"{path}: floor: must be a number from 0 to 1")
    return teacher, AdapterSettings(**table)


class Adapted:
    """A teacher's backend for detect, vqa and match behind an adapter."""

    def __init__(
        self, inner: Backend, settings: AdapterSettings, match: Backend | None = None
    ) -> None:
        """Wraps a backend.

        Args:
            inner: The teacher's backend of the tool.
            settings: Of the adapter.
            match: The teacher's backend of ``match``, for ``attributes = "match"``.

        Raises:
            InputError: ``match`` is needed and there is none.
        """
        if settings.attributes == "match" and match is None:
            raise InputError(
                'attributes = "match" needs a teacher that answers match; bind one, or set '
                'attributes = "keep" or "refuse"'
            )
        self._inner, self._settings, self._match = inner, settings, match
        beside = f" {match.fingerprint}" if match is not None else ""
        self.fingerprint = f"adapted/1 {settings.fingerprint} {inner.fingerprint}{beside}"
        self.batch_size = inner.batch_size

    def prepare(self) -> None:
        """Loads what is wrapped."""
        for backend in (self._inner, self._match):
            if isinstance(backend, Loading):
                backend.prepare()

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``Backend``."""
        answers: list[Result | ToolError | None] = [None] * len(calls)
        asked: list[tuple[int, Call, str]] = []
        for n, call in enumerate(calls):
            try:
                asked.append((n, *self._adapt(call)))
            except ToolError as error:
                answers[n] = error
        replies = _ask(self._inner, [call for _, call, _ in asked], pictures)
        for (n, _, _), reply in zip(asked, replies, strict=True):
            answers[n] = self._adopt(calls[n], reply) if isinstance(reply, Result) else reply
        self._check_attributes([(n, whole) for n, _, whole in asked if whole], answers, pictures)
        return [answer for answer in answers if answer is not None]

    def _adapt(self, call: Call) -> tuple[Call, str]:
        """The teacher's call, and what its boxes must match beside ("" for nothing)."""
        if call.tool == "detect":
            attributes, name = self._settings.read(str(call.args["phrase"]))
            whole = f"{attributes} {name}".strip()
            apart = bool(attributes) and self._settings.attributes == "match"
            said = name if apart else whole
            return Call("detect", {**call.args, "phrase": said}), whole if apart else ""
        if call.tool == "match":
            options = call.args["options"]
            assert isinstance(options, list)
            adapted = [" ".join(self._settings.read(str(o))).strip() for o in options]
            return Call("match", {**call.args, "options": list[Any](adapted)}), ""
        return call, ""

    def _adopt(self, call: Call, reply: Result) -> Result:
        """The teacher's reply in the words of the call."""
        if call.tool == "detect":
            boxes = reply.value
            assert isinstance(boxes, list)
            phrase = str(call.args["phrase"])
            kept = [b._replace(label=phrase) for b in boxes if b.score >= self._settings.floor]
            return Result(kept, reply.info)
        if call.tool == "vqa" and self._settings.answers:
            rename = self._settings.answers
            info = dict(reply.info)
            if isinstance(info.get("distribution"), Mapping):
                merged: dict[str, float] = {}
                for answer, share in info["distribution"].items():
                    name = rename.get(answer, answer)
                    merged[name] = merged.get(name, 0.0) + share
                info["distribution"] = merged
            said = str(reply.value)
            return Result(rename.get(said, said), info)
        return reply

    def _check_attributes(
        self,
        wanted: Sequence[tuple[int, str]],
        answers: list[Result | ToolError | None],
        pictures: Mapping[str, Picture],
    ) -> None:
        """Keeps the boxes that match their whole phrase."""
        asked: list[tuple[int, Region, Call]] = []
        for n, whole in wanted:
            reply = answers[n]
            if isinstance(reply, Result):
                assert isinstance(reply.value, list)
                for box in reply.value:
                    asked.append((n, box, Call("match", {"image": box, "options": [whole]})))  # noqa: PERF401
        if not asked:
            return
        assert self._match is not None
        replies = _ask(self._match, [call for _, _, call in asked], pictures)
        kept: dict[int, list[Region]] = {n: [] for n, _, _ in asked}
        for (n, box, _), reply in zip(asked, replies, strict=True):
            if isinstance(reply, ToolError):
                answers[n] = reply
                continue
            assert isinstance(reply.value, list)
            if reply.value[0] >= 0.5:
                kept[n].append(box._replace(score=box.score * reply.value[0]))
        for n, boxes in kept.items():
            before = answers[n]
            if isinstance(before, Result):
                answers[n] = Result(list[Any](boxes), before.info)


def _ask(
    backend: Backend, calls: Sequence[Call], pictures: Mapping[str, Picture]
) -> list[Result | ToolError]:
    """Asks in batches; what became equal by adapting is asked once."""
    distinct: dict[str, Call] = {}
    keys = [repr((c.tool, [(k, v) for k, v in c.args.items()])) for c in calls]
    for key, call in zip(keys, calls, strict=True):
        distinct.setdefault(key, call)
    todo = list(distinct.items())
    replies: dict[str, Result | ToolError] = {}
    for start in range(0, len(todo), backend.batch_size):
        some = todo[start : start + backend.batch_size]
        given = backend.answer([call for _, call in some], pictures)
        replies.update(zip([key for key, _ in some], given, strict=True))
    return [replies[key] for key in keys]


Found = tuple[Sequence[float], float]
"""A box in the detector's frame, and its score in [0, 1]."""

Detector = Callable[["Sequence[Image]", Sequence[str]], Sequence[Sequence[Found]]]
"""Finds in each image what the phrase beside it names."""


class Framed:
    """The tool ``detect`` answered by any function over images."""

    def __init__(
        self, detector: Detector, frame: Frame, fingerprint: str, batch_size: int = 32
    ) -> None:
        """Wraps a function.

        Args:
            detector: Takes images as ``frame`` shows them, and a phrase for each.
            frame: How it sees and speaks.
            fingerprint: Names everything that can change one of its answers.
            batch_size: Most images at once.
        """
        self._detector, self._frame = detector, frame
        self.fingerprint = f"framed/1 {frame} {fingerprint}"
        self.batch_size = batch_size

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``Backend``; of a whole picture, what is centred in the region is kept."""
        regions = [call.args["image"] for call in calls]
        phrases = [str(call.args.get("phrase")) for call in calls]
        if any(call.tool != "detect" for call in calls):
            raise ToolError("this teacher answers detect alone")
        shown = [self._frame.show(r, pictures[r.picture]) for r in regions if type(r) is Region]
        answers: list[Result | ToolError] = []
        for region, phrase, found in zip(
            regions, phrases, self._detector(shown, phrases), strict=True
        ):
            assert isinstance(region, Region)
            picture = pictures[region.picture]
            boxes = [
                Region(region.picture, *self._frame.to_picture(box, region, picture), phrase, score)
                for box, score in sorted(found, key=lambda f: -f[1])
            ]
            answers.append(Result(list[Any](b for b in boxes if _centred(b, region))))
        return answers


def _centred(box: Region, region: Region) -> bool:
    x, y = box.center_xy
    return region.left <= x <= region.right and region.top <= y <= region.bottom
