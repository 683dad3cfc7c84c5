"""How good rationales are: boxes against traces and gold scenes, facts, agreement with the answer.

Where VPD asks people (section 4.4: factual, consistent), gold scenes let a machine ask: every
sentence tells a call, and the oracle answers the same call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vprog.benchmarks.choices import pick
from vprog.benchmarks.metric import Ratio
from vprog.distill.reading import OVERLAP, Told, call_of, in_pixels, read_rationale
from vprog.evaluation.figures import cluster_of, describe
from vprog.evaluation.zoo.metrics import Found, found
from vprog.example import Example, Region
from vprog.teach.agreement import agree
from vprog.tools.backends.oracle import Oracle
from vprog.tools.match import HOLDS
from vprog.trace import Call, Result, Value
from vprog.verify import answer_text

Normalise = Callable[[Value], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An example with what a model says of it.

    Attributes:
        example: The example.
        text: The rationale; "" where the model gave none.
        answer: The short answer that it is to explain, such as that of another pass of the model.
        reference: The rationale of a verified trace, to compare boxes with; None without one.
    """

    example: Example
    text: str
    answer: str | None = None
    reference: str | None = None


def rationale_quality(
    items: Sequence[Explained], grid: int, normalise: Normalise = answer_text
) -> dict[str, Any]:
    """Figures of rationales, each with a 95 % interval over pictures.

    Args:
        items: What was explained.
        grid: Places a side of the boxes.
        normalise: The normal form of answers.

    Returns:
        ``explained``: share of rationales that say something and end in an answer. ``consistent``:
        share of rationales whose last sentence gives the short answer. ``box_f1_trace``: F1 of
        boxes (IoU 0.5) against the reference. ``box_f1_scene``: of the boxes of every ``PHRASE : N
        at ...`` against what that phrase names in the gold scene. ``facts``: share of the sentences
        that are true of the gold scene, of those that the oracle can answer. ``factual``: share
        of rationales all of whose sentences are. ``malformed``: share of rationales with brackets
        that hold no box. Figures that nothing can tell have ``value`` null.
    """
    told = [read_rationale(item.text) for item in items]
    facts = [_facts(item.example, t, grid) for item, t in zip(items, told, strict=True)]
    given = [bool(item.text.strip()) for item in items]
    asked = [g and item.answer is not None for g, item in zip(given, items, strict=True)]
    consistent = [
        a and t.answer is not None and _same(t.answer, item, normalise)
        for a, t, item in zip(asked, told, items, strict=True)
    ]
    traces = [
        _against(item, t, grid) if item.reference is not None else (0, 0, 0)
        for item, t in zip(items, told, strict=True)
    ]
    clusters = [cluster_of(item.example) for item in items]
    figures = {
        "explained": _share([t.explains for t in told], [True] * len(items)),
        "consistent": _share(consistent, asked),
        "box_f1_trace": _f1(traces),
        "box_f1_scene": _f1([f.boxes for f in facts]),
        "facts": Ratio([f.true for f in facts], [f.told for f in facts]),
        "factual": _share([f.true == f.told for f in facts], [f.told > 0 for f in facts]),
        "malformed": _share([t.malformed > 0 for t in told], given),
    }
    return {"n": len(items), **{name: describe(f, clusters) for name, f in figures.items()}}


def box_f1(text: str, reference: str, example: Example, grid: int) -> Found:
    """Boxes of a rationale against those of another one of the same example.

    Returns:
        Boxes that are the same, boxes of ``text``, boxes of ``reference``; each box counts once.
    """
    return _against(
        Explained(example=example, text=text, reference=reference), read_rationale(text), grid
    )


def _against(item: Explained, told: Told, grid: int) -> Found:
    mine = in_pixels(told.boxes, item.example, grid)
    theirs = in_pixels(read_rationale(item.reference or "").boxes, item.example, grid)
    tallies = [
        found(mine.get(p, []), theirs.get(p, []) if p >= 0 else [], OVERLAP)
        for p in {*mine, *theirs}
    ]
    return _sum(tallies)


@dataclass(frozen=True, slots=True)
class _Facts:
    """Sentences of a rationale against the gold scene."""

    told: int
    true: int
    boxes: Found


def _facts(example: Example, told: Told, grid: int) -> _Facts:
    """What the oracle says of every sentence."""
    if any(p.scene is None for p in example.pictures):
        return _Facts(0, 0, (0, 0, 0))
    pairs = [(s, c) for s in told.sentences if (c := call_of(s, example, grid)) is not None]
    pictures = {p.id: p for p in example.pictures}
    answers = Oracle().answer([c for _, c in pairs], pictures)
    count = true = 0
    tallies: list[Found] = []
    for (sentence, call), answer in zip(pairs, answers, strict=True):
        if not isinstance(answer, Result):
            continue
        count += 1
        if call.tool == "detect":
            gold = [r.box_xyxy for r in _regions(answer.value)]
            mine = in_pixels(sentence.boxes, example, grid).get(sentence.picture, [])
            tally = found(mine, gold, OVERLAP)
            tallies.append(tally)
            true += len(set(tally)) == 1 and sentence.value.split(" ")[0] in (
                ("none",) if not gold else (str(len(gold)),)
            )
        else:
            true += _true(call, sentence.value, answer)
    return _Facts(count, true, _sum(tallies))


def _true(call: Call, value: str, answer: Result) -> bool:
    if call.tool == "vqa":
        return agree("vqa", value, answer.value)
    beliefs = answer.value
    assert isinstance(beliefs, list)
    return (value == "yes") == (float(beliefs[0]) >= HOLDS)


def _regions(value: Value) -> list[Region]:
    assert isinstance(value, list)
    return [v for v in value if isinstance(v, Region)]


def _sum(tallies: Sequence[Found]) -> Found:
    right, mine, gold = (sum(t[n] for t in tallies) for n in range(3))
    return right, mine, gold


def _same(told: str, item: Explained, normalise: Normalise) -> bool:
    one, two = normalise(told), normalise(item.answer)
    if one is None:
        return False
    if one == two:
        return True
    choices = item.example.extra.get("choices") or ()
    meant = pick(told, choices) if choices else None  # a letter and the text of its choice
    return meant is not None and meant == pick(item.answer, choices)


def _share(true: Sequence[bool], counts: Sequence[bool]) -> Ratio:
    return Ratio(
        [float(t and c) for t, c in zip(true, counts, strict=True)], [float(c) for c in counts]
    )


def _f1(tallies: Sequence[Found]) -> Ratio:
    """F1 as a ratio of sums: twice the pairs over both kinds of boxes."""
    return Ratio([2.0 * t[0] for t in tallies], [float(t[1] + t[2]) for t in tallies])
