"""A student that answers examples in one forward pass, without writer and tools.

In a run its one call stands in a program of one line, so that traces, memo, score and report are
those of any other run::

    ANSWER0=ANSWER(images=[IMAGE],question='How many red balls are there?')
    FINAL=RESULT(var=ANSWER0)

With ``explain`` the trace keeps the student's rationale beside its answer, as ``rationale`` in the
information of the step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vprog.distill.prompt import asking
from vprog.distill.settings import Kind, PromptSettings
from vprog.errors import InputError, ToolError
from vprog.example import Picture, Region
from vprog.tools.backend import Toolbox
from vprog.tools.backends.hf.adapters import split_model
from vprog.tools.backends.hf.backend import HuggingFace, refuse_class
from vprog.tools.backends.hf.chat import CHAT_CLASSES, Chat, is_chat_class
from vprog.tools.backends.hf.generated import short_answer
from vprog.tools.backends.hf.settings import ModelSettings, between
from vprog.tools.backends.hf.source import DEFAULTS_FILE, is_hub_id
from vprog.tools.backends.hf.views import Views
from vprog.tools.tool import Param, Tool
from vprog.trace import Call, Result

ANSWER = Tool(
    name="answer",
    params=(Param("images", "images"), Param("question", "text")),
    returns="text",
    doc="The answer to a whole question about one or more images.",
    sentence="asked “{question}”, the answer is {value}",
    needs="Give a model: --model PATH",
)
"""The tool that a student is; the writer ``direct`` calls it."""


@dataclass(frozen=True, kw_only=True)
class AnswererSettings(ModelSettings):
    """Settings of a student that answers.

    A checkpoint brings those that it was trained with, in its ``vprog.json``:
    ``{"answer": {"plain": true}}``.

    Attributes:
        answer_instruction: See ``PromptSettings``.
        rationale_instruction: See ``PromptSettings``.
        plain: See ``PromptSettings``.
        max_new_tokens: Longest answer in tokens; 16 by default.
        rationale_tokens: Longest rationale in tokens; 256 by default.
        explain: Whether the rationale is asked for too.
    """

    answer_instruction: str | None = None
    rationale_instruction: str | None = None
    plain: bool | None = None
    max_new_tokens: int | None = None
    rationale_tokens: int | None = None
    explain: bool = False

    def check(self) -> str | None:
        """See ``ModelSettings``."""
        return (
            between("max_new_tokens", self.max_new_tokens, 1, 4096)
            or between("rationale_tokens", self.rationale_tokens, 1, 4096)
            or super().check()
        )

    @property
    def prompts(self) -> PromptSettings:
        """What the student is asked."""
        said = {
            "answer_instruction": self.answer_instruction,
            "rationale_instruction": self.rationale_instruction,
            "plain": self.plain,
        }
        return PromptSettings(**{k: v for k, v in said.items() if v is not None})  # type: ignore[arg-type]


class Answerer(HuggingFace[AnswererSettings]):
    """The tool ``answer``; see ``AnswererSettings``. ``info["score"]`` is the answer's probability.

    Attributes:
        answerer: Reads and writes for the student, once it is loaded.
    """

    tool = "answer"
    generates = True

    def defaults(self) -> Mapping[str, Any]:
        """See ``HuggingFace``; those of ``vqa`` and its like stand beside them."""
        path = self.source.folder / DEFAULTS_FILE
        said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        found: Mapping[str, Any] = said.get("answer", {})
        if not isinstance(found, dict):
            raise InputError(f"{path}: answer must be an object")
        return found

    def check_class(self, where: str) -> None:
        """See ``HuggingFace``."""
        if not is_chat_class(self.source.model_type):
            raise refuse_class(self.source, self.tool, CHAT_CLASSES, where)

    def choices(self) -> dict[str, Any]:
        """See ``HuggingFace``."""
        prompts, said = self.settings.prompts, self.settings
        chosen: dict[str, Any] = {
            "answer_instruction": prompts.answer_instruction,
            "plain": prompts.plain,
            "max_new_tokens": said.max_new_tokens or 16,
        }
        if said.explain:
            chosen |= {
                "rationale_instruction": prompts.rationale_instruction,
                "rationale_tokens": said.rationale_tokens or 256,
            }
        return chosen

    def load(self) -> None:
        """See ``HuggingFace``."""
        self.answerer = Chat(self, self.settings.max_new_tokens or 16)

    def compute(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``HuggingFace``."""
        views = Views(pictures)
        asked = []
        for call in calls:
            regions, question = call.args["images"], call.args["question"]
            assert isinstance(regions, list)
            assert isinstance(question, str)
            seen = [views.of(region) for region in regions if isinstance(region, Region)]
            asked.append((question, [views.read(view) for view in seen]))
        answers = self.say(asked, "answer")
        rationales = self.say(asked, "rationale") if self.settings.explain else []
        found: list[Result | ToolError] = []
        for number, (text, score) in enumerate(answers):
            info: dict[str, Any] = {"score": score}
            if rationales:
                info["rationale"] = rationales[number][0]
            found.append(Result(short_answer(text), info))
        return found

    def say(
        self, asked: Sequence[tuple[str, Sequence[Any]]], kind: Kind
    ) -> list[tuple[str, float]]:
        """What the student writes, and the probability of its words.

        Args:
            asked: Questions, choices included, with their Pillow images.
            kind: Whether it is asked for answers or rationales.
        """
        chat, prompts = self.answerer, self.settings.prompts
        said = self.settings
        most = said.max_new_tokens or 16 if kind == "answer" else said.rationale_tokens or 256

        def row(one: tuple[str, Sequence[Any]]) -> dict[str, Any]:
            question, images = one
            return chat.prepare(asking(question, kind, prompts), images)

        return chat.write(asked, row, most, scored=kind == "answer")


def answerer_settings(student: str, **settings: Any) -> AnswererSettings:
    """Settings of a student by its name.

    Args:
        student: Hub id (``org/name``, ``org/name@revision``), folder, zoo name, with adapters
            behind " + ".
        settings: Further ones.
    """
    name, adapters = split_model(student)
    revision: str | None = None
    if "@" in name and is_hub_id(name.split("@")[0]):
        name, _, revision = name.partition("@")
    made = AnswererSettings(model=name, revision=revision, adapters=adapters, **settings)
    wrong = made.check()
    if wrong:
        raise InputError(f"student {student!r}: {wrong}")
    return made


def student_grid(student: str) -> int | None:
    """Places a side of the boxes that a student writes, as ``vprog.json`` says, or None.

    Args:
        student: See ``answerer_settings``.

    Raises:
        InputError: The model is missing or broken.
    """
    from vprog.tools.backends.hf.adapters import SETTINGS_FILE

    file = Answerer(answerer_settings(student), "student").source.folder / SETTINGS_FILE
    if not file.is_file():
        return None
    said = json.loads(file.read_text(encoding="utf-8")).get("grid")
    return said if isinstance(said, int) else None


def student_toolbox(student: str, explain: bool = False) -> Toolbox:
    """The toolbox in which a student answers whole questions; for the writer ``direct``.

    Args:
        student: See ``answerer_settings``.
        explain: Whether it gives its rationale too.

    Raises:
        InputError: The model is missing, broken, or does not write about pictures.
    """
    backend = Answerer(answerer_settings(student, explain=explain), "--model")
    name = f"model:{student}"
    return Toolbox(name=name, tools={ANSWER.name: ANSWER}, backends={ANSWER.name: backend})
