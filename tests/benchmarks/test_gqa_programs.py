"""Gold programs from GQA's functional programs: real questions convert and pass the check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vprog.benchmarks.gqa_programs import gqa_programs
from vprog.benchmarks.gqa_semantic import article, read_semantic
from vprog.errors import InputError
from vprog.program import Program
from vprog.program.check import Checker
from vprog.tools.catalogue import TOOLS

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "gqa"
present = pytest.mark.skipif(not SHARED.is_dir(), reason="GQA questions are not in ../shared/data")


def real_questions() -> list[dict[str, Any]]:
    rows = list(json.loads((SHARED / "questions.json").read_text()).values())
    return rows + json.loads((SHARED / "codevqa_gqa_examples50.json").read_text())


def op(operation: str, argument: str, *dependencies: int) -> dict[str, Any]:
    return {"operation": operation, "argument": argument, "dependencies": list(dependencies)}


@present
def test_every_real_question_becomes_programs_that_pass_the_check() -> None:
    rows = real_questions()
    assert len(rows) == 57
    checker = Checker(TOOLS)
    for row in rows:
        for language, text in gqa_programs(row["semantic"]).items():
            checker.check(Program(text, language), 1)  # type: ignore[arg-type]


def test_spatial_relations_are_computed() -> None:
    programs = gqa_programs(
        [op("select", "trash can (1)"), op("verify rel", "bag,to the right of,o (-)", 0)]
    )
    assert programs["steps"].splitlines() == [
        "BOX0=LOC(image=IMAGE,object='trash can')",
        "IMAGE0=CROP_LEFTOF(image=IMAGE,box=BOX0)",
        "BOX1=LOC(image=IMAGE0,object='bag')",
        "COUNT0=COUNT(box=BOX1)",
        "ANSWER0=EVAL(expr=\"'yes' if {COUNT0} > 0 else 'no'\")",
        "FINAL_RESULT=RESULT(var=ANSWER0)",
    ]
    assert "p.horizontal_center < trash_can.horizontal_center" in programs["python"]


def test_other_relations_are_asked() -> None:
    programs = gqa_programs(
        [op("select", "man (1)"), op("relate", "vehicle,driving,o (2)", 0), op("query", "name", 1)]
    )
    for text in programs.values():
        assert "Which vehicle is the man driving?" in text


def test_negated_filters_keep_the_rest() -> None:
    programs = gqa_programs(
        [op("select", "clothing (1)"), op("filter color", "not(white)", 0), op("query", "name", 1)]
    )
    assert "LOC(image=IMAGE,object='clothing that is not white')" in programs["steps"]
    assert 'not p.verify_property("clothing", "white")' in programs["python"]


@pytest.mark.parametrize(
    "semantic",
    [
        [op("select", "scene"), op("query", "place", 0)],
        [op("select", "scene"), op("verify location", "outdoors", 0)],
        [op("select", "scene"), op("choose weather", "sunny|cloudy", 0)],
        [op("select", "sky (1)"), op("choose", "clear|cloudy", 0)],
        [op("select", "sky (1)"), op("verify", "clear", 0)],
        [op("select", "a (1)"), op("select", "b (2)"), op("common", "", 0, 1)],
        [op("select", "a (1)"), op("select", "b (2)"), op("choose healthier", "", 0, 1)],
        [op("select", "a (1)"), op("select", "b (2)"), op("different color", "", 0, 1)],
        [op("select", "animal (1,2)"), op("different type", "", 0)],
        [op("select", "a (1)"), op("filter hposition", "middle", 0), op("exist", "?", 1)],
        [op("select", "a (1)"), op("verify hposition", "left", 0)],
        [op("select", "a (1)"), op("choose rel", "dog,on|under,s (2)", 0)],
        [op("select", "a (1)"), op("relate", 'person\'s "hat",on,s (2)', 0), op("exist", "?", 1)],
    ],
)
def test_the_rest_of_gqas_operations_pass_the_check(semantic: list[dict[str, Any]]) -> None:
    checker = Checker(TOOLS)
    for language, text in gqa_programs(semantic).items():
        checker.check(Program(text, language), 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("semantic", "said"),
    [
        ([op("imagine", "cat")], "unknown operation 'imagine'"),
        ([{"operation": "select"}], "needs 'operation', 'argument'"),
        ([op("query", "name", 0)], "does not come before"),
        ([op("select", "a (1)"), op("relate", "b above", 0)], "name,relation,s"),
        ([], "at least one operation"),
        ([op("query", "name")], "needs 1 dependencies, not 0"),
        ([op("select", "a (1)"), op("same color", "", 0, 0, 0)], "needs 1 or 2 dependencies"),
        (
            [op("select", "a (1)"), op("exist", "?", 0), op("filter color", "red", 1)],
            "that finds obj",
        ),
        ([op("select", "a (1)"), op("or", "", 0, 0)], "that says yes or no"),
    ],
)
def test_malformed_programs_are_named(semantic: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_semantic(semantic)


def test_articles() -> None:
    assert [article(w) for w in ("cat", "apple", "pens", "bus", "dress")] == [
        "a cat", "an apple", "pens", "a bus", "a dress",
    ]  # fmt: skip
