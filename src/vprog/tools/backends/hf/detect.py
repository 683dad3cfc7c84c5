"""detect by zero-shot detectors: OWL-ViT and OWLv2, Grounding DINO.

All phrases about one view share what the model computes of its pixels, and no phrase changes what
another finds: OWL scores phrases independently, Grounding DINO gets them one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from vprog.errors import InputError, ToolError
from vprog.example import Picture, Region
from vprog.tools.backends.hf.backend import HuggingFace, refuse_class
from vprog.tools.backends.hf.boxes import Array, regions, suppress, to_picture
from vprog.tools.backends.hf.detect_dino import Dino
from vprog.tools.backends.hf.detect_owl import Owl
from vprog.tools.backends.hf.runtime import load_processor
from vprog.tools.backends.hf.settings import ModelSettings, between
from vprog.tools.backends.hf.slices import Slice, slices
from vprog.tools.backends.hf.views import View, Views
from vprog.trace import Call, Result

_OWL = {"owlvit": 0.1, "owlv2": 0.2}
_DINO = {"grounding-dino": 0.3, "mm-grounding-dino": 0.3}
_CLASSES = (
    "OwlViTForObjectDetection",
    "Owlv2ForObjectDetection",
    "GroundingDinoForObjectDetection",
)
_MOST = 300
"""Boxes a phrase that go into suppression."""


@dataclass(frozen=True, kw_only=True)
class DetectSettings(ModelSettings):
    """Settings of ``detect``.

    Attributes:
        threshold: Least score of a box; by default 0.1 for OWL-ViT, 0.2 for OWLv2 and 0.3 for
            Grounding DINO.
        nms_iou: Of two boxes that overlap by more than this intersection over union, the better
            stays (VisProg: 0.5).
        max_boxes: Most boxes for a phrase.
        prompt: Template of what the model reads, with ``{}`` for the phrase; by default ``a photo
            of {}`` for OWL (VisProg) and ``{}`` for zoo models and Grounding DINO.
        view: ``crop`` shows the model the region alone; ``picture`` shows it the whole picture and
            keeps what is centred in the region, so that all regions share one forward pass.
        longest: Views with a longer side of more than so many times the shorter one are shown as
            overlapping squares (see ``slices``); by default all are shown as they are.
        size: Pixels a side that OWL is shown of a view, a multiple of its patches; by default what
            it was trained at. Positions are interpolated, as in vision transformers that are tuned
            at a higher resolution (Dosovitskiy et al., ICLR 2021, section 3.2).
        cache_mb: Memory for what is kept of pictures seen last (OWL).
    """

    threshold: float | None = None
    nms_iou: float | None = None
    max_boxes: int | None = None
    prompt: str | None = None
    view: Literal["crop", "picture"] | None = None
    longest: float | None = None
    size: int | None = None
    cache_mb: int = 256

    def check(self) -> str | None:
        """See ``ModelSettings``."""
        if self.prompt is not None and self.prompt.count("{}") != 1:
            return f"prompt: must hold {{}} once, got {self.prompt!r}"
        if self.max_boxes is not None and not 1 <= self.max_boxes <= _MOST:
            return f"max_boxes: must be 1 to {_MOST}, got {self.max_boxes}"
        return (
            between("threshold", self.threshold, 0, 1)
            or between("nms_iou", self.nms_iou, 0, 1)
            or between("longest", self.longest, 1, 1000)
            or between("size", self.size, 1, 8192)
            or between("cache_mb", self.cache_mb, 0, 1e6)
            or super().check()
        )


class Asked(NamedTuple):
    """A view with the phrases that are looked for in it."""

    view: View
    phrases: tuple[str, ...]


class Detect(HuggingFace[DetectSettings]):
    """The tool ``detect``; see ``DetectSettings``."""

    tool = "detect"

    def check_class(self, where: str) -> None:
        """See ``HuggingFace``."""
        if self.source.model_type not in {**_OWL, **_DINO}:
            raise refuse_class(self.source, self.tool, _CLASSES, where)

    def choices(self) -> dict[str, Any]:
        """See ``HuggingFace``."""
        said = self.settings
        family = self.source.model_type
        plain = family in _DINO or said.model.startswith("zoo:")
        shown = {"longest": said.longest, "size": said.size}
        return {
            **{name: value for name, value in shown.items() if value is not None},
            "threshold": {**_OWL, **_DINO}[family] if said.threshold is None else said.threshold,
            "nms_iou": 0.5 if said.nms_iou is None else said.nms_iou,
            "max_boxes": said.max_boxes or 100,
            "prompt": said.prompt or ("{}" if plain else "a photo of {}"),
            "view": said.view or "crop",
        }

    def load(self) -> None:
        """See ``HuggingFace``."""
        auto = "AutoModelForZeroShotObjectDetection"
        model = self.load_model(auto)
        processor = load_processor(self.source, self.settings)
        said = self.settings
        self.scanner: Owl | Dino
        if self.source.model_type in _OWL:
            self.scanner = Owl(model, processor, self, said.cache_mb, said.size)
        elif said.size is not None:
            raise InputError(f"{self.called}: size is a setting of OWL-ViT and OWLv2 alone")
        else:
            self.scanner = Dino(model, processor, self, said.cache_mb)
        self._chosen = self.choices()

    def forget(self) -> None:
        """See ``HuggingFace``."""
        self.scanner.forget()

    def compute(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``HuggingFace``."""
        views = Views(pictures, self.pictures)
        wanted: dict[View, dict[str, None]] = {}
        asked = []
        for call in calls:
            region, phrase = call.args["image"], call.args["phrase"]
            assert isinstance(region, Region)
            assert isinstance(phrase, str)
            whole = self._chosen["view"] == "picture"
            view = views.whole(region) if whole else views.of(region)
            for part in self.slices(view):
                wanted.setdefault(part.view, {})[phrase] = None
            asked.append((region, phrase, view))
        found = self._find([Asked(v, tuple(phrases)) for v, phrases in wanted.items()], views)
        answers: list[Result | ToolError] = []
        for region, phrase, view in asked:
            boxes, scores = self._joined([(s, found[s.view, phrase]) for s in self.slices(view)])
            within = region if self._chosen["view"] == "picture" else None
            answers.append(Result(regions(boxes, scores, region.picture, phrase, within)))
        return answers

    def slices(self, view: View) -> list[Slice]:
        """What the model is shown of a view."""
        return slices(view, self._chosen.get("longest"))

    def _joined(self, parts: Sequence[tuple[Slice, tuple[Array, Array]]]) -> tuple[Array, Array]:
        """What slices found, each in its own part; at a seam two may have found the same."""
        import numpy as np

        if len(parts) == 1:
            return parts[0][1]
        all_boxes, all_scores = [], []
        for part, (boxes, scores) in parts:
            x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
            left, top, right, bottom = part.own_xyxy
            own = (left <= x) & (x < right) & (top <= y) & (y < bottom)
            all_boxes.append(boxes[own])
            all_scores.append(scores[own])
        boxes, scores = np.concatenate(all_boxes), np.concatenate(all_scores)
        kept = suppress(boxes, scores, self._chosen["nms_iou"])[: self._chosen["max_boxes"]]
        return boxes[kept], scores[kept]

    def _find(
        self, asked: Sequence[Asked], views: Views
    ) -> dict[tuple[View, str], tuple[Array, Array]]:
        """Boxes [n, 4] in pixels of the whole picture and scores [n], best first."""
        chosen = self._chosen
        texts = {p: chosen["prompt"].replace("{}", p) for a in asked for p in a.phrases}
        found = {}
        raw = self.scanner.scan(asked, texts, views)
        for one, (boxes, scores) in zip(asked, raw, strict=True):
            for n, phrase in enumerate(one.phrases):
                own_boxes, own = boxes[n % len(boxes)], scores[n]
                good = _best(own, chosen["threshold"])
                xyxy = to_picture(own_boxes[good], one.view, square=self.scanner.square)
                kept = suppress(xyxy, own[good], chosen["nms_iou"])[: chosen["max_boxes"]]
                found[one.view, phrase] = xyxy[kept], own[good][kept]
        return found


def _best(scores: Array, threshold: float) -> Array:
    """Indexes of the scores above a threshold, at most 300, best first."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")[:_MOST]
    return np.asarray(order[scores[order] > threshold])
