"""ViLT (Kim et al., 2021): one transformer over words and picture patches, answers as labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from vprog.errors import ToolError
from vprog.tools.backends.hf.runtime import load_processor
from vprog.tools.backends.hf.shown import Shown
from vprog.tools.backends.hf.views import View, Views
from vprog.tools.backends.hf.words import Unread
from vprog.trace import Result

if TYPE_CHECKING:
    from vprog.tools.backends.hf.backend import HuggingFace


_LONGEST = 19
"""Most times that a view is as long as it is high: of longer ones the processor, which takes whole
patches of 32 pixels and no more than 639 a side, would leave nothing."""


class _Row(NamedTuple):
    view: View
    question: str
    length: int


class Vilt:
    """Answers questions with a ``ViltForQuestionAnswering``."""

    def __init__(self, model: Any, backend: HuggingFace[Any], answers_kept: int) -> None:
        """Takes a loaded model; ``answers_kept`` is the length of recorded distributions."""
        self.model = model
        self._backend = backend
        self._kept = answers_kept
        processor = load_processor(backend.source, backend.settings)
        self._shown, self._tokenizer = Shown(processor.image_processor), processor.tokenizer
        self._unread = Unread(backend.called, self._tokenizer)
        self._longest = int(model.config.max_position_embeddings)
        self.labels = {int(n): str(label) for n, label in model.config.id2label.items()}
        embeddings = model.vilt.embeddings
        if model.config.max_image_length < 0:
            embeddings.visual_embed = _ordered_patches(embeddings, embeddings.visual_embed)

    def reply(self, asked: Sequence[tuple[View, str]], views: Views) -> list[Result | ToolError]:
        """A result for every view and question; pictures of one shape share a forward pass."""
        pixels: dict[View, Any] = {}

        def seen(view: View) -> Any:
            if view not in pixels:
                pixels[view] = self.pixels(view, views)
            return pixels[view]

        lengths = self.lengths([question for _, question in asked])
        rows = [_Row(view, question, lengths[question]) for view, question in asked]

        def key(row: _Row) -> tuple[Any, int]:
            return self._shown.size or tuple(seen(row.view).shape), row.length

        def prepare(chunk: Sequence[_Row]) -> tuple[Any, ...]:
            values = [seen(row.view) for row in chunk]
            return values, *self.tokenize([row.question for row in chunk], chunk[0].length)

        # Lengths in steps of four: masked padding changes nothing, and groups stay large.
        return self._backend.in_batches(rows, self._forward, prepare=prepare, key=key)

    def pixels(self, view: View, views: Views) -> Any:
        """What the model is shown of a view, [3, height, width]."""
        image = views.read(view)
        least = -(-max(image.size) // _LONGEST)
        if not self._shown.size and min(image.size) < least:
            image = image.resize((max(image.width, least), max(image.height, least)))
        return self._shown.each([image])[0]

    def lengths(self, questions: Sequence[str]) -> dict[str, int]:
        """Tokens that questions are padded to: a multiple of four where the model takes it."""
        distinct = list(dict.fromkeys(questions))
        read = self._tokenizer(distinct, truncation=True, max_length=self._longest)["input_ids"]
        self._unread.look(distinct, read)
        lengths = (min(-(-len(ids) // 4) * 4, self._longest) for ids in read)
        return dict(zip(distinct, lengths, strict=True))

    def tokenize(self, questions: Sequence[str], length: int) -> tuple[Any, Any]:
        """Ids and attention mask of questions, [questions, length]."""
        text = self._tokenizer(
            list(questions),
            padding="max_length",
            truncation=True,
            max_length=length,
            return_tensors="pt",
        )
        return text["input_ids"], text["attention_mask"]

    def look(self, values: Any, ids: Any, mask: Any) -> Any:
        """Logits [rows, labels] of pixels [rows, 3, height, width] and tokens [rows, length]."""
        import torch

        device = self.model.device
        values = values.to(device, self.model.dtype)
        out = self.model(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            pixel_values=values,
            pixel_mask=torch.ones((len(ids), *values.shape[-2:]), device=device).long(),
        )
        return out.logits.float()

    def _forward(self, inputs: tuple[Any, ...]) -> list[Result | ToolError]:
        import torch

        values, *text = inputs
        # Stacked here: work of torch in another thread would have threads of its own.
        shares = self.look(torch.stack(values), *text).softmax(-1)
        best = shares.topk(min(self._kept, shares.shape[-1]))
        results: list[Result | ToolError] = []
        for share, label in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            names = [self.labels[n] for n in label]
            told = {n: round(s, 4) for n, s in zip(names, share, strict=True)}
            results.append(Result(names[0], {"score": round(share[0], 4), "distribution": told}))
        return results


def _ordered_patches(embeddings: Any, plain: Any) -> Any:
    """ViLT's patch embedding without its random order, for pictures without padding.

    The class draws the order of patches at random and resizes the position grid once a picture.
    Order means nothing to its transformer, so keeping it gives the same answers, repeatably, and
    takes a tenth of the time.
    """
    import torch
    from torch.nn import functional

    def visual_embed(pixel_values: Any, pixel_mask: Any, max_image_length: int = -1) -> Any:
        if max_image_length >= 0 or not bool(pixel_mask.all()):
            return plain(pixel_values, pixel_mask, max_image_length)
        patches = embeddings.patch_embeddings(pixel_values)
        batch, width, rows, columns = patches.shape
        side = embeddings.config.image_size // embeddings.config.patch_size
        positions = embeddings.position_embeddings
        grid = positions[:, 1:].transpose(1, 2).reshape(1, width, side, side)
        grid = functional.interpolate(
            grid, size=(rows, columns), mode="bilinear", align_corners=True
        )
        tokens = patches.flatten(2).transpose(1, 2) + grid.flatten(2).transpose(1, 2)
        first = (embeddings.cls_token + positions[:, :1]).expand(batch, -1, -1)
        mask = torch.ones((batch, 1 + rows * columns), dtype=torch.long, device=tokens.device)
        return torch.cat((first, tokens), 1), mask, (None, (rows, columns))

    return visual_embed
