"""Settings of the writers that ask a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vprog.errors import InputError

MAX_TOKENS = 512
"""Longest program in tokens, where neither user nor checkpoint says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterSettings:
    """What ``chat``, ``local`` and ``zoo`` take; ``gold`` and ``replay`` take nothing.

    Attributes:
        base_urls: ``chat``: endpoints that serve the same model, such as
            ``http://localhost:8000/v1``; none is ``OPENAI_BASE_URL``, else OpenAI's own.
        model: ``chat``: the model's name at the endpoint.
        revision: ``local``: branch, tag or commit of a hub id.
        prompt: ``full`` shows tools and worked examples, ``bare`` the question alone; None is what
            the checkpoint was made for, else ``full``.
        shots: Most worked examples in a prompt.
        max_tokens: Longest program, in tokens of the model; None is what the checkpoint was made
            for, else 512.
        context: ``chat``: tokens that fit into the model, prompt and program together, where its
            endpoint does not say so; None does not check.
        concurrency: ``chat``: most requests at once at each endpoint.
        retries: ``chat``: most times that a request is sent again, wherever to.
        timeout_s: ``chat``: seconds until a request counts as lost.
        patience_s: ``chat``: seconds that one request may take with all its retries and waits.
        budget: ``chat``: dollars after which no request is sent; None is no bound.
        prices: ``chat``: TOML file with dollars a million tokens by model.
        record: ``chat``: JSONL file that keeps every exchange, and answers those it holds already;
            None keeps none.
        device: ``local``: auto, cpu, cuda or mps.
        dtype: ``local``: auto, float32, float16 or bfloat16.
        batch_size: ``local``: most programs written at once; halved where memory runs out.
        grammar: ``local``: whether only programs of the language can be written.
    """

    base_urls: tuple[str, ...] = ()
    model: str | None = None
    revision: str | None = None
    prompt: Literal["full", "bare"] | None = None
    shots: int = 8
    max_tokens: int | None = None
    context: int | None = None
    concurrency: int = 8
    retries: int = 4
    timeout_s: float = 120.0
    patience_s: float = 600.0
    budget: float | None = None
    prices: Path | None = None
    record: Path | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    batch_size: int = 64
    grammar: bool = False

    def __post_init__(self) -> None:
        """Checks the values.

        Raises:
            InputError: A value is out of range.
        """
        low: tuple[tuple[str, float, float], ...] = (
            ("shots", self.shots, 0),
            ("max_tokens", 1 if self.max_tokens is None else self.max_tokens, 1),
            ("concurrency", self.concurrency, 1),
            ("retries", self.retries, 0),
            ("timeout_s", self.timeout_s, 0.001),
            ("patience_s", self.patience_s, 0.001),
            ("batch_size", self.batch_size, 1),
        )
        for name, value, least in low:
            if not value >= least:
                raise InputError(f"writer setting {name} must be at least {least:g}, got {value:g}")
        if len({url.rstrip("/") for url in self.base_urls}) < len(self.base_urls):
            raise InputError(f"--base-url names an endpoint twice: {', '.join(self.base_urls)}")
        if self.budget is not None and not self.budget > 0:
            raise InputError(f"the budget must be above 0 dollars, got {self.budget:g}")
