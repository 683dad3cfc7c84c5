"""Which examples a run is about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vprog.errors import InputError
from vprog.evaluation.selection import parse_types, read_ids, select_examples
from vprog.example import Example


def selected(data: Path, **more: object) -> list[Example]:
    given = {"limit": None, "seed": 0, **more}
    return select_examples("world-gqa", data, "val", **given)  # type: ignore[arg-type]


def test_ids_in_the_order_of_the_benchmark(drawn: Path) -> None:
    everything = [e.id for e in selected(drawn)]
    wanted = [everything[7], everything[3], everything[50]]
    assert [e.id for e in selected(drawn, ids=wanted)] == sorted(wanted, key=everything.index)
    with pytest.raises(InputError, match="no example with 2 of the 3 ids, such as 'no'"):
        selected(drawn, ids=["no", "none", everything[0]])


def test_types(drawn: Path) -> None:
    everything = selected(drawn)
    kinds = {e.types["structural"] for e in everything}
    one, other = sorted(kinds)[:2]
    expected = [e.id for e in everything if e.types["structural"] in (one, other)]
    assert 0 < len(expected) < 60
    assert [e.id for e in selected(drawn, types={"structural": (one, other)})] == expected
    some = selected(drawn, types={"structural": (one, other)}, limit=5, seed=1)
    assert len(some) == 5
    assert {e.id for e in some} <= set(expected)
    with pytest.raises(InputError, match=r"no example has a type 'structurel'.*'structural'"):
        selected(drawn, types={"structurel": ("query",)})
    with pytest.raises(InputError, match=r"no example is of structural='queri'\. Known: "):
        selected(drawn, types={"structural": ("queri",)})


def test_types_that_never_come_together(drawn: Path) -> None:
    everything = selected(drawn)
    pairs = {(e.types["structural"], e.types["semantic"]) for e in everything}
    apart = next(
        (a, b)
        for a in sorted({a for a, _ in pairs})
        for b in sorted({b for _, b in pairs})
        if (a, b) not in pairs
    )
    with pytest.raises(InputError, match="no example of all these types at once"):
        selected(drawn, types={"structural": apart[:1], "semantic": apart[1:]})


@pytest.mark.parametrize(
    ("texts", "types"),
    [
        (["a=b"], {"a": ("b",)}),
        (["a=b,c", "d=e"], {"a": ("b", "c"), "d": ("e",)}),
        (["a=b, c,d=e,f"], {"a": ("b", "c"), "d": ("e", "f")}),
        (["a=b", "a=c"], {"a": ("b", "c")}),
        ([], {}),
    ],
)
def test_types_as_they_are_written(texts: list[str], types: dict[str, tuple[str, ...]]) -> None:
    assert parse_types(texts) == types


@pytest.mark.parametrize("text", ["", "a", "a=", "=b", "a=b,", "a,b=c"])
def test_types_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="--types wants KIND=VALUE"):
        parse_types([text])


def test_files_of_ids(tmp_path: Path) -> None:
    file = tmp_path / "ids"
    for text in ("q1\r\n\n q2 \nq1", '["q1", "q2", "q1"]', "\ufeffq1\nq2"):
        file.write_text(text, "utf-8", newline="")
        assert read_ids(file) == ("q1", "q2")
    file.write_text(json.dumps([1, 2]))
    assert read_ids(file) == ("1", "2")
    for text, says in (("", "holds no id"), ("[1,", "no JSON list"), ("[]", "holds no id")):
        file.write_text(text)
        with pytest.raises(InputError, match=says):
            read_ids(file)
    file.write_bytes(b"\xff")
    with pytest.raises(InputError, match="no text in UTF-8"):
        read_ids(file)
    with pytest.raises(InputError, match="No such file"):
        read_ids(tmp_path / "none")
