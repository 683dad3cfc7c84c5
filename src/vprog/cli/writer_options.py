"""Options of commands in which a writer writes programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vprog.tools.backend import Toolbox
    from vprog.writers import WriterSettings

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
    list[str] | None,
    typer.Option(help="chat: an endpoint, such as http://localhost:8000/v1; repeatable."),
]
Model = Annotated[
    str | None,
    typer.Option(help="A model that answers by itself; with --writer chat, its endpoint's."),
]
Explain = Annotated[
    bool, typer.Option("--explain", help="--model: keep its rationale beside each answer.")
]
Prompt = Annotated[
    str | None,
    typer.Option(
        help="full: tools and worked examples; bare: the question alone. If left out, what the "
        "checkpoint was made for, else full."
    ),
]
Shots = Annotated[int | None, typer.Option(help="Most worked examples in a prompt; 8 if left out.")]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        help="Longest program in tokens; what the checkpoint was made for, else 512, if left out."
    ),
]
Grammar = Annotated[
    bool | None, typer.Option(help="local: only programs of the language can be written.")
]
Concurrency = Annotated[
    int | None,
    typer.Option(help="chat: most requests at once, at each endpoint; 8 if left out."),
]
Budget = Annotated[float | None, typer.Option(help="chat: dollars after which no request is sent.")]
Prices = Annotated[
    Path | None,
    typer.Option(help="TOML file: dollars a million tokens by model, an hour by device."),
]
RecordFile = Annotated[
    Path | None, typer.Option("--record", help="chat: file that keeps and answers exchanges.")
]

_SETTINGS = (
    "model", "prompt", "shots", "max_tokens", "grammar", "concurrency", "budget",
    "prices", "record",
)  # fmt: skip


_OF_A_MODEL = {
    "k": 1, "temperature": None, "top_p": 1.0, "base_url": None, "prompt": None, "shots": None,
    "max_tokens": None, "grammar": None, "concurrency": None, "budget": None, "prices": None,
    "record": None,
}  # fmt: skip
"""Options that only a writer that asks a model heeds, with their defaults."""


def refuse_needless(who: str, given: Mapping[str, Any], *more: str) -> None:
    """Options that nobody would heed are a mistake.

    Args:
        who: Does not heed them, such as ``the writer 'gold'``.
        given: Values of the options above by name.
        more: Further names that it does not heed.

    Raises:
        InputError: One of them is given.
    """
    from vprog.errors import InputError

    for name in (*_OF_A_MODEL, *more):
        value = given.get(name)
        if value not in ([], False, None, _OF_A_MODEL.get(name)):
            option = "--" + name.replace("_", "-")
            raise InputError(f"{who} asks no model for programs; leave out {option}")


def refuse_unheeded(writer: str, given: Mapping[str, Any]) -> None:
    """Options that this writer would not heed are a mistake.

    Args:
        writer: Its name.
        given: Values of the options above by name; those that the command does not have, or has
            for more than its writer, are left out.

    Raises:
        InputError: One of them is given.
    """
    from vprog.errors import InputError

    kind = writer.partition(":")[0]
    if kind in ("gold", "vqa", "replay", "direct"):
        needless = {"direct": ("vote",), "replay": ("model",)}.get(kind, ("vote", "model"))
        refuse_needless(f"the writer {writer!r}", given, *needless)
    elif kind == "chat":
        if given.get("grammar"):
            raise InputError("--grammar is for --writer local:MODEL, and the writer is 'chat'")
    else:
        for name in ("base_url", "model", "concurrency", "budget", "record"):
            if given.get(name):
                hint = f"; a model on this machine is --writer local:{given[name]}"
                raise InputError(
                    f"--{name.replace('_', '-')} is for --writer chat, and the writer is {writer!r}"
                    + (hint if (name, writer) == ("model", "local") else "")
                )


def writer_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """``sampling`` and ``writer_settings`` of a run.

    Args:
        given: Values of the options above by name; None where one was left out.

    Raises:
        InputError: A value is out of range.
    """
    from vprog.writers import Sampling

    temperature = given["temperature"]
    if temperature is None:
        temperature = 0.0 if given["k"] == 1 else 0.5
    sampling = Sampling(
        k=given["k"], temperature=temperature, top_p=given["top_p"], seed=given["seed"]
    )
    return {"sampling": sampling, "writer_settings": writer_settings(given)}


def writer_settings(given: Mapping[str, Any]) -> WriterSettings:
    """Settings of writers that ask a model.

    Args:
        given: Values of the options above by name; None, or no value, where one was left out.

    Raises:
        InputError: A value is out of range.
    """
    from vprog.errors import InputError
    from vprog.writers import WriterSettings

    if given["prompt"] not in (None, "full", "bare"):
        raise InputError(f"--prompt must be full or bare, got {given['prompt']!r}")
    settings = {name: given[name] for name in _SETTINGS if given.get(name) is not None}
    return WriterSettings(base_urls=tuple(given["base_url"] or ()), **settings)


def choose_writer(
    writer: str | None, toolbox: str, model: str | None, explain: bool, default: str = "oracle"
) -> tuple[str, str, Toolbox | None]:
    """Names of writer and toolbox of a run, and the toolbox of a model that answers by itself.

    Args:
        writer: As given; left out it is ``direct`` where there is a model, else ``gold``.
        toolbox: As given.
        model: Hub id, folder or zoo name; for other writers the name at an endpoint.
        explain: Whether the model's rationales are wanted.
        default: The toolbox of the command where none is given.

    Raises:
        InputError: The options do not go together, or the model is missing or broken.
    """
    from vprog.errors import InputError

    if writer is None:
        writer = "gold" if model is None else "direct"
    if writer not in ("direct", "direct:explain"):
        if explain:
            raise InputError("--explain is for a model that answers by itself: --model PATH")
        return writer, toolbox, None
    if model is None:
        raise InputError("the writer direct needs a model: --model PATH")
    if toolbox != default:
        raise InputError(f"--model answers by itself, without tools; leave out --toolbox {toolbox}")
    from vprog.distill.answerer import student_toolbox

    explain = explain or writer == "direct:explain"
    box = student_toolbox(model, explain)
    return "direct:explain" if explain else "direct", box.name, box
