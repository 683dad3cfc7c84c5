"""Yield, verification and choice, filters: hand-computed cases."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import example, picture
from vprog.benchmarks import load_benchmark
from vprog.distill.candidates import Candidates, at_least_one, read_candidates, yield_curve
from vprog.distill.choose import choose, name_of
from vprog.distill.filters import disagreed, load_filters, steps_refused, without_evidence
from vprog.distill.records import short_answer
from vprog.distill.settings import ChoiceSettings, DistillData
from vprog.distill.splits import split_by_picture
from vprog.errors import InputError
from vprog.example import Region, Scene, SceneObject
from vprog.runs.record import Record, make_record
from vprog.teach.teachers.load import load_teacher
from vprog.trace import Failure, Step, Trace, Value

WHOLE = Region("p", 0, 0, 40, 30)
LOOKED = Step("find", "detect", {"image": WHOLE, "phrase": "ball"}, [])


def candidate(
    number: int,
    answer: Value,
    logprob: float | None = None,
    count: int = 1,
    steps: tuple[Step, ...] = (LOOKED,),
    failure: Failure | None = None,
    answers: tuple[str, ...] = ("yes",),
) -> Record:
    trace = Trace("e", number, "python", f"program {number}", list(steps), answer, failure, logprob)
    made = make_record(trace, example(answers=answers))
    return Record(**{f: getattr(made, f) for f in Record.__slots__} | {"count": count})


def candidates(*records: Record, answers: tuple[str, ...] = ("yes",)) -> Candidates:
    return Candidates(example=example(answers=answers), records=records)


def test_yield_is_the_chance_of_a_right_one_among_k() -> None:
    for written, right in ((5, 0), (5, 1), (5, 3), (5, 5), (3, 1)):
        for k in (1, 2, 3):
            draws = list(itertools.combinations([True] * right + [False] * (written - right), k))
            assert at_least_one(written, right, k) == pytest.approx(
                sum(map(any, draws)) / len(draws)
            )
    assert at_least_one(2, 1, 5) == 1.0
    assert at_least_one(0, 0, 3) == 0.0


def test_the_short_answer_of_a_choice_is_its_letter() -> None:
    many = replace(example(), extra={"choices": [f"class {n}" for n in range(30)]})
    assert [short_answer(many, f"class {n}") for n in (0, 25, 26)] == ["A", "Z", "AA"]
    assert short_answer(many, "no class") == "no class"


def test_yield_counts_programs_that_were_written_alike() -> None:
    one = candidates(candidate(0, "no", count=3), candidate(1, "yes", count=1))
    other = candidates(candidate(0, "no", count=4))
    curve = yield_curve([one, other])
    assert list(curve) == ["1", "3", "4"]
    assert [curve[k]["value"] for k in curve] == [0.125, 0.375, 0.5]
    assert curve["1"]["n"] == 2
    with pytest.raises(InputError, match="no example has a label"):
        yield_curve([candidates(candidate(0, "no", answers=()), answers=())])


def test_the_most_probable_of_the_right_ones() -> None:
    choice = choose(
        candidates(
            candidate(0, "no", -0.1),
            candidate(1, True, -3.0),
            candidate(2, "Yes", -2.0),
            candidate(3, None, -0.5, failure=Failure("tool", "gone")),
        ),
        ChoiceSettings(),
    )
    assert choice.outcome == "verified"
    assert choice.record is not None
    assert choice.record.trace.candidate == 2
    assert [(r.record.trace.candidate, r.kind) for r in choice.rejects] == [
        (0, "wrong"),
        (3, "failed"),
    ]


def test_without_a_right_one_the_label_stays() -> None:
    choice = choose(candidates(candidate(0, "no")), ChoiceSettings())
    assert (choice.outcome, choice.record) == ("label_only", None)


def test_a_judge_may_accept_an_answer_of_other_words() -> None:
    choice = choose(candidates(candidate(0, "sure")), ChoiceSettings(), accepted={("e", 0)})
    assert (choice.outcome, choice.judged) == ("verified", True)


def test_unverified_and_unlabelled() -> None:
    both = candidates(candidate(0, "no", -0.1), candidate(1, "yes", -3.0, count=2))
    for mode, pick, chosen in (
        ("unverified", "logprob", 0),
        ("unlabelled", "logprob", 0),
        ("unlabelled", "vote", 1),
    ):
        choice = choose(both, ChoiceSettings(mode=mode, pick=pick))  # type: ignore[arg-type]
        assert choice.outcome == "unverified"
        assert choice.record is both.records[chosen]
    failed = candidates(candidate(0, None, failure=Failure("tool", "gone")))
    assert choose(failed, ChoiceSettings(mode="unlabelled")).outcome == "left_out"
    unlabelled = candidates(candidate(0, "no", answers=()), answers=())
    assert choose(unlabelled, ChoiceSettings()).outcome == "unverified"


def test_a_program_must_look() -> None:
    blind = candidate(0, "yes", steps=())
    told = candidate(1, "yes", steps=(Step("llm_query", "knowledge", {"prompt": "?"}, "yes"),))
    seen = candidate(2, "yes")
    both = candidates(blind, told, seen)
    assert [bool(without_evidence(both, r)) for r in both.records] == [True, True, False]
    choice = choose(both, ChoiceSettings(), [("no_evidence", without_evidence)])
    assert choice.record is seen
    assert [r.kind for r in choice.rejects] == ["no_evidence"] * 2


def test_programs_must_agree() -> None:
    split = candidates(
        candidate(0, "yes", count=2), candidate(1, "no", count=2), candidate(2, "maybe")
    )
    assert not disagreed(0.4)(split, split.records[0])
    assert "2 of 5 programs" in disagreed(0.5)(split, split.records[0])


def test_a_teacher_must_agree_with_the_steps() -> None:
    ball = SceneObject(id="1", name="ball", box_xyxy=(10, 10, 20, 20))
    shown = picture()
    scene = Scene(width=40, height=30, objects=(ball,))
    shown._scene = scene
    right = Step(
        "find",
        "detect",
        {"image": WHOLE, "phrase": "ball"},
        [WHOLE._replace(left=10, top=10, right=20, bottom=21)],
    )
    good, bad = candidate(0, "yes", steps=(right,)), candidate(1, "yes")
    both = Candidates(example=example(shown, answers=("yes",)), records=(good, bad))
    teacher = load_teacher("oracle")
    refuse = steps_refused([(both, good), (both, bad)], teacher, 1.0)
    assert not refuse(both, good)
    assert "agrees with 0 of 1 steps" in refuse(both, bad)


def test_a_teacher_is_asked_about_what_a_judge_accepted() -> None:
    shown = picture()
    ball = SceneObject(id="1", name="ball", box_xyxy=(10, 10, 20, 20))
    shown._scene = Scene(width=40, height=30, objects=(ball,))
    blind = Step("find", "detect", {"image": WHOLE, "phrase": "ball"}, [])
    judged = candidate(0, "sure", steps=(blind,))
    both = Candidates(example=example(shown, answers=("yes",)), records=(judged,))
    settings = ChoiceSettings(step_teacher="oracle", least_step_agreement=1.0)
    accepted = {name_of(judged)}
    filters = load_filters(settings, [both], accepted=accepted)
    choice = choose(both, settings, filters, accepted)
    assert choice.outcome == "label_only"
    assert [reject.kind for reject in choice.rejects] == ["steps_refused"]


def test_pictures_are_in_one_split() -> None:
    shown = [picture(f"p{n}", shade=n) for n in range(40)]
    pairs = [example(shown[n], shown[(n * 7 + 1) % 40], id=f"pair{n}") for n in range(0, 12, 3)]
    alone = [example(shown[n], id=f"alone{n}") for n in range(40)]
    splits = split_by_picture([*pairs, *alone], 0.3, 0)
    assert set(splits.values()) == {"train", "val"}
    for n in range(0, 12, 3):
        assert splits[f"pair{n}"] == splits[f"alone{n}"] == splits[f"alone{(n * 7 + 1) % 40}"]
    assert splits == split_by_picture([*pairs, *alone], 0.3, 0)
    assert set(split_by_picture(alone, 0.0, 0).values()) == {"train"}


def test_a_run_that_voted_has_no_candidates(tmp_path: Path, drawn: Path, inside: object) -> None:
    from vprog.runs.folder import RunFolder

    settings = {
        "benchmark": "world-gqa", "data": str(drawn), "split": "val", "writer": "zoo",
        "toolbox": "oracle", "language": "python", "seed": 0, "n": 1,
    }  # fmt: skip
    first = next(iter(load_benchmark("world-gqa").load(drawn, "val")))
    with RunFolder(tmp_path / "run", settings) as folder:
        pass
    with pytest.raises(InputError, match="no finished trace"):
        read_candidates(tmp_path / "run")
    with RunFolder(tmp_path / "run", settings) as folder:
        record = make_record(Trace(first.id, 0, "python", ""), first)
        skipped = Record(
            **{f: getattr(record, f) for f in Record.__slots__}
            | {"verdict": type(record.verdict)("skipped", None, "")}
        )
        folder.append(skipped)
    with pytest.raises(InputError, match="--vote"):
        read_candidates(tmp_path / "run")


@pytest.mark.parametrize(
    "wrong",
    [{"val_share": 1.5}, {"labels": 0}, {"scenes": -1}, {"answer_weight": float("nan")}],
)
def test_wrong_settings(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        DistillData(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"mode": "right"}, {"pick": "best"}, {"least_agreement": 2}])
def test_wrong_choice(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        ChoiceSettings(**wrong)  # type: ignore[arg-type]
