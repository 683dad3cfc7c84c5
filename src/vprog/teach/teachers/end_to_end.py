"""An end-to-end model as the teacher of every tool: it is asked the sub-question on the region.

VisualProg Distiller (Wan et al., arXiv 2309.09809 v1) follows the execution of a program and asks a
model that is good at the task as a whole at each step:

- ``vqa``: the question itself.
- ``match``: "is this ...?" for every option; the belief is the probability of yes.
- ``detect``: "is there ...?" A no is an answer, no box; a yes is none, for such a model cannot say
  where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vprog.errors import ToolError
from vprog.example import Picture
from vprog.tools.backend import Backend, Loading
from vprog.tools.backends.oracle_words import is_attribute
from vprog.trace import Call, Result
from vprog.verify import answer_text

CANNOT_SAY_WHERE = "an end-to-end model cannot say where"


class EndToEnd:
    """A backend for detect, vqa and match over one that answers vqa."""

    def __init__(self, model: Backend) -> None:
        """Takes the backend that answers questions."""
        self._model = model
        self.fingerprint = f"end-to-end/1 {model.fingerprint}"
        self.batch_size = model.batch_size

    def prepare(self) -> None:
        """Loads the model."""
        if isinstance(self._model, Loading):
            self._model.prepare()

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``Backend``; all questions of the calls are asked in as few batches as they fill."""
        asked = [_questions(call) for call in calls]
        flat = [
            Call("vqa", {"image": call.args["image"], "question": question})
            for call, questions in zip(calls, asked, strict=True)
            for question in questions
        ]
        replies: list[Result | ToolError] = []
        for start in range(0, len(flat), self.batch_size):
            some = flat[start : start + self.batch_size]
            replies += self._model.answer(some, pictures)
        answers, at = [], 0
        for call, questions in zip(calls, asked, strict=True):
            own = replies[at : at + len(questions)]
            at += len(questions)
            answers.append(_combined(call, own))
        return answers


def _questions(call: Call) -> list[str]:
    if call.tool == "vqa":
        return [str(call.args["question"])]
    if call.tool == "detect":
        return [is_there(str(call.args["phrase"]))]
    options = call.args["options"]
    assert isinstance(options, list)
    return [is_this(str(option)) for option in options]


def is_there(phrase: str) -> str:
    """The question whether anything is there that a phrase names."""
    said = _bare(phrase)
    plural = re.search(r"[^s]s$", said) is not None
    return f"Are there any {said}?" if plural else f"Is there {_article(said)} {said}?"


def is_this(option: str) -> str:
    """The question whether an option is true of what a region shows."""
    said = _bare(option)
    return f"Is this {said}?" if is_attribute(said) else f"Is this {_article(said)} {said}?"


def _bare(phrase: str) -> str:
    return re.sub(r"^(?:an?|the|any|some) ", "", " ".join(phrase.lower().split()))


def _article(said: str) -> str:
    return "an" if said[:1] in "aeiou" else "a"


def _combined(call: Call, replies: Sequence[Result | ToolError]) -> Result | ToolError:
    refused = next((r for r in replies if isinstance(r, ToolError)), None)
    if refused is not None:
        return refused
    given = [r for r in replies if isinstance(r, Result)]
    if call.tool == "vqa":
        return given[0]
    beliefs = []
    for reply in given:
        belief = _yes(reply)
        if belief is None:
            return ToolError("the end-to-end model answered a yes-no question with something else")
        beliefs.append(belief)
    if call.tool == "match":
        sure = min((max(b, 1 - b) for b in beliefs), default=1.0)
        return Result(beliefs, {"confidence": sure})
    if beliefs[0] >= 0.5:
        return ToolError(CANNOT_SAY_WHERE)
    return Result([], {"confidence": 1 - beliefs[0]})


def _yes(reply: Result) -> float | None:
    """The probability of yes, between yes and no; None where the answer is neither."""
    told = answer_text(reply.value)
    if told not in ("yes", "no"):
        return None
    shares = reply.info.get("distribution")
    if isinstance(shares, Mapping):
        yes, no = float(shares.get("yes", 0.0)), float(shares.get("no", 0.0))
        return yes / (yes + no) if yes + no > 0 else float(told == "yes")
    # The score of what was written says how sure it is, not what becomes of the rest.
    sure = float(reply.info.get("score", 1.0)) / 2
    return 0.5 + sure if told == "yes" else 0.5 - sure
