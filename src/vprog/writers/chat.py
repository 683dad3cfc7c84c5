"""The chat writer: any endpoints with OpenAI's chat API, many questions at once."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vprog.errors import InputError
from vprog.example import Example
from vprog.program.program import Language, Program
from vprog.tools.backend import Toolbox
from vprog.tools.backends.hf.source import DEFAULTS_FILE
from vprog.writers.concurrent import Concurrent
from vprog.writers.endpoint import KEY, RefusedError
from vprog.writers.endpoints import Answer, Endpoints
from vprog.writers.exchange import (
    Record,
    Reply,
    billed_of,
    exchange_key,
    most_of,
    read_replies,
    usage_of,
)
from vprog.writers.prompt import Messages, Prompter, Style, check_fits, encodable
from vprog.writers.reply import program_text
from vprog.writers.settings import MAX_TOKENS, WriterSettings
from vprog.writers.spending import Budget, read_price
from vprog.writers.writer import Repair, Sampling, Usage

_REFUSALS = 3
"""So many requests refused before any was answered end a run: the fault is not in the questions."""
_CHARACTERS = 4.0
"""Characters a token, for the estimate of a prompt's length."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A question to ask, once however many examples share it.

    Attributes:
        example: The first of them.
        questions: Of all of them, by id.
        question: Everything that makes it: model, messages, sampling.
        key: Of ``question``.
        k: Replies wanted.
        repair: Whether it is about a program that failed.
    """

    example: Example
    questions: Mapping[str, str]
    question: dict[str, Any]
    key: str
    k: int
    repair: bool


class Chat:
    """Writes programs with a model behind OpenAI's chat API.

    Every exchange is recorded; what the record holds is not asked again, so the same run goes on
    where it stopped, and replays without network. Log-probabilities come where the server gives
    them.

    Attributes:
        record: Of the exchanges.
        budget: In dollars; what the record holds counts.
    """

    def __init__(self, name: str, toolbox: Toolbox, settings: WriterSettings) -> None:
        """Reads the record; nothing is sent before the first question that it cannot answer.

        Args:
            name: As the user called the writer.
            toolbox: Whose tools programs may call.
            settings: Endpoints, model, bounds.

        Raises:
            InputError: No model, an unreadable record or price file, or a budget without price.
        """
        if not settings.model:
            raise InputError("the chat writer needs --model NAME, as the endpoint calls it")
        self.name = name
        self.usage = Usage()
        self._settings = settings
        self._model = settings.model
        own = _own_settings(settings.model)
        self._most: int = settings.max_tokens or own.get("max_tokens") or MAX_TOKENS
        style: Style = settings.prompt or own.get("prompt") or "full"
        self._prompter = Prompter(toolbox, style, settings.shots)
        self.record = Record(settings.record)
        self._price = read_price(settings.prices, settings.model)
        spent = sum(self._price.of(t) for t in self.record.billed) if self._price else 0.0
        self.budget = Budget(settings.budget, self._price, spent)
        if self._price is not None:
            self.usage.cost = 0.0
        self._answered = False

    @property
    def fingerprint(self) -> str:
        """Model, prompt and limits; not the server that the model runs on."""
        return f"chat {self._model} {self._prompter.fingerprint} max_tokens={self._most}"

    def write(
        self, examples: Sequence[Example], language: Language, sampling: Sampling
    ) -> Iterator[Sequence[Program]]:
        """See ``Writer``."""
        jobs = [
            self._job(e, self._prompter.messages(e, language), sampling, repair=False)
            for e in examples
        ]
        for replies in self._ask(jobs, language):
            yield _programs(replies, language)

    def repair(
        self, broken: Sequence[Repair], language: Language, sampling: Sampling
    ) -> Iterator[Program | None]:
        """See ``Writer``; with the bare prompt there is no repair."""
        once = dataclasses.replace(sampling, k=1)
        asked = [(b.example, self._prompter.repair(b, language)) for b in broken]
        jobs = [self._job(e, m, once, repair=True) for e, m in asked if m is not None]
        replies = self._ask(jobs, language)
        for _, messages in asked:
            programs = _programs(next(replies), language) if messages is not None else []
            yield programs[0] if programs else None

    def reply(
        self, asked: Sequence[tuple[Example, Messages]], sampling: Sampling
    ) -> Iterator[list[Reply]]:
        """Replies to messages that ask for something else than a program, recorded like programs.

        Args:
            asked: Messages, and the example that they are about.
            sampling: How replies are drawn.

        Yields:
            For each, in order, at most ``sampling.k`` replies; none where the endpoint refuses.

        Raises:
            InputError: As for ``write``.
        """
        jobs = [self._job(e, messages, sampling, repair=False) for e, messages in asked]
        yield from self._ask(jobs, "steps")

    def _job(
        self, example: Example, messages: Messages, sampling: Sampling, *, repair: bool
    ) -> _Job:
        question: dict[str, Any] = {
            "model": self._model,
            "messages": encodable(messages),
            "temperature": sampling.temperature,
            "max_tokens": self._most,
            "seed": sampling.seed,
        }
        if sampling.top_p < 1:
            question["top_p"] = sampling.top_p
        asked = {example.id: example.question}
        return _Job(example, asked, question, exchange_key(question), sampling.k, repair)

    def _ask(self, jobs: Sequence[_Job], language: Language) -> Iterator[list[Reply]]:
        """The replies to each job, in order."""
        self.check_context(jobs, self._settings.context)
        questions: dict[str, dict[str, str]] = {}
        for job in jobs:
            questions.setdefault(job.key, {}).update(job.questions)
        merged: dict[str, _Job] = {}
        for job in jobs:
            merged.setdefault(job.key, dataclasses.replace(job, questions=questions[job.key]))
        unknown = [j for j in merged.values() if len(self.record.replies(j.key)) < j.k]
        most = self._settings.concurrency * max(1, len(self._settings.base_urls))
        asking = Concurrent(unknown, _session(self, unknown, language), most)
        results = {job.key: result for job, result in zip(unknown, asking.results, strict=True)}
        if unknown:
            asking.start()
        try:
            for job in jobs:
                asked = results.get(job.key)
                found = self.record.replies(job.key) if asked is None else asked.result()
                yield found[: job.k]
        finally:
            asking.stop()

    def open_endpoints(self) -> Endpoints:
        """Connections to the endpoints.

        Raises:
            InputError: A package or the key is missing.
        """
        s = self._settings
        return Endpoints(
            base_urls=s.base_urls or (os.environ.get("OPENAI_BASE_URL") or None,),
            model=self._model,
            key=os.environ.get(KEY) or None,
            concurrency=s.concurrency,
            retries=s.retries,
            timeout_s=s.timeout_s,
            patience_s=s.patience_s,
        )

    def body(self, job: _Job, have: int) -> dict[str, Any]:
        """The request for what is missing of a job's replies."""
        digest = hashlib.sha256(f"{job.question['seed']} {job.key} {have}".encode()).digest()
        body = dict(job.question)
        body["seed"] = int.from_bytes(digest[:4], "big") >> 1
        body["logprobs"] = True
        if job.k - have > 1:
            body["n"] = job.k - have
        return body

    def worst(self, body: dict[str, Any]) -> float:
        """Most dollars that a request may cost."""
        return 0.0 if self._price is None else self._price.of(most_of(body))

    def spend(self, tokens: Mapping[str, int]) -> None:
        """Counts what tokens cost."""
        if self._price is not None:
            cost = self._price.of(tokens)
            self.usage.cost = (self.usage.cost or 0.0) + cost
            self.budget.spent += cost

    def lose(self, worst: float, tokens: Mapping[str, int]) -> None:
        """Counts a try that came to nothing and may be on the bill.

        Args:
            worst: What is held for another one.
            tokens: That it may have taken.

        Raises:
            InputError: The budget has no room for another one.
        """
        self.spend(tokens)
        if not self.budget.fits(0):
            raise self.budget.refusal(worst)

    def keep(self, job: _Job, language: Language, answer: Answer) -> None:
        """Counts and records an exchange."""
        replies = read_replies(answer.response)
        said = usage_of(answer.response)
        if said is not None:
            self.usage.prompt_tokens += said["prompt_tokens"]
            self.usage.completion_tokens += said["completion_tokens"]
        self.spend(billed_of(answer.request, answer.response))
        self._answered = True
        row = {
            "ids": list(job.questions),
            "questions": dict(job.questions),
            "language": language,
            "key": job.key,
            "repair": job.repair,
            "programs": [
                {"program": p.text, "logprob": p.logprob} for p in _programs(replies, language)
            ],
            "request": answer.request,
            "response": answer.response,
            "errors": answer.errors,
            **({"lost": answer.lost} if answer.lost else {}),
            "seconds": answer.seconds,
        }
        self.record.add(row, replies)

    def note_refusal(self, job: _Job, error: RefusedError) -> None:
        """Counts a question that the endpoint will not answer.

        Raises:
            InputError: It has answered none so far.
        """
        if not self.usage.failed:
            self.usage.first_failure = f"example {job.example.id!r}: {error}"
        self.usage.failed += 1
        if not self._answered and self.usage.failed >= _REFUSALS:
            raise InputError(
                f"the chat endpoint refused the first {_REFUSALS} requests. The first error: "
                f"{self.usage.first_failure}"
            )

    def check_context(self, jobs: Sequence[_Job], context: int | None) -> None:
        """Refuses prompts that do not fit the model; their length is an estimate here.

        Raises:
            InputError: One does not.
        """
        context = self._settings.context or context
        if context is not None:
            for job in jobs:
                size = sum(len(m["content"]) for m in job.question["messages"])
                check_fits(job.example, round(size / _CHARACTERS), self._most, context, about=True)


