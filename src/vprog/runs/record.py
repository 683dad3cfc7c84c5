"""Traces as rows of a table: what a run keeps of every program, enough to score it alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vprog.engine.codec import from_json, to_json
from vprog.example import Example
from vprog.trace import Failure, Step, Trace
from vprog.verify import Verdict, verify

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Record:
    """A trace with what scoring and reports need of its example.

    Attributes:
        trace: The trace.
        verdict: On its answer.
        question: Of the example.
        answers: Accepted answers.
        types: Question types.
        group: Of the example.
        pictures: Where its pictures are, by id.
        extra: What the official metrics need beside this; plain JSON data only.
        chosen: Whether its answer is the one that the run gives to the example.
        count: How many of the programs that were written for the example it stands for: equal ones
            are one candidate. 0 where nothing was written.
        original: The program as it was written, where it failed its check and was repaired.
        complaint: What was wrong with ``original``; "" where nothing was repaired.
    """

    trace: Trace
    verdict: Verdict
    question: str
    answers: tuple[str, ...]
    types: Mapping[str, str]
    group: str
    pictures: Mapping[str, str]
    extra: Mapping[str, Any]
    chosen: bool = True
    count: int = 1
    original: str | None = None
    complaint: str = ""

    def is_of(self, other: Record) -> bool:
        """Whether two records are of one example: other data may have the same ids."""
        return (self.trace.example_id, self.question, self.answers) == (
            other.trace.example_id,
            other.question,
            other.answers,
        )


def make_record(
    trace: Trace, example: Example, judge: Callable[[Trace, Example], Verdict] = verify
) -> Record:
    """Judges a trace and keeps what is needed of its example; the first candidate is chosen.

    Args:
        trace: The trace.
        example: Its example.
        judge: Gives the verdict, such as ``Benchmark.verify``.
    """
    return Record(
        trace,
        judge(trace, example),
        example.question,
        example.answers,
        example.types,
        example.group,
        {picture.id: picture.where for picture in example.pictures},
        example.extra,
        chosen=trace.candidate == 0,
    )


def schema() -> pa.Schema:
    """The columns of a trace table; JSON columns hold values as ``engine.codec`` writes them."""
    import pyarrow as pa

    text = pa.string()
    step = pa.struct(
        [
            ("module", text),
            ("tool", text),
            ("args", text),
            ("value", text),
            ("target", text),
            ("line", pa.int32()),
            ("source", text),
            ("info", text),
            ("ms", pa.float64()),
            ("error", text),
        ]
    )
    failure = pa.struct(
        [("kind", text), ("message", text), ("step", pa.int32()), ("line", pa.int32())]
    )
    return pa.schema(
        [
            ("example_id", text),
            ("candidate", pa.int32()),
            ("language", text),
            ("program", text),
            ("logprob", pa.float64()),
            ("chosen", pa.bool_()),
            ("count", pa.int32()),
            ("original", text),
            ("complaint", text),
            ("question", text),
            ("answers", pa.list_(text)),
            ("types", pa.map_(text, text)),
            ("group", text),
            ("pictures", pa.map_(text, text)),
            ("extra", text),
            ("answer", text),
            ("answer_text", text),
            ("judgement", text),
            ("why", text),
            ("credit", pa.float64()),
            ("failure", failure),
            ("steps", pa.list_(step)),
        ],
        metadata={b"vprog": b"traces 2"},
    )


def _json(data: Any) -> str:
    """JSON text; escaped where it holds lone surrogates, which no UTF-8 column takes."""
    text = json.dumps(data, ensure_ascii=False)
    return text if text.isascii() or _is_unicode(text) else json.dumps(data)


def _text(text: str) -> str:
    r"""Text as a column takes it: lone surrogates become escapes such as ``\ud800``."""
    if text.isascii() or _is_unicode(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def to_row(record: Record) -> dict[str, Any]:
    """A record as a row of the trace table.

    Exact for values; in plain text lone surrogates become escapes.
    """
    trace = record.trace
    failure = trace.failure
    answer = record.verdict.answer
    return {
        "example_id": trace.example_id,
        "candidate": trace.candidate,
        "language": trace.language,
        "program": _text(trace.program),
        "logprob": trace.logprob,
        "chosen": record.chosen,
        "count": record.count,
        "original": None if record.original is None else _text(record.original),
        "complaint": _text(record.complaint),
        "question": _text(record.question),
        "answers": [_text(answer) for answer in record.answers],
        "types": [(_text(kind), _text(value)) for kind, value in record.types.items()],
        "group": _text(record.group),
        "pictures": [(_text(id), _text(where)) for id, where in record.pictures.items()],
        "extra": _json(dict(record.extra)),
        "answer": _json(to_json(trace.answer)),
        "answer_text": None if answer is None else _text(answer),
        "judgement": record.verdict.judgement,
        "why": _text(record.verdict.why),
        "credit": record.verdict.credit,
        "failure": failure
        and {
            "kind": failure.kind,
            "message": _text(failure.message),
            "step": failure.step,
            "line": failure.line,
        },
        "steps": [
            {
                "module": step.module,
                "tool": step.tool,
                "args": _json({name: to_json(value) for name, value in step.args.items()}),
                "value": _json(to_json(step.value)),
                "target": step.target,
                "line": step.line,
                "source": step.source,
                "info": _json(dict(step.info)),
                "ms": step.ms,
                "error": _text(step.error),
            }
            for step in trace.steps
        ],
    }


def from_row(row: Mapping[str, Any]) -> Record:
    """The inverse of ``to_row``."""
    steps = [
        Step(
            module=s["module"],
            tool=s["tool"],
            args={name: from_json(value) for name, value in json.loads(s["args"]).items()},
            value=from_json(json.loads(s["value"])),
            target=s["target"],
            line=s["line"],
            source=s["source"],
            info=json.loads(s["info"]),
            ms=s["ms"],
            error=s["error"],
        )
        for s in row["steps"]
    ]
    trace = Trace(
        row["example_id"],
        row["candidate"],
        row["language"],
        row["program"],
        steps,
        from_json(json.loads(row["answer"])),
        Failure(**row["failure"]) if row["failure"] else None,
        row["logprob"],
    )
    return Record(
        trace,
        Verdict(row["judgement"], row["answer_text"], row["why"], row["credit"]),
        row["question"],
        tuple(row["answers"]),
        dict(row["types"]),
        row["group"],
        dict(row["pictures"]),
        json.loads(row["extra"]),
        row["chosen"],
        row["count"],
        row["original"],
        row["complaint"],
    )
