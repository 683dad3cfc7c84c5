"""segment by panoptic models: MaskFormer and Mask2Former."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vprog.errors import ToolError
from vprog.example import Picture, Region
from vprog.tools.backends.hf.backend import HuggingFace, refuse_class
from vprog.tools.backends.hf.runtime import load_processor
from vprog.tools.backends.hf.settings import ModelSettings, between
from vprog.tools.backends.hf.views import View, Views
from vprog.trace import Call, Result

_CLASSES = ("MaskFormerForInstanceSegmentation", "Mask2FormerForUniversalSegmentation")


@dataclass(frozen=True, kw_only=True)
class SegmentSettings(ModelSettings):
    """Settings of ``segment``.

    Attributes:
        threshold: Least score of a segment; 0.5 by default.
        smallest: Least share of the view that a segment covers; 0.001 by default.
    """

    threshold: float | None = None
    smallest: float | None = None
    batch_size: int = 8

    def check(self) -> str | None:
        """See ``ModelSettings``."""
        return (
            between("threshold", self.threshold, 0, 1)
            or between("smallest", self.smallest, 0, 1)
            or super().check()
        )


class Segment(HuggingFace[SegmentSettings]):
    """The tool ``segment``: a box for every segment, things and stuff, best first.

    The label is the model's name of the category, ``score`` its belief.
    """

    tool = "segment"
    calls_at_once = 64

    def check_class(self, where: str) -> None:
        """See ``HuggingFace``."""
        if self.source.class_name not in _CLASSES:
            raise refuse_class(self.source, self.tool, _CLASSES, where)

    def choices(self) -> dict[str, Any]:
        """See ``HuggingFace``."""
        threshold, smallest = self.settings.threshold, self.settings.smallest
        return {
            "threshold": 0.5 if threshold is None else threshold,
            "smallest": 0.001 if smallest is None else smallest,
        }

    def load(self) -> None:
        """See ``HuggingFace``."""
        self._model = self.load_model("AutoModelForUniversalSegmentation")
        self._images = load_processor(self.source, self.settings, "AutoImageProcessor")
        self._labels = {int(n): str(name) for n, name in self._model.config.id2label.items()}
        self._chosen = self.choices()

    def compute(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``HuggingFace``."""
        views = Views(pictures, self.pictures)
        asked = []
        for call in calls:
            region = call.args["image"]
            assert isinstance(region, Region)
            asked.append((region.picture, views.of(region)))
        pixels = {}
        for view in dict.fromkeys(view for _, view in asked):
            pixels[view] = self._images(images=[views.read(view)], return_tensors="pt")

        def forward(chunk: Sequence[View]) -> list[list[Region]]:
            return self._forward(chunk, pixels)

        distinct = list(pixels)
        done = self.in_batches(
            distinct, forward, key=lambda v: tuple(pixels[v]["pixel_values"].shape)
        )
        found = dict(zip(distinct, done, strict=True))
        return [
            Result([region._replace(picture=picture) for region in found[view]])
            for picture, view in asked
        ]

    def _forward(self, chunk: Sequence[View], pixels: Mapping[View, Any]) -> list[list[Region]]:
        import torch

        device = self._model.device
        out = self._model(
            pixel_values=torch.cat([pixels[v]["pixel_values"] for v in chunk]).to(
                device, self._model.dtype
            ),
            pixel_mask=torch.cat([pixels[v]["pixel_mask"] for v in chunk]).to(device),
        )
        segmented = self._images.post_process_panoptic_segmentation(
            out,
            threshold=self._chosen["threshold"],
            label_ids_to_fuse=set(),
            target_sizes=[(view.height, view.width) for view in chunk],
        )
        return [self._regions(v, one) for v, one in zip(chunk, segmented, strict=True)]

    def _regions(self, view: View, segmented: Mapping[str, Any]) -> list[Region]:
        found = []
        ids = segmented["segmentation"].cpu()
        for segment in segmented["segments_info"]:
            rows, columns = (ids == segment["id"]).nonzero(as_tuple=True)
            if len(rows) < max(1, self._chosen["smallest"] * view.width * view.height):
                continue
            box = (
                view.left + int(columns.min()),
                view.top + int(rows.min()),
                view.left + int(columns.max()) + 1,
                view.top + int(rows.max()) + 1,
            )
            label = self._labels.get(int(segment["label_id"]), str(segment["label_id"]))
            found.append(Region("", *box, label, round(float(segment["score"]), 4)))
        return sorted(found, key=lambda region: -region.score)