@contextlib.asynccontextmanager
async def _session(
    chat: Chat, jobs: Sequence[_Job], language: Language
) -> AsyncIterator[Callable[[_Job], Awaitable[list[Reply]]]]:
    """What answers one job, with the endpoints open and their model checked.

    Raises:
        InputError: Nobody listens there, an endpoint lacks the model, or a prompt does not fit.
    """
    endpoints = chat.open_endpoints()
    changed = asyncio.Condition()
    counted = 0

    def count() -> None:
        """Adds what was sent meanwhile, by any of the jobs that run beside each other."""
        nonlocal counted
        chat.usage.requests += endpoints.requests - counted
        counted = endpoints.requests

    async def hold(worst: float) -> None:
        """Waits until the worst case of a request fits into the budget."""
        async with changed:
            while not chat.budget.fits(worst):
                if not chat.budget.under_way:
                    raise chat.budget.refusal(worst)
                await changed.wait()
            chat.budget.hold(worst)

    async def answer(job: _Job) -> list[Reply]:
        """All replies to a job; none where an endpoint refuses it."""
        replies = chat.record.replies
        while (have := len(replies(job.key))) < job.k:
            body = chat.body(job, have)
            if "n" in endpoints.left_out:
                body.pop("n", None)
            worst = chat.worst(body)
            await hold(worst)
            try:
                answered = await endpoints.ask(body, partial(chat.lose, worst))
                chat.keep(job, language, answered)
            except RefusedError as error:
                chat.note_refusal(job, error)
                return []
            finally:
                count()
                chat.budget.release(worst)
                async with changed:
                    changed.notify_all()
            if len(replies(job.key)) - have < body.get("n", 1):
                endpoints.left_out.add("n")  # ignored, not refused: one by one from now on
        return replies(job.key)

    try:
        chat.check_context(jobs, await endpoints.check())
        yield answer
    finally:
        await endpoints.close()


def _programs(replies: Sequence[Reply], language: Language) -> list[Program]:
    """Programs of the replies, the likeliest first where likelihoods are known."""
    programs = [Program(program_text(r.text, language), language, r.logprob) for r in replies]
    if all(p.logprob is not None for p in programs):
        programs.sort(key=lambda p: -(p.logprob or 0.0))
    return programs


def _own_settings(model: str) -> dict[str, Any]:
    """What a checkpoint was made for, where the endpoint calls it by its folder on this machine."""
    try:
        said = json.loads((Path(model) / DEFAULTS_FILE).read_text("utf-8"))["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return said if isinstance(said, dict) else {}
