"""depth by monocular depth models: Depth Anything, DPT, GLPN, ZoeDepth.

Depth is estimated for the whole picture once, and a region's depth is the median of its part
(ViperGPT): a crop alone has lost what tells its distance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from vprog.errors import ToolError
from vprog.example import Picture, Region
from vprog.tools.backends.hf.backend import HuggingFace, refuse_class
from vprog.tools.backends.hf.runtime import load_processor
from vprog.tools.backends.hf.settings import ModelSettings, between
from vprog.tools.backends.hf.views import Kept, View, Views
from vprog.trace import Call, Result

if TYPE_CHECKING:
    from PIL.Image import Image

_LEAST = 32
"""Pixels of a side that GLPN's processor, which takes multiples of it, needs."""
_CLASSES = (
    "DepthAnythingForDepthEstimation",
    "DPTForDepthEstimation",
    "GLPNForDepthEstimation",
    "ZoeDepthForDepthEstimation",
)
_METRIC = ("GLPNForDepthEstimation", "ZoeDepthForDepthEstimation")


@dataclass(frozen=True, kw_only=True)
class DepthSettings(ModelSettings):
    """Settings of ``depth``.

    Attributes:
        output: What the model predicts: ``distance`` (metres) or ``inverse`` (larger is nearer, no
            unit). By default what its class and config say.
        cache_mb: Memory for the depth maps of pictures seen last.
    """

    output: Literal["distance", "inverse"] | None = None
    cache_mb: int = 256

    def check(self) -> str | None:
        """See ``ModelSettings``."""
        return between("cache_mb", self.cache_mb, 0, 1e6) or super().check()


class Depth(HuggingFace[DepthSettings]):
    """The tool ``depth``; smaller is nearer.

    From a model of distance the median in metres. From a model of inverse depth the median on the
    scale of its picture, 0 for the nearest point and 1 for the farthest: such numbers order things
    of one picture and mean nothing between pictures.
    """

    tool = "depth"

    def check_class(self, where: str) -> None:
        """See ``HuggingFace``."""
        if self.source.class_name not in _CLASSES:
            raise refuse_class(self.source, self.tool, _CLASSES, where)

    def choices(self) -> dict[str, Any]:
        """See ``HuggingFace``."""
        config = self.source.config
        backbone = config.get("backbone_config") or {}
        metric = (
            self.source.class_name in _METRIC
            or config.get("depth_estimation_type") == "metric"
            # facebook/dpt-dinov2-*: metric depth of NYU and KITTI
            or (self.source.model_type == "dpt" and backbone.get("model_type") == "dinov2")
        )
        return {"output": self.settings.output or ("distance" if metric else "inverse")}

    def load(self) -> None:
        """See ``HuggingFace``."""
        self._model = self.load_model("AutoModelForDepthEstimation")
        self._images = load_processor(self.source, self.settings, "AutoImageProcessor")
        self._inverse = self.choices()["output"] == "inverse"
        self._kept: Kept[Any] = Kept(self.settings.cache_mb)

    def compute(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``HuggingFace``."""
        import numpy as np

        views = Views(pictures, self.pictures)
        asked = []
        for call in calls:
            region = call.args["image"]
            assert isinstance(region, Region)
            asked.append((views.whole(region), views.of(region)))
        maps = self._maps([whole for whole, _ in asked], views)
        answers: list[Result | ToolError] = []
        for whole, view in asked:
            part = maps[whole][view.top : view.bottom, view.left : view.right]
            unit = "share of the picture's range" if self._inverse else "metres"
            answers.append(Result(round(float(np.median(part)), 5), {"unit": unit}))
        return answers

    def _maps(self, wanted: Sequence[View], views: Views) -> dict[View, Any]:
        """Depth of whole pictures, float32 [height, width], smaller is nearer."""
        maps = {w: known for w in wanted if (known := self._kept.get(w)) is not None}
        missing = [w for w in dict.fromkeys(wanted) if w not in maps]
        pixels = {
            view: self._images(images=[self._shown(views.read(view))], return_tensors="pt")[
                "pixel_values"
            ]
            for view in missing
        }

        def forward(chunk: Sequence[View]) -> list[Any]:
            return self._forward(chunk, pixels)

        done = self.in_batches(missing, forward, key=lambda view: tuple(pixels[view].shape))
        for view, depth in zip(missing, done, strict=True):
            maps[view] = depth
            self._kept.put(view, depth, depth.nbytes)
        return maps

    def _shown(self, image: Image) -> Image:
        """A picture as the processor takes it: GLPN's makes nothing of sides below 32 pixels."""
        if self.source.model_type != "glpn" or min(image.size) >= _LEAST:
            return image
        return image.resize((max(image.width, _LEAST), max(image.height, _LEAST)))

    def _forward(self, chunk: Sequence[View], pixels: Mapping[View, Any]) -> list[Any]:
        import inspect

        import numpy as np
        import torch

        values = torch.cat([pixels[view] for view in chunk])
        out = self._model(pixel_values=values.to(self._model.device, self._model.dtype))
        finish = self._images.post_process_depth_estimation
        sizes = [(view.height, view.width) for view in chunk]
        more = (
            {"source_sizes": sizes}
            if "source_sizes" in inspect.signature(finish).parameters
            else {}
        )
        maps = []
        for found in finish(out, target_sizes=sizes, **more):
            depth = found["predicted_depth"].float().cpu().numpy()
            if self._inverse:
                low, high = float(depth.min()), float(depth.max())
                depth = (high - depth) / (high - low) if high > low else np.full_like(depth, 0.5)
            maps.append(depth)
        return maps
