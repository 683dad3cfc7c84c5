"""A chat model as a judge of answers (VPD, step 3) and as a writer of rationales (step 4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vprog.console import note
from vprog.distill.candidates import Candidates
from vprog.distill.choose import Named, name_of
from vprog.distill.faithful import rewritten, unfaithful
from vprog.distill.rationale import Rationale
from vprog.example import Example
from vprog.runs.record import Record
from vprog.tools.backend import Toolbox
from vprog.writers.chat import Chat
from vprog.writers.exchange import Reply
from vprog.writers.prompt import Messages
from vprog.writers.reply import without_thoughts
from vprog.writers.settings import WriterSettings
from vprog.writers.writer import Sampling, Usage

_TOKENS = 512
"""Longest reply, thoughts included."""
_VERDICT = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_JUDGE = """\
Question about a picture: {question}
Right answer: {label}
Given answer: {answer}
Does the given answer mean the same as the right answer? Reply with yes or no."""

_REWRITE = """\
A program looked at {pictures} to answer a question. Below are the question and what each step \
found. Rewrite it as a short explanation in plain English, step by step.

Rules:
- Say only what is found below: no other object, number, colour or place.
- Keep every box exactly as it is written, such as [12 3 40 25].
- End with the sentence: so the answer is {answer} .

Question: {question}
Steps: {steps}

Explanation:"""


def judge_answers(
    candidates: Sequence[Candidates], settings: WriterSettings, record: Path
) -> tuple[set[Named], Usage]:
    """Asks a chat model about answers that no label equals, once for each wording.

    A reply that begins with neither yes nor no is no verdict: it accepts nothing, is told, and is
    asked for again the next time.

    Args:
        candidates: Of a run; unlabelled examples and answers that are none are not asked about.
        settings: Endpoint and model.
        record: File that keeps every exchange; a verdict that it holds is not asked for again.

    Returns:
        The candidates that the judge accepts, and what it used.

    Raises:
        InputError: The endpoint cannot be reached, or the budget is spent.
    """
    asked: dict[tuple[str, str], tuple[Example, list[Record]]] = {}
    for one in candidates:
        for found in one.records:
            answer = found.verdict.answer
            if one.example.answers and found.verdict.judgement == "wrong" and answer is not None:
                asked.setdefault((one.example.id, answer), (one.example, []))[1].append(found)
    chat = _chat("judge", settings, record)
    chat.record.forget(lambda reply: _verdict(reply) is None)
    messages = [
        (
            example,
            _message(_JUDGE, question=example.question, label=_labels(example), answer=answer),
        )
        for (_, answer), (example, _) in asked.items()
    ]
    accepted: set[Named] = set()
    none: list[str] = []
    for (_, records), replies in zip(asked.values(), chat.reply(messages, Sampling()), strict=True):
        verdict = _verdict(replies[0]) if replies else None
        if verdict == "yes":
            accepted |= {name_of(found) for found in records}
        elif verdict is None and replies:
            none.append(replies[0].text)
    if none:
        note(
            f"the judge gave no verdict on {len(none):,} of {len(asked):,} answers, which stay "
            f"wrong; the first reply, instead of yes or no: {none[0][:200]!r}"
        )
    return accepted, chat.usage


def _verdict(reply: Reply) -> str | None:
    """``yes`` or ``no``; None for neither."""
    found = _VERDICT.match(without_thoughts(reply.text))
    return None if found is None else found[1].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """What came of asking for other words.

    Attributes:
        rationales: For each that was given, the new one, or itself where that was not faithful.
        refused: Reason -> how many new ones were not taken.
        kept: How many new ones were taken.
        usage: Of the chat model.
    """

    rationales: tuple[Rationale, ...]
    refused: dict[str, int]
    kept: int
    usage: Usage


def rewrite_rationales(
    pairs: Sequence[tuple[Example, Rationale]], settings: WriterSettings, record: Path
) -> Rewritten:
    """Has a chat model tell rationales in its own words and takes what stays faithful.

    Args:
        pairs: Rendered rationales with their examples.
        settings: Endpoint and model.
        record: File that keeps every exchange; what it holds is not asked again.

    Raises:
        InputError: The endpoint cannot be reached, or the budget is spent.
    """
    chat = _chat("rewriter", settings, record)
    asked = [(example, _rewriting(example, rationale)) for example, rationale in pairs]
    taken: list[Rationale] = []
    refused: dict[str, int] = {}
    for (example, rationale), replies in zip(pairs, chat.reply(asked, Sampling()), strict=True):
        text = rewritten(without_thoughts(replies[0].text)) if replies else ""
        why = unfaithful(text, rationale, example) if text else "nothing was written"
        if why:
            refused[why] = refused.get(why, 0) + 1
            taken.append(rationale)
        else:
            taken.append(replace(rationale, text=text))
    return Rewritten(
        rationales=tuple(taken),
        refused=refused,
        kept=len(pairs) - sum(refused.values()),
        usage=chat.usage,
    )


def _rewriting(example: Example, rationale: Rationale) -> Messages:
    count = len(example.pictures)
    return _message(
        _REWRITE,
        pictures="a picture" if count == 1 else f"{count} pictures",
        question=example.question,
        steps=rationale.text,
        answer=rationale.answer,
    )


def _chat(name: str, settings: WriterSettings, record: Path) -> Chat:
    own = replace(settings, record=record, max_tokens=settings.max_tokens or _TOKENS)
    return Chat(name, Toolbox(name=name, tools={}), own)


def _message(template: str, **fields: str) -> Messages:
    return [{"role": "user", "content": template.format(**fields)}]


def _labels(example: Example) -> str:
    return " or ".join(example.answers)
