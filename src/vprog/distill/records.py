"""Records that a student is trained on: two an example, as chat messages with pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vprog.benchmarks.benchmark import Benchmark
from vprog.distill.choose import Choice, Reject
from vprog.distill.prompt import assistant_turn, user_turn
from vprog.distill.settings import DistillData, Kind
from vprog.distill.wording import box_text, place, words
from vprog.example import Example, choice_letter
from vprog.runs.record import Record
from vprog.teach.arrow import picture_cell, picture_type
from vprog.verify import answer_text

if TYPE_CHECKING:
    import pyarrow as pa


def schema() -> pa.Schema:
    """The columns of the training data, one row a record.

    ``images``: the example's pictures. ``messages``: the user's turn (a place for each picture,
    question and instruction) and the target. ``kind``: ``answer`` or ``rationale``. ``weight``: of
    its loss. ``example_id``, ``task`` (the benchmark). ``language``, ``program``, ``trace_id`` (run
    and candidate) and ``verdict`` say where it comes from: ``verified``, ``judged`` (right by a
    judge), ``unverified`` or ``label_only``. ``source``: of the target: ``label``, ``program`` (its
    answer), ``rendered`` or ``rewritten`` (its rationale).
    """
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("images", pa.list_(picture_type())),
            ("messages", messages_type()),
            ("kind", text),
            ("weight", pa.float64()),
            ("example_id", text),
            ("task", text),
            ("language", text),
            ("program", text),
            ("trace_id", text),
            ("verdict", text),
            ("source", text),
        ]
    )


def messages_type() -> pa.DataType:
    """The column type of chat messages."""
    import pyarrow as pa

    text = pa.string()
    part = pa.struct([("type", text), ("text", text)])
    return pa.list_(pa.struct([("role", text), ("content", pa.list_(part))]))


def preferences_schema() -> pa.Schema:
    """The columns of preference pairs, as DPO trainers take them.

    The explanation of the chosen program beside that of a rejected one: ``images``, ``prompt``,
    ``chosen``, ``rejected`` (messages), ``reject`` (its class), ``example_id``, ``task``.
    """
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("images", pa.list_(picture_type())),
            ("prompt", messages_type()),
            ("chosen", messages_type()),
            ("rejected", messages_type()),
            ("reject", text),
            ("example_id", text),
            ("task", text),
        ]
    )


def rejects_schema() -> pa.Schema:
    """The columns of rejected candidates, for preferences among programs.

    ``example_id``, ``task``, ``question``, ``language``, ``chosen`` (the program that explains the
    example, null where none does), ``rejected`` (the program), ``reject`` (its class), ``why``,
    ``answer``, ``logprob``, ``count`` (how often it was written).
    """
    import pyarrow as pa

    text = pa.string()
    names = ("example_id", "task", "question", "language", "chosen", "rejected", "reject", "why")
    return pa.schema(
        [
            *((name, text) for name in (*names, "answer")),
            ("logprob", pa.float64()),
            ("count", pa.int32()),
        ]
    )


def label_text(example: Example, benchmark: Benchmark, grid: int) -> str | None:
    """The answer that a student learns, None without a label.

    The accepted answer that is worth most, the first of several; a region as its box on the grid;
    of a multiple choice the text of the choice.
    """
    box = example.extra.get("box_xyxy")
    if benchmark.regions and box:
        return box_text(place(box, example.pictures[0].size, grid))
    if not example.answers:
        return None
    credit = benchmark.credit
    if credit is None:
        return example.answers[0]
    return max(example.answers, key=lambda answer: credit(answer, example))


def short_answer(example: Example, answer: str) -> str:
    """An answer as the prompt asks for it: the letter of a choice where there are choices."""
    choices = [answer_text(choice) for choice in example.extra.get("choices") or ()]
    text = answer_text(answer)
    return choice_letter(choices.index(text)) if text in choices else answer


def cells(example: Example, embed: bool) -> list[dict[str, Any]]:
    """The pictures of an example as a column holds them.

    Raises:
        PictureError: One cannot be read.
    """
    return [picture_cell(picture, embed) for picture in example.pictures]


def record(
    choice: Choice,
    kind: Kind,
    target: str,
    source: str,
    settings: DistillData,
    task: str,
    run: str,
) -> dict[str, Any]:
    """One row of the training data without its pictures.

    Args:
        choice: What explains the example.
        kind: What the student is asked for.
        target: What it learns to say.
        source: Where that comes from, see ``schema``.
        settings: Prompt and weights.
        task: Name of the benchmark.
        run: Name of the run, for the id of the trace.
    """
    found = choice.record
    weight = settings.answer_weight if kind == "answer" else settings.rationale_weight
    user = user_turn(choice.example, kind, settings.prompt)
    said = words_of(target, settings)
    return {
        "messages": [user, assistant_turn(said)],
        "kind": kind,
        "weight": weight,
        "example_id": choice.example.id,
        "task": task,
        "language": found and found.trace.language,
        "program": found and found.trace.program,
        "trace_id": found and f"{run}/{found.trace.example_id}/{found.trace.candidate}",
        "verdict": "judged" if choice.judged else choice.outcome,
        "source": source,
    }


def words_of(target: str, settings: DistillData) -> str:
    """A target as the prompt's settings want it: plain words, or as it is."""
    if not settings.prompt.plain or target.startswith("[") or target.endswith(" ."):
        return target  # boxes and rationales are plain already
    return words(target)


def reject_row(choice: Choice, reject: Reject, task: str) -> dict[str, Any]:
    """One row of the rejects."""
    trace = reject.record.trace
    return {
        "example_id": choice.example.id,
        "task": task,
        "question": choice.example.question,
        "language": trace.language,
        "chosen": choice.record and choice.record.trace.program,
        "rejected": trace.program,
        "reject": reject.kind,
        "why": reject.why,
        "answer": reject.record.verdict.answer,
        "logprob": trace.logprob,
        "count": reject.record.count,
    }


def preference_row(
    example: Example, chosen: str, rejected: str, reject: str, settings: DistillData, task: str
) -> dict[str, Any]:
    """One preference pair without its pictures."""
    return {
        "prompt": [user_turn(example, "rationale", settings.prompt)],
        "chosen": [assistant_turn(chosen)],
        "rejected": [assistant_turn(rejected)],
        "reject": reject,
        "example_id": example.id,
        "task": task,
    }


def answer_of(found: Record) -> str | None:
    """A program's own answer in normal form; None for one that is none in words."""
    return found.verdict.answer


Row = Mapping[str, Any]
"""A row of one of these tables."""
