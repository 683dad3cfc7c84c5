"""vqa by classifiers over answers (ViLT), by BLIP, and by any image-text-to-text model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vprog.errors import ToolError
from vprog.example import Picture, Region
from vprog.tools.backends.hf.backend import HuggingFace, refuse_class
from vprog.tools.backends.hf.chat import CHAT_CLASSES, Chat, is_chat_class
from vprog.tools.backends.hf.settings import ModelSettings, between
from vprog.tools.backends.hf.views import View, Views
from vprog.tools.backends.hf.vqa_blip import Blip
from vprog.tools.backends.hf.vqa_vilt import Vilt
from vprog.trace import Call, Result

PROMPT = "{}\nAnswer with one word or a short phrase."
_PALIGEMMA = "answer en {}"


@dataclass(frozen=True, kw_only=True)
class VqaSettings(ModelSettings):
    """Settings of ``vqa``.

    Attributes:
        prompt: For models that generate: what they read, with ``{}`` for the question; by default
            the question and a request to be short, ``answer en {}`` for PaliGemma, and the bare
            question for ViLT and BLIP.
        max_new_tokens: For models that generate: length of an answer; 16 by default.
        answers_kept: For classifiers: how many answers of the distribution are recorded; 5 by
            default.
    """

    prompt: str | None = None
    max_new_tokens: int | None = None
    answers_kept: int | None = None

    def check(self) -> str | None:
        """See ``ModelSettings``."""
        if self.prompt is not None and self.prompt.count("{}") != 1:
            return f"prompt: must hold {{}} once, got {self.prompt!r}"
        return (
            between("max_new_tokens", self.max_new_tokens, 1, 4096)
            or between("answers_kept", self.answers_kept, 1, 10_000)
            or super().check()
        )


class Vqa(HuggingFace[VqaSettings]):
    """The tool ``vqa``; see ``VqaSettings``.

    Classifiers record their distribution (``info["distribution"]``, a softmax over all answers),
    generators the probability of the words they wrote (``info["score"]``).
    """

    tool = "vqa"

    def check_class(self, where: str) -> None:
        """See ``HuggingFace``."""
        family = self.source.model_type
        if family == "vilt" and self.source.class_name != "ViltForQuestionAnswering":
            raise refuse_class(self.source, self.tool, ("ViltForQuestionAnswering",), where)
        if family == "blip" and self.source.class_name != "BlipForQuestionAnswering":
            raise refuse_class(self.source, self.tool, ("BlipForQuestionAnswering",), where)
        if family not in ("vilt", "blip") and not is_chat_class(family):
            known = ("ViltForQuestionAnswering", "BlipForQuestionAnswering", *CHAT_CLASSES)
            raise refuse_class(self.source, self.tool, known, where)
        self.generates = family not in ("vilt", "blip")  # type: ignore[misc]

    def choices(self) -> dict[str, Any]:
        """See ``HuggingFace``."""
        family = self.source.model_type
        standard = {"vilt": "{}", "blip": "{}", "paligemma": _PALIGEMMA}.get(family, PROMPT)
        said = self.settings
        chosen: dict[str, Any] = {"prompt": said.prompt or standard}
        if family == "vilt":
            chosen["answers_kept"] = said.answers_kept or 5
        else:
            chosen["max_new_tokens"] = said.max_new_tokens or 16
        return chosen

    def load(self) -> None:
        """See ``HuggingFace``."""
        chosen = self.choices()
        family = self.source.model_type
        self.answerer: Vilt | Blip | Chat
        if family in ("vilt", "blip"):
            auto = "AutoModelForVisualQuestionAnswering"
            model = self.load_model(auto)
            if family == "vilt":
                kept = chosen["answers_kept"]
                self.answerer = Vilt(model, self, kept)
            else:
                self.answerer = Blip(model, self, chosen["max_new_tokens"])
        else:
            self.answerer = Chat(self, chosen["max_new_tokens"])
        self.prompt: str = chosen["prompt"]

    def compute(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``HuggingFace``."""
        views = Views(pictures, self.pictures)
        asked: list[tuple[View, str]] = []
        for call in calls:
            region, question = call.args["image"], call.args["question"]
            assert isinstance(region, Region)
            assert isinstance(question, str)
            asked.append((views.of(region), self.prompt.replace("{}", question)))
        return list(self.answerer.reply(asked, views))
