"""Traces through Parquet: every sort of value comes back as it was."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprog.example import Example, Picture, Region
from vprog.runs.folder import RunFolder, read_traces
from vprog.runs.record import Record, from_row, make_record, schema, to_row
from vprog.trace import Failure, Step, Trace

TEXT = st.text(st.characters(exclude_categories=()))
REGIONS = st.builds(
    Region,
    TEXT,
    *[st.integers(-9, 9) | st.floats(allow_nan=False)] * 4,
    TEXT,
    st.floats(0, 1),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | REGIONS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def through_parquet(*records: Record) -> list[Record]:
    """As a part of a run does it, without a file."""
    buffer = pa.BufferOutputStream()
    table = pa.Table.from_pylist([to_row(r) for r in records], schema=schema())
    import pyarrow.parquet as pq

    pq.write_table(table, buffer, compression="zstd")
    read = pq.read_table(pa.BufferReader(buffer.getvalue()))
    assert read.schema.equals(schema())
    return [from_row(row) for row in read.to_pylist()]


def paired(text: str) -> str:
    """JSON makes one character of two surrogates that belong together."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def expected(value: Any) -> Any:
    if isinstance(value, str):
        return paired(value)
    if isinstance(value, Region):
        return Region(paired(value.picture), *value[1:5], paired(value.label), value.score)
    if isinstance(value, list):
        return [expected(item) for item in value]
    if isinstance(value, dict):
        return {paired(key): expected(item) for key, item in value.items()}
    return value


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=3))
def test_values(cases: list[tuple[Any, Any]]) -> None:
    records = []
    for number, (value, argument) in enumerate(cases):
        step = Step("find", "detect", {"image": argument}, value, "A", 3, "shared", {"p": [1 / 3]})
        trace = Trace(f"q{number}", number, "python", "text", [step], value, logprob=-1.25)
        records.append(make_record(trace, Example(id=f"q{number}", pictures=(), question="?")))
    for record, back in zip(records, through_parquet(*records), strict=True):
        trace, step = back.trace, back.trace.steps[0]
        assert trace.answer == expected(record.trace.answer)
        assert step.value == expected(record.trace.steps[0].value)
        assert step.args == {"image": expected(record.trace.steps[0].args["image"])}
        assert type(trace.answer) is type(record.trace.answer)
        assert (trace.example_id, trace.candidate, trace.logprob) == (
            record.trace.example_id,
            record.trace.candidate,
            -1.25,
        )
        assert (step.module, step.tool, step.target, step.line) == ("find", "detect", "A", 3)
        assert (step.source, dict(step.info)) == ("shared", {"p": [1 / 3]})


def test_everything_of_a_record() -> None:
    trace = Trace(
        "id 杯",
        2,
        "steps",
        "A=B()\n\u2028\x00",
        [Step("LOC", None, {}, [Region("p", 0.5, 1, 2, 3)], "A", 1, "inline", {}, 1.5, "broke")],
        None,
        Failure("tool", "why\nnot", 0, None),
        None,
    )
    example = Example(
        id="id 杯",
        pictures=(Picture("p", path="a/b.png"), Picture("z", path="c.zip", member="m.png")),
        question="What?",
        answers=("a", "b"),
        types={"structural": "query", "semantic": "obj"},
        group="g",
        extra={"entailed": ["1", "2"], "deep": {"x": [1.5, None, True]}},
    )
    record = make_record(trace, example)
    (back,) = through_parquet(record)
    assert back == record
    assert back.pictures == {"p": "a/b.png", "z": "c.zip!m.png"}


def test_numbers_that_json_does_not_have_come_back() -> None:
    trace = Trace("q", 0, "steps", "", answer=[float("inf"), -float("inf"), float("nan")])
    (back,) = through_parquet(make_record(trace, Example(id="q", pictures=(), question="")))
    assert isinstance(back.trace.answer, list)
    assert back.trace.answer[:2] == [math.inf, -math.inf]
    assert isinstance(back.trace.answer[2], float)
    assert math.isnan(back.trace.answer[2])


def test_lone_surrogates_in_plain_text_become_escapes() -> None:
    bad = "x\ud800y"
    trace = Trace(
        "q", 0, "python", bad, [Step("find", "detect", {}, bad, error=bad)], bad,
        Failure("runtime", bad),
    )  # fmt: skip
    example = Example(
        id="q", pictures=(Picture(bad, path=bad),), question=bad, answers=(bad,),
        types={bad: bad}, group=bad, extra={bad: bad},
    )  # fmt: skip
    (back,) = through_parquet(make_record(trace, example))
    said = "x\\ud800y"
    assert (back.trace.program, back.question, back.group) == (said, said, said)
    assert (back.trace.failure, back.answers) == (Failure("runtime", said), (said,))
    assert (back.types, back.pictures) == ({said: said}, {said: said})
    assert back.trace.answer == bad, "values are exact"
    assert back.extra == {bad: bad}


@pytest.mark.parametrize("rows", [1, 39, 40, 41, 100])
def test_parts_hold_all_rows_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr("vprog.runs.folder.FLUSH_ROWS", 40)
    settings = dict.fromkeys(("benchmark", "data", "split", "writer", "toolbox"), "x")
    settings |= {"language": "steps", "seed": 0, "n": rows}
    with RunFolder(tmp_path / "run", settings) as folder:
        for number in range(rows):
            trace = Trace(f"q{number}", 0, "steps", "t", answer=number)
            folder.append(make_record(trace, Example(id=f"q{number}", pictures=(), question="")))
        assert len(list((tmp_path / "run" / "traces").iterdir())) == rows // 40
    assert [r.trace.answer for r in read_traces(tmp_path / "run")] == list(range(rows))
    with RunFolder(tmp_path / "run", settings) as folder:
        assert set(folder.finished) == {(f"q{n}", 0) for n in range(rows)}
