"""The memo: what was computed once is not computed again, in this run or the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import Instant, example, picture, python, run_all, toolbox
from vprog.engine import Engine, EngineSettings
from vprog.engine.codec import from_json, to_json
from vprog.engine.memo import Memo, renamed
from vprog.errors import InputError
from vprog.example import Picture, Region, Scene, SceneObject
from vprog.program import Program
from vprog.teach.adapters import Adapted, AdapterSettings
from vprog.tools.backends.oracle import Oracle
from vprog.trace import Call, Result, Value

FIND = Program("B=LOC(image=IMAGE,object='cup')\nR=RESULT(var=B)", "steps")
ASK = python("return image.find('cup')[0].simple_query('say é 中 \\u2028 \\'\"')")


def test_a_second_run_computes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    for n in range(3):
        backend = Instant()
        with Engine(toolbox(backend), memo_path=path) as engine:
            traces = run_all([FIND, ASK], engine=engine)
            assert engine.counts.computed == (2 if n == 0 else 0)
            assert engine.counts.remembered + engine.counts.shared == (1 if n == 0 else 3)
        assert traces[1].answer == "é 中 \u2028 '\""
        assert traces[0].answer == [
            Region("p", 0, 0, 20, 30, "cup", 0.9),
            Region("p", 20, 0, 40, 30, "cup", 0.8),
        ]
        assert len(backend.calls) == (2 if n == 0 else 0)


def test_another_fingerprint_computes_anew(tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    for n, fingerprint in enumerate(("a 1", "a 2", "a 1")):
        backend = Instant(fingerprint=fingerprint)
        with Engine(toolbox(backend), memo_path=path) as engine:
            run_all([FIND], engine=engine)
        assert len(backend.calls) == (0 if n == 2 else 1)


def test_equal_pictures_under_other_names_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    for n, id in enumerate(("first", "second", "#0")):
        backend = Instant()
        with Engine(toolbox(backend), memo_path=path) as engine:
            (trace,) = run_all([FIND], engine=engine, on=example(picture(id, shade=9)))
        assert isinstance(trace.answer, list)
        assert {r.picture for r in trace.answer} == {id}
        assert len(backend.calls) == (1 if n == 0 else 0)


def test_a_changed_picture_under_the_same_name_computes_anew(tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    for shade in (1, 2):
        backend = Instant()
        with Engine(toolbox(backend), memo_path=path) as engine:
            run_all([FIND], engine=engine, on=example(picture(shade=shade)))
        assert len(backend.calls) == 1


def test_a_corrected_scene_computes_the_oracles_answers_anew(tmp_path: Path) -> None:
    """Also where a teacher is made of it; what models answer has nothing to do with scenes."""
    pixels, count = (
        np.zeros((30, 40, 3), np.uint8),
        Program("B=LOC(image=IMAGE,object='cup')\nC=COUNT(box=B)\nR=RESULT(var=C)", "steps"),
    )
    cup = SceneObject(id="1", name="cup", box_xyxy=(2, 2, 9, 9))
    for name in ("oracle", "models"):
        backend = Adapted(Oracle(), AdapterSettings()) if name == "oracle" else Instant()
        box, seen = toolbox(backend), []
        for cups in ((cup,), (cup, replace(cup, id="2", box_xyxy=(20, 2, 29, 9)))):
            shown = Picture("p", array_rgb=pixels, scene=Scene(width=40, height=30, objects=cups))
            with Engine(box, memo_path=tmp_path / f"{name}.sqlite") as engine:
                (trace,) = run_all([count], engine=engine, on=example(shown))
                seen.append((trace.answer, engine.counts.remembered))
        assert seen == ([(1, 0), (2, 0)] if name == "oracle" else [(2, 0), (2, 1)])


def test_pixels_of_the_same_bytes_and_another_shape_differ() -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    assert Picture("a", array_rgb=pixels).digest != (
        Picture("a", array_rgb=pixels.reshape(6, 4, 3)).digest
    )


def test_memory_keeps_the_most_recent_entries() -> None:
    words = [
        Program(f"A=VQA(image=IMAGE,question='say {n}')\nR=RESULT(var=A)", "steps")
        for n in range(6)
    ]
    backend = Instant()
    with Engine(toolbox(backend), EngineSettings(memo_entries=3)) as engine:
        for program in [*words, words[5], words[0]]:
            run_all([program], engine=engine)
        assert engine.counts.remembered == 1
    assert len(backend.calls) == 7


def test_what_was_finished_before_a_crash_is_not_computed_again(tmp_path: Path) -> None:
    class Dying(Instant):
        def answer(self, calls: Sequence[Call], pictures: Mapping[str, Picture]) -> list[Result]:
            if len(self.batches) == 3:
                raise KeyboardInterrupt
            return list(super().answer(calls, pictures))  # type: ignore[arg-type]

    programs = [
        Program(f"A=VQA(image=IMAGE,question='say {n}')\nR=RESULT(var=A)", "steps")
        for n in range(8)
    ]
    path = tmp_path / "memo.sqlite"
    dying = Dying(batch_size=2)
    with Engine(toolbox(dying), memo_path=path) as engine, pytest.raises(KeyboardInterrupt):
        run_all(programs, engine=engine)
    backend = Instant(batch_size=2)
    with Engine(toolbox(backend), memo_path=path) as engine:
        traces = run_all(programs, engine=engine)
    assert [t.answer for t in traces] == [str(n) for n in range(8)]
    assert len(backend.calls) == 2


def test_a_file_that_is_no_memo_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    path.write_text("this is no database, whatever its name says " * 50)
    with pytest.raises(InputError, match=r"memo\.sqlite"):
        Engine(toolbox(), memo_path=path)
    with pytest.raises(InputError, match="memo"):
        Memo(tmp_path / "no such folder" / "memo.sqlite")


VALUES: list[Value] = [
    None, True, False, 0, -1.5, 1e300, "", "yes \ud800 é", [], ["a", ["b", []]], {"a": {"b": [1]}},
    Region("p", 0, 1.5, 2, 3), Region("p", 0, 0, 1, 1, "cup", 0.25), [Region("#0", 1, 2, 3, 4)],
    {"values": [1]}, {"picture": "x", "box": [1]},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_survive_the_codec(value: Value) -> None:
    import json

    assert from_json(json.loads(json.dumps(to_json(value)))) == value


def test_regions_are_renamed_wherever_they_are() -> None:
    result = Result([Region("a", 0, 0, 1, 1), [Region("b", 0, 0, 1, 1)], "a"], {"note": "kept"})
    again = renamed(result, ["a", "b"], ["b", "a"])
    assert again.value == [Region("b", 0, 0, 1, 1), [Region("a", 0, 0, 1, 1)], "a"]
    assert again.info == {"note": "kept"}
    assert result.value == [Region("a", 0, 0, 1, 1), [Region("b", 0, 0, 1, 1)], "a"]
