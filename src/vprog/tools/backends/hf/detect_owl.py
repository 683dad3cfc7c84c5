"""OWL-ViT and OWLv2: pictures and phrases are embedded apart and meet in a dot product.

Minderer et al., Simple Open-Vocabulary Object Detection (2022), Scaling Open-Vocabulary Object
Detection (2023). A picture's tokens and boxes are computed once, and kept while there is room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from vprog.errors import InputError, ToolError
from vprog.tools.backends.hf.boxes import Array
from vprog.tools.backends.hf.shown import Shown
from vprog.tools.backends.hf.views import Kept, View, Views
from vprog.tools.backends.hf.words import Unread

if TYPE_CHECKING:
    from vprog.tools.backends.hf.backend import HuggingFace
    from vprog.tools.backends.hf.detect import Asked


class Seen(NamedTuple):
    """What OWL knows of a view, on the device.

    Attributes:
        tokens: [tokens, width], the input of its classifier.
        boxes_cxcywh: [tokens, 4], relative.
    """

    tokens: Any
    boxes_cxcywh: Any


class Owl:
    """Scans views for phrases with an OWL model."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        backend: HuggingFace[Any],
        cache_mb: float,
        size: int | None = None,
    ) -> None:
        """Takes a loaded model.

        Args:
            model: ``OwlViTForObjectDetection`` or ``Owlv2ForObjectDetection``.
            processor: Its processor.
            backend: Runs the batches.
            cache_mb: Memory for views and phrases that are kept.
            size: Pixels a side that it is shown; None is what it was trained at.

        Raises:
            InputError: The size is no multiple of its patches.
        """
        patch = int(model.config.vision_config.patch_size)
        own = int(model.config.vision_config.image_size)
        if size is not None and size % patch:
            raise InputError(
                f"{backend.called}: size must be a multiple of its patches of {patch} pixels, "
                f"got {size}"
            )
        self._interpolates = size not in (None, own)
        if self._interpolates:
            images = processor.image_processor
            images.size = type(images.size)(height=size, width=size)
        self._side = (size or own) // patch
        self.square = model.config.model_type == "owlv2"
        self.model = model
        self._inner = model.owlv2 if self.square else model.owlvit
        # The heads turn 8 or 11 bits of precision into pixels; they are small, so keep all bits.
        model.box_head.float()
        model.class_head.float()
        self._shown = Shown(processor.image_processor)
        self._tokenizer = processor.tokenizer
        self._unread = Unread(backend.called, self._tokenizer)
        self._longest = int(model.config.text_config.max_position_embeddings)
        self._backend = backend
        self._seen: Kept[Seen] = Kept(cache_mb)
        self._phrases: Kept[Any] = Kept(16)

    def scan(
        self, asked: Sequence[Asked], texts: Mapping[str, str], views: Views
    ) -> list[tuple[Array, Array]]:
        """Scores every token of every view for its phrases.

        Args:
            asked: Views with phrases.
            texts: What the model reads for a phrase.
            views: Where pixels come from.

        Returns:
            For each of ``asked`` the boxes [1, tokens, 4], relative centre and size, and the
            scores [phrases, tokens] in [0, 1].
        """
        seen = self._see([a.view for a in asked], views)
        queries = self._read([texts[p] for a in asked for p in a.phrases])
        items = [(seen[a.view], [queries[texts[p]] for p in a.phrases]) for a in asked]
        return self._backend.in_batches(items, self._score)

    def pixels(self, chunk: Sequence[View], views: Views) -> Any:
        """What the model is shown of views, [views, 3, height, width]."""
        return self._shown.pixels(map(views.read, chunk))

    def look(self, values: Any) -> tuple[Any, Any]:
        """Tokens [views, tokens, width] and boxes cxcywh [views, tokens, 4] of pixels."""
        import torch

        values = values.to(self.model.device, self.model.dtype)
        more = {"interpolate_pos_encoding": True} if self._interpolates else {}
        grid, _ = self.model.image_embedder(pixel_values=values, **more)
        with torch.autocast(values.device.type, enabled=False):
            grid = grid.float()
            tokens = grid.flatten(1, 2)
            return tokens, self.model.box_predictor(tokens, grid, **more)

    def centres(self) -> Any:
        """Where each token stands in what it is shown, relative x and y, [tokens, 2]."""
        return self.model.compute_box_bias(self._side, self._side).sigmoid()[:, :2]

    def tokenize(self, texts: Sequence[str]) -> tuple[Any, Any]:
        """Ids and attention mask of texts, [texts, length].

        Raises:
            ToolError: A text has no word that the model knows.
        """
        tokens = self._tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        if not tokens["attention_mask"].any(1).all():
            raise ToolError("detect was asked for a phrase without a word that the model knows")
        self._unread.look(texts, tokens["input_ids"].tolist())
        return tokens["input_ids"], tokens["attention_mask"]

    def embed(self, ids: Any, mask: Any) -> Any:
        """Queries [texts, width] of what ``tokenize`` returned."""
        device = self.model.device
        embeds = self._inner.get_text_features(
            input_ids=ids.to(device), attention_mask=mask.to(device)
        )
        return getattr(embeds, "pooler_output", embeds).float()

    def classify(self, tokens: Any, queries: Any) -> Any:
        """Logits [views, tokens, queries] of queries [views, queries, width]."""
        import torch

        with torch.autocast(tokens.device.type, enabled=False):
            logits, _ = self.model.class_predictor(tokens, queries)
        return logits

    def forget(self) -> None:
        """Lets go of what was kept: the weights changed."""
        self._seen.clear()
        self._phrases.clear()

    def _score(self, items: Sequence[tuple[Seen, list[Any]]]) -> list[tuple[Array, Array]]:
        import torch
        from torch.nn.utils.rnn import pad_sequence

        queries = pad_sequence([torch.stack(q) for _, q in items], batch_first=True)
        tokens = torch.stack([s.tokens for s, _ in items])
        scores = self.classify(tokens, queries).sigmoid().transpose(1, 2).cpu().numpy()
        boxes = torch.stack([s.boxes_cxcywh for s, _ in items]).cpu().numpy()
        return [(boxes[n][None], scores[n, : len(q)]) for n, (_, q) in enumerate(items)]

    def _see(self, wanted: Sequence[View], views: Views) -> dict[View, Seen]:
        seen = {view: known for view in wanted if (known := self._seen.get(view)) is not None}
        missing = [view for view in wanted if view not in seen]

        def prepare(chunk: Sequence[View]) -> Any:
            return self.pixels(chunk, views)

        def forward(values: Any) -> list[Seen]:
            tokens, boxes = self.look(values)
            # Clones: a slice would keep the tensor of its whole batch alive.
            return [Seen(t.clone(), b.clone()) for t, b in zip(tokens, boxes, strict=True)]

        each = self._backend.in_batches(missing, forward, prepare=prepare)
        for view, found in zip(missing, each, strict=True):
            seen[view] = found
            self._seen.put(view, found, 4 * (found.tokens.numel() + found.boxes_cxcywh.numel()))
        return seen

    def _read(self, texts: Sequence[str]) -> dict[str, Any]:
        read = {text: known for text in texts if (known := self._phrases.get(text)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in read]

        def forward(chunk: Sequence[str]) -> list[Any]:
            return [row.clone() for row in self.embed(*self.tokenize(chunk))]

        for text, row in zip(missing, self._backend.in_batches(missing, forward), strict=True):
            read[text] = row
            self._phrases.put(text, row, 4 * row.numel())
        return read
