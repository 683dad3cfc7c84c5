"""Options of commands in which a writer writes programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

K = Annotated[int, typer.Option("--k", help="Candidate programs a question.")]
Temperature = Annotated[
    float | None, typer.Option(help="0 takes the likeliest; 0 for k = 1, else 0.5 if left out.")
]
TopP = Annotated[float, typer.Option(help="Share of the probability that is drawn from.")]
Vote = Annotated[
    bool, typer.Option("--vote", help="Candidates vote on the answer; needless ones do not run.")
]
Repairs = Annotated[
    bool, typer.Option(help="Send programs that fail their check back to the writer, once.")
]
BaseUrl = Annotated[
    str | None, typer.Option(help="chat: the endpoint, such as http://localhost:8000/v1.")
]
Model = Annotated[str | None, typer.Option(help="chat: name of the model at the endpoint.")]
Prompt = Annotated[
    str | None, typer.Option(help="full: tools and worked examples; bare: the question alone.")
]
Shots = Annotated[int | None, typer.Option(help="Most worked examples in a prompt.")]
MaxTokens = Annotated[int | None, typer.Option(help="Longest program in tokens.")]
Grammar = Annotated[
    bool | None, typer.Option(help="local: only programs of the language can be written.")
]
Concurrency = Annotated[int | None, typer.Option(help="chat: most requests at once.")]
Budget = Annotated[float | None, typer.Option(help="chat: dollars after which no request is sent.")]
Prices = Annotated[
    Path | None, typer.Option(help="chat: TOML file with dollars a million tokens by model.")
]
RecordFile = Annotated[
    Path | None, typer.Option("--record", help="chat: file that keeps and answers exchanges.")
]

_SETTINGS = (
    "base_url", "model", "prompt", "shots", "max_tokens", "grammar", "concurrency", "budget",
    "prices", "record",
)  # fmt: skip


def writer_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """``sampling`` and ``writer_settings`` of a run.

    Args:
        given: Values of the options above by name; None where one was left out.

    Raises:
        InputError: A value is out of range.
    """
    from vprog.errors import InputError
    from vprog.writers import Sampling, WriterSettings

    if given["prompt"] not in (None, "full", "bare"):
        raise InputError(f"--prompt must be full or bare, got {given['prompt']!r}")
    temperature = given["temperature"]
    if temperature is None:
        temperature = 0.0 if given["k"] == 1 else 0.5
    sampling = Sampling(
        k=given["k"], temperature=temperature, top_p=given["top_p"], seed=given["seed"]
    )
    settings = {name: given[name] for name in _SETTINGS if given[name] is not None}
    return {"sampling": sampling, "writer_settings": WriterSettings(**settings)}
