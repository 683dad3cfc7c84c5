"""Traces as rows of a table: what a run keeps of every program, enough to score it alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    """

    trace: Trace
    verdict: Verdict
    question: str
    answers: tuple[str, ...]
    types: Mapping[str, str]
    group: str
    pictures: Mapping[str, str]
    extra: Mapping[str, Any]


def make_record(trace: Trace, example: Example) -> Record:
    """Judges a trace and keeps what is needed of its example."""
    return Record(
        trace,
        verify(trace, example),
        example.question,
        example.answers,
        example.types,
        example.group,
        {picture.id: picture.where for picture in example.pictures},
        example.extra,
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
            ("failure", failure),
            ("steps", pa.list_(step)),
        ],
        metadata={b"vprog": b"traces 1"},
    )


def _dump(value: Any) -> str:
    return json.dumps(to_json(value), ensure_ascii=False)


def to_row(record: Record) -> dict[str, Any]:
    """A record as a row of the trace table."""
    trace = record.trace
    failure = trace.failure
    return {
        "example_id": trace.example_id,
        "candidate": trace.candidate,
        "language": trace.language,
        "program": trace.program,
        "logprob": trace.logprob,
        "question": record.question,
        "answers": list(record.answers),
        "types": list(record.types.items()),
        "group": record.group,
        "pictures": list(record.pictures.items()),
        "extra": json.dumps(dict(record.extra), ensure_ascii=False),
        "answer": _dump(trace.answer),
        "answer_text": record.verdict.answer,
        "judgement": record.verdict.judgement,
        "why": record.verdict.why,
        "failure": failure
        and {
            "kind": failure.kind,
            "message": failure.message,
            "step": failure.step,
            "line": failure.line,
        },
        "steps": [
            {
                "module": step.module,
                "tool": step.tool,
                "args": json.dumps(
                    {name: to_json(value) for name, value in step.args.items()},
                    ensure_ascii=False,
                ),
                "value": _dump(step.value),
                "target": step.target,
                "line": step.line,
                "source": step.source,
                "info": json.dumps(dict(step.info), ensure_ascii=False),
                "ms": step.ms,
                "error": step.error,
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
        Verdict(row["judgement"], row["answer_text"], row["why"]),
        row["question"],
        tuple(row["answers"]),
        dict(row["types"]),
        row["group"],
        dict(row["pictures"]),
        json.loads(row["extra"]),
    )
