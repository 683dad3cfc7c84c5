"""The time a question: what is timed, and what it says where there is too little to time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from students import make_student  # noqa: F401 (fixture)

from vprog.distill import latency as timing
from vprog.distill.latency import latency
from vprog.errors import InputError
from vprog.evaluation.run import RunSettings
from vprog.example import Example
from vprog.world import write


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions about 14 pictures."""
    root = tmp_path_factory.mktemp("latency") / "world"
    write("gqa", "generalist", 140, 1, root, split="test", workers=1)
    return root


def settings_of(world: Path, **changes: object) -> RunSettings:
    given: dict[str, object] = {
        "benchmark": "world-gqa", "data": world, "split": "test", "toolbox": "oracle",
        "writer": "gold", "language": "steps",
    }  # fmt: skip
    return RunSettings(**{**given, **changes})  # type: ignore[arg-type]


def test_every_question_is_about_a_picture_of_its_own(
    world: Path, student: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[int, list[str]] = {}
    seconds = timing._Side.seconds

    def spied(side, which):
        some = [side.examples[index] for index in which]
        asked.setdefault(id(side), []).extend(p.id for e in some for p in e.pictures)
        return seconds(side, which)

    monkeypatch.setattr(timing._Side, "seconds", spied)
    said = latency(settings_of(world), student("idefics3"))
    n = said["n"]
    assert n >= 2
    assert said["batches"]["size"] == n
    assert len(said["batches"]["ratios"]) == timing.TURNS
    programs, direct = asked.values()
    assert programs == direct
    assert len(set(programs)) == len(programs) == timing.WARM + (1 + timing.TURNS) * n
    assert said["writer"] == "gold"
    assert min(said["programs_ms"], said["student_ms"], said["ratio"]) > 0
    low, high = said["ci95"]
    assert low <= said["ratio"] <= high


def test_too_few_pictures_are_said_with_their_number(
    world: Path, student: Callable[[str], str]
) -> None:
    with pytest.raises(InputError, match=r"8 different pictures, here are \d; give --limit test"):
        latency(settings_of(world, limit=4), student("idefics3"))


def test_questions_without_a_gold_program_take_no_part(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    select, dropped = timing.select_examples, []

    def some_without(*given: object) -> list[Example]:
        found = select(*given)  # type: ignore[arg-type]
        bare = [replace(example, programs={}) for example in found[::3]]
        dropped[:] = [example.id for example in bare]
        return sorted([*bare, *(e for n, e in enumerate(found) if n % 3)], key=lambda e: e.id)

    monkeypatch.setattr(timing, "select_examples", some_without)
    asked = timing._questions(settings_of(world))
    assert asked
    assert not {example.id for example in asked} & set(dropped)
    written = timing._questions(settings_of(world, writer="zoo"))
    assert {example.id for example in written} & set(dropped)
