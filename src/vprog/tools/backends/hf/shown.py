"""Pixels as a model is shown them: what image processors do, to the bit, for many pictures at once.

Most image processors resize a picture to one size, rescale its values and normalise them. The last
two map each of 256 values to one number, so they are looked up: the table is made by the processor
itself. Processors that do anything else (keep the aspect, pad, crop) are called as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image


class Shown:
    """Shows pictures to a model through its image processor.

    Attributes:
        size: Width and height that every picture is resized to; None where they differ.
    """

    def __init__(self, processor: Any) -> None:
        """Looks at what the processor does.

        Args:
            processor: An image processor of transformers on Pillow.
        """
        self._processor = processor
        self._table = _table(processor)
        self.size: tuple[int, int] | None = None
        if self._table is not None:
            self.size = (int(processor.size["width"]), int(processor.size["height"]))

    def inputs(self, images: Iterable[Image]) -> dict[str, Any]:
        """Inputs of the model by name, one picture after the other.

        Args:
            images: In mode RGB, at least one; read one by one.
        """
        import numpy as np
        import torch

        if self._table is None:
            return dict(self._processor(images=list(images), return_tensors="pt"))
        return {"pixel_values": torch.from_numpy(np.stack([self._look(i) for i in images]))}

    def pixels(self, images: Iterable[Image]) -> Any:
        """``pixel_values`` [pictures, 3, height, width] of pictures."""
        return self.inputs(images)["pixel_values"]

    def each(self, images: Iterable[Image]) -> list[Any]:
        """``pixel_values`` [3, height, width] of each picture by itself."""
        import torch

        if self._table is None:
            return [self.pixels([image])[0] for image in images]
        return [torch.from_numpy(self._look(image)) for image in images]

    def _look(self, image: Image) -> Any:
        import numpy as np

        assert self._table is not None
        assert self.size is not None
        width, height = self.size
        small = np.asarray(image.resize(self.size, resample=self._processor.resample))
        shown = np.empty((3, height, width), np.float32)
        for channel, table in enumerate(self._table):
            # No value is out of range; "clip" lets numpy write in place.
            np.take(table, small[..., channel], out=shown[channel], mode="clip")
        return shown


def _table(processor: Any) -> Any:
    """What becomes of each value of a channel, [3, 256] float32; None where that is not all."""
    import numpy as np
    from transformers.image_processing_backends import PilBackend

    kind = type(processor)
    own = ("_preprocess", "_preprocess_image_like_inputs", "process_image", "resize")
    if not issubclass(kind, PilBackend) or any(
        getattr(kind, name) is not getattr(PilBackend, name) for name in own
    ):
        return None
    size = dict(processor.size or {})
    fixed = {name for name, value in size.items() if value} == {"height", "width"}
    extra = any(getattr(processor, name, None) for name in ("do_center_crop", "do_pad"))
    if not (processor.do_resize and fixed and processor.resample is not None) or extra:
        return None
    values: Any = np.broadcast_to(np.arange(256, dtype=np.uint8), (3, 1, 256))
    if processor.do_rescale:
        values = processor.rescale(values, processor.rescale_factor)
    if processor.do_normalize:
        values = processor.normalize(values, processor.image_mean, processor.image_std)
    if values.dtype != np.float32:
        return None
    return np.ascontiguousarray(values[:, 0])
