"""BLIP (Li et al., 2022) for questions: an encoder reads picture and question, a decoder writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vprog.errors import ToolError
from vprog.tools.backends.hf.generated import (
    end_ids,
    read_generated,
    short_answer,
    write_plainly,
)
from vprog.tools.backends.hf.runtime import load_processor
from vprog.tools.backends.hf.shown import Shown
from vprog.tools.backends.hf.views import View, Views
from vprog.trace import Result

if TYPE_CHECKING:
    from vprog.tools.backends.hf.backend import HuggingFace


class Blip:
    """Answers questions with a ``BlipForQuestionAnswering``."""

    def __init__(self, model: Any, backend: HuggingFace[Any], max_new_tokens: int) -> None:
        """Takes a loaded model."""
        self.model = model
        self._backend = backend
        self._most = max_new_tokens
        self.processor = load_processor(backend.source, backend.settings)
        self._shown = Shown(self.processor.image_processor)
        self.ends = end_ids(model.text_decoder, self.processor.tokenizer)
        write_plainly(model)
        self._longest = int(model.config.text_config.max_position_embeddings)

    def reply(self, asked: Sequence[tuple[View, str]], views: Views) -> list[Result | ToolError]:
        """A result for every view and question."""
        lengths = {question: len(self.ids(question)) for _, question in asked}

        def forward(chunk: Sequence[tuple[View, str]]) -> list[Result | ToolError]:
            return self._forward(chunk, views)

        # The decoder attends to padding of the question (BLIP gives it a mask of ones), so that
        # questions of one pass must be of one length.
        return self._backend.in_batches(asked, forward, key=lambda pair: lengths[pair[1]])

    def ids(self, text: str) -> list[int]:
        """Tokens of a question or an answer, with those that begin and end it."""
        read = self.processor.tokenizer(text, truncation=True, max_length=self._longest)
        return list(read.input_ids)

    def pixels(self, chunk: Sequence[View], views: Views) -> Any:
        """What the model is shown of views, [views, 3, height, width]."""
        return self._shown.pixels(map(views.read, chunk))

    def _forward(self, chunk: Sequence[tuple[View, str]], views: Views) -> list[Result | ToolError]:
        import torch

        device = self.model.device
        distinct = list(dict.fromkeys(view for view, _ in chunk))
        values = self.pixels(distinct, views)[[distinct.index(view) for view, _ in chunk]]
        ids = torch.tensor([self.ids(question) for _, question in chunk], device=device)
        out = self.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=values.to(device, self.model.dtype),
            max_new_tokens=self._most,
            do_sample=False,
            num_beams=1,
            return_dict_in_generate=True,
            output_logits=True,
        )
        written = read_generated(out, self.processor.tokenizer, self.ends)
        return [Result(short_answer(text), {"score": score}) for text, score in written]
