"""BLIP (Li et al., 2022) for questions: an encoder reads picture and question, a decoder writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vprog.errors import ToolError
from vprog.tools.backends.hf.generated import end_ids, read_generated, short_answer
from vprog.tools.backends.hf.runtime import load_processor
from vprog.tools.backends.hf.views import View, Views
from vprog.trace import Result

if TYPE_CHECKING:
    from vprog.tools.backends.hf.backend import HuggingFace


class Blip:
    """Answers questions with a ``BlipForQuestionAnswering``."""

    def __init__(self, model: Any, backend: HuggingFace[Any], max_new_tokens: int) -> None:
        """Takes a loaded model."""
        self._model = model
        self._backend = backend
        self._most = max_new_tokens
        self._processor = load_processor(backend.source, backend.settings)
        self._ends = end_ids(model.text_decoder, self._processor.tokenizer)
        self._longest = int(model.config.text_config.max_position_embeddings)

    def reply(self, asked: Sequence[tuple[View, str]], views: Views) -> list[Result | ToolError]:
        """A result for every view and question."""
        tokenizer = self._processor.tokenizer
        lengths = {
            question: len(tokenizer(question, truncation=True, max_length=self._longest).input_ids)
            for _, question in asked
        }

        def forward(chunk: Sequence[tuple[View, str]]) -> list[Result | ToolError]:
            return self._forward(chunk, views)

        # The decoder attends to padding of the question (BLIP gives it a mask of ones), so that
        # questions of one pass must be of one length.
        return self._backend.in_groups(asked, lambda pair: lengths[pair[1]], forward)

    def _forward(self, chunk: Sequence[tuple[View, str]], views: Views) -> list[Result | ToolError]:
        processor, device = self._processor, self._model.device
        distinct = list(dict.fromkeys(view for view, _ in chunk))
        pixels = processor.image_processor(
            images=[views.read(view) for view in distinct], return_tensors="pt"
        )["pixel_values"]
        values = pixels[[distinct.index(view) for view, _ in chunk]]
        text = processor.tokenizer(
            [question for _, question in chunk],
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        ).to(device)
        out = self._model.generate(
            input_ids=text["input_ids"],
            attention_mask=text["attention_mask"],
            pixel_values=values.to(device, self._model.dtype),
            max_new_tokens=self._most,
            do_sample=False,
            num_beams=1,
            return_dict_in_generate=True,
            output_logits=True,
        )
        written = read_generated(out, processor.tokenizer, self._ends)
        return [Result(short_answer(text), {"score": score}) for text, score in written]
