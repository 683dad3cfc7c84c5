"""Official figures against a second formulation of each, in another style, on random answers."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored import answers_of, figures_of

from vprog.benchmarks import gqa, nlvr2, pope, refcoco, tallyqa
from vprog.benchmarks.gqa_metrics import covered
from vprog.example import Example, Region

WORDS = ("red", "blue", "yes", "no", "cat")
ANSWER = st.sampled_from((*WORDS, None))


def example(id: str, answer: str, **more: Any) -> Example:
    return Example(id=id, pictures=(), question="?", answers=(answer,), **more)


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(float(value))


GQA_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "gold": st.sampled_from(WORDS),
            "said": ANSWER,
            "structural": st.sampled_from(("query", "verify", "logical")),
            "balanced": st.booleans(),
            "group": st.sampled_from((None, "color", "animal")),
            "entailed": st.lists(st.integers(0, 9).map(str), max_size=4, unique=True),
            "valid": st.lists(st.sampled_from(WORDS), max_size=4),
            "plausible": st.lists(st.sampled_from(WORDS), max_size=4),
        }
    ),
    min_size=1,
    max_size=10,
)


@given(rows=GQA_ROWS)
def test_gqa(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    choices = {str(i): {k: r[k] for k in ("valid", "plausible")} for i, r in enumerate(rows)}
    (folder / "val_choices.json").write_text(json.dumps(choices))
    examples = [
        example(
            str(i),
            r["gold"],
            types={"structural": r["structural"]},
            extra={k: r[k] for k in ("balanced", "group", "entailed")},
        )
        for i, r in enumerate(rows)
    ]
    found = figures_of(gqa.BENCHMARK, examples, [r["said"] for r in rows], folder)

    # The second formulation: tables of zeros and ones.
    balanced = np.array([r["balanced"] for r in rows])
    right = np.array([r["said"] == r["gold"] for r in rows], float)
    query = np.array([r["structural"] == "query" for r in rows])

    def over(values: Any, mask: Any) -> float | None:
        return float(np.mean(np.asarray(values, float)[mask])) if mask.any() else None

    entails = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        for id in row["entailed"]:
            if int(id) < len(rows) and int(id) != i:
                entails[i, int(id)] = 1
    counts = entails.sum(1)
    shares = entails @ right / np.maximum(counts, 1)
    chi_square = weight = 0.0
    for group in {r["group"] for r in rows} - {None}:
        pairs = [(r["gold"], r["said"]) for r in rows if r["group"] == group and r["balanced"]]
        words = sorted({gold for gold, _ in pairs})
        expected = np.array([sum(g == w for g, _ in pairs) for w in words], float)
        observed = np.array([sum(s == w for _, s in pairs) for w in words], float)
        chi_square += len(pairs) * ((observed - expected) ** 2 / np.maximum(expected, 1)).sum()
        weight += len(pairs)
    assert found["accuracy"] == near(over(right, balanced))
    assert found["accuracy_open"] == near(over(right, balanced & query))
    assert found["accuracy_binary"] == near(over(right, balanced & ~query))
    assert found["consistency"] == near(over(shares, balanced & (right == 1) & (counts > 0)))
    for name, column in (("validity", "valid"), ("plausibility", "plausible")):
        assert found[name] == near(over([r["said"] in r[column] for r in rows], balanced))
    assert found["distribution"] == near(chi_square / weight / 100 if weight else None)


EDGE = st.integers(0, 24)
BOX = st.tuples(EDGE, EDGE, EDGE, EDGE).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]) + 1, max(b[1], b[3]) + 1)
)


def painted(*boxes: tuple[int, int, int, int]) -> Any:
    canvas = np.zeros((25, 25), bool)
    for left, top, right, bottom in boxes:
        canvas[top:bottom, left:right] = True
    return canvas


@given(BOX, st.lists(BOX, max_size=5))
def test_the_share_of_a_box_in_a_union_by_counting_pixels(box: Any, regions: list[Any]) -> None:
    own = painted(box)
    assert covered(box, regions) == pytest.approx((own & painted(*regions)).sum() / own.sum())


@given(BOX, BOX)
def test_refcoco_overlap_by_counting_pixels(gold: Any, said: Any) -> None:
    one, two = painted(gold), painted(said)
    expected = (one & two).sum() / (one | two).sum()
    asked = example("a", "box", extra={"box_xyxy": gold})
    found = figures_of(refcoco.BENCHMARK, [asked], [Region("p", *said)])
    assert found["mean_iou"] == pytest.approx(expected)
    assert found["accuracy"] == (1 if 2 * (one & two).sum() > (one | two).sum() else 0)


TEXTS = st.sampled_from(
    ("yes", "no", "Yes, it is.", "No, it is not.", "not really", "It is. No.", "nothing", "NO",
     "yes,no", "there is no cat", "", ".no", None)
)  # fmt: skip


def official_pope(text: str) -> int:
    """The reading rule as one pattern: 0 is no."""
    first = text[: text.find(".")] if "." in text else text
    return 0 if re.search(r"(^| )(No|not|no)( |$)", re.sub(",", "", first)) else 1


@given(st.lists(st.tuples(TEXTS, st.sampled_from((0, 1))), min_size=1, max_size=20))
def test_pope(rows: list[tuple[str | None, int]]) -> None:
    examples = [example(str(i), ("no", "yes")[label]) for i, (_, label) in enumerate(rows)]
    found = figures_of(pope.BENCHMARK, examples, [text for text, _ in rows])
    table = Counter((None if text is None else official_pope(text), label) for text, label in rows)
    hit, false, missed = table[1, 1], table[1, 0], table[0, 1] + table[None, 1]
    precision = hit / (hit + false) if hit + false else None
    recall = hit / (hit + missed) if hit + missed else None
    assert found["accuracy"] == near((hit + table[0, 0]) / len(rows))
    assert found["precision"] == near(precision)
    assert found["recall"] == near(recall)
    assert found["yes_ratio"] == near((hit + false) / len(rows))
    if precision and recall:
        assert found["f1"] == near(2 * precision * recall / (precision + recall))


@given(
    st.lists(
        st.tuples(st.integers(0, 15), st.integers(0, 15), st.booleans()), min_size=1, max_size=30
    )
)
def test_tallyqa(rows: list[tuple[int, int, bool]]) -> None:
    examples = [
        example(str(i), str(gold), types={"complexity": "simple" if simple else "complex"})
        for i, (gold, _, simple) in enumerate(rows)
    ]
    found = figures_of(tallyqa.BENCHMARK, examples, [said for _, said, _ in rows])
    gold, said, simple = (np.array(column) for column in zip(*rows, strict=True))
    assert found["rmse"] == pytest.approx(np.linalg.norm(gold - said) / np.sqrt(len(rows)))
    for name, mask in (("accuracy_simple", simple), ("accuracy_complex", ~simple)):
        assert found[name] == near((gold == said)[mask].mean() if mask.any() else None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 1), st.booleans(), ANSWER
        ),
        min_size=1,
        max_size=24,
        unique_by=lambda row: row[:3],
    )
)
def test_nlvr2(rows: list[tuple[str, int, int, bool, str | None]]) -> None:
    sizes = Counter((s, number) for s, _, number, *_ in rows)
    examples = [
        example(
            f"dev-{s}-{pair}-{number}",
            "yes" if label else "no",
            group=f"dev-{s}-{number}",
            extra={"group_size": sizes[s, number]},
        )
        for s, pair, number, label, _ in rows
    ]
    found = figures_of(nlvr2.BENCHMARK, examples, [row[-1] for row in rows])
    ordered = sorted(rows, key=lambda row: (row[0], row[2]))
    sentences = [
        all(said == ("yes" if label else "no") for *_, label, said in members)
        for _, members in itertools.groupby(ordered, key=lambda row: (row[0], row[2]))
    ]
    assert found["consistency"] == pytest.approx(sum(sentences) / len(sentences))


@given(st.lists(st.tuples(TEXTS, st.booleans(), st.sampled_from(pope.SETTINGS)), min_size=1))
def test_a_figure_by_type_is_the_figure_of_these_examples_alone(rows: list[Any]) -> None:
    examples = [
        example(str(i), "yes" if label else "no", types={"setting": setting})
        for i, (_, label, setting) in enumerate(rows)
    ]
    given_ = [text for text, *_ in rows]
    metrics = pope.BENCHMARK.metrics(answers_of(pope.BENCHMARK, examples, given_))
    for setting in pope.SETTINGS:
        own = [i for i, row in enumerate(rows) if row[2] == setting]
        alone = figures_of(
            pope.BENCHMARK, [examples[i] for i in own], [given_[i] for i in own], Path()
        )
        for name, metric in metrics.items():
            assert metric.value(own) == near(alone[name])
