"""ocr and caption: models that write about a picture.

Chat models are asked with a prompt; classes that only look (BLIP, GIT, TrOCR and other pairs of
encoder and decoder) write what they were trained to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vprog.errors import InputError, ToolError
from vprog.example import Picture, Region
from vprog.tools.backends.hf.backend import HuggingFace, refuse_class
from vprog.tools.backends.hf.chat import CHAT_CLASSES, Chat, is_chat_class
from vprog.tools.backends.hf.generated import end_ids, read_generated, write_plainly
from vprog.tools.backends.hf.runtime import load_processor
from vprog.tools.backends.hf.settings import ModelSettings, between
from vprog.tools.backends.hf.views import View, Views
from vprog.trace import Call, Result

_LOOKING = ("blip", "git", "vision-encoder-decoder")
_PROMPTS = {
    "ocr": "What text is written in the picture? Write it, and nothing else.",
    "caption": "Describe the picture in one sentence.",
}
_OWN = {
    ("ocr", "florence2"): "<OCR>",
    ("caption", "florence2"): "<CAPTION>",
    ("ocr", "paligemma"): "ocr",
    ("caption", "paligemma"): "caption en",
}
"""Prompts that a family was trained with."""
_FILES = (
    ("preprocessor_config.json", "processor_config.json"),
    ("tokenizer_config.json", "tokenizer.json"),
)
"""Of image processors and of tokenizers; one of each is needed."""


@dataclass(frozen=True, kw_only=True)
class WriteSettings(ModelSettings):
    """Settings of ``ocr`` and ``caption``.

    Attributes:
        prompt: What a chat model is asked.
        max_new_tokens: Length of the text; 128 by default.
    """

    prompt: str | None = None
    max_new_tokens: int | None = None

    def check(self) -> str | None:
        """See ``ModelSettings``."""
        if self.prompt is not None and not self.prompt.strip():
            return "prompt: is empty"
        return between("max_new_tokens", self.max_new_tokens, 1, 4096) or super().check()


OcrSettings = CaptionSettings = WriteSettings


class _Write(HuggingFace[WriteSettings]):
    generates = True
    calls_at_once = 64

    def check_class(self, where: str) -> None:
        family = self.source.model_type
        looks = family in _LOOKING and self.source.class_name != "BlipForQuestionAnswering"
        if not looks and not is_chat_class(family):
            raise refuse_class(self.source, self.tool, (*_LOOKING, *CHAT_CLASSES), where)

    def choices(self) -> dict[str, Any]:
        family = self.source.model_type
        chosen: dict[str, Any] = {"max_new_tokens": self.settings.max_new_tokens or 128}
        if family not in _LOOKING:
            standard = _OWN.get((self.tool, family), _PROMPTS[self.tool])
            chosen["prompt"] = self.settings.prompt or standard
        return chosen

    def load(self) -> None:
        chosen = self.choices()
        looks = self.source.model_type in _LOOKING
        self._writer = (Look if looks else Chat)(self, chosen["max_new_tokens"])
        self._prompt = str(chosen.get("prompt", ""))

    def compute(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        views = Views(pictures, self.pictures)
        asked = []
        for call in calls:
            region = call.args["image"]
            assert isinstance(region, Region)
            asked.append((views.of(region), self._prompt))
        return self._writer.reply(asked, views, short=False)


class Ocr(_Write):
    """The tool ``ocr``; see ``WriteSettings``."""

    tool = "ocr"


class Caption(_Write):
    """The tool ``caption``; see ``WriteSettings``."""

    tool = "caption"


class Look:
    """Writes about pictures without a prompt."""

    def __init__(self, backend: HuggingFace[Any], max_new_tokens: int) -> None:
        """Loads model and processor of the backend's source."""
        self._backend = backend
        self._most = max_new_tokens
        self._images, self._tokenizer = _readers(backend)
        self.model = backend.load_model("AutoModelForImageTextToText")
        writer = getattr(self.model, "text_decoder", self.model)
        self._ends = end_ids(writer, self._tokenizer)
        write_plainly(self.model)

    def reply(
        self, asked: Sequence[tuple[View, str]], views: Views, *, short: bool = True
    ) -> list[Result | ToolError]:
        """A result for every view; prompts and ``short`` mean nothing to these models."""
        del short
        wanted = [view for view, _ in asked]

        def forward(chunk: Sequence[View]) -> list[tuple[str, float]]:
            images = [views.read(view) for view in chunk]
            pixels = self._images(images=images, return_tensors="pt")["pixel_values"]
            out = self.model.generate(
                pixel_values=pixels.to(self.model.device, self.model.dtype),
                max_new_tokens=self._most,
                do_sample=False,
                num_beams=1,
                return_dict_in_generate=True,
                output_logits=True,
            )
            return read_generated(out, self._tokenizer, self._ends)

        written = self._backend.in_batches(wanted, forward)
        return [Result(text, {"score": score}) for text, score in written]


def _readers(backend: HuggingFace[Any]) -> tuple[Any, Any]:
    """The image processor and the tokenizer of a model.

    Of pairs of encoder and decoder that name no processor, such as
    ``nlpconnect/vit-gpt2-image-captioning``, AutoProcessor gives one of the two alone.

    Raises:
        InputError: The files of one are missing or broken.
    """
    source, settings = backend.source, backend.settings
    processor = load_processor(source, settings)
    if hasattr(processor, "image_processor") and hasattr(processor, "tokenizer"):
        return processor.image_processor, processor.tokenizer
    for files in _FILES:
        if not any((source.folder / file).is_file() for file in files):
            raise InputError(
                f"model {settings.model!r} has no {files[0]}; fetch it again, or take another model"
            )
    return (
        load_processor(source, settings, "AutoImageProcessor"),
        load_processor(source, settings, "AutoTokenizer"),
    )
