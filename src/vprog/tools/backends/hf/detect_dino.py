"""Grounding DINO (Liu et al., 2023): text and picture are fused early.

Phrases read together would change each other's boxes through the fused picture, so each gets a row
of its own; the rows of one view share the picture backbone. Rows of one forward pass have equal
picture shapes and equal numbers of words, so that nothing is padded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vprog.tools.backends.hf.boxes import Array
from vprog.tools.backends.hf.views import View, Views

if TYPE_CHECKING:
    from vprog.tools.backends.hf.backend import HuggingFace
    from vprog.tools.backends.hf.detect import Asked


class _Row(NamedTuple):
    view: View
    shape: tuple[int, int]
    ids: tuple[int, ...]


class Dino:
    """Scans views for phrases with a Grounding DINO model."""

    square = False

    def __init__(
        self, model: Any, processor: Any, backend: HuggingFace[Any], cache_mb: float
    ) -> None:
        """Takes a loaded ``GroundingDinoForObjectDetection``; see ``Owl``."""
        del cache_mb
        self.model = model
        self._images = processor.image_processor
        self._tokenizer = processor.tokenizer
        self._backend = backend
        self._longest = int(model.config.max_text_len)
        self._shared = _share_backbone(model.model)

    def scan(
        self, asked: Sequence[Asked], texts: Mapping[str, str], views: Views
    ) -> list[tuple[Array, Array]]:
        """As ``Owl.scan``; boxes are [phrases, queries, 4], since every phrase has its own."""
        pixels: dict[View, Any] = {}
        rows = []
        for one in asked:
            if one.view not in pixels:
                pixels[one.view] = self.pixels(one.view, views)
            height, width = pixels[one.view].shape[-2:]
            rows += [_Row(one.view, (height, width), self.ids(texts[p])) for p in one.phrases]

        def forward(chunk: Sequence[_Row]) -> list[tuple[Array, Array]]:
            return self._forward(chunk, pixels)

        done = iter(self._backend.in_batches(rows, forward, key=lambda r: (r.shape, len(r.ids))))
        results = []
        for one in asked:
            own = [next(done) for _ in one.phrases]
            results.append((np.stack([b for b, _ in own]), np.stack([s for _, s in own])))
        return results

    def _forward(
        self, chunk: Sequence[_Row], pixels: Mapping[View, Any]
    ) -> list[tuple[Array, Array]]:
        import torch

        distinct = list(dict.fromkeys(row.view for row in chunk))
        of_row = torch.tensor([distinct.index(row.view) for row in chunk])
        values = torch.stack([pixels[view] for view in distinct])
        logits, boxes = self.look(values, of_row, torch.tensor([row.ids for row in chunk]))
        return list(zip(boxes.cpu().numpy(), logits.sigmoid().cpu().numpy(), strict=True))

    def pixels(self, view: View, views: Views) -> Any:
        """What the model is shown of a view, [3, height, width]."""
        return self._images(images=[views.read(view)], return_tensors="pt")["pixel_values"][0]

    def look(self, values: Any, of_row: Any, ids: Any) -> tuple[Any, Any]:
        """Logits [rows, queries] and boxes cxcywh [rows, queries, 4], relative.

        Args:
            values: Distinct pictures, [pictures, 3, height, width].
            of_row: Which of them a row shows, [rows].
            ids: Phrases, [rows, length].
        """
        import torch

        device = self.model.device
        ids, of_row = ids.to(device), of_row.to(device)
        with self._shared(of_row):
            out = self.model(
                # Rows repeat a picture without a copy; the shared backbone reads distinct ones.
                pixel_values=values.to(device, self.model.dtype)[of_row],
                pixel_mask=torch.ones((len(ids), *values.shape[-2:]), device=device).long(),
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                token_type_ids=torch.zeros_like(ids),
            )
        return out.logits.float().amax(-1), out.pred_boxes.float()

    def forget(self) -> None:
        """Nothing is kept between calls."""

    def ids(self, text: str) -> tuple[int, ...]:
        """Token ids of a phrase in the form that the model was trained on: lower case, a stop."""
        phrase = text.lower().strip().rstrip(".") + "."
        ids = self._tokenizer(phrase, truncation=True, max_length=self._longest)["input_ids"]
        return tuple(ids)


def _share_backbone(model: Any) -> Any:
    """Makes a model's backbone compute each distinct picture of a batch once.

    Returns:
        A context manager over the tensor that says which distinct picture a row shows; outside of
        it the model is as it was.
    """
    import contextlib
    from collections.abc import Iterator

    encoder = model.backbone.conv_encoder
    plain = encoder.forward

    @contextlib.contextmanager
    def shared(of_row: Any) -> Iterator[None]:
        first = [int((of_row == n).nonzero()[0]) for n in range(int(of_row.max()) + 1)]

        def forward(pixel_values: Any, pixel_mask: Any) -> list[tuple[Any, Any]]:
            found = plain(pixel_values[first], pixel_mask[first])
            return [(features[of_row], mask[of_row]) for features, mask in found]

        encoder.forward = forward
        try:
            yield
        finally:
            del encoder.forward

    return shared
